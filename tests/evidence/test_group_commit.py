"""Callers share a transaction and nothing else: each has its own index, its own refusal, and may go at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text
from tests.evidence.builders import NOW, Bench
from tests.evidence.stores import administrator

from mintmark.evidence.errors import EvidenceError, IngestRefused, LogRefused, StoreUnavailable
from mintmark.evidence.group_commit import GroupCommit
from mintmark.evidence.inbox import Submission, enqueue
from mintmark.evidence.log import MAX_BATCH, EvidenceLog, Recorded
from mintmark.evidence.receipt import verify_receipt
from mintmark.evidence.verify.report import Answer


def submission(place: Bench, number: int) -> Submission:
    return Submission(bundle=place.bundle(number=number), id=f"number-{number}")


def batches(log: EvidenceLog) -> int:
    with log.store.reading() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM integrated")) or 0)


@contextmanager
def held(place: Bench) -> Iterator[None]:
    """Nobody can append while another writer has the head."""
    with closing(administrator(place.url)) as other:
        if place.url.startswith("sqlite"):
            other.execute("BEGIN IMMEDIATE")
        else:
            other.execute("BEGIN")
            other.execute("SELECT * FROM log_head FOR UPDATE")
        yield
        other.execute("ROLLBACK")


BREAKS = {
    "sqlite": (
        "CREATE TRIGGER broken BEFORE INSERT ON payload BEGIN SELECT RAISE(ABORT, 'broken'); END",
        "DROP TRIGGER broken",
    ),
    "postgresql": ("ALTER TABLE payload RENAME TO payload_away", "ALTER TABLE payload_away RENAME TO payload"),
}


@contextmanager
def broken(place: Bench) -> Iterator[None]:
    """Payloads cannot be stored."""
    breaks, mends = BREAKS[place.url.partition(":")[0]]
    with closing(administrator(place.url)) as other:
        other.execute(breaks)
        yield
        other.execute(mends)


async def begun(work: asyncio.Task[Recorded]) -> None:
    """Its batch is under way, and waits for the head."""
    done, _ = await asyncio.wait([work], timeout=0.3)
    assert not done


def test_each_caller_has_its_own_index_and_many_share_a_transaction(place: Bench) -> None:
    log = place.open()
    submissions = [submission(place, number) for number in range(150)]

    async def run() -> list[Recorded]:
        async with GroupCommit(log, max_batch=50) as group:
            return await asyncio.gather(*(group.record(item, now=NOW) for item in submissions))

    recorded = asyncio.run(run())

    assert [entry.index for entry in recorded] == list(range(150))
    assert [entry.id for entry in recorded] == [item.id for item in submissions]
    assert batches(log) == 3
    for entry in recorded[::40]:
        stored = log.stored(entry.index)
        assert stored.leaf_hash == entry.leaf_hash
        verify_receipt(log.receipt(entry.index).encode(), entry=stored.content, log_vkey=place.signer.vkey)
    assert place.verify().answer is Answer.VERIFIED


def test_what_arrives_during_a_commit_goes_into_the_next_batch_together(place: Bench) -> None:
    log = place.open()

    async def run() -> None:
        async with GroupCommit(log) as group:
            with held(place):
                first = asyncio.create_task(group.record(submission(place, 0), now=NOW))
                await begun(first)
                others = [asyncio.create_task(group.record(submission(place, n), now=NOW)) for n in range(1, 20)]
                await begun(others[0])
            await asyncio.gather(first, *others)

    asyncio.run(run())

    assert batches(log) == 2
    assert log.store.head().size == 20


def test_a_refused_caller_has_its_own_reason_and_the_rest_is_recorded(place: Bench) -> None:
    log = place.open()
    items = [submission(place, 0), Submission(bundle=b"{}"), submission(place, 1)]

    async def run() -> list[Recorded | BaseException]:
        async with GroupCommit(log) as group:
            return await asyncio.gather(*(group.record(item, now=NOW) for item in items), return_exceptions=True)

    first, refused, second = asyncio.run(run())

    assert isinstance(first, Recorded)
    assert isinstance(second, Recorded)
    assert isinstance(refused, IngestRefused)
    assert refused.reason == "malformed"
    assert [row.refs for row in log.search(kind="refusal")] == [("refused:malformed",)]
    assert batches(log) == 1  # whoever sends a flood of such bundles makes nobody wait for a transaction each


def test_a_full_queue_refuses_and_who_waits_already_is_recorded(place: Bench) -> None:
    log = place.open()

    async def run() -> tuple[StoreUnavailable, list[Recorded]]:
        async with GroupCommit(log, max_waiting=3) as group:
            with held(place):
                waiting = [asyncio.create_task(group.record(submission(place, 0), now=NOW))]
                await begun(waiting[0])
                waiting += [asyncio.create_task(group.record(submission(place, n), now=NOW)) for n in (1, 2, 3)]
                await asyncio.sleep(0)
                with pytest.raises(StoreUnavailable) as refused:
                    await group.record(submission(place, 4), now=NOW)
            return refused.value, await asyncio.gather(*waiting)

    refused, recorded = asyncio.run(run())

    assert (refused.reason, refused.exit_code) == ("queue_full", 5)
    assert [entry.index for entry in recorded] == [0, 1, 2, 3]


def test_a_failing_store_fails_one_batch_and_the_next_try_is_recorded(place: Bench) -> None:
    log = place.open()

    async def run() -> tuple[list[Recorded | BaseException], list[Recorded]]:
        async with GroupCommit(log) as group:
            items = [submission(place, n) for n in range(3)]
            with broken(place):
                failed = await asyncio.gather(*(group.record(i, now=NOW) for i in items), return_exceptions=True)
            return failed, await asyncio.gather(*(group.record(i, now=NOW) for i in items))

    failed, recorded = asyncio.run(run())

    assert [type(item) for item in failed] == [LogRefused] * 3
    assert [entry.index for entry in recorded] == [0, 1, 2]
    assert place.verify().answer is Answer.VERIFIED


def test_who_gives_up_during_the_commit_may_find_its_entry_and_harms_nobody(place: Bench) -> None:
    log, items = place.open(), [submission(place, n) for n in range(3)]

    async def run() -> tuple[Recorded, Recorded]:
        async with GroupCommit(log) as group:
            with held(place):
                gone, stays = (asyncio.create_task(group.record(item, now=NOW)) for item in items[:2])
                await begun(stays)
                gone.cancel()
                late = asyncio.create_task(group.record(items[2], now=NOW))
                await begun(late)
                late.cancel()  # its batch has not begun: it is left out
                await asyncio.wait([gone, late])
            stayed = await stays
            return stayed, await group.record(items[0], now=NOW)

    stayed, again = asyncio.run(run())

    assert (stayed.index, again.index) == (1, 0)
    assert log.store.head().size == 2


def test_closing_records_what_waits_and_takes_no_more(place: Bench) -> None:
    log = place.open()

    async def run() -> tuple[list[Recorded], StoreUnavailable]:
        group = GroupCommit(log, max_batch=5)
        waiting = [asyncio.create_task(group.record(submission(place, n), now=NOW)) for n in range(17)]
        await asyncio.sleep(0)
        await group.aclose()
        await group.aclose()
        assert all(work.done() for work in waiting)
        with pytest.raises(StoreUnavailable) as refused:
            await group.record(submission(place, 18), now=NOW)
        return await asyncio.gather(*waiting), refused.value

    recorded, refused = asyncio.run(run())

    assert [entry.index for entry in recorded] == list(range(17))
    assert refused.reason == "closing"


def test_a_batch_bears_the_latest_moment_of_its_callers(place: Bench) -> None:
    log = place.open()

    async def run() -> None:
        async with GroupCommit(log) as group:
            moments = (NOW + timedelta(seconds=second) for second in (0, 2, 1))
            await asyncio.gather(*(group.record(submission(place, n), now=now) for n, now in enumerate(moments)))

    asyncio.run(run())

    assert {log.entry(index).at for index in range(3)} == {"2026-11-24T12:00:02.000Z"}


def fill_inbox(place: Bench, *items: Submission) -> None:
    engine = create_engine(place.url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for item in items:
            enqueue(connection, item, now=NOW)
    engine.dispose()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110  it is the database that is waited for
            await asyncio.sleep(0.02)


async def drained(log: EvidenceLog, size: int) -> None:
    await until(lambda: log.store.head().size >= size and not log.store.waiting(1))


def test_the_inbox_is_drained_beside_the_callers_and_goes_on_after_a_failure(place: Bench) -> None:
    log, failures = place.open(), list[EvidenceError]()
    fill_inbox(place, *(submission(place, n) for n in range(5)), Submission(bundle=b"{}"))

    async def run() -> None:
        async with GroupCommit(log) as group:
            draining = asyncio.create_task(group.drain_every(0.05, clock=lambda: NOW, failed=failures.append))
            await group.record(submission(place, 100), now=NOW)
            await drained(log, 7)
            with broken(place):
                fill_inbox(place, submission(place, 5))
                await until(lambda: bool(failures))
            await drained(log, 8)
            await group.aclose()
            assert draining.done()

    asyncio.run(run())

    assert {failure.reason for failure in failures} == {"store_malformed"}
    assert [row.refs for row in log.search(kind="refusal")] == [("refused:malformed",)]
    assert place.verify().answer is Answer.VERIFIED


def test_a_whole_round_of_refusals_does_not_keep_the_rest_waiting(on_sqlite: Bench) -> None:
    log = on_sqlite.open()
    fill_inbox(on_sqlite, *(Submission(bundle=b"{}", id=f"{n:04}") for n in range(MAX_BATCH)), submission(on_sqlite, 1))

    async def run() -> None:
        async with GroupCommit(log) as group:
            draining = asyncio.create_task(
                group.drain_every(3600, clock=lambda: NOW, failed=list[EvidenceError]().append)
            )
            await drained(log, MAX_BATCH + 1)
            await group.aclose()
            assert draining.done()

    asyncio.run(run())

    assert [row.index for row in log.search(kind="scan")] == [MAX_BATCH]
