"""A `.mintmark` that came with a commit is not believed, and a copied one stops nothing where its original is."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from mintmark.evidence.ledger.batch import check_ledger_name
from mintmark.pipelines.deploy.interface import Running
from mintmark.pipelines.deploy.ledger_binding import ledger_name
from mintmark.pipelines.deploy.local import CURRENT, LocalDriver
from mintmark.pipelines.errors import PipelineError
from mintmark.pipelines.locations import Locations
from mintmark.pipelines.workshop import open_evidence, open_reader


def locations(folder: Path, name: str = "one") -> Locations:
    return Locations(
        state=folder / "checkout" / ".mintmark",
        keys=folder / name / "keys",
        checkpoints=folder / name / "checkpoints",
        cache=folder / name / "cache",
    )


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def test_a_log_and_a_trust_policy_that_were_committed_are_refused(tmp_path: Path) -> None:
    """Whoever may open a pull request could else say in it whose scans and approvals are trusted."""
    place = locations(tmp_path)
    open_evidence(place)
    git(tmp_path, "init", "-q", "checkout")
    git(tmp_path / "checkout", "commit", "-q", "--allow-empty", "-m", "x")

    assert open_reader(place).trust == open_evidence(place).trust
    git(tmp_path / "checkout", "add", "-f", ".mintmark/evidence/trust.toml")
    for opening in (open_evidence, open_reader):
        with pytest.raises(PipelineError) as refused:
            opening(place)
        assert refused.value.reason == "state_committed"


def test_a_copied_state_does_not_stop_the_service_of_the_place_it_was_copied_from(tmp_path: Path) -> None:
    there = LocalDriver(environment="local", folder=tmp_path / "there")
    here = LocalDriver(environment="local", folder=tmp_path / "here")
    theirs = _running(there, "d-1")
    there.switch(theirs)
    here.folder.mkdir()
    (here.folder / CURRENT).write_bytes((there.folder / CURRENT).read_bytes())

    ours = _running(here, "d-2")
    here.switch(ours)

    try:
        assert there.current() == theirs
        assert _alive(theirs)
        assert here.current() == ours
        here.switch(_running(here, "d-3"))
        assert not _alive(ours)
    finally:
        there.stop(theirs)
        here.stop(here.current() or ours)


@pytest.mark.parametrize("changes", [{"folder": ""}, {"folder": "/"}, {"deployment_id": "", "folder": "."}])
def test_a_forged_note_of_what_runs_stops_no_process(changes: dict[str, str], tmp_path: Path) -> None:
    driver = LocalDriver(environment="local", folder=tmp_path)
    running = _running(driver, "d-1")
    (driver.folder / CURRENT).write_text(json.dumps(asdict(running) | changes), encoding="utf-8")

    try:
        assert driver.current() is None
    finally:
        driver.stop(running)


def test_a_service_is_known_by_its_command_line_however_narrow_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    driver = LocalDriver(environment="local", folder=tmp_path)
    running = _running(driver, "d-1")

    driver.stop(running)

    assert not _alive(running)


def _running(driver: LocalDriver, name: str) -> Running:
    """A process whose command line names its folder, as that of a service does."""
    folder = driver.folder / "deployments" / name
    folder.mkdir(parents=True)
    program = "import time; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", program, str(folder)])
    return Running(
        environment="local", deployment_id=name, digest="0" * 64, url="http://x", pid=process.pid, folder=str(folder)
    )


def _alive(running: Running) -> bool:
    shown = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(running.pid)], capture_output=True, text=True, check=False
    )
    return running.folder in shown.stdout


def test_no_two_environments_share_the_name_of_a_ledger() -> None:
    """Each numbers its batches from one: under one name the second could not be bound, and the first would deny it."""
    names = [ledger_name(environment) for environment in ("local", "preview", "production")]

    assert names == ["florin", "florin-preview", "florin-production"]
    assert [check_ledger_name(name) for name in names] == names
