"""
Each kind of file, changed in each way, and the level that catches it: the table of docs/verify-without-us.md.

A cell says `failed` (exit code 4) or `not verifiable` (3) with the level; `-` stands where the change is none.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.evidence.builders import NOW, bench
from tests.evidence.single_file.exports import Exported, ask, export, receipt_files, witness

PAGE = Path(__file__).parents[3] / "docs" / "verify-without-us.md"

Change = Callable[[Path, Path], None]


def put(path: Path, content: bytes) -> None:
    """As a new file: the old one is shared with other exports."""
    path.unlink()
    path.write_bytes(content)


def edit(place: float) -> Change:
    """Flip one bit at the given share of the file."""

    def change(path: Path, _: Path) -> None:
        content = bytearray(path.read_bytes())
        content[min(int(place * len(content)), len(content) - 1)] ^= 1
        put(path, bytes(content))

    return change


def edit_the_imprint(path: Path, other: Path) -> None:
    """What a timestamp is over. Its status and its list of algorithms are not signed, and not believed either."""
    text = other.read_text(encoding="utf-8").rpartition("\n\n")[0] + "\n"
    imprint = hashlib.sha256(text.encode()).digest()
    content = path.read_bytes()
    assert imprint in content
    put(path, content.replace(imprint, bytes([imprint[0] ^ 1]) + imprint[1:]))


def cut(size: float) -> Change:
    def change(path: Path, _: Path) -> None:
        content = path.read_bytes()
        put(path, content[: int(size * len(content))] if size else content[:-1])

    return change


def grow(path: Path, _: Path) -> None:
    put(path, path.read_bytes() + b"\n")


def delete(path: Path, _: Path) -> None:
    path.unlink()


def swap(path: Path, other: Path) -> None:
    first, second = path.read_bytes(), other.read_bytes()
    put(path, second)
    put(other, first)


def link(path: Path, _: Path) -> None:
    elsewhere = path.with_name(f".{path.name}")
    path.rename(elsewhere)
    path.symlink_to(elsewhere.name)


def add_beside(path: Path, _: Path) -> None:
    shutil.copyfile(path, path.with_name("more"))


CHANGES: dict[str, tuple[Change, ...]] = {
    "edited": (edit(0), edit(0.5), edit(1)),
    "cut": (cut(0), cut(0.5)),
    "longer": (grow,),
    "deleted": (delete,),
    "swapped": (swap,),
    "made a link": (link,),
    "one added": (add_beside,),
}

# file → what it is swapped with, and what each change leads to
FILES: dict[str, tuple[str, str, dict[str, str]]] = {}


def file(name: str, path: str, other: str, outcome: str, **different: str) -> None:
    outcomes = dict.fromkeys(CHANGES, outcome) | {change.replace("_", " "): said for change, said in different.items()}
    FILES[name] = (path, other, outcomes)


file("entry bundle, full", "tile/entries/000", "tile/entries/001.p/5", "L1 failed")
file("entry bundle, partial", "tile/entries/001.p/5", "tile/0/000", "L1 failed")
file("hash tile, full", "tile/0/000", "tile/0/001.p/5", "L1 failed")
file("hash tile, partial", "tile/0/001.p/5", "tile/0/000", "L1 failed")
file("hash tile, upper", "tile/1/000.p/1", "tile/0/000", "L1 failed")
file("newest checkpoint", "checkpoint", "{earlier}", "L2 failed", one_added="named in a warning")
file(
    "archived checkpoint, newest",
    "{newest}",
    "{earlier}",
    "L2 failed",
)
file(
    "archived checkpoint, earlier",
    "{earlier}",
    "{newest}",
    "L2 failed",
    deleted="not detectable",
)
file("timestamp", "timestamp/*.tsr", "checkpoint", "L2 failed", longer="-", deleted="L2 not verifiable")
file("query table, entries", "projection/view_entry.jsonl", "projection/view_ref.jsonl", "L3 failed")
file("query table, subjects", "projection/view_subject.jsonl", "projection/view_ref.jsonl", "L3 failed")
file("query table, references", "projection/view_ref.jsonl", "projection/view_entry.jsonl", "L3 failed")
file("ledger", "ledger/entries.jsonl", "projection/view_ref.jsonl", "L4 failed", deleted="L4 not verifiable")
file("payload", "{payload}", "{batch}", "L5 failed")
file("payload of a ledger batch", "{batch}", "{payload}", "L5 failed")


def found(made: Exported, path: str) -> Path:
    archived = sorted((made.folder / "checkpoint-archive").iterdir())
    if path in {"{earlier}", "{newest}"}:
        return archived[0 if path == "{earlier}" else -1]
    if path in {"{payload}", "{batch}"}:
        commitment = made.place.open().entry(0 if path == "{payload}" else 3).commitment
        path = f"payload/{commitment[:2]}/{commitment}"
    return next(iter(made.folder.glob(path)))


def outcome(made: Exported, level: str) -> str:
    answer = ask(made.words())
    if answer.code == 0:
        return "named in a warning" if answer.report["warnings"] else "not detectable"
    return f"{level} {answer.state(level)}"


CASES = [(name, change, at) for name in FILES for change in CHANGES for at in range(len(CHANGES[change]))]


@pytest.mark.parametrize(("name", "change", "at"), CASES)
def test_a_changed_file_is_caught_at_its_level(
    name: str, change: str, at: int, rich: Exported, small: Exported, tmp_path: Path
) -> None:
    path, other, outcomes = FILES[name]
    source = rich if path.startswith("tile/") else small  # only tiles need more than 256 entries to be all there
    make = CHANGES[change][at]
    if name == "timestamp" and change == "edited":
        make = edit_the_imprint if at == 0 else edit(1)
    if outcomes[change] == "-":
        return
    shutil.copytree(source.folder, tmp_path / "export", copy_function=os.link)
    made = replace(source, folder=tmp_path / "export")

    make(found(made, path), found(made, other))

    assert outcome(made, outcomes[change][:2]) == outcomes[change]


def test_the_page_shows_this_table() -> None:
    rows = ["| file | " + " | ".join(CHANGES) + " |", "|---|" + "---|" * len(CHANGES)]
    rows += [f"| {name} | " + " | ".join(FILES[name][2].values()) + " |" for name in FILES]

    assert "\n".join(rows) + "\n" in PAGE.read_text(encoding="utf-8")


def test_the_first_bad_entry_is_named(changed: Exported) -> None:
    """An edit of one character, which leaves the entry as long as it was and as canonical."""
    path = changed.folder / "tile/entries/000"
    content = path.read_bytes()
    at = content.index(b'"id":"', 40_000)
    index = content[:at].count(b'"id":"')
    path.write_bytes(content[: at + 6] + (b"f" if content[at + 6] != ord("f") else b"e") + content[at + 7 :])

    answer = ask(changed.words())

    assert (answer.code, answer.report["first_bad_index"]) == (4, index)
    assert answer.reasons >= {("L1", "tile_mismatch"), ("L1", "root_mismatch")}


def test_two_entries_that_change_places_are_found(changed: Exported) -> None:
    path = changed.folder / "tile/entries/001.p/5"
    entries = split(path.read_bytes())
    entries[0], entries[1] = entries[1], entries[0]
    path.write_bytes(b"".join(entries))

    answer = ask(changed.words())

    assert (answer.code, answer.report["first_bad_index"]) == (4, 256)


@pytest.mark.parametrize("how", ["deleted", "inserted", "changed places", "of another entry"])
def test_a_row_of_a_query_table_is_compared_with_its_entry(how: str, changed: Exported) -> None:
    path = changed.folder / "projection/view_entry.jsonl"
    rows = path.read_bytes().splitlines(keepends=True)
    rows = {
        "deleted": [*rows[:7], *rows[8:]],
        "inserted": [*rows[:7], rows[6], *rows[7:]],
        "changed places": [*rows[:7], rows[8], rows[7], *rows[9:]],
        "of another entry": [*rows[:7], rows[7].replace(b'"scan"', b'"vsa"'), *rows[8:]],
    }[how]
    path.write_bytes(b"".join(rows))

    answer = ask(changed.words())

    assert (answer.code, answer.report["first_bad_index"]) == (4, 7)
    assert answer.reasons == {("L3", "row_mismatch")}


def test_a_file_that_nothing_checks_is_named(changed: Exported) -> None:
    (changed.folder / "notes.txt").write_text("all is well\n", encoding="utf-8")
    (changed.folder / "trust" / "log.policy").write_text("quorum none\n", encoding="utf-8")
    (changed.folder / "outside").symlink_to("/etc")

    answer = ask(changed.words())

    assert answer.code == 0
    assert [line.partition(":")[0] for line in answer.report["warnings"]] == [
        "outside",
        "notes.txt",
        "trust/log.policy",
    ]


def test_a_tail_that_was_cut_with_care_is_found_in_the_archive(rich: Exported, tmp_path: Path) -> None:
    """The export of the shorter log is right in itself, and the longer log's archive lies beside it."""
    place = bench(tmp_path)
    made = export(place, place.fill(3), tmp_path)
    log = place.open()
    log.record(place.bundle(last=True), now=NOW)
    for path, note in log.archive.notes():
        (made.folder / "checkpoint-archive" / path.name).write_bytes(note)

    answer = ask(made.words())

    assert (answer.code, answer.report["first_bad_index"], answer.reasons) == (4, 3, {("L2", "rollback")})


