"""A writer is killed at every write, sync, open, rename and unlink: what was answered is there, and nothing forks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import create_engine
from tests.evidence.builders import NOW, Bench, bench
from tests.evidence.crash.kills import strace
from tests.evidence.crash.sweep import Accepts, Scenario, sweep
from tests.evidence.goverify.build import accepted

from mintmark.evidence.inbox import Submission, enqueue
from mintmark.evidence.log import EvidenceLog, Recorded

SHARED_MEMORY = Path("/dev/shm")
FULL = os.environ.get("MINTMARK_CRASH_SWEEP") == "full"  # every call of every scenario

pytestmark = pytest.mark.skipif(strace() is None, reason="strace is not installed: no call can be chosen to die at")


@pytest.fixture
def accepts(goverify: Path) -> Accepts:
    return lambda vkey, folder: accepted(goverify, vkey, folder)


def recording(place: Bench) -> Scenario:
    """Two entries: while the second is recorded, the first has been answered."""
    place.fill(3)
    bundles = [place.bundle(number=number) for number in range(2)]

    def scenario(log: EvidenceLog, answer: Callable[[Recorded], None]) -> None:
        for bundle in bundles:
            answer(log.record(bundle, now=NOW, refs=("decision:1",)))

    return scenario


def filling_a_tile(place: Bench) -> Scenario:
    place.fill(255)
    bundle = place.bundle(last_of_the_tile=True)

    def scenario(log: EvidenceLog, answer: Callable[[Recorded], None]) -> None:
        answer(log.record(bundle, now=NOW))

    return scenario


def draining(place: Bench) -> Scenario:
    """One that holds, one that does not, and one whose id was recorded with other bytes."""
    log = place.fill(3)
    log.record_all([Submission(bundle=place.bundle(), id="unsound-id_conflict")], now=NOW)
    waiting = {"sound": place.bundle(sound=True), "unsound-malformed": b"{}", "unsound-id_conflict": place.bundle(n=1)}
    with create_engine(place.url).begin() as connection:
        for identity, bundle in waiting.items():
            enqueue(connection, Submission(bundle=bundle, id=identity), now=NOW)

    def scenario(log: EvidenceLog, _answer: Callable[[Recorded], None]) -> None:
        log.drain(now=NOW)

    return scenario


def erasing(place: Bench) -> Scenario:
    place.fill(3)

    def scenario(log: EvidenceLog, answer: Callable[[Recorded], None]) -> None:
        answer(log.erase(1, basis="gdpr-17", now=NOW))

    return scenario


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A killed process leaves what it wrote with the kernel: whether there is a disk behind it makes no difference."""
    with TemporaryDirectory(dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.parametrize(("work", "every"), [(recording, 1), (filling_a_tile, 5), (draining, 5), (erasing, 5)])
def test_whatever_call_a_writer_dies_at_nothing_answered_is_lost_and_nothing_forks(
    work: Callable[[Bench], Scenario],
    every: int,
    memory: Path,
    accepts: Accepts,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (memory / "template").mkdir()
    template = bench(memory / "template")
    every = 1 if FULL else every

    swept = sweep(template, work(template), memory, accepts, every=every)

    with capsys.disabled():
        print(f"\n{swept.describe(work.__name__)}")
    assert swept.covered == -(-swept.reachable // every)
    assert swept.reachable > 60
    assert swept.unfinished > 0
    assert (swept.acknowledged > 60) == (work is recording)
