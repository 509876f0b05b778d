"""The sequencer loses nothing, signs nothing twice in two ways, and will not open on a history that was changed."""

from __future__ import annotations

import multiprocessing
import shutil
import traceback
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import IntegrityError
from tests.evidence.builders import NOW, Bench, Clerk, signed, statement, trust_text
from tests.evidence.stores import administrator, copy_store, restore_store

from mintmark.evidence.endorsement import Endorsed
from mintmark.evidence.errors import EvidenceError, FormatError, LogRefused, StoreUnavailable
from mintmark.evidence.inbox import Submission, enqueue
from mintmark.evidence.log import EvidenceLog, Recorded
from mintmark.evidence.receipt import verify_receipt
from mintmark.evidence.store import rows
from mintmark.evidence.store.open import open_store
from mintmark.evidence.trust import TrustPolicy
from mintmark.evidence.verify.report import Answer


def size_of(log: EvidenceLog) -> int:
    return log.store.head().size


def test_every_receipt_of_a_batch_verifies(place: Bench) -> None:
    log = place.open()

    recorded = log.record_all([Submission(bundle=place.bundle(number=n)) for n in range(300)], now=NOW)

    assert [entry.index for entry in recorded] == list(range(300))
    for entry in recorded[::37]:
        receipt = log.receipt(entry.index).encode()
        verify_receipt(receipt, entry=log.entry(entry.index).encode(), log_vkey=place.signer.vkey)


def test_the_same_id_with_the_same_bytes_is_recorded_once(place: Bench) -> None:
    log, content = place.open(), place.bundle()

    first = log.record_all([Submission(bundle=content, id="one")], now=NOW)[0]
    again = log.record_all([Submission(bundle=content, id="one")], now=NOW)[0]
    with pytest.raises(LogRefused) as refused:
        log.record_all([Submission(bundle=place.bundle(other=1), id="one")], now=NOW)

    assert (again.index, again.leaf_hash) == (first.index, first.leaf_hash)
    assert log.stored(first.index).leaf_hash == first.leaf_hash
    assert size_of(log) == 1
    assert refused.value.reason == "id_conflict"


def test_one_id_twice_in_a_batch_is_one_entry_or_a_conflict(place: Bench) -> None:
    log, content = place.open(), place.bundle()
    submissions = [Submission(bundle=bundle, id="one") for bundle in (content, content, place.bundle(other=1))]

    first, same, other = log.record_each(submissions, now=NOW)

    assert isinstance(first, Recorded)
    assert isinstance(same, Recorded)
    assert (first.index, same.index) == (0, 0)
    assert first.leaf_hash == same.leaf_hash == log.stored(0).leaf_hash
    assert isinstance(other, LogRefused)
    assert other.reason == "id_conflict"
    assert size_of(log) == 1


def test_a_batch_that_belongs_together_is_recorded_whole_or_not_at_all(place: Bench) -> None:
    """Neither a bundle that does not hold nor an id that is taken leaves half of a release in the log."""
    log = place.open()
    log.record_all([Submission(bundle=place.bundle(), id="taken")], now=NOW)
    conflict = Submission(bundle=place.bundle(other=1), id="taken")

    for bad in (conflict, Submission(bundle=b"{}")):
        with pytest.raises(EvidenceError):
            log.record_all([Submission(bundle=place.bundle(good=1)), bad], now=NOW)

    assert [row.kind for row in log.search()] == ["scan", "refusal"]
    assert place.verify().answer is Answer.VERIFIED


def test_what_is_refused_among_strangers_is_refused_alone(place: Bench) -> None:
    log = place.open()
    submissions = [Submission(bundle=bundle) for bundle in (place.bundle(n=1), b"{}", place.bundle(n=2))]

    outcomes = log.record_each(submissions, now=NOW)

    assert [type(outcome).__name__ for outcome in outcomes] == ["Recorded", "IngestRefused", "Recorded"]
    assert sorted(row.kind for row in log.search()) == ["refusal", "scan", "scan"]
    assert place.verify().answer is Answer.VERIFIED


def test_prose_does_not_get_into_the_log(place: Bench) -> None:
    with pytest.raises(FormatError):
        place.open().record(place.bundle(), now=NOW, refs=("approved by Jane Doe",))


def _write(place: Bench, count: int) -> None:
    log = place.open()
    for number in range(count):
        log.record(place.bundle(number=number), now=NOW)