class Story:
    """An honest log, of which the auditor kept something, and what is shown to him a year later."""

    def __init__(self, folder: Path) -> None:
        self.witness = witness("w.example/1")
        self.place = bench(folder)
        self.log = self.place.fill(3)
        (folder / "then").mkdir()
        self.then = export(self.place, self.log, folder / "then", witnesses=[self.witness])

    def grown(self, folder: Path) -> Exported:
        self.log.record(self.place.bundle(later=True), now=NOW)
        return export(self.place, self.log, folder, witnesses=[self.witness])

    def rewritten(self, folder: Path) -> Exported:
        """Another history under the same key: every hash, tile, row and signature in it is right."""
        place = replace(self.place, url=f"sqlite:///{folder / 'log.sqlite3'}", archive=folder / "archive")
        return replace(export(place, place.fill(4), folder), trust=self.then.trust, place=place)


def test_an_older_copy_of_the_whole_export_is_right_in_itself_and_found_by_what_was_kept(tmp_path: Path) -> None:
    """
    A prefix of a valid log is itself valid.

    So the auditor keeps a checkpoint or a receipt of each visit: the log must go on from there.
    """
    story = Story(tmp_path)
    (tmp_path / "now").mkdir()
    now = story.grown(tmp_path / "now")
    kept = now.folder / "checkpoint"
    receipt, entry = receipt_files(story.place, 3, tmp_path, note=kept.read_bytes())

    assert ask(story.then.words()).code == 0
    assert ask(story.then.words("--seen", str(kept))).reasons == {("L2", "rollback")}
    assert ask(story.then.words("--receipt", str(receipt), "--entry", str(entry))).reasons == {("L2", "rollback")}

    assert ask(now.words("--seen", str(kept), "--seen", str(story.then.folder / "checkpoint"))).code == 0
    assert ask(now.words("--receipt", str(receipt), "--entry", str(entry))).code == 0


