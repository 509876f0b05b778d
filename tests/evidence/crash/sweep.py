"""Kills a writer on SQLite at every system call in turn, and asks of what is left everything that was promised."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from signal import SIGKILL

from tests.evidence.builders import NOW, Bench
from tests.evidence.crash.kills import Killed, Point, Work, points, run_until

from mintmark.evidence.errors import StoreUnavailable
from mintmark.evidence.export import export_log
from mintmark.evidence.log import EvidenceLog, Recorded
from mintmark.evidence.verify.report import Answer

# What a writer does with an open log; it tells what it was told by `answer`.
Scenario = Callable[[EvidenceLog, Callable[[Recorded], None]], None]
# (verifier key, exported folder) → whether a verifier that is not ours accepts it
Accepts = Callable[[str, Path], bool]

ATTEMPTS = 10


@dataclass(slots=True, kw_only=True)
class Swept:
    """`acknowledged` counts the runs in which an answer had been given before the kill."""

    covered: int = 0
    reachable: int = 0
    acknowledged: int = 0
    unfinished: int = 0

    def describe(self, what: str) -> str:
        return (
            f"{what}: crash points covered {self.covered} of {self.reachable} reachable; {self.acknowledged} runs had "
            f"been answered, {self.unfinished} left a transaction to roll back; 0 entries lost, 0 forks"
        )


def sweep(template: Bench, scenario: Scenario, folder: Path, accepts: Accepts, *, every: int = 1) -> Swept:
    """Let the scenario run to its end once, and then on a fresh copy for each `every`-th call that it made."""
    reachable = points(_run(_copy(template, folder / "copy"), scenario).calls)
    swept = Swept(reachable=len(reachable))
    for point in reachable[::every]:
        place, killed = _killed_at(point, template, scenario, folder)
        swept.covered += 1
        swept.acknowledged += bool(killed.answers)
        swept.unfinished += _check(place, template, killed, folder, accepts)
    return swept


def _killed_at(point: Point, template: Bench, scenario: Scenario, folder: Path) -> tuple[Bench, Killed]:
    """Salts are random, and so now and then a run writes a page less."""
    for _ in range(ATTEMPTS):
        place = _copy(template, folder / "copy")
        killed = _run(place, scenario, kill=point)
        if killed.exit_code == -SIGKILL:
            return place, killed
        assert killed.exit_code == 0, (point, killed)
    raise AssertionError(f"{point} was not reached again")


def _run(place: Bench, scenario: Scenario, *, kill: Point | None = None) -> Killed:
    def begin() -> Work:
        log = place.open()

        def work(answers: int) -> None:
            scenario(log, lambda told: _write(answers, told))

        return work

    return run_until(begin, place.archive.parent, kill=kill)


def _write(answers: int, told: Recorded) -> None:
    os.write(answers, f"{told.index} {told.id} {told.leaf_hash.hex()}\n".encode())


def _copy(template: Bench, folder: Path) -> Bench:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template.archive.parent, folder)
    file = folder / template.file.relative_to(template.archive.parent)
    return replace(template, url=f"sqlite:///{file}", archive=folder / template.archive.name)


def _check(place: Bench, template: Bench, killed: Killed, folder: Path, accepts: Accepts) -> bool:
    """Return whether the file was left with a transaction to roll back."""
    unfinished = True
    with suppress(StoreUnavailable):
        assert place.verify().answer is Answer.VERIFIED, killed  # as it was left, without a byte written
        unfinished = False
    log = place.open()
    size = log.store.head().size
    assert size >= template.open().store.head().size
    for line in killed.answers:
        index, identity, leaf_hash = line.split(" ")
        stored = log.stored(int(index))
        assert (log.entry(int(index)).id, stored.leaf_hash.hex()) == (identity, leaf_hash)
    assert log.record(place.bundle(afterwards=True), now=NOW).index == size
    size += 1 + _drain(log, template)
    report = place.verify()
    assert report.answer is Answer.VERIFIED, (killed, report.describe())
    shutil.rmtree(folder / "export", ignore_errors=True)
    assert export_log(log, folder / "export") == size
    assert accepts(place.signer.vkey, folder / "export"), killed
    return unfinished


def _drain(log: EvidenceLog, template: Bench) -> int:
    """What waited before is recorded once or refused, whenever its sequencer died; returns how much was still to do."""
    waited = {item.id for item in template.open().store.waiting(10)}
    drained = log.drain(now=NOW)
    recorded = [log.entry(row.index).id for row in log.search()]
    refusals = {ref for row in log.search(kind="refusal") for ref in row.refs}
    assert len(set(recorded)) == len(recorded)
    assert log.store.waiting(1) == []
    assert {name for name in waited if name.startswith("sound")} <= set(recorded)
    assert refusals == {name.replace("unsound-", "refused:") for name in waited if not name.startswith("sound")}
    return drained.recorded + drained.refused
