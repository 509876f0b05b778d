"""A batch of leaves as one evidence entry: exact members, RFC 6962 root, cumulative trial balance. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, pairwise
from typing import Any

from mintmark.evidence.canonical import MAX_SAFE_INTEGER, canonical
from mintmark.evidence.errors import FormatError
from mintmark.evidence.leaf import uuid7
from mintmark.evidence.ledger.journal import CurrencyTotal
from mintmark.evidence.statement import KINDS, MARKS, STATEMENT_V1, Statement

KIND = "ledger-batch"
MAX_BATCH_LEAVES = 10_000
_LEDGER = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_AMOUNT = re.compile(r"0|[1-9][0-9]{0,37}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_DOMAIN = b"mintmark/ledger-batch/v1\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBatch:
    """
    What is said of one batch. Membership is `ranges`, ascending and apart: entries commit late and out of id order.

    `root` is hex; `previous` is the evidence index of the batch before, None for batch 1; `trial_balance` is over all
    entries bound so far, this batch included.
    """

    ledger: str
    batch: int
    root: str
    ranges: tuple[tuple[int, int], ...]
    trial_balance: tuple[CurrencyTotal, ...]
    previous: int | None
    as_of: str

    @property
    def name(self) -> str:
        return f"{self.ledger}/batch/{self.batch}"

    @property
    def first(self) -> int:
        return self.ranges[0][0]

    @property
    def last(self) -> int:
        return self.ranges[-1][1]

    @property
    def count(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    @property
    def refs(self) -> tuple[str, ...]:
        return (f"ledger:{self.ledger}", batch_ref(self.ledger, self.batch))

    def members(self) -> Iterator[int]:
        """Entry ids in ascending order, which is the order of the leaves."""
        return chain.from_iterable(range(first, last + 1) for first, last in self.ranges)

    def position(self, entry_id: int) -> int | None:
        """Which leaf an entry is, or None when it is no member."""
        before = 0
        for first, last in self.ranges:
            if first <= entry_id <= last:
                return before + entry_id - first
            before += last - first + 1
        return None

    def predicate(self) -> dict[str, Any]:
        """Sums are decimal text: the sum of a ledger's life need not fit the integers that JSON carries exactly."""
        return {
            "ledger": self.ledger,
            "batch": self.batch,
            "first": self.first,
            "last": self.last,
            "count": self.count,
            "root": self.root,
            "ranges": [list(pair) for pair in self.ranges],
            "trial_balance": trial_balance_document(self.trial_balance),
            "trial_balance_digest": trial_balance_digest(self.trial_balance),
            "previous": self.previous,
            "as_of": self.as_of,
        }

    def statement(self) -> bytes:
        """The in-toto statement, the same bytes every time."""
        document = {
            "_type": STATEMENT_V1,
            "subject": [{"name": self.name, "digest": {"sha256": self.root}}],
            "predicateType": KINDS[KIND],
            "predicate": self.predicate(),
        }
        return canonical(document)


def batch_ref(ledger: str, batch: int) -> str:
    return f"batch:{ledger}:{batch}"


def batch_id(ledger: str, batch: int) -> str:
    """
    The id of a batch's evidence entry, from its ledger and number alone: a batch that is appended again is found again.

    It is a UUIDv7 whose time is zero, for a time would make a second id of the same batch.
    """
    digest = hashlib.sha256(_DOMAIN + f"{ledger}\x00{batch}".encode()).digest()
    return uuid7(datetime.fromtimestamp(0, UTC), digest[:10])


def check_ledger_name(name: str) -> str:
    if not _LEDGER.fullmatch(name):
        raise FormatError("ledger name", why=f"{name[:80]!r} is not 1 to 63 characters of a-z, 0-9, dot and dash")
    return name


