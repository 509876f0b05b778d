"""The log for an asyncio server: callers wait for their own entry, and share the transaction that makes it durable."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

from mintmark.evidence.errors import EvidenceError, StoreUnavailable
from mintmark.evidence.inbox import Submission
from mintmark.evidence.log import MAX_BATCH, EvidenceLog, Outcome, Recorded

MAX_WAITING = 10_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Caller:
    submission: Submission
    now: datetime
    answer: asyncio.Future[Outcome | Exception]


class GroupCommit:
    """
    While one batch is committed, signed and archived, the next gathers: the busier, the larger the batches.

    It belongs to one event loop, and its log to one thread. Leave it by `aclose`, which records what waits.
    """

    def __init__(self, log: EvidenceLog, *, max_waiting: int = MAX_WAITING, max_batch: int = MAX_BATCH) -> None:
        if not 0 < max_batch <= MAX_BATCH or max_waiting < 1:
            raise ValueError(f"a batch has 1 to {MAX_BATCH} submissions, and at least one caller may wait")
        self._log = log
        self._max_waiting, self._max_batch = max_waiting, max_batch
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="evidence-log")
        self._waiting: deque[_Caller] = deque()
        self._recording: asyncio.Task[None] | None = None
        self._draining: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    async def record(self, submission: Submission, *, now: datetime) -> Recorded:
        """
        Return once the entry is durable, signed and archived.

        The entries of a batch bear the latest `now` of its callers. A caller that is cancelled, or that is told
        `StoreUnavailable`, may find its entry recorded: give the submission an id, and submitting it again is safe.
        Raises what `EvidenceLog.record` does, and `StoreUnavailable`: `queue_full`, `closing`.
        """
        self._check_room()
        caller = _Caller(submission, now, asyncio.get_running_loop().create_future())
        self._waiting.append(caller)
        if self._recording is None or self._recording.done():
            self._recording = asyncio.create_task(self._record_waiting())
        outcome = await caller.answer
        if isinstance(outcome, Exception):
            raise outcome.with_traceback(None)  # one error may answer a whole batch: each caller has its own trace
        return outcome

    async def drain_every(
        self, period_s: float, *, clock: Callable[[], datetime], failed: Callable[[EvidenceError], None]
    ) -> None:
        """
        Record what waits in the inbox, every period until this is closed, and at once while there is more.

        Run it as a task. What the log refuses or cannot do is told to `failed`, and the next period tries again.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a coroutine that runs is in a task
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)
        while not self._closing.is_set():
            try:
                drained = await self._in_thread(lambda: self._log.drain(now=clock()))
                more = drained.recorded + drained.refused > 0
            except EvidenceError as failure:
                failed(failure)
                more = False
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), period_s)

    async def aclose(self) -> None:
        """Take no more, record what waits, and answer everybody. It may be called twice."""
        self._closing.set()
        for task in (self._recording, *self._draining):
            if task is not None:
                await asyncio.wait([task])
        self._thread.shutdown(wait=False)  # its work is done

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _check_room(self) -> None:
        if self._closing.is_set():
            raise StoreUnavailable(
                "the log is being closed", reason="closing", remedy="submit it again once the server is back"
            )
        if len(self._waiting) >= self._max_waiting:
            raise StoreUnavailable(
                f"{len(self._waiting)} callers wait for the log already",
                reason="queue_full",
                remedy="submit it again later: the store is slower than what is asked of it",
            )

    async def _record_waiting(self) -> None:
        """One batch after the other until nobody waits; who gave up before the batch began is left out."""
        while self._waiting:
            batch: list[_Caller] = []
            while self._waiting and len(batch) < self._max_batch:
                caller = self._waiting.popleft()
                if not caller.answer.done():
                    batch.append(caller)
            if batch:
                await self._record_batch(batch)

    async def _record_batch(self, batch: list[_Caller]) -> None:
        submissions = [caller.submission for caller in batch]
        now = max(caller.now for caller in batch)
        outcomes: list[Outcome] | list[Exception]
        try:
            outcomes = await self._in_thread(lambda: self._log.record_each(submissions, now=now))
        except Exception as failure:  # noqa: BLE001  whatever it is, these callers must not wait for ever
            outcomes = [failure] * len(batch)
        for caller, outcome in zip(batch, outcomes, strict=True):
            if not caller.answer.done():
                caller.answer.set_result(outcome)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
