"""What a ledger is to whoever verifies it: its entries in order. And how reading or binding it may fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mintmark.evidence.errors import INFRASTRUCTURE, EvidenceError


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """
    One id that the ledger mentions. `canonical` is made from the rows as they are now, None when there are none.

    `leaf_hash` is what the ledger wrote down when it was posted. `batch` is the one that the ledger gave it to, None
    while it is queued; `queued_at` is when it was queued, or the first of its batch. `queued` is whether it is in the
    queue now, which nothing is that has a batch.
    """

    id: int
    canonical: bytes | None
    leaf_hash: bytes | None
    batch: int | None = None
    queued_at: datetime | None = None
    queued: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongBalance:
    """An account whose balance is not what its postings lead to, and how the two differ."""

    account: str
    detail: str


class LedgerSource(Protocol):
    """A ledger to verify: a live one, or one that was exported."""

    def entries(self) -> Iterator[LedgerEntry]:
        """Every id that the ledger mentions, strictly ascending. Raises `EvidenceError`."""
        ...

    def wrong_balances(self) -> Iterator[WrongBalance]:
        """Accounts whose balance is not the sum of their postings; none where the source keeps no balances."""
        ...


class LedgerUnavailable(EvidenceError):
    """The ledger's database does not answer, or has no binding yet."""

    exit_code = INFRASTRUCTURE


class LedgerRefused(EvidenceError):
    """The ledger contradicts itself or the log: nothing is bound on top of that."""
