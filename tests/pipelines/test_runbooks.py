"""What the runbook says to do when the log refuses to open is done, in its order."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.pipelines.test_store_command import Desk

from mintmark.evidence.export import export_log
from mintmark.pipelines.workshop import open_evidence

PAGE = (Path(__file__).parents[2] / "docs" / "runbooks" / "restored-store.md").read_text(encoding="utf-8")
BLOCKS = [
    re.findall(r"^\$ mintmark (.+)$", block, re.MULTILINE)
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
]


def rolled_back(folder: Path) -> Desk:
    """A store that was restored from before its last entry; an export has that."""
    desk = Desk(folder=folder)
    desk.mintmark("evidence", "add", str(desk.bundle("one")))
    file = desk.locations.evidence / "log.sqlite3"
    shutil.copyfile(file, folder / "backup")
    desk.mintmark("evidence", "add", str(desk.bundle("two")))
    export_log(open_evidence(desk.locations), folder / "evidence-export")
    shutil.copyfile(folder / "backup", file)
    return desk


def test_the_page_has_the_blocks_that_are_run_here() -> None:
    assert [len(block) for block in BLOCKS] == [1, 2, 2]


def test_an_export_brings_back_what_was_lost(tmp_path: Path) -> None:
    desk = rolled_back(tmp_path)
    found, recover, verified = (desk.mintmark(*line.split()) for line in (*BLOCKS[0], *BLOCKS[1]))

    assert (found.returncode, "first bad index 1" in found.stdout) == (4, True), found.stdout
    assert (recover.returncode, verified.returncode) == (0, 0), recover.stderr + verified.stdout


def test_without_an_export_the_log_goes_on_in_a_new_epoch(tmp_path: Path) -> None:
    desk = rolled_back(tmp_path)
    closed, verified = (desk.mintmark(*line.split()) for line in BLOCKS[2])
    first = desk.mintmark("evidence", "show", "0")

    assert (closed.returncode, verified.returncode) == (0, 0), closed.stderr + verified.stdout
    assert '"size": 2' in first.stdout  # what was signed, and not what was left
