"""An export is one state of the log, whole, grown in place, and never writes over what is something else."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from tests.evidence.builders import NOW, Bench, bench
from tests.evidence.postgres import Server
from tests.evidence.stores import copy_store, restore_store

from mintmark.evidence.archive import Archive
from mintmark.evidence.checkpoint import Checkpoint, open_checkpoint
from mintmark.evidence.errors import ExportRefused, LogRefused, NotFound
from mintmark.evidence.export import Companions, export_log, export_store
from mintmark.evidence.inbox import Submission
from mintmark.evidence.store.open import open_backend
from mintmark.evidence.store.sql_store import SqlStore
from mintmark.evidence.verify.report import Answer

PROJECTION = {f"projection/{table}.jsonl" for table in ("view_entry", "view_subject", "view_ref")}


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def grow(place: Bench, count: int) -> None:
    place.open().record_all([Submission(bundle=place.bundle(later=number)) for number in range(count)], now=NOW)


def test_both_backends_export_the_same_files(on_sqlite: Bench, postgres: Server, tmp_path: Path) -> None:
    exported = []
    (tmp_path / "other").mkdir()
    for place in (on_sqlite, bench(tmp_path / "other", url=postgres.database())):
        folder = tmp_path / place.url.partition(":")[0]
        assert export_log(place.fill(3), folder) == 3
        assert place.verify_export(folder).answer is Answer.VERIFIED
        exported.append({name for name in files(folder) if not name.startswith(("payload/", "checkpoint-archive/"))})

    assert exported[0] == exported[1]
    assert exported[0] == {"checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3", *PROJECTION}


@pytest.mark.parametrize("sizes", [(3, 5), (255, 256), (256, 257), (256, 511), (257, 513), (10, 600)])
def test_an_export_that_grew_is_the_export_that_is_made_anew(
    sizes: tuple[int, int], on_sqlite: Bench, tmp_path: Path
) -> None:
    first, second = sizes
    log = on_sqlite.fill(first)
    export_log(log, tmp_path / "grown")
    full = {name for name in files(tmp_path / "grown") if name.startswith("tile/") and ".p/" not in name}
    untouched = {name: (tmp_path / "grown" / name).stat().st_ino for name in full}
    grow(on_sqlite, second - first)

    export_log(log, tmp_path / "grown")
    export_log(log, tmp_path / "anew")

    assert files(tmp_path / "grown") == files(tmp_path / "anew")
    assert {name: (tmp_path / "grown" / name).stat().st_ino for name in full} == untouched
    assert on_sqlite.verify_export(tmp_path / "grown").answer is Answer.VERIFIED


def test_an_export_that_was_interrupted_is_mended_by_the_next(on_sqlite: Bench, tmp_path: Path) -> None:
    """It stopped before the checkpoint was placed: the old one is there, and some of what the new one covers."""
    log = on_sqlite.fill(3)
    export_log(log, tmp_path / "export")
    before = files(tmp_path / "export")
    grow(on_sqlite, 2)

    def stop(_folder: Path, _size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_log(log, tmp_path / "export", companions=Companions(others=(stop,)))
    (tmp_path / "export" / "tile" / ".new-left").write_bytes(b"half")

    assert files(tmp_path / "export")["checkpoint"] == before["checkpoint"]
    export_log(log, tmp_path / "export")
    assert on_sqlite.verify_export(tmp_path / "export").answer is Answer.VERIFIED


def test_a_first_export_that_fails_leaves_nothing(on_sqlite: Bench, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as refused:
        export_log(on_sqlite.open(), tmp_path / "out" / "export")

    assert refused.value.reason == "no_checkpoint"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_directory_of_something_else_is_left_alone(on_sqlite: Bench, tmp_path: Path) -> None:
    log = on_sqlite.fill(2)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear", encoding="utf-8")
    (tmp_path / "empty").mkdir()

    with pytest.raises(ExportRefused) as refused:
        export_log(log, tmp_path / "home")

    assert (refused.value.reason, refused.value.exit_code) == ("foreign_directory", 2)
    assert list(files(tmp_path / "home")) == ["letter.txt"]
    assert export_log(log, tmp_path / "empty") == 2


def test_another_history_does_not_grow_an_export(on_sqlite: Bench, tmp_path: Path) -> None:
    """The same key, another first entry."""
    export_log(on_sqlite.fill(3), tmp_path / "export")
    before = files(tmp_path / "export")
    on_sqlite.file.unlink()
    on_sqlite.archive.rename(tmp_path / "hidden")

    with pytest.raises(LogRefused) as refused:
        export_log(on_sqlite.fill(4), tmp_path / "export")

    assert refused.value.reason == "fork"
    assert files(tmp_path / "export") == before


def test_a_store_that_was_rolled_back_is_not_exported(place: Bench, tmp_path: Path) -> None:
    """An export of it would leave out the archived checkpoint that speaks against it."""
    place.fill(2)
    shorter = copy_store(place.url, tmp_path)
    grow(place, 1)
    restore_store(place.url, shorter)

    with pytest.raises(LogRefused) as refused:
        export_store(
            SqlStore(open_backend(place.url)),
            archive=Archive(folder=place.archive),
            log_key=place.signer.verifier,
            folder=tmp_path / "export",
        )

    assert refused.value.reason == "rollback"


def test_an_export_while_others_append_is_one_state_of_the_log(on_postgresql: Bench, tmp_path: Path) -> None:
    log = on_postgresql.fill(300)
    done = threading.Event()

    def append() -> None:
        writer = on_postgresql.open()
        while not done.is_set():
            writer.record(on_postgresql.bundle(while_exporting=True), now=NOW)

    thread = threading.Thread(target=append)
    thread.start()
    try:
        sizes = [export_log(log, tmp_path / "export") for _ in range(3)]
    finally:
        done.set()
        thread.join()

    report = on_postgresql.verify_export(tmp_path / "export")
    assert (report.answer, report.size, report.broken) == (Answer.VERIFIED, sizes[-1], ())
    assert sizes == sorted(sizes)


def test_a_checkpoint_that_only_the_archive_has_yet_is_exported(on_sqlite: Bench, tmp_path: Path) -> None:
    """The log stopped between archiving its signature and storing it."""
    log = on_sqlite.fill(2)
    entry = log._prepare(Submission(bundle=on_sqlite.bundle(more=True)), NOW)
    log.store.append([entry])
    head = log.store.head()
    checkpoint = Checkpoint(origin=head.origin, size=head.size, root=head.root)
    log.archive.keep(checkpoint, checkpoint.sign(log.signer))

    size = export_log(log, tmp_path / "export")

    assert size == 3
    assert on_sqlite.verify_export(tmp_path / "export").answer is Answer.VERIFIED


def test_what_was_erased_is_erased_from_the_export_too(on_sqlite: Bench, tmp_path: Path) -> None:
    log = on_sqlite.fill(3)
    export_log(log, tmp_path / "export")
    commitment = log.entry(1).commitment
    kept = tmp_path / "export" / "payload" / commitment[:2] / commitment
    assert kept.is_file()
    log.erase(1, basis="gdpr-17", now=NOW)

    export_log(log, tmp_path / "export")

    report = on_sqlite.verify_export(tmp_path / "export")
    assert not kept.exists()
    assert (report.answer, "1 erased (first: entry 1)" in report.checked["L5"]) == (Answer.VERIFIED, True)


def test_companions_are_copied_and_said_not_to_be_verified(on_sqlite: Bench, tmp_path: Path) -> None:
    log = on_sqlite.fill(2)
    given = Companions(policy=b"log x\n", trust=b"version = 1\n", tsa=b"pem", verifier=b"print()\n")
    export_log(log, tmp_path / "export", companions=given)

    report = on_sqlite.verify_export(tmp_path / "export")

    assert report.answer is Answer.VERIFIED
    assert [warning for warning in report.warnings if "is not verified" in warning] == [
        f"{name} is not verified" for name in ("verify.py", "trust/log.policy", "trust/trust.toml", "trust/tsa.pem")
    ]
    export_log(log, tmp_path / "export")
    assert not any("is not verified" in warning for warning in on_sqlite.verify_export(tmp_path / "export").warnings)


def test_timestamps_go_with_their_checkpoints(on_sqlite: Bench, tmp_path: Path) -> None:
    log = on_sqlite.fill(2)
    note = log.store.checkpoint()
    assert note is not None
    checkpoint = open_checkpoint(note, log.log_key)
    log.archive.add_timestamp(checkpoint, b"response")

    export_log(log, tmp_path / "export")

    stem = f"000000000002-{checkpoint.root.hex()[:16]}"
    assert files(tmp_path / "export")[f"timestamp/{stem}.0.tsr"] == b"response"


def test_an_export_can_be_read_by_others_than_its_maker(on_sqlite: Bench, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        export_log(on_sqlite.fill(1), tmp_path / "export")
    finally:
        os.umask(before)

    assert all(path.stat().st_mode & 0o044 == 0o044 for path in (tmp_path / "export").rglob("*"))


def test_the_empty_folder_that_one_stands_in_is_exported_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = bench(tmp_path)
    log = place.fill(1)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    assert export_log(log, Path()) == 1
    assert place.verify_export(tmp_path / "here").answer is Answer.VERIFIED