@pytest.mark.parametrize("processes", [2, 8])
def test_concurrent_writers_leave_no_gap_and_no_fork(processes: int, place: Bench) -> None:
    place.open()
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write, args=(place, 8)) for _ in range(processes)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0] * processes
    assert size_of(place.open()) == 8 * processes
    assert place.verify().answer is Answer.VERIFIED


def test_a_restored_backup_is_refused(place: Bench, tmp_path: Path) -> None:
    log = place.fill(3)
    backup = copy_store(place.url, tmp_path)
    log.record(place.bundle(later=True), now=NOW)
    restore_store(place.url, backup)

    with pytest.raises(LogRefused) as refused:
        place.open()

    assert refused.value.reason == "rollback"


def test_of_two_copies_of_a_store_only_one_goes_on(place: Bench, tmp_path: Path) -> None:
    """Both are at the mark; whoever moves it first has forked the other off."""
    place.fill(3)
    other = Bench(
        url=copy_store(place.url, tmp_path),
        archive=place.archive,
        key=place.key,
        trust=place.trust,
        signer=place.signer,
    )
    ours, theirs = place.open(), other.open()
    ours.record(place.bundle(ours=True), now=NOW)

    with pytest.raises(LogRefused) as refused:
        theirs.record(place.bundle(theirs=True), now=NOW)

    assert refused.value.reason == "fork"
    assert theirs.store.checkpoint() == copy_checkpoint(other)
    assert place.verify().answer is Answer.VERIFIED


def copy_checkpoint(place: Bench) -> bytes | None:
    """What the copy had published before it forked: three entries."""
    note = open_store(place.url, origin=place.signer.name).checkpoint()
    assert note is not None
    assert note.split(b"\n")[1] == b"3"
    return note


def test_another_history_of_the_same_length_is_refused(place: Bench, tmp_path: Path) -> None:
    place.open()
    empty = copy_store(place.url, tmp_path)
    place.fill(3)
    restore_store(place.url, empty)
    hidden = tmp_path / "hidden"
    place.archive.rename(hidden)
    place.fill(4)
    shutil.rmtree(place.archive)
    hidden.rename(place.archive)

    with pytest.raises(LogRefused) as refused:
        place.open()

    assert refused.value.reason == "fork"


def test_a_crash_between_commit_and_signature_is_mended_at_the_next_start(place: Bench) -> None:
    """The transaction is durable, and neither archive nor store have a checkpoint over it."""
    log = place.fill(2)
    entry = log._prepare(Submission(bundle=place.bundle(unsigned=True)), NOW)
    log.store.append([entry])

    assert place.open().receipt(2).index == 2
    assert place.verify().answer is Answer.VERIFIED


RECORDED = ("entry", "payload", "integrated", "checkpoint", "entry_id", "view_entry", "view_subject", "view_ref")


@pytest.mark.parametrize("table", RECORDED)
@pytest.mark.parametrize("change", ["UPDATE {table} SET {column} = {column}", "DELETE FROM {table}"])
def test_the_store_itself_refuses_to_change_what_is_recorded(table: str, change: str, place: Bench) -> None:
    """Even to the owner of the database, as long as he leaves the guards in place."""
    place.fill(2)
    column = "content" if table in {"entry", "payload"} else "idx" if "e" in table and table != "integrated" else "size"
    if table in {"integrated", "checkpoint"}:
        column = "size"

    with closing(administrator(place.url)) as connection, pytest.raises(Exception, match="append-only"):
        connection.execute(change.format(table=table, column=column))


def test_the_head_moves_only_to_where_the_entries_are(place: Bench) -> None:
    place.fill(2)

    for change in ("size = size + 1", "size = size - 1", "origin = 'other'"):
        with closing(administrator(place.url)) as connection, pytest.raises(Exception, match="the head only grows"):
            connection.execute(f"UPDATE log_head SET {change}")
    assert size_of(place.open()) == 2


def test_a_head_to_which_the_entries_do_not_lead_is_never_signed(place: Bench) -> None:
    """The guards let a head move to where its entries are: whether the root is theirs, only the tree tells."""
    published = place.fill(2).store.checkpoint()
    with closing(administrator(place.url)) as connection:
        connection.execute("INSERT INTO entry SELECT 2, content FROM entry WHERE idx = 0")
        connection.execute("UPDATE log_head SET size = 3")

    with pytest.raises(LogRefused) as refused:
        place.open()

    assert refused.value.reason == "root_mismatch"
    assert open_store(place.url, origin=place.signer.name).checkpoint() == published