def test_a_history_rewritten_with_the_logs_key_is_found_by_its_witnesses_or_by_what_was_kept(tmp_path: Path) -> None:
    story = Story(tmp_path)
    (tmp_path / "now").mkdir()
    forged = story.rewritten(tmp_path / "now")
    kept = story.then.folder / "checkpoint"
    receipt, entry = receipt_files(story.place, 1, tmp_path, note=kept.read_bytes())
    witnessed = replace(forged, policy=story.then.policy)

    assert ask(witnessed.words()).open_reasons == {("L2", "quorum_missing")}
    assert ask(forged.words("--seen", str(kept))).reasons == {("L2", "fork")}
    assert ask(forged.words("--receipt", str(receipt), "--entry", str(entry))).reasons == {("L2", "fork")}

    assert ask(replace(story.then, policy=witnessed.policy).words()).code == 0


def test_without_a_witness_and_without_anything_kept_a_rewrite_is_said_not_to_be_detectable(tmp_path: Path) -> None:
    story = Story(tmp_path)
    (tmp_path / "now").mkdir()

    answer = ask(story.rewritten(tmp_path / "now").words())

    said = "no witness is required by the policy: a rewrite by who holds the log key is not detectable"
    assert (answer.code, answer.report["witnessed"]) == (0, False)
    assert said in answer.report["warnings"]
    assert said in answer.report["levels"]["L2"]["said"]


def split(bundle: bytes) -> list[bytes]:
    entries, at = [], 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        entries.append(bundle[at:end])
        at = end
    return entries
