"""Verification answers verified, failed or not verifiable, and names what is wrong; the tamper matrix has the rest."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from tests.evidence.builders import NOW, Bench
from tests.evidence.stores import administrator, copy_store, restore_store

from mintmark.evidence.export import export_log
from mintmark.evidence.store import catalogue
from mintmark.evidence.verify.report import Answer


def test_an_untouched_log_is_verified(place: Bench) -> None:
    place.fill(300)

    report = place.verify()

    assert (report.answer, report.exit_code, report.size, report.broken) == (Answer.VERIFIED, 0, 300, ())


def test_an_untouched_export_is_verified(place: Bench, tmp_path: Path) -> None:
    export_log(place.fill(300), tmp_path / "export")

    report = place.verify_export(tmp_path / "export")

    assert (report.answer, report.size, report.broken) == (Answer.VERIFIED, 300, ())


def test_a_guard_that_was_dropped_is_noticed(place: Bench) -> None:
    place.fill(2)
    sqlite = place.url.startswith("sqlite")
    with closing(administrator(place.url)) as connection:
        connection.execute("DROP TRIGGER entry_no_update" if sqlite else "DROP TRIGGER no_change ON entry")

    places = [item.place for item in place.verify().broken]

    assert places == (
        ["schema trigger entry_no_update"]
        if sqlite
        else [f"schema trigger {table}.no_change" for table in ("entry", "entry_p0", "entry_p1")]
    )


POSTGRES_ATTACKS = {
    "ALTER TABLE tile DISABLE TRIGGER no_change": "schema trigger tile.no_change",
    "ALTER TABLE entry_p0 DISABLE TRIGGER no_truncate": "schema trigger entry_p0.no_truncate",
    "GRANT UPDATE ON entry TO mintmark_app": "schema privilege entry UPDATE to mintmark_app",
    "GRANT DELETE ON entry_p1 TO PUBLIC": "schema privilege entry_p1 DELETE to public",
    "GRANT UPDATE (content) ON payload TO mintmark_app": "schema privilege payload.content UPDATE to mintmark_app",
    "ALTER TABLE view_entry OWNER TO mintmark_app": "schema table view_entry",
    "CREATE OR REPLACE FUNCTION mintmark.deny() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp "
    "AS 'BEGIN RETURN new; END'": "schema function deny()",
    "CREATE RULE hide AS ON INSERT TO view_ref DO INSTEAD NOTHING": "schema rule view_ref.hide",
    "GRANT EXECUTE ON FUNCTION advance TO PUBLIC": "schema privilege advance EXECUTE to public",
    "ALTER TABLE entry DROP CONSTRAINT entry_content_check": "schema constraint entry CHECK "
    "(((octet_length(content) >= 1) AND (octet_length(content) <= 65535)))",
}


@pytest.mark.parametrize("attack", POSTGRES_ATTACKS)
def test_a_guard_or_a_grant_that_was_changed_on_postgresql_is_named(attack: str, on_postgresql: Bench) -> None:
    on_postgresql.fill(2)
    with closing(administrator(on_postgresql.url)) as connection:
        connection.execute(attack)

    report = on_postgresql.verify()

    assert POSTGRES_ATTACKS[attack] in [item.place for item in report.broken]
    assert report.answer is Answer.FAILED


def test_the_guards_that_are_written_down_are_those_that_a_migration_makes(on_postgresql: Bench) -> None:
    with on_postgresql.open().store.reading() as connection:
        assert catalogue.differences(catalogue.expected(), catalogue.read(connection)) == []


def test_a_deleted_tail_is_found_against_the_archived_checkpoint(place: Bench, tmp_path: Path) -> None:
    """
    A prefix of a valid log is itself valid.

    So the store alone, cut consistently, would pass; the archive knows how long it was.
    """
    place.fill(3)
    shorter = copy_store(place.url, tmp_path)
    place.open().record(place.bundle(last=True), now=NOW)
    restore_store(place.url, shorter)

    report = place.verify()

    assert report.answer is Answer.FAILED
    assert [(item.level, item.index) for item in report.broken] == [("L2", 3)]


def test_without_an_archived_checkpoint_nothing_is_verified(place: Bench, tmp_path: Path) -> None:
    place.fill(3)
    place.archive.rename(tmp_path / "elsewhere")

    report = place.verify()

    assert (report.answer, report.exit_code, report.broken) == (Answer.NOT_VERIFIABLE, 3, ())
    assert [item.level for item in report.missing] == ["L2"]


def test_a_file_that_is_no_database_fails(on_sqlite: Bench) -> None:
    on_sqlite.fill(3)
    on_sqlite.file.write_bytes(b"not a database" * 100)

    assert on_sqlite.verify().exit_code == 4
