"""Attacks on the evidence store, each with what must come of it, and beside it what is legitimate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.evidence.builders import NOW, Bench
from tests.evidence.stores import administrator, copy_store, restore_store
from tests.evidence.tamper.attacks import Vandal, live_tables
from tests.evidence.tamper.logs import Victim, attacked, verify

from mintmark.evidence.errors import LogRefused
from mintmark.evidence.export import export_log
from mintmark.evidence.verify.report import Answer, VerificationReport


@contextmanager
def altered(subject: Victim, table: str) -> Iterator[tuple[Vandal, list[VerificationReport]]]:
    """Runs the block with the guards of a table lifted; then the list holds the report."""
    reports: list[VerificationReport] = []
    with attacked(subject) as (connection, source):
        known = {each.name: each for each in live_tables(connection)}
        vandal = Vandal(connection=connection, table=known[table])
        with vandal.unguarded():
            yield vandal, reports
        reports.append(verify(subject, source))


def places(report: VerificationReport) -> set[tuple[str, str]]:
    return {(item.level, item.place) for item in report.broken}


def test_an_untouched_store_is_verified(subject: Victim) -> None:
    with altered(subject, "entry") as (_, reports):
        pass  # the guards were dropped and put back: nothing is wrong with that

    assert (reports[0].answer, reports[0].broken) == (Answer.VERIFIED, ())


def test_an_updated_body_is_found_with_its_index(subject: Victim) -> None:
    with altered(subject, "payload") as (vandal, reports):
        vandal.run("UPDATE payload SET content = salt WHERE commitment = ?", [subject.commitments[7]])

    assert (reports[0].answer, reports[0].first_bad_index) == (Answer.FAILED, 7)
    assert places(reports[0]) == {("L5", "payload.content or payload.salt")}


def test_an_updated_body_with_its_commitment_is_found_too(subject: Victim) -> None:
    """Whoever updates the hash as well leaves an entry whose payload is gone, and a payload of no entry."""
    with altered(subject, "payload") as (vandal, reports):
        change = "UPDATE payload SET content = salt, commitment = ? WHERE commitment = ?"
        vandal.run(change, ["0" * 64, subject.commitments[7]])

    assert (reports[0].answer, reports[0].first_bad_index) == (Answer.FAILED, 7)
    assert {item.reason for item in reports[0].broken} == {
        "the payload is missing, and no erasure is recorded",
        "1 payloads belong to no entry",
    }


@pytest.mark.parametrize("index", [0, 260, 520])
def test_a_deleted_entry_is_found_with_its_index(index: int, subject: Victim) -> None:
    with altered(subject, "entry") as (vandal, reports):
        vandal.delete([index])

    assert (reports[0].answer, reports[0].first_bad_index) == (Answer.FAILED, index)


TAIL = dict.fromkeys(("entry", "entry_id", "view_entry", "view_subject", "view_ref"), "idx >= 357") | {
    "integrated": "size > 357",
    "checkpoint": "size > 357",
    "tile": "idx >= 1",
}


def test_a_deleted_tail_is_found_even_when_everything_that_knew_it_is_deleted_too(subject: Victim) -> None:
    """All but the archive, which is elsewhere."""
    with attacked(subject) as (connection, source):
        vandals = {table.name: Vandal(connection=connection, table=table) for table in live_tables(connection)}
        for name, condition in TAIL.items():
            with vandals[name].unguarded():
                vandals[name].run(f"DELETE FROM {name} WHERE {condition}")
        with vandals["payload"].unguarded():
            for commitment in subject.commitments[357:]:
                vandals["payload"].delete([commitment])
        with vandals["log_head"].unguarded():
            ended = "(SELECT max(size) FROM integrated)"
            vandals["log_head"].run(
                f"UPDATE log_head SET size = {ended}, root = (SELECT root FROM integrated WHERE size = {ended})"
            )
        report = verify(subject, source)

    assert (report.answer, report.first_bad_index) == (Answer.FAILED, 357)
    assert {item.level for item in report.broken} == {"L2"}


def test_a_waiver_whose_row_was_edited_is_found_and_the_place_is_named(place: Bench) -> None:
    """Queries would read a later time; the entry says what was signed."""
    log = place.fill(2)
    log.record(place.bundle("waiver", expires="2026-12-01"), now=NOW, refs=("waiver:1",))
    control = place.verify().answer
    edit = "UPDATE view_entry SET at = '2027-11-24T12:00:00.000Z' WHERE idx = 2"
    with closing(administrator(place.url)) as connection:
        guard = _lifted(connection, place.url, "view_entry")
        connection.execute(edit)
        connection.execute(guard)

    report = place.verify()

    assert control is Answer.VERIFIED
    assert (report.answer, places(report), report.first_bad_index) == (Answer.FAILED, {("L3", "view_entry")}, 2)


def test_a_waiver_whose_payload_was_edited_is_found_and_is_not_proven(place: Bench) -> None:
    log = place.open()
    log.record(place.bundle("waiver", expires="2026-12-01"), now=NOW)
    assert log.prove(0).kind == "waiver"
    longer = place.bundle("waiver", expires="2027-12-01")
    with closing(administrator(place.url)) as connection:
        guard = _lifted(connection, place.url, "payload")
        mark = "?" if place.url.startswith("sqlite") else "%s"
        connection.execute(f"UPDATE payload SET content = {mark}", (longer,))
        connection.execute(guard)

    report = place.verify()
    with pytest.raises(LogRefused) as refused:
        log.prove(0)

    assert refused.value.reason == "commitment_mismatch"
    assert (report.answer, report.first_bad_index) == (Answer.FAILED, 0)
    assert places(report) == {("L5", "payload.content or payload.salt")}


def _lifted(connection: Any, url: str, table: str) -> str:
    """Drop the guard that refuses updates, and return what makes it again."""
    if url.startswith("sqlite"):
        found = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (f"{table}_no_update",)).fetchone()
        connection.execute(f"DROP TRIGGER {table}_no_update")
        return str(found[0])
    name = "no_update" if table == "payload" else "no_change"
    wanted = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = %s AND tgrelid = %s::regclass"
    found = connection.execute(wanted, (name, table)).fetchone()
    connection.execute(f"DROP TRIGGER {name} ON {table}")
    return str(found[0])


def test_an_old_backup_is_refused_and_the_auditor_prints_both_sizes(place: Bench, tmp_path: Path) -> None:
    place.fill(3)
    backup = copy_store(place.url, tmp_path)
    place.open().record(place.bundle(later=True), now=NOW)
    restore_store(place.url, backup)

    report = place.verify()
    with pytest.raises(LogRefused) as refused:
        place.open()

    assert refused.value.reason == "rollback"
    assert (report.answer, report.first_bad_index) == (Answer.FAILED, 3)
    assert "a checkpoint over 4 entries was signed, 3 are there" in report.broken[0].reason


RECORDED = (
    "entry",
    "tile",
    "integrated",
    "checkpoint",
    "payload",
    "entry_id",
    "view_entry",
    "view_subject",
    "view_ref",
)
TABLES = (*RECORDED, "log_head", "inbox")
FORBIDDEN = (
    "UPDATE {table} SET {column} = {column}",
    "DELETE FROM {table}",
    "TRUNCATE {table}",
    "DROP TABLE {table}",
    "ALTER TABLE {table} ADD COLUMN more text",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "CREATE TRIGGER mine BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION deny()",
)
BESIDE = (
    "TRUNCATE entry_p0",
    "DELETE FROM entry_p1",
    "ALTER TABLE entry DETACH PARTITION entry_p0",
    "INSERT INTO integrated VALUES (99, sha256(''))",
    "INSERT INTO log_head VALUES (1, 'mine', 0, sha256(''))",
    "DROP FUNCTION deny() CASCADE",
    "CREATE OR REPLACE FUNCTION mintmark.deny() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
    "DROP SCHEMA mintmark CASCADE",
    "CREATE TABLE mintmark.more ()",
    "SET session_replication_role = replica",
    "SET ROLE mintmark_owner",
    "ALTER ROLE mintmark_app SUPERUSER",
)


def logged_in(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """As the application logs in, and not by a superuser that takes its role."""
    user = conninfo_to_dict(url)["user"]
    connection = psycopg.connect(url.replace(f"//{user}@", "//mintmark_app@", 1), autocommit=True)
    connection.execute("SET search_path = mintmark, public")
    return connection


def test_the_application_cannot_change_what_is_recorded(on_postgresql: Bench) -> None:
    """Not one table by not one of these; and it can still record."""
    on_postgresql.fill(2)
    allowed = []
    with closing(logged_in(on_postgresql.url)) as connection:
        assert connection.execute("SELECT session_user, current_user").fetchone() == ("mintmark_app", "mintmark_app")
        listed = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'mintmark'").fetchall()
        statements = [
            wanted.format(table=table, column=_any_column(connection, table))
            for table in TABLES
            for wanted in FORBIDDEN
        ]
        for statement in [*statements, *BESIDE]:
            try:
                connection.execute(statement)
            except psycopg.errors.InsufficientPrivilege:
                continue
            allowed.append(statement)
        for table in TABLES:  # PostgreSQL answers with a warning, and grants nothing: verification would name it
            connection.execute(f"GRANT ALL ON {table} TO mintmark_app")

    assert {str(name) for (name,) in listed} == {*TABLES, "entry_p0", "entry_p1"}

    assert allowed == []
    on_postgresql.open().record(on_postgresql.bundle(more=True), now=NOW)
    assert on_postgresql.verify().answer is Answer.VERIFIED


def _any_column(connection: psycopg.Connection[tuple[object, ...]], table: str) -> str:
    found = connection.execute(f"SELECT * FROM {table} LIMIT 0").description
    assert found
    return found[0].name


GRANTS = {
    "GRANT UPDATE, DELETE ON payload TO mintmark_app": (
        "REVOKE UPDATE, DELETE ON payload FROM mintmark_app",
        "payload",
    ),
    "GRANT TRUNCATE ON entry_p0 TO mintmark_app": ("REVOKE TRUNCATE ON entry_p0 FROM mintmark_app", "entry_p0"),
    "ALTER TABLE entry DISABLE TRIGGER no_change": ("ALTER TABLE entry ENABLE TRIGGER no_change", "entry"),
    "GRANT mintmark_owner TO mintmark_app": ("REVOKE mintmark_owner FROM mintmark_app", "mintmark_app"),
}


@pytest.mark.parametrize("grant", GRANTS)
def test_an_administrator_who_opens_a_door_is_found_until_he_has_closed_it(grant: str, on_postgresql: Bench) -> None:
    """Put back as it was it is no longer wrong; what went through it meanwhile is found by the content."""
    on_postgresql.fill(2)
    undo, named = GRANTS[grant]
    with closing(administrator(on_postgresql.url)) as connection:
        connection.execute(grant)
        try:
            open_door = on_postgresql.verify()
        finally:
            connection.execute(undo)

    assert open_door.answer is Answer.FAILED
    assert all(item.level == "L1" and named in item.place for item in open_door.broken)
    assert on_postgresql.verify().answer is Answer.VERIFIED


def test_what_was_altered_in_the_inbox_is_refused_on_the_record(place: Bench) -> None:
    """But for refs and controls, which nobody signed: they are recorded as they are when the sequencer comes."""
    log = place.open()
    mark = "?" if place.url.startswith("sqlite") else "%s"
    bundle = place.bundle(sound=True)
    document = json.loads(bundle)
    other = json.loads(place.bundle(sound=False))["dsseEnvelope"]["payload"]
    forged = json.dumps(document | {"dsseEnvelope": document["dsseEnvelope"] | {"payload": other}}).encode()
    with closing(administrator(place.url)) as connection:
        for identity, content in (("a", bundle), ("b", bundle)):
            connection.execute(f"INSERT INTO inbox (id, bundle) VALUES ({mark}, {mark})", (identity, content))
        connection.execute(f"UPDATE inbox SET bundle = {mark} WHERE id = 'a'", (forged,))
        connection.execute("UPDATE inbox SET refs = '[\"decision:9\"]' WHERE id = 'b'")

    drained = log.drain(now=NOW)

    assert (drained.recorded, drained.refused) == (1, 1)
    assert [row.refs for row in log.search(kind="refusal")] == [("refused:signature_invalid",)]
    assert [row.refs for row in log.search(kind="scan")] == [("decision:9",)]
    assert place.verify().answer is Answer.VERIFIED


def test_what_cannot_be_hashed_in_the_inbox_does_not_stop_what_waits_behind_it(place: Bench) -> None:
    """Bytes that made the sequencer fail, in place of being refused, would stand in the inbox for ever."""
    log = place.open()
    mark = "?" if place.url.startswith("sqlite") else "%s"
    document = json.loads(place.bundle())
    document["dsseEnvelope"]["signatures"][0]["keyid"] = []
    with closing(administrator(place.url)) as connection:
        for identity, content in (("a", json.dumps(document).encode()), ("b", place.bundle())):
            connection.execute(f"INSERT INTO inbox (id, bundle) VALUES ({mark}, {mark})", (identity, content))

    drained = log.drain(now=NOW)

    assert (drained.recorded, drained.refused) == (1, 1)
    assert [row.refs for row in log.search(kind="refusal")] == [("refused:malformed",)]


def test_an_erasure_takes_the_payload_and_leaves_every_hash(place: Bench, tmp_path: Path) -> None:
    """The control of all these: what is recorded may go, and verification lists it apart."""
    log = place.fill(3)
    log.erase(1, basis="gdpr-17", now=NOW)
    export_log(log, tmp_path / "export")

    for report in (place.verify(), place.verify_export(tmp_path / "export")):
        assert (report.answer, report.broken) == (Answer.VERIFIED, ())
        assert "1 erased (first: entry 1)" in report.checked["L5"]


def test_a_payload_that_came_back_after_its_erasure_is_spoken_of(place: Bench) -> None:
    log = place.fill(2)
    commitment = log.entry(1).commitment
    stored = log.store.payload(commitment)
    log.erase(1, basis="gdpr-17", now=NOW)
    mark = "?" if place.url.startswith("sqlite") else "%s"
    with closing(administrator(place.url)) as connection:
        connection.execute(f"INSERT INTO payload VALUES ({mark}, {mark}, {mark})", (commitment, *(stored or ())))

    report = place.verify()

    assert [warning for warning in report.warnings if commitment[:16] in warning]


TYPES = {
    "UPDATE entry SET content = CAST(content AS TEXT) WHERE idx = 2": ("L1", "entry.content", 2),
    "UPDATE payload SET content = CAST(content AS TEXT)": ("L5", "payload.content or payload.salt", 0),
    "UPDATE checkpoint SET note = CAST(note AS TEXT)": ("L2", "checkpoint.note of size 5 with 1 signatures", None),
    "UPDATE view_entry SET kind = CAST(kind AS BLOB) WHERE idx = 3": ("L3", "view_entry", 3),
    "UPDATE view_subject SET idx = 1.5 WHERE idx = 1": ("L3", "view_subject", 1),
    "UPDATE log_head SET size = 'five'": ("L1", "log_head.size", None),
    "UPDATE integrated SET root = CAST(hex(zeroblob(16)) AS TEXT)": ("L1", "integrated", None),
    "UPDATE tile SET level = 'low'": (None, None, None),
}


@pytest.mark.parametrize("change", TYPES)
def test_a_value_of_another_type_is_found_on_sqlite(change: str, on_sqlite: Bench) -> None:
    """SQLite keeps any type in any column: the same characters as a text are not the same bytes."""
    on_sqlite.fill(5)
    with closing(administrator(on_sqlite.url)) as connection:
        wanted = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        guards = connection.execute(wanted).fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(change)
        for _, make in guards:
            connection.execute(make)
    level, named, index = TYPES[change]

    report = on_sqlite.verify()

    if level is None:
        assert report.answer is Answer.VERIFIED  # there is no full tile: the control
        return
    assert (report.answer, report.first_bad_index) == (Answer.FAILED, index)
    assert places(report) == {(level, named)}
