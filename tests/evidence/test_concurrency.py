"""Any number of processes write at once, each in its own way, and publish into one archive: no gap and no fork."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.evidence.builders import NOW, Bench
from tests.evidence.crash.writers import fill_inbox

from mintmark.evidence.archive import Archive
from mintmark.evidence.checkpoint import open_checkpoint
from mintmark.evidence.group_commit import GroupCommit
from mintmark.evidence.inbox import Submission
from mintmark.evidence.leaf import parse_leaf
from mintmark.evidence.log import Recorded
from mintmark.evidence.verify.report import Answer

EACH = 24
_FORK = multiprocessing.get_context("fork")


def submissions(place: Bench, name: str) -> list[Submission]:
    return [Submission(bundle=place.bundle(name=name, number=n), id=f"{name}-{n}") for n in range(EACH)]


def one_by_one(place: Bench, name: str) -> None:
    log = place.open()
    for submission in submissions(place, name)[: EACH // 4]:
        log.record_all([submission], now=NOW)


def in_batches(place: Bench, name: str) -> None:
    log, waiting = place.open(), submissions(place, name)
    for first in range(0, EACH, 8):
        log.record_all(waiting[first : first + 8], now=NOW)


def as_group(place: Bench, name: str) -> None:
    log = place.open()

    async def run() -> list[Recorded]:
        async with GroupCommit(log, max_batch=10) as group:
            return await asyncio.gather(*(group.record(item, now=NOW) for item in submissions(place, name)))

    told = asyncio.run(run())
    assert [entry.id for entry in told] == [f"{name}-{n}" for n in range(EACH)]


def draining(place: Bench, name: str) -> None:
    log = place.open()
    fill_inbox(place, [f"{name}-{n}" for n in range(EACH)])
    while log.store.waiting(1):
        log.drain(now=NOW, limit=5)


def publishing(place: Bench, name: str) -> None:
    log = place.open()
    for _ in range(EACH):
        log.publish()


RECORDS: dict[Callable[[Bench, str], None], int] = {
    one_by_one: EACH // 4,
    in_batches: EACH,
    as_group: EACH,
    draining: EACH,
    publishing: 0,
}
MIXES: dict[int, list[Callable[[Bench, str], None]]] = {
    2: [one_by_one, as_group],
    8: [one_by_one, one_by_one, in_batches, as_group, as_group, draining, draining, publishing],
}


@pytest.mark.parametrize("processes", MIXES)
def test_writers_of_every_kind_at_once_leave_no_gap_and_no_fork(processes: int, place: Bench) -> None:
    place.open()
    work = [
        (writes, _FORK.Process(target=writes, args=(place, f"{writes.__name__}-{number}")))
        for number, writes in enumerate(MIXES[processes])
    ]
    for _, process in work:
        process.start()
    for _, process in work:
        process.join(60)

    assert [process.exitcode for _, process in work] == [0] * processes
    log = place.open()
    size = log.store.head().size
    ids = {parse_leaf(entry.content).id for entry in log.store.entries(0, size)}
    assert size == len(ids) == sum(RECORDS[writes] for writes, _ in work)
    assert place.verify().answer is Answer.VERIFIED


def test_processes_that_publish_at_once_archive_each_checkpoint_whole(place: Bench, tmp_path: Path) -> None:
    place.fill(3)
    work = [_FORK.Process(target=writes, args=(place, f"at-once-{n}")) for n, writes in enumerate([publishing] * 4)]
    work.append(_FORK.Process(target=one_by_one, args=(place, "writer")))
    for process in work:
        process.start()
    for process in work:
        process.join(60)
    archive = Archive(folder=place.archive)
    sizes = [open_checkpoint(note, place.signer.verifier).size for _, note in archive.notes()]
    newest = archive.newest(place.signer.verifier)

    assert [process.exitcode for process in work] == [0] * 5
    assert sizes == list(range(3, 4 + EACH // 4))
    assert newest is not None
    assert newest.size == sizes[-1]
    assert not list(place.archive.glob(".new-*"))
    assert place.verify().answer is Answer.VERIFIED
