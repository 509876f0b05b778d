"""An export whose maker is hostile: whatever is altered, nothing is verified, and nothing ends in a traceback."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.evidence.builders import NOW, Bench, bench

from mintmark.evidence.errors import EvidenceError, NotFound
from mintmark.evidence.export import export_log
from mintmark.evidence.verify.report import Answer


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Path]:
    """A full and a partial tile at two levels, three archived checkpoints, one erased payload."""
    folder = tmp_path_factory.mktemp("hostile")
    place = bench(folder)
    log = place.fill(258)
    log.erase(1, basis="gdpr-17", now=NOW)
    log.record(place.bundle("decision", last=True), now=NOW, refs=("decision:2", "run:9"))
    export_log(log, folder / "export")
    return place, folder / "export"


@pytest.fixture
def copy(exported: tuple[Bench, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported[1], tmp_path / "copy"))


def names(folder: Path) -> list[str]:
    """All files but most payloads, which are alike."""
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [name for name in found if not name.startswith("payload/")] + [
        name for name in found if name.startswith("payload/")
    ][::100]


def answer(place: Bench, folder: Path) -> Answer:
    """A refusal to begin is no verification; any other exception is a bug."""
    try:
        return place.verify_export(folder).answer
    except NotFound:
        return Answer.NOT_VERIFIABLE


def flip(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1]) if content else b"x"


CHANGES: dict[str, Callable[[bytes], bytes | None]] = {
    "its first byte flipped": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "its middle byte flipped": lambda content: content[: len(content) // 2] + flip(content[len(content) // 2 :]),
    "its last byte flipped": flip,
    "cut in half": lambda content: content[: len(content) // 2],
    "emptied": lambda _: b"",
    "appended to": lambda content: content + b"\n",
    "written twice": lambda content: content * 2,
    "deleted": lambda _: None,
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_file_of_an_export_can_be_changed(change: str, exported: tuple[Bench, Path], copy: Path) -> None:
    place, original = exported
    verified = []
    for name in names(original):
        content = (original / name).read_bytes()
        changed = CHANGES[change](content)
        (copy / name).unlink() if changed is None else (copy / name).write_bytes(changed)
        if answer(place, copy) is Answer.VERIFIED:
            verified.append(name)
        (copy / name).write_bytes(content)

    # Without one of several archived checkpoints, the others and the newest still say how long the log was.
    allowed = [name for name in verified if change == "deleted" and name.startswith("checkpoint-archive/")]
    assert verified == allowed
    assert answer(place, copy) is Answer.VERIFIED


def test_no_two_files_of_an_export_can_be_swapped(exported: tuple[Bench, Path], copy: Path) -> None:
    place, original = exported
    found = names(original)
    for name, other in pairwise(found):
        shutil.copyfile(original / name, copy / other)
        shutil.copyfile(original / other, copy / name)
        assert answer(place, copy) is Answer.FAILED, (name, other)
        shutil.copyfile(original / name, copy / name)
        shutil.copyfile(original / other, copy / other)


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "tile/0/001",
        "tile/0/000.p/7",
        "tile/9/000",
        "tile/entries/007",
        "tile/entries/../entries2",
        "checkpoint-archive/notes.txt",
        "checkpoint-archive/000000000001-0000000000000000.note",
        "payload/ab/" + "ab" * 32,
        "payload/zz",
        "projection/view_other.jsonl",
        "projection/.hidden",
        "trust/more.pem",
        "verify.pyc",
    ],
)
def test_no_file_can_be_added_to_an_export(name: str, exported: tuple[Bench, Path], copy: Path) -> None:
    (copy / name).parent.mkdir(parents=True, exist_ok=True)
    (copy / name).write_bytes(b"x")

    assert answer(exported[0], copy) is Answer.FAILED


def link(path: Path, target: str) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.symlink_to(target)


def test_no_link_is_followed(exported: tuple[Bench, Path], copy: Path) -> None:
    """Not even to the same bytes: what it points to is not part of what was handed over."""
    place, original = exported
    for name in ("tile/0/000", "tile", "payload", "projection/view_ref.jsonl", "checkpoint-archive", "tile/entries"):
        link(copy / name, str(original / name))
        report = place.verify_export(copy)
        assert report.answer is Answer.FAILED, name
        assert any(item.place.startswith(name) for item in report.broken), name
        (copy / name).unlink()
        source = original / name
        shutil.copytree(source, copy / name) if source.is_dir() else shutil.copyfile(source, copy / name)


def test_a_checkpoint_that_is_a_link_is_no_export(exported: tuple[Bench, Path], copy: Path) -> None:
    link(copy / "checkpoint", str(exported[1] / "checkpoint"))

    with pytest.raises(EvidenceError) as refused:
        exported[0].verify_export(copy)

    assert refused.value.reason == "no_log"


def test_a_pipe_is_not_waited_for(exported: tuple[Bench, Path], copy: Path) -> None:
    (copy / "tile/entries/000").unlink()
    os.mkfifo(copy / "tile/entries/000")

    assert answer(exported[0], copy) is Answer.FAILED


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000", "tile/entries/000", "projection/view_entry.jsonl"])
def test_a_huge_file_is_not_read_whole(name: str, exported: tuple[Bench, Path], copy: Path) -> None:
    """Sparse: a terabyte that takes no room."""
    os.truncate(copy / name, 1 << 40)

    report = exported[0].verify_export(copy)

    assert report.answer is Answer.FAILED


def test_a_checkpoint_over_more_entries_than_there_could_be_is_not_counted_to(
    exported: tuple[Bench, Path], copy: Path
) -> None:
    note = (copy / "checkpoint").read_bytes().split(b"\n")
    note[1] = b"9" * 19
    (copy / "checkpoint").write_bytes(b"\n".join(note))

    assert answer(exported[0], copy) is Answer.FAILED


LINES = [
    b"\n",
    b"[" * 100_000 + b"\n",
    b'{"idx":' + b"9" * 5_000 + b"}\n",
    b'{"at":"a","idx":1e999,"kind":"k","producer":"p"}\n',
    b'{"at":NaN,"idx":0,"kind":"k","producer":"p"}\n',
    b'{"at":"\\ud800","idx":0,"kind":"k","producer":"p"}\n',
    b'{"at":"a","idx":true,"kind":"k","producer":"p"}\n',
    b"\xff\xfe\n",
    b"null\n",
    b'"' + b"a" * 3_000_000 + b'"\n',
]


@pytest.mark.parametrize("line", range(len(LINES)))
def test_a_line_that_is_no_row_fails(line: int, exported: tuple[Bench, Path], copy: Path) -> None:
    path = copy / "projection/view_entry.jsonl"
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*rows[:5], LINES[line], *rows[5:]]))

    report = exported[0].verify_export(copy)

    assert report.answer is Answer.FAILED
    assert {(item.level, item.place) for item in report.broken} == {("L3", "view_entry")}


@pytest.mark.parametrize(
    "change", [(b'"idx":7', b'"idx":7.0'), (b'"idx":7', b'"idx": 7'), (b'"scan"', b'"\\u0073can"')]
)
def test_a_row_is_written_in_one_way_only(
    change: tuple[bytes, bytes], exported: tuple[Bench, Path], copy: Path
) -> None:
    path = copy / "projection/view_entry.jsonl"
    path.write_bytes(path.read_bytes().replace(*change, 1))

    assert answer(exported[0], copy) is Answer.FAILED


@pytest.mark.parametrize("folder", ["tile", "tile/entries", "checkpoint-archive", "payload", "projection"])
def test_a_missing_folder_is_never_verified(folder: str, exported: tuple[Bench, Path], copy: Path) -> None:
    shutil.rmtree(copy / folder)

    report = exported[0].verify_export(copy)

    wanted = Answer.NOT_VERIFIABLE if folder == "checkpoint-archive" else Answer.FAILED
    assert report.answer is wanted


@pytest.mark.parametrize("index", [0, 128, 255, 256, 257, 259])
def test_the_first_bad_entry_of_an_export_is_named(index: int, exported: tuple[Bench, Path], copy: Path) -> None:
    """Its bytes are altered so that it is another well-formed entry."""
    path = copy / ("tile/entries/000" if index < 256 else "tile/entries/001.p/4")
    content = bytearray(path.read_bytes())
    at = 0
    for _ in range(index % 256):
        at += 2 + int.from_bytes(content[at : at + 2], "big")
    content[content.index(b'"at":"2026', at) + 9] ^= 1
    path.write_bytes(content)

    report = exported[0].verify_export(copy)

    assert (report.answer, report.first_bad_index) == (Answer.FAILED, index)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_done_to_one_file_is_found(data: st.DataObject, exported: tuple[Bench, Path]) -> None:
    place, folder = exported
    name = data.draw(st.sampled_from(names(folder)))
    original = (folder / name).read_bytes()
    at = data.draw(st.integers(0, len(original)))
    until = data.draw(st.integers(at, min(len(original), at + 40)))
    changed = original[:at] + data.draw(st.binary(max_size=40)) + original[until:]
    try:
        (folder / name).write_bytes(changed)
        assert (answer(place, folder) is Answer.VERIFIED) == (changed == original)
    finally:
        (folder / name).write_bytes(original)


def test_no_name_of_a_file_steers_a_terminal_or_cannot_be_shown(exported: tuple[Bench, Path], copy: Path) -> None:
    place, _ = exported
    (copy / "tile" / "\x1b[2J\nVERIFIED  log.example").write_bytes(b"x")
    (copy / "tile" / "\udcff").write_bytes(b"x")

    said = place.verify_export(copy).describe()

    assert not any(line.startswith("VERIFIED") for line in said.split("\n"))
    assert "\x1b" not in said
    assert "\\udcff" in said.encode("utf-8").decode()
