"""The ledger as a file, `ledger/entries.jsonl` of an export: written once, and read as a ledger to verify."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mintmark.evidence.canonical import parse_strict
from mintmark.evidence.errors import FormatError
from mintmark.evidence.ledger.interface import LedgerEntry, LedgerSource, WrongBalance
from mintmark.evidence.ledger.journal import MAX_TEXT_BYTES
from mintmark.evidence.ledger.verification import BoundBatch

PATH = Path("ledger", "entries.jsonl")
_MAX_LINE_BYTES = 2 * MAX_TEXT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedLedger:
    """`file` is read line by line; its order and shape are checked on the way."""

    file: Path

    def entries(self) -> Iterator[LedgerEntry]:
        """Raises `FormatError` (`malformed`)."""
        before = 0
        with self.file.open("rb") as handle:
            while line := handle.readline(_MAX_LINE_BYTES + 1):
                entry = _entry(line)
                if entry.id <= before:
                    raise FormatError("exported ledger", why=f"entry {entry.id} stands after entry {before}")
                before = entry.id
                yield entry

    def wrong_balances(self) -> Iterator[WrongBalance]:
        """An export has postings and no balances."""
        return iter(())


def export_ledger(source: LedgerSource, batches: Sequence[BoundBatch], folder: Path) -> int:
    """
    Write the file below `folder` and return how many entries it has; `batches` are those of the exported log.

    Entries that wait for a later batch are not in it: nothing in that log speaks of them. An entry that is neither
    bound nor waiting is in it, and so fails verification there too.
    """
    ranges = sorted(pair for item in batches for pair in item.batch.ranges)
    newest = max((item.batch.batch for item in batches), default=0)
    path = folder / PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with path.open("wb") as handle:
        for entry in source.entries():
            waits = entry.queued_at is not None and (entry.batch is None or entry.batch > newest)
            if entry.canonical is None or (waits and not _within(ranges, entry.id)):
                continue
            document = {
                "canonical": entry.canonical.decode("utf-8"),
                "id": entry.id,
                "leaf_hash": entry.leaf_hash.hex() if entry.leaf_hash is not None else "",
            }
            handle.write(_line(document))
            written += 1
    return written


def _within(ranges: Sequence[tuple[int, int]], entry_id: int) -> bool:
    at = bisect_right(ranges, entry_id, key=lambda pair: pair[0])
    return at > 0 and entry_id <= ranges[at - 1][1]


def _entry(line: bytes) -> LedgerEntry:
    document = parse_strict(line, what="exported ledger", limit=_MAX_LINE_BYTES)
    if set(document) != {"canonical", "id", "leaf_hash"} or type(document["id"]) is not int:
        raise FormatError("exported ledger", why="a line has other members than canonical, id and leaf_hash")
    if _line(document) != line:
        raise FormatError("exported ledger", why="a line is not written in the one way in which it may be")
    try:
        return LedgerEntry(
            id=document["id"],
            canonical=document["canonical"].encode(),
            leaf_hash=_leaf_hash(document["leaf_hash"]),
        )
    except (AttributeError, TypeError, ValueError) as cause:
        raise FormatError("exported ledger", why=f"a line does not hold an entry: {cause}") from cause


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _leaf_hash(text: str) -> bytes | None:
    """Raises `ValueError` for a digest in another spelling."""
    found = bytes.fromhex(text)
    if found.hex() != text:
        raise ValueError("a leaf's hash is lower-case hex")
    return found or None
