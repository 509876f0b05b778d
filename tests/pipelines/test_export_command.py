"""Exporting the log and verifying an export, from the command line, as docs/verification.md says."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.pipelines.test_store_command import Desk

PAGE = Path(__file__).parents[2] / "docs" / "verification.md"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two entries are recorded, and an auditor has what he trusts in `trust` and a checkpoint that he kept."""
    made = Desk(folder=tmp_path_factory.mktemp("desk"))
    for number in range(2):
        done = made.mintmark("evidence", "add", str(made.bundle(f"bundle{number}")))
        assert done.returncode == 0, done.stderr
    assert made.mintmark("export", "earlier").returncode == 0
    shutil.copytree(made.folder / "earlier" / "trust", made.folder / "trust")
    shutil.copyfile(made.folder / "earlier" / "checkpoint", made.folder / "kept-checkpoint")
    return made.folder


@pytest.fixture
def desk(prepared: Path, tmp_path: Path) -> Desk:
    return Desk(folder=Path(shutil.copytree(prepared, tmp_path / "desk")))


def test_every_command_of_the_page_runs_and_verifies(desk: Desk) -> None:
    commands = re.findall(r"^\$ mintmark (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        done = desk.mintmark(*command.split())
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_trust_from_inside_the_export_is_said_to_be(desk: Desk) -> None:
    inside = desk.mintmark("verify", "--from", "earlier")
    own = desk.mintmark("verify", "--from", "earlier", "--trust", "trust")
    disguised = desk.mintmark("verify", "--from", "earlier", "--trust", "earlier/trust/trust.toml")

    policy = desk.mintmark("verify", "--from", "earlier", "--trust", "trust", "--policy", "earlier/trust/log.policy")

    assert [done.returncode for done in (inside, own, disguised, policy)] == [0, 0, 0, 0]
    said = ["believes whoever made it" in done.stdout for done in (inside, own, disguised, policy)]
    assert said == [True, False, True, True]


def test_an_export_that_grows_without_its_ledger_keeps_no_older_one(desk: Desk) -> None:
    """What was bound since would be missing from it, and a sound log would fail."""
    (desk.folder / "earlier" / "ledger").mkdir()
    (desk.folder / "earlier" / "ledger" / "entries.jsonl").write_bytes(b"")

    assert desk.mintmark("export", "earlier").returncode == 0
    assert not (desk.folder / "earlier" / "ledger" / "entries.jsonl").exists()


def test_an_altered_export_fails_with_4(desk: Desk) -> None:
    rows = desk.folder / "earlier" / "projection" / "view_entry.jsonl"
    rows.write_bytes(rows.read_bytes().replace(b'"scan"', b'"sbom"', 1))

    done = desk.mintmark("verify", "--from", "earlier", "--trust", "trust", "-o", "json")

    report = json.loads(done.stdout)
    assert (done.returncode, report["answer"], report["first_bad_index"]) == (4, "failed", 0)
    assert {(item["level"], item["place"]) for item in report["broken"]} == {("L3", "view_entry")}


def test_levels_are_chosen(desk: Desk) -> None:
    rows = desk.folder / "earlier" / "projection" / "view_entry.jsonl"
    rows.write_bytes(rows.read_bytes().replace(b'"scan"', b'"sbom"', 1))

    done = desk.mintmark("verify", "--from", "earlier", "--trust", "trust", "--level", "L2,L5", "-o", "json")

    assert (done.returncode, sorted(json.loads(done.stdout)["checked"])) == (0, ["L1", "L2", "L5"])
    assert desk.mintmark("verify", "--level", "L9").returncode == 2


def test_a_kept_checkpoint_speaks_against_an_older_export(desk: Desk) -> None:
    assert desk.mintmark("evidence", "add", str(desk.bundle("third"))).returncode == 0
    assert desk.mintmark("export", "later").returncode == 0
    newer = str(desk.folder / "later" / "checkpoint")

    done = desk.mintmark("verify", "--from", "earlier", "--trust", "trust", "--seen", newer, "-o", "json")
    control = desk.mintmark("verify", "--from", "later", "--trust", "trust", "--seen", "kept-checkpoint")

    assert (done.returncode, json.loads(done.stdout)["first_bad_index"]) == (4, 2)
    assert control.returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("verify", "--from", "nowhere", "--trust", "trust"), 3, "no_log"),
        (("verify", "--from", "earlier", "--trust", "nowhere"), 2, "unreadable"),
        (("verify", "--from", "earlier", "--trust", "trust", "--key", "mine"), 4, "key_malformed"),
        (("verify", "--trust", "trust"), 2, "usage"),
        (("export", "trust"), 2, "foreign_directory"),
        (("export", "new", "--policy", "nowhere"), 2, "unreadable"),
    ],
)
def test_a_wrong_call_is_refused_with_its_reason(words: tuple[str, ...], code: int, reason: str, desk: Desk) -> None:
    done = desk.mintmark(*words)

    assert (done.returncode, f"reason  {reason}" in done.stderr) == (code, True), done.stderr
