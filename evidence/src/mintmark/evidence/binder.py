"""Binds a ledger to the log: takes a batch of leaves, appends one evidence entry, writes down where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mintmark.evidence.bundle import parse_bundle
from mintmark.evidence.errors import FormatError, LogRefused, NotFound
from mintmark.evidence.inbox import Submission
from mintmark.evidence.leaf import timestamp
from mintmark.evidence.ledger.batch import (
    KIND,
    LedgerBatch,
    batch_id,
    check_ledger_name,
    parse_batch,
    ranges_of,
)
from mintmark.evidence.ledger.interface import LedgerRefused
from mintmark.evidence.ledger.journal import trial_balance
from mintmark.evidence.ledger.receipt import LedgerReceipt, make_receipt
from mintmark.evidence.ledger.verification import BoundBatch
from mintmark.evidence.log import EvidenceLog
from mintmark.evidence.query import MAX_LIMIT
from mintmark.evidence.reader import LogReader
from mintmark.evidence.statement import parse_statement

if TYPE_CHECKING:  # psycopg is an extra: who only proves what is bound does not need it
    from mintmark.evidence.ledger.database import Assigned, LedgerDatabase

DEFAULT_LEDGER = "florin"
DEFAULT_LIMIT = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Binder:
    """
    The three steps may be repeated and interrupted anywhere, by any number of binders of one ledger and one log.

    `sign` takes a statement and returns a Sigstore bundle; its key must be trusted for `ledger-batch`.
    """

    log: EvidenceLog
    database: LedgerDatabase
    sign: Callable[[bytes], bytes]
    ledger: str = DEFAULT_LEDGER
    limit: int = DEFAULT_LIMIT

    def drain(self, clock: Callable[[], datetime]) -> Iterator[BoundBatch]:
        """
        Bind what waits. What is posted meanwhile is left for the next call, or a busy ledger would never let this end.

        Raises `LedgerRefused`, `LedgerUnavailable` or what the log refuses with.
        """
        while (assigned := self.database.assign(self.limit)) is not None:
            bound = self.append(assigned, now=clock())
            self.database.confirm(assigned.batch, log=self.log.origin, index=bound.index)
            yield bound
            if assigned.emptied:
                return

    def append(self, assigned: Assigned, *, now: datetime) -> BoundBatch:
        """Step 2: the batch's one entry in the log, new or as it stands there already."""
        batch = self._batch(assigned)
        identity = batch_id(self.ledger, batch.batch)
        known = self.log.store.index_of(identity)
        if known is not None:
            return self._same(batch, known, now=now)
        submission = Submission(bundle=self.sign(batch.statement()), refs=batch.refs, id=identity)
        try:
            recorded = self.log.record_all([submission], now=now)[0]
        except LogRefused as cause:
            # Another binder was faster: signatures differ from one to the next, what they sign does not.
            raced = self.log.store.index_of(identity)
            if cause.reason != "id_conflict" or raced is None:
                raise
            return self._same(batch, raced, now=now)
        return BoundBatch(index=recorded.index, batch=batch)

    def _batch(self, assigned: Assigned) -> LedgerBatch:
        before = self._before(assigned.batch)
        return LedgerBatch(
            ledger=check_ledger_name(self.ledger),
            batch=assigned.batch,
            root=assigned.root.hex(),
            ranges=ranges_of([entry.id for entry in assigned.entries]),
            trial_balance=tuple(trial_balance(assigned.entries, before=before.batch.trial_balance if before else ())),
            previous=before.index if before else None,
            as_of=timestamp(assigned.assigned_at),
        )

    def _before(self, number: int) -> BoundBatch | None:
        """The batch before, proven by the log; the ledger's word is only where to look."""
        if number == 1:
            return None
        confirmed = self.database.confirmed(number - 1)
        if confirmed is None or confirmed.log != self.log.origin:
            elsewhere = f"in the log {confirmed.log}" if confirmed else "nowhere"
            raise LedgerRefused(
                f"batch {number - 1} of {self.ledger} is bound {elsewhere}, not in {self.log.origin}",
                reason="log_mismatch",
                remedy="bring back the log that has its earlier batches, from an export with `mintmark store recover`; "
                "a ledger does not go on in another log, nor in a later epoch of the same one",
            )
        try:
            found = prove_batch(self.log, confirmed.index)
        except (FormatError, NotFound) as cause:
            raise _not_before(confirmed.index, "no batch", self.ledger, number - 1) from cause
        if (found.batch.ledger, found.batch.batch) != (self.ledger, number - 1):
            raise _not_before(confirmed.index, found.batch.name, self.ledger, number - 1)
        return found

    def _same(self, batch: LedgerBatch, index: int, *, now: datetime) -> BoundBatch:
        """What stands there already. Submitting its own bytes adds nothing and waits until it is signed."""
        stored = Submission(bundle=self.log.bundle(index), refs=batch.refs, id=batch_id(self.ledger, batch.batch))
        self.log.record_all([stored], now=now)
        found = prove_batch(self.log, index)
        if found.batch != batch:
            raise LedgerRefused(
                f"batch {batch.batch} of {self.ledger} stands in entry {index} with other members or sums",
                reason="batch_conflict",
                remedy="the ledger was restored from a backup or is another: nothing is bound until that is settled",
            )
        return found


def _not_before(index: int, found: str, ledger: str, batch: int) -> LedgerRefused:
    return LedgerRefused(
        f"entry {index} of the log is {found}, and the ledger says that it is batch {batch} of {ledger}",
        reason="previous_mismatch",
        remedy="ledger and log do not belong together, or one was restored from a backup",
    )


def prove_batch(log: LogReader, index: int) -> BoundBatch:
    """Read a batch from the log and prove its entry first. Raises `EvidenceError`."""
    return BoundBatch(index=index, batch=parse_batch(parse_statement(log.prove(index).statement)))


def bound_batches(log: LogReader, ledger: str) -> list[BoundBatch]:
    """
    Every batch of a ledger, proven, found from the newest back by what each says came before it.

    The query table is asked only for the newest: a row that is hidden there cannot hide an older batch.
    """
    rows = log.search(kind=KIND, ref=f"ledger:{ledger}", limit=MAX_LIMIT)
    batches: list[BoundBatch] = []
    index = max((row.index for row in rows), default=None)
    while index is not None:
        bound = prove_batch(log, index)
        batches.append(bound)
        index = bound.batch.previous if bound.batch.previous is None or bound.batch.previous < index else None
    return batches[::-1]


def claimed_batches(log: LogReader, ledger: str) -> Iterator[BoundBatch]:
    """The batches of a ledger from the newest back, each read and not proven: for looking, not for believing."""
    for row in sorted(log.search(kind=KIND, ref=f"ledger:{ledger}", limit=MAX_LIMIT), key=lambda row: -row.index):
        yield BoundBatch(
            index=row.index, batch=parse_batch(parse_statement(parse_bundle(log.bundle(row.index)).payload))
        )


def posting_receipt(log: LogReader, bound: BoundBatch, leaves: list[bytes], *, text: bytes) -> LedgerReceipt:
    """The receipt of one journal entry, under the log's newest checkpoint. Raises `ProofError`."""
    return make_receipt(
        bound.batch,
        leaves,
        text=text,
        entry=log.entry(bound.index).encode(),
        proof=log.receipt(bound.index).encode(),
    )
