"""Check L4: the journal entries that the log's batches bind are the ledger, no more, no fewer and no others. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.ledger.batch import LedgerBatch
from mintmark.evidence.ledger.interface import LedgerEntry, LedgerSource, LedgerUnavailable
from mintmark.evidence.ledger.journal import JournalEntry, add_postings, parse_journal_entry, totals_of
from mintmark.evidence.tree import leaf_hash, root_of


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundBatch:
    """A batch whose statement was verified, and the evidence index of its entry in the log."""

    index: int
    batch: LedgerBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerProblem:
    """`place` names the journal entry or the batch, `index` the evidence entry where there is one."""

    place: str
    index: int | None
    reason: str
    detail: str

    def to_json(self) -> dict[str, object]:
        return {"place": self.place, "index": self.index, "reason": self.reason, "detail": self.detail}


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEntry:
    """Posted and not in the log yet: the next batches bind it, and until then it rests on the ledger alone."""

    id: int
    queued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerReport:
    """
    `entries` counts what the ledger has, `bound` what of it the log binds. It holds when there are no problems.

    `unread` says why the ledger could not be read to its end: what was found until then is found.
    """

    ledger: str
    batches: int
    entries: int
    bound: int
    pending: tuple[PendingEntry, ...]
    problems: tuple[LedgerProblem, ...]
    unread: str | None = None

    @property
    def holds(self) -> bool:
        return not self.problems and self.unread is None

    def oldest_pending(self, now: datetime) -> timedelta | None:
        """How long the oldest entry that no batch binds has waited."""
        return max((now - entry.queued_at for entry in self.pending), default=None)

    def to_json(self) -> dict[str, object]:
        return {
            "ledger": self.ledger,
            "batches": self.batches,
            "entries": self.entries,
            "bound": self.bound,
            "pending": [{"id": item.id, "queued_at": item.queued_at.isoformat()} for item in self.pending],
            "problems": [problem.to_json() for problem in self.problems],
            "unread": self.unread,
        }


@dataclass(slots=True)
class _Tally:
    """What one pass over the entries gathers of a batch."""

    hashes: list[bytes] = field(default_factory=list)
    totals: dict[str, list[int]] = field(default_factory=dict)
    whole: bool = True


@dataclass(slots=True)
class _Pass:
    batches: Sequence[BoundBatch]
    tallies: dict[int, _Tally]
    entries: int = 0
    bound: int = 0
    pending: list[PendingEntry] = field(default_factory=list)
    problems: list[LedgerProblem] = field(default_factory=list)

    def fail(self, place: str, reason: str, detail: str, *, index: int | None = None) -> None:
        self.problems.append(LedgerProblem(place=place, index=index, reason=reason, detail=detail))


def verify_ledger(batches: Sequence[BoundBatch], source: LedgerSource, *, ledger: str) -> LedgerReport:
    """
    Compare the batches of `ledger`, read from the log first, with the ledger, read after them.

    In that order nothing that a binder does meanwhile looks wrong: what it binds later is pending here.

    Reasons: `batch_order`, `batch_missing`, `previous_mismatch`, `double_bound`, `entry_missing`, `unbound_entry`,
    `leaf_mismatch`, `leaf_missing`, `batch_mismatch`, `queue_mismatch`, `malformed`, `id_mismatch`, `unbalanced`,
    `root_mismatch`, `trial_balance_mismatch`, `trial_balance_unequal`, `balance_mismatch`.
    """
    chosen = sorted((item for item in batches if item.batch.ledger == ledger), key=lambda item: item.index)
    walk = _Pass(batches=chosen, tallies={item.index: _Tally() for item in chosen})
    _check_chain(walk)
    unread = None
    try:
        before: _Joined = (0, None, None)
        for joined in _joined(chosen, source.entries()):
            _check_once(walk, before, joined)
            _check_member(walk, *joined)
            before = joined
        for wrong in source.wrong_balances():
            walk.fail(f"account {wrong.account}", "balance_mismatch", wrong.detail)
    except LedgerUnavailable as cause:
        unread = str(cause)
    except EvidenceError as cause:
        walk.fail("ledger", cause.reason, str(cause))
    else:
        _check_batches(walk)
    return LedgerReport(
        ledger=ledger,
        batches=len(chosen),
        entries=walk.entries,
        bound=walk.bound,
        pending=tuple(walk.pending),
        problems=tuple(walk.problems),
        unread=unread,
    )


def _check_chain(walk: _Pass) -> None:
    """Numbers count up from 1 without a gap, and each batch names the evidence of the one before it."""
    before: BoundBatch | None = None
    seen: dict[int, int] = {}
    for item in walk.batches:
        expected = before.batch.batch + 1 if before else 1
        place = f"batch {item.batch.batch}"
        if item.batch.batch in seen:
            walk.fail(place, "batch_order", f"entry {seen[item.batch.batch]} is this batch already", index=item.index)
        elif item.batch.batch != expected:
            walk.fail(place, "batch_missing", f"it stands where batch {expected} should", index=item.index)
        if item.batch.previous != (before.index if before else None):
            detail = f"it names entry {item.batch.previous} as the batch before it"
            walk.fail(place, "previous_mismatch", detail, index=item.index)
        seen.setdefault(item.batch.batch, item.index)
        before = item


_Joined = tuple[int, BoundBatch | None, LedgerEntry | None]


def _joined(batches: Sequence[BoundBatch], entries: Iterator[LedgerEntry]) -> Iterator[_Joined]:
    """Both sides by ascending id: what the log binds, and what the ledger has. Either may lack the other."""
    wanted = heapq.merge(*(_members(item) for item in batches), key=lambda pair: pair[0])
    member, entry = next(wanted, None), next(entries, None)
    while member is not None or entry is not None:
        if entry is None or (member is not None and member[0] < entry.id):
            assert member is not None  # noqa: S101  the loop's condition, for the type checker
            yield member[0], member[1], None
            member = next(wanted, None)
        elif member is None or entry.id < member[0]:
            yield entry.id, None, entry
            entry = next(entries, None)
        else:
            yield entry.id, member[1], entry
            bound_id, member = member[0], next(wanted, None)
            if member is None or member[0] != bound_id:  # bound twice: it is compared with both
                entry = next(entries, None)


def _check_once(walk: _Pass, before: _Joined, joined: _Joined) -> None:
    (id_before, item_before, _), (entry_id, item, _) = before, joined
    if item_before is not None and item is not None and id_before == entry_id:
        detail = f"evidence entries {item_before.index} and {item.index} both bind it"
        walk.fail(f"ledger entry {entry_id}", "double_bound", detail, index=item.index)


def _members(item: BoundBatch) -> Iterator[tuple[int, BoundBatch]]:
    return ((entry_id, item) for entry_id in item.batch.members())


def _check_member(walk: _Pass, entry_id: int, item: BoundBatch | None, entry: LedgerEntry | None) -> None:
    place, index = f"ledger entry {entry_id}", item.index if item else None
    tally = walk.tallies[item.index] if item else None
    if entry is None or entry.canonical is None:
        said = "the ledger has no such entry" if entry is None else "the ledger mentions it and has no such entry"
        bound = f", which batch {item.batch.batch} binds" if item else ""
        walk.fail(place, "entry_missing", said + bound, index=index)
        if tally is not None:
            tally.whole = False
        return
    walk.entries += 1
    computed = leaf_hash(entry.canonical)
    if entry.queued and (item is not None or entry.batch is not None):
        detail = f"batch {item.batch.batch if item else entry.batch} has it, and it is queued again"
        walk.fail(place, "queue_mismatch", detail, index=index)
    if item is None:
        _check_unbound(walk, place, entry)
    else:
        walk.bound += 1
        _check_bound(walk, place, item, entry)
    if entry.leaf_hash is not None and entry.leaf_hash != computed:
        detail = f"its text hashes to {computed.hex()}, and {entry.leaf_hash.hex()} was written when it was posted"
        walk.fail(place, "leaf_mismatch", detail, index=index)
    parsed = _parsed(walk, place, entry, index)
    if tally is not None:
        tally.hashes.append(computed)
        if parsed is None:
            tally.whole = False
        else:
            add_postings(tally.totals, parsed)


def _check_unbound(walk: _Pass, place: str, entry: LedgerEntry) -> None:
    """It waits for a batch, or it came into the ledger by another way than posting."""
    newest = walk.batches[-1].batch.batch if walk.batches else 0
    if entry.queued_at is not None and (entry.batch is None or entry.batch > newest):
        walk.pending.append(PendingEntry(id=entry.id, queued_at=entry.queued_at))
        return
    claimed = "" if entry.batch is None else f"; the ledger says batch {entry.batch}"
    walk.fail(place, "unbound_entry", f"no batch in the log binds it, and it does not wait to be bound{claimed}")


def _check_bound(walk: _Pass, place: str, item: BoundBatch, entry: LedgerEntry) -> None:
    number = item.batch.batch
    if entry.leaf_hash is None:
        walk.fail(place, "leaf_missing", f"batch {number} binds it, and the ledger lost its leaf", index=item.index)
    if entry.batch is not None and entry.batch != number:
        detail = f"batch {number} binds it, and the ledger says batch {entry.batch}"
        walk.fail(place, "batch_mismatch", detail, index=item.index)


def _parsed(walk: _Pass, place: str, entry: LedgerEntry, index: int | None) -> JournalEntry | None:
    try:
        parsed = parse_journal_entry(entry.canonical or b"")
    except EvidenceError as cause:
        walk.fail(place, cause.reason, str(cause), index=index)
        return None
    if parsed.id != entry.id:
        walk.fail(place, "id_mismatch", f"its text is that of entry {parsed.id}", index=index)
    for currency, total in parsed.sums().items():
        if total:
            walk.fail(place, "unbalanced", f"its postings in {currency} sum to {total} and not to zero", index=index)
    if not parsed.postings:
        walk.fail(place, "unbalanced", "it has no postings", index=index)
    return parsed


def _check_batches(walk: _Pass) -> None:
    """Roots, and cumulative totals for as long as every entry before is there to be added."""
    totals: dict[str, list[int]] = {}
    whole = True
    for item in walk.batches:
        place, tally = f"batch {item.batch.batch}", walk.tallies[item.index]
        if len(tally.hashes) == item.batch.count and root_of(tally.hashes).hex() != item.batch.root:
            detail = f"its entries, {item.batch.first} to {item.batch.last}, do not lead to its root"
            walk.fail(place, "root_mismatch", detail, index=item.index)
        for currency, (debits, credited) in tally.totals.items():
            sums = totals.setdefault(currency, [0, 0])
            sums[0], sums[1] = sums[0] + debits, sums[1] + credited
        whole = whole and tally.whole
        if whole and tuple(totals_of(totals)) != item.batch.trial_balance:
            walk.fail(place, "trial_balance_mismatch", "its trial balance is not that of its entries", index=item.index)
            whole = False  # once is enough: every later batch stands on this one
        for total in item.batch.trial_balance:
            if total.debits_minor != total.credits_minor:
                detail = f"debits {total.debits_minor} and credits {total.credits_minor} in {total.currency}"
                walk.fail(place, "trial_balance_unequal", detail, index=item.index)