def ranges_of(ids: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Runs without a gap; `ids` ascend strictly."""
    ranges: list[tuple[int, int]] = []
    for entry_id in ids:
        if ranges and entry_id == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], entry_id)
        else:
            ranges.append((entry_id, entry_id))
    return tuple(ranges)


def trial_balance_document(totals: Sequence[CurrencyTotal]) -> list[dict[str, str]]:
    return [
        {
            "currency": total.currency,
            "debits_minor": str(total.debits_minor),
            "credits_minor": str(total.credits_minor),
        }
        for total in totals
    ]


def trial_balance_digest(totals: Sequence[CurrencyTotal]) -> str:
    """SHA-256 (hex) of the canonical JSON of the list."""
    wrapped = canonical({"": trial_balance_document(totals)})
    return hashlib.sha256(wrapped.removeprefix(b'{"":').removesuffix(b"}")).hexdigest()


def parse_batch(statement: Statement) -> LedgerBatch:
    """Read a batch strictly: what it says twice must agree. Raises `FormatError` (`malformed`, `type_mismatch`)."""
    predicate = statement.predicate
    if statement.kind != KIND or set(predicate) != MARKS[KIND]:
        raise FormatError("ledger batch", why=f"not a {KIND} predicate", reason="type_mismatch")
    try:
        batch = LedgerBatch(
            ledger=check_ledger_name(str(predicate["ledger"])),
            batch=_integer(predicate["batch"]),
            root=str(predicate["root"]),
            ranges=_ranges(predicate["ranges"]),
            trial_balance=tuple(_total(item) for item in predicate["trial_balance"]),
            previous=None if predicate["previous"] is None else _integer(predicate["previous"]),
            as_of=str(predicate["as_of"]),
        )
    except (TypeError, KeyError, ValueError) as cause:
        raise FormatError("ledger batch", why=f"a member is missing or of another type: {cause}") from cause
    if batch.batch < 1 or not re.fullmatch(r"[0-9a-f]{64}", batch.root) or not _MOMENT.fullmatch(batch.as_of):
        raise FormatError("ledger batch", why="its number, root or time is not one")
    for member, said in batch.predicate().items():
        if predicate[member] != said or type(predicate[member]) is not type(said):
            raise FormatError("ledger batch", why=f"its {member} is not what the rest of it says")
    subjects = [(subject.name, subject.digest) for subject in statement.subjects]
    if subjects != [(batch.name, batch.root)]:
        raise FormatError("ledger batch", why="its subject is not its name and root", reason="subject_mismatch")
    return batch


def _ranges(found: Any) -> tuple[tuple[int, int], ...]:
    ranges = tuple((_integer(first), _integer(last)) for first, last in found)
    if not ranges or any(first > last for first, last in ranges):
        raise FormatError("ledger batch", why="it has no members, or a range that ends before it starts")
    if any(before[1] + 1 >= after[0] for before, after in pairwise(ranges)):
        raise FormatError("ledger batch", why="its ranges do not ascend apart from one another")
    if sum(last - first + 1 for first, last in ranges) > MAX_BATCH_LEAVES:
        raise FormatError("ledger batch", why=f"over {MAX_BATCH_LEAVES} members")
    return ranges


def _total(item: Any) -> CurrencyTotal:
    amounts = item["debits_minor"], item["credits_minor"]
    if set(item) != {"currency", "debits_minor", "credits_minor"} or not re.fullmatch(r"[A-Z]{3}", item["currency"]):
        raise FormatError("ledger batch", why="a line of its trial balance is not one")
    if not all(_AMOUNT.fullmatch(amount) for amount in amounts):
        raise FormatError("ledger batch", why="a sum of its trial balance is not decimal text")
    return CurrencyTotal(currency=item["currency"], debits_minor=int(amounts[0]), credits_minor=int(amounts[1]))


def _integer(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_SAFE_INTEGER:
        raise FormatError("ledger batch", why=f"{str(value)[:40]} is not a whole number that JSON carries exactly")
    return value
