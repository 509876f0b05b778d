"""A journal entry of a ledger and its canonical text, `florin/entry/v1`, whose RFC 6962 leaf hash is bound. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mintmark.evidence.errors import FormatError
from mintmark.evidence.tree import leaf_hash

HEADER = "florin/entry/v1"
MAX_TEXT_BYTES = 1024 * 1024
_FIELDS = ("id", "created_at", "kind", "source", "ref", "deployment")
_WORD = re.compile(r"\S+")
_ID = re.compile(r"[1-9][0-9]{0,18}")
_POSTING = re.compile(r"posting ([1-9][0-9]{0,4}) (\S+) ([A-Z]{3}) (-?[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """`amount_minor` is in the currency's minor unit; a negative one is a debit."""

    leg: int
    account: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """What one entry says; `created_at` is UTC with six digits of a second, as it stands in the text."""

    id: int
    created_at: str
    kind: str
    source: str
    ref: str
    deployment: str
    postings: tuple[Posting, ...]

    def encode(self) -> bytes:
        values = (self.id, self.created_at, self.kind, self.source, self.ref, self.deployment)
        lines = [HEADER, *(f"{name} {value}" for name, value in zip(_FIELDS, values, strict=True))]
        lines += [f"posting {item.leg} {item.account} {item.currency} {item.amount_minor}" for item in self.postings]
        return "".join(f"{line}\n" for line in lines).encode()

    @property
    def leaf_hash(self) -> bytes:
        return leaf_hash(self.encode())

    def sums(self) -> dict[str, int]:
        """The sum of the postings by currency; each is zero in an entry that balances."""
        found: dict[str, int] = defaultdict(int)
        for posting in self.postings:
            found[posting.currency] += posting.amount_minor
        return dict(found)


def parse_journal_entry(text: bytes) -> JournalEntry:
    """Read a canonical text strictly: an entry has one text. Raises `FormatError`."""
    if len(text) > MAX_TEXT_BYTES:
        raise FormatError("journal entry", why=f"{len(text)} bytes, over {MAX_TEXT_BYTES}")
    try:
        lines = text.decode("utf-8").split("\n")
    except UnicodeDecodeError as cause:
        raise FormatError("journal entry", why="not UTF-8") from cause
    if len(lines) < 2 + len(_FIELDS) or lines[0] != HEADER or lines[-1]:
        raise FormatError("journal entry", why=f"not lines that start with {HEADER}")
    values = [_value(name, line) for name, line in zip(_FIELDS, lines[1:], strict=False)]
    if not _ID.fullmatch(values[0]):
        raise FormatError("journal entry", why=f"{values[0][:40]!r} is not an id")
    return JournalEntry(
        id=int(values[0]),
        created_at=values[1],
        kind=values[2],
        source=values[3],
        ref=values[4],
        deployment=values[5],
        postings=tuple(_posting(line) for line in lines[1 + len(_FIELDS) : -1]),
    )


def _value(name: str, line: str) -> str:
    found, _, value = line.partition(" ")
    if found != name or not _WORD.fullmatch(value):
        raise FormatError("journal entry", why=f"{line[:80]!r} stands where {name} should")
    return value


def _posting(line: str) -> Posting:
    match = _POSTING.fullmatch(line)
    if match is None:
        raise FormatError("journal entry", why=f"{line[:80]!r} is not a posting")
    return Posting(leg=int(match[1]), account=match[2], currency=match[3], amount_minor=int(match[4]))


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyTotal:
    """One line of a trial balance; both sums are positive and, in a ledger that is whole, equal."""

    currency: str
    debits_minor: int
    credits_minor: int


def trial_balance(entries: Iterable[JournalEntry], *, before: Iterable[CurrencyTotal] = ()) -> list[CurrencyTotal]:
    """The totals of `entries` on top of those `before`, by currency."""
    totals = {total.currency: [total.debits_minor, total.credits_minor] for total in before}
    for entry in entries:
        add_postings(totals, entry)
    return totals_of(totals)


def add_postings(totals: dict[str, list[int]], entry: JournalEntry) -> None:
    """Add to `currency → [debits, credits]` in place, for those who pass over many entries once."""
    for posting in entry.postings:
        side = 0 if posting.amount_minor < 0 else 1
        totals.setdefault(posting.currency, [0, 0])[side] += abs(posting.amount_minor)


def totals_of(totals: Mapping[str, list[int]]) -> list[CurrencyTotal]:
    return [
        CurrencyTotal(currency=currency, debits_minor=debits, credits_minor=credited)
        for currency, (debits, credited) in sorted(totals.items())
    ]
