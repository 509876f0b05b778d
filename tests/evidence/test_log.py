"""The sequencer loses nothing, signs nothing twice in two ways, and will not open on a history that was changed."""

from __future__ import annotations

import multiprocessing
import shutil
import sqlite3
from pathlib import Path

import pytest
from tests.evidence.builders import NOW, Bench, bench

from mintmark.evidence.errors import FormatError, LogRefused
from mintmark.evidence.log import Submission
from mintmark.evidence.receipt import verify_receipt
from mintmark.evidence.verify import Answer


def database(place: Bench) -> sqlite3.Connection:
    return sqlite3.connect(place.home / "log.sqlite3")


def test_every_receipt_of_a_batch_verifies(tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.open()

    recorded = log.record_all([Submission(bundle=place.bundle(number=n)) for n in range(300)], now=NOW)

    assert [entry.index for entry in recorded] == list(range(300))
    for entry in recorded[::37]:
        verify_receipt(entry.receipt.encode(), entry=log.entry(entry.index).encode(), log_vkey=place.signer.vkey)


def test_the_same_id_with_the_same_bytes_is_recorded_once(tmp_path: Path) -> None:
    place = bench(tmp_path)
    log, content = place.open(), place.bundle()

    first = log.record_all([Submission(bundle=content, id="one")], now=NOW)[0]
    again = log.record_all([Submission(bundle=content, id="one")], now=NOW)[0]
    with pytest.raises(LogRefused) as refused:
        log.record_all([Submission(bundle=place.bundle(other=1), id="one")], now=NOW)

    assert again.index == first.index
    assert log.store.head().size == 1
    assert refused.value.reason == "id_conflict"


def test_prose_does_not_get_into_the_log(tmp_path: Path) -> None:
    place = bench(tmp_path)

    with pytest.raises(FormatError):
        place.open().record(place.bundle(), now=NOW, refs=("approved by Jane Doe",))


def _write(place: Bench, count: int) -> None:
    log = place.open()
    for number in range(count):
        log.record(place.bundle(number=number), now=NOW)


def test_concurrent_writers_lose_nothing(tmp_path: Path) -> None:
    place = bench(tmp_path)
    place.open()
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write, args=(place, 10)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0] * 4
    assert place.open().store.head().size == 40
    assert place.verify().answer is Answer.VERIFIED


def test_a_restored_backup_is_refused(tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.fill(3)
    backup = tmp_path / "backup"
    shutil.copyfile(place.home / "log.sqlite3", backup)
    log.record(place.bundle(later=True), now=NOW)
    shutil.copyfile(backup, place.home / "log.sqlite3")

    with pytest.raises(LogRefused) as refused:
        place.open()

    assert refused.value.reason == "rollback"


def test_another_history_of_the_same_length_is_refused(tmp_path: Path) -> None:
    place = bench(tmp_path)
    place.fill(3)
    (place.home / "log.sqlite3").unlink()
    archive = tmp_path / "hidden"
    place.archive.rename(archive)
    place.fill(4)
    shutil.rmtree(place.archive)
    archive.rename(place.archive)

    with pytest.raises(LogRefused) as refused:
        place.open()

    assert refused.value.reason == "fork"


def test_a_crash_between_commit_and_signature_is_mended_at_the_next_start(tmp_path: Path) -> None:
    place = bench(tmp_path)
    place.fill(3)
    with database(place) as connection:
        connection.execute("DROP TRIGGER checkpoint_no_delete")
        connection.execute("DELETE FROM checkpoint")
        connection.execute(
            "CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint "
            "BEGIN SELECT RAISE(ABORT, 'checkpoint is append-only'); END"
        )
    shutil.rmtree(place.archive)

    assert place.open().receipt(2).index == 2
    assert place.verify().answer is Answer.VERIFIED


@pytest.mark.parametrize("table", ["entry", "payload", "checkpoint", "view_entry", "view_subject", "view_ref"])
def test_the_store_itself_refuses_to_change_what_is_recorded(table: str, tmp_path: Path) -> None:
    place = bench(tmp_path)
    place.fill(2)

    with database(place) as connection:
        column = connection.execute(f"PRAGMA table_info({table})").fetchall()[-1][1]
        for change in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(change)


def test_search_finds_by_kind_subject_reference_and_time(tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.fill(2)
    log.record(place.bundle("decision"), now=NOW.replace(hour=13), refs=("decision:2",))

    assert [row.index for row in log.search(kind="decision")] == [2]
    assert [row.index for row in log.search(subject="a.whl", ref="decision:1")] == [0, 1]
    assert [row.index for row in log.search(since=NOW.replace(hour=13))] == [2]
    assert log.search(subject="b.whl") == []
