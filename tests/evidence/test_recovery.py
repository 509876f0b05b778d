"""A restored backup goes on only with what was published, or as a new epoch that says what it goes on from."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.evidence.builders import NOW, Bench
from tests.evidence.stores import copy_store, restore_store

from mintmark.evidence.archive import Archive
from mintmark.evidence.errors import LogRefused
from mintmark.evidence.export import export_log
from mintmark.evidence.note import NoteSigner
from mintmark.evidence.recovery import archived_note, begin_epoch, next_origin, recover
from mintmark.evidence.store.open import open_store
from mintmark.evidence.verify.report import Answer


def rolled_back(place: Bench, folder: Path, *, more: int = 300) -> Path:
    """A store that lost its last entries; the export, which has them, is returned."""
    place.fill(3)
    backup = copy_store(place.url, folder)
    log = place.fill(more)
    log.erase(4, basis="gdpr-17", now=NOW)
    export_log(log, folder / "export")
    restore_store(place.url, backup)
    return folder / "export"


def recovered(place: Bench, export: Path) -> int:
    store = open_store(place.url, origin=place.signer.name)
    return recover(store, export=export, archive=Archive(folder=place.archive), log_key=place.signer.verifier)


def test_what_was_published_is_recovered_and_the_log_goes_on(place: Bench, tmp_path: Path) -> None:
    export = rolled_back(place, tmp_path)
    with pytest.raises(LogRefused) as refused:
        place.open()

    brought_back = recovered(place, export)
    place.open().record(place.bundle(after=True), now=NOW)

    assert refused.value.reason == "rollback"
    assert brought_back == 301
    report = place.verify()
    assert (report.answer, report.size) == (Answer.VERIFIED, 305)


def test_a_payload_that_was_changed_in_the_export_is_not_brought_back(place: Bench, tmp_path: Path) -> None:
    """The store would keep it for ever, and say of what is recovered that it was altered."""
    export = rolled_back(place, tmp_path, more=5)
    for path in (export / "payload").glob("*/*"):
        path.write_bytes(bytes(64))

    recovered(place, export)

    log = place.open()
    assert [log.store.payload(log.entry(index).commitment) for index in range(3, 9)] == [None] * 6


def test_an_export_that_does_not_reach_the_newest_checkpoint_is_not_enough(place: Bench, tmp_path: Path) -> None:
    export = rolled_back(place, tmp_path, more=5)
    backup = copy_store(place.url, tmp_path)
    recovered(place, export)
    place.open().record(place.bundle(lost=True), now=NOW)
    restore_store(place.url, backup)

    with pytest.raises(LogRefused) as refused:
        recovered(place, export)

    assert refused.value.reason == "export_too_short"
    assert open_store(place.url, origin=place.signer.name).head().size == 3


def test_an_export_that_was_changed_brings_nothing_back(place: Bench, tmp_path: Path) -> None:
    export = rolled_back(place, tmp_path, more=5)
    entries = next((export / "tile/entries").rglob("000*/*"))
    content = bytearray(entries.read_bytes())
    content[-3] ^= 1
    entries.write_bytes(bytes(content))

    with pytest.raises(LogRefused) as refused:
        recovered(place, export)

    assert refused.value.reason == "root_mismatch"
    assert open_store(place.url, origin=place.signer.name).head().size == 3


def test_an_export_that_contradicts_the_archive_brings_nothing_back(on_sqlite: Bench, tmp_path: Path) -> None:
    """The same first entries under the same key, and others behind them than those that were signed and archived."""
    on_sqlite.fill(3)
    backup = copy_store(on_sqlite.url, tmp_path)
    on_sqlite.fill(5)
    restore_store(on_sqlite.url, backup)
    forked = replace(on_sqlite, archive=tmp_path / "other-archive")
    export_log(forked.fill(5), tmp_path / "export")
    restore_store(on_sqlite.url, backup)

    with pytest.raises(LogRefused) as refused:
        recovered(on_sqlite, tmp_path / "export")

    assert refused.value.reason == "fork"
    assert open_store(on_sqlite.url, origin=on_sqlite.signer.name).head().size == 3


def test_an_export_of_another_history_is_a_fork(place: Bench, tmp_path: Path) -> None:
    empty = copy_store(place.url, tmp_path) if place.open() else ""
    export_log(place.fill(8), tmp_path / "export")
    restore_store(place.url, empty)
    hidden = replace(place, archive=tmp_path / "hidden")
    hidden.fill(2)

    with pytest.raises(LogRefused) as refused:
        recovered(place, tmp_path / "export")

    assert refused.value.reason == "fork"


def test_a_new_epoch_begins_with_the_last_checkpoint_of_the_old_one(on_sqlite: Bench, tmp_path: Path) -> None:
    on_sqlite.fill(3)
    closed = archived_note(Archive(folder=on_sqlite.archive), on_sqlite.signer.verifier)
    second = replace(
        on_sqlite,
        url=f"sqlite:///{tmp_path / 'second.sqlite3'}",
        archive=tmp_path / "second",
        signer=NoteSigner.generate(next_origin(on_sqlite.signer.name)),
    )

    begun = begin_epoch(second.open(), closed=closed, key=on_sqlite.signer.verifier, reason="restored-backup", now=NOW)
    said = json.loads(second.open().prove(begun.index).statement)["predicate"]

    assert second.signer.name == "log.example/2"
    assert (begun.index, begun.kind) == (0, "epoch")
    assert (said["log"], said["size"], base64.b64decode(said["checkpoint"])) == ("log.example/1", 3, closed)
    assert second.verify().answer is Answer.VERIFIED
    with pytest.raises(LogRefused) as refused:
        begin_epoch(second.open(), closed=closed, key=on_sqlite.signer.verifier, reason="again", now=NOW)
    assert refused.value.reason == "not_empty"


def test_a_second_epoch_that_does_not_say_so_fails(on_sqlite: Bench, tmp_path: Path) -> None:
    silent = replace(on_sqlite, signer=NoteSigner.generate("log.example/2"))
    silent.fill(2)

    assert [(item.level, item.index) for item in silent.verify().broken] == [("L2", 0)]


@pytest.mark.parametrize(
    ("origin", "following"), [("a/1", "a/2"), ("a/9", "a/10"), ("a.b/c4d5", "a.b/c4d5/2"), ("a.b/c4d5/2", "a.b/c4d5/3")]
)
def test_epochs_are_numbered(origin: str, following: str) -> None:
    assert next_origin(origin) == following