def writer(url: str) -> Connection:
    """Another program that keeps its own tables in the same database."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    connection = engine.connect()
    connection.execute(text("CREATE TABLE IF NOT EXISTS public_decision (id TEXT)" if "sqlite" in url else "SELECT 1"))
    connection.commit()
    return connection


def test_a_decision_and_its_evidence_are_committed_together_or_not_at_all(place: Bench) -> None:
    log = place.open()
    with closing(writer(place.url)) as connection:
        enqueue(connection, Submission(bundle=place.bundle(taken_back=True)), now=NOW)
        connection.rollback()
        identity = enqueue(connection, Submission(bundle=place.bundle(kept=True), refs=("decision:7",)), now=NOW)
        connection.commit()

    drained = log.drain(now=NOW)

    assert (drained.recorded, drained.refused) == (1, 0)
    assert [(row.kind, row.refs) for row in log.search()] == [("scan", ("decision:7",))]
    assert log.entry(0).id == identity
    assert log.drain(now=NOW).recorded == 0


def test_what_does_not_hold_leaves_the_inbox_as_a_refusal(place: Bench) -> None:
    log = place.open()
    recorded = log.record_all([Submission(bundle=place.bundle(), id="known")], now=NOW)[0]
    with closing(writer(place.url)) as connection:
        enqueue(connection, Submission(bundle=signed(place.key, statement("scan", {"origin": "ci"}))), now=NOW)
        enqueue(connection, Submission(bundle=place.bundle(sound=True)), now=NOW)
        enqueue(connection, Submission(bundle=place.bundle(other=True), id=recorded.id), now=NOW)
        connection.commit()

    drained = log.drain(now=NOW)

    assert (drained.recorded, drained.refused) == (1, 2)
    assert sorted(ref for row in log.search(kind="refusal") for ref in row.refs) == [
        "refused:id_conflict",
        "refused:origin_mismatch",
    ]
    assert log.store.waiting(10) == []


def test_lists_that_cannot_be_read_leave_the_inbox_as_a_refusal(place: Bench) -> None:
    log = place.open()
    with closing(administrator(place.url)) as connection:
        for number, names in enumerate(("[" * 60_000, "{}", "[", '["\\ud800"]')):
            encoded = place.bundle(number=number).hex()
            literal = f"x'{encoded}'" if "sqlite" in place.url else f"decode('{encoded}', 'hex')"
            connection.execute(f"INSERT INTO inbox (id, bundle, refs) VALUES ('{number}', {literal}, '{names}')")

    drained = log.drain(now=NOW)

    assert (drained.recorded, drained.refused) == (0, 4)
    assert log.store.waiting(10) == []


@pytest.mark.parametrize("column", ["bundle", "controls", "refs"])
def test_the_inbox_takes_nothing_that_is_too_large_to_record(column: str, place: Bench) -> None:
    place.open()
    small, large = {"bundle": b"", "controls": "[]", "refs": "[]"}, 16 * 1024 * 1024 + 1
    values = small | {column: b"x" * large if column == "bundle" else "x" * 65_536}
    table = "inbox" if "sqlite" in place.url else "mintmark.inbox"
    with closing(writer(place.url)) as connection, pytest.raises(IntegrityError, match=r"CHECK|check constraint"):
        connection.execute(text(f"INSERT INTO {table} VALUES ('one', :bundle, :controls, :refs)"), values)


@pytest.mark.parametrize("values", ["NULL, x'00'", "x'61', x'00'", "'one', 'text'"])
def test_the_inbox_takes_no_value_of_another_type_on_sqlite(values: str, on_sqlite: Bench) -> None:
    on_sqlite.open()
    with closing(administrator(on_sqlite.url)) as connection, pytest.raises(Exception, match="constraint failed"):
        connection.execute(f"INSERT INTO inbox (id, bundle) VALUES ({values})")


def test_a_round_over_the_inbox_takes_no_more_than_memory_is_for(place: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    log = place.open()
    with closing(writer(place.url)) as connection:
        for number in range(3):
            enqueue(connection, Submission(bundle=b"x" * 1_000, id=str(number)), now=NOW)
        connection.commit()

    for limit, expected in ((10, 1), (1_999, 1), (2_000, 2), (3_000, 3)):
        monkeypatch.setattr(rows, "MAX_INBOX_BYTES", limit)

        assert len(log.store.waiting(10)) == expected


@dataclass(slots=True)
class Switch:
    """An endorser that is away or not."""

    away: bool = False

    def survey(self, *_: object) -> None:
        """It has seen nothing."""

    def endorse(self, note: bytes, *_: object) -> Endorsed:
        if self.away:
            raise StoreUnavailable("away", reason="quorum_missing")
        return Endorsed(note=note)


def test_while_nothing_can_be_published_a_refusal_is_recorded_once(place: Bench) -> None:
    switch = Switch()
    log = EvidenceLog.open(
        place.url,
        archive=place.archive,
        signer=place.signer,
        trust=place.trust,
        clerk=Clerk(place.key),
        endorsers=(switch,),
    )
    log.record_all([Submission(bundle=place.bundle(), id="known")], now=NOW)
    with closing(writer(place.url)) as connection:
        enqueue(connection, Submission(bundle=b"{}"), now=NOW)
        enqueue(connection, Submission(bundle=place.bundle(other=True), id="known"), now=NOW)
        connection.commit()
    switch.away = True

    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            log.drain(now=NOW)
    switch.away = False
    drained = log.drain(now=NOW)

    assert (drained.recorded, drained.refused) == (0, 1)
    assert size_of(log) == 3
    assert log.store.waiting(10) == []


def _drain(place: Bench) -> None:
    log = place.open()
    while log.store.waiting(1):
        log.drain(now=NOW, limit=7)


def test_many_sequencers_drain_one_inbox_once(place: Bench) -> None:
    place.open()
    with closing(writer(place.url)) as connection:
        for number in range(60):
            enqueue(connection, Submission(bundle=place.bundle(number=number)), now=NOW)
        connection.commit()
    fork = multiprocessing.get_context("fork")
    drainers = [fork.Process(target=_drain, args=(place,)) for _ in range(4)]
    for drainer in drainers:
        drainer.start()
    for drainer in drainers:
        drainer.join()

    assert [drainer.exitcode for drainer in drainers] == [0] * 4
    assert size_of(place.open()) == 60
    assert place.verify().answer is Answer.VERIFIED


def test_an_erased_payload_is_gone_and_every_hash_still_holds(place: Bench) -> None:
    log = place.fill(3)
    commitment = log.entry(1).commitment
    with pytest.raises(LogRefused) as refused:
        log.store.erase(commitment)

    log.erase(1, basis="gdpr-17", now=NOW)

    assert refused.value.reason == "not_recorded"
    assert log.store.payload(commitment) is None
    report = place.verify()
    assert (report.answer, "1 erased (first: entry 1)" in report.checked["L5"]) == (Answer.VERIFIED, True)


def test_search_finds_by_kind_subject_reference_and_time(place: Bench) -> None:
    log = place.fill(2)
    log.record(place.bundle("decision"), now=NOW.replace(hour=13), refs=("decision:2",))

    assert [row.index for row in log.search(kind="decision")] == [2]
    assert [row.index for row in log.search(subject="a.whl", ref="decision:1")] == [0, 1]
    assert [row.index for row in log.search(since=NOW.replace(hour=13))] == [2]
    assert log.search(subject="b.whl") == []


def test_a_url_of_no_store_is_refused() -> None:
    for url in ("mysql://x/y", "log.sqlite3", "sqlite://", ""):
        with pytest.raises(StoreUnavailable) as refused:
            open_store(url, origin="x")
        assert refused.value.reason == "store_url"


@pytest.mark.parametrize(
    "url", ["host=db password=hunter2", "postgresql:me:hunter2@db/x", "postgresql://me:x@hunter2@db:port/x"]
)
def test_a_url_that_cannot_be_read_is_not_repeated_for_its_password(url: str) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        open_store(url, origin="x")

    assert refused.value.reason == "store_url"
    assert "hunter2" not in "".join(traceback.format_exception(refused.value))


def test_a_kind_with_a_threshold_is_proven_by_as_many_different_keys(on_sqlite: Bench, tmp_path: Path) -> None:
    """The same key twice is one signer, and another key counts only for the very same statement."""
    second = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "two.toml"
    keys = trust_text(on_sqlite.key.public_key()) + trust_text(second.public_key()).removeprefix("version = 1\n")
    path.write_text(f"{keys}[thresholds]\ndecision = 2\n", encoding="utf-8")
    place = replace(on_sqlite, trust=TrustPolicy.load(path))
    log, wanted = place.open(), statement("decision", {"origin": "local"})
    index = log.record(signed(place.key, wanted), now=NOW).index
    log.record(signed(place.key, wanted), now=NOW)
    log.record(signed(second, statement("decision", {"origin": "local", "other": 1})), now=NOW)
    with pytest.raises(LogRefused) as refused:
        log.prove(index)
    log.record(signed(second, wanted), now=NOW)

    assert refused.value.reason == "threshold"
    assert log.prove(index).index == index
    assert log.prove(log.record(place.bundle(), now=NOW).index).kind == "scan"
