"""One pass over the entries: hashes and tiles (L1), the projection (L3), the payloads (L5). Only ids stay in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from typing import Any

from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.ingest import accept
from mintmark.evidence.leaf import SALT_SIZE, Leaf, commit, parse_leaf
from mintmark.evidence.statement import Statement, parse_time
from mintmark.evidence.store import tables
from mintmark.evidence.store.rows import project
from mintmark.evidence.tiles import WIDTH, Edge, Tile
from mintmark.evidence.tree import HASH_SIZE, CompactRange, leaf_hash
from mintmark.evidence.trust import TrustPolicy
from mintmark.evidence.verify.interface import Snapshot
from mintmark.evidence.verify.report import Findings, Level

ERASED = "erased:"
_MAX_INDEX = 1 << 63
_LATER_EPOCH = re.compile(r".+/([2-9]|[1-9][0-9]+)")
HASHED = {Level.L1, Level.L2}  # for these alone an entry is hashed, and not read


@dataclass(slots=True)
class Walked:
    """What a pass found out: roots at the wanted sizes, and what the payloads said."""

    size: int = 0
    root: bytes = b""
    roots: dict[int, bytes] = field(default_factory=dict)
    opened: int = 0
    erased: list[int] = field(default_factory=list)
    batches: list[tuple[int, Statement]] = field(default_factory=list)


@dataclass(slots=True)
class Walk:
    """
    `trusted_time` gives a moment at which an entry of an index certainly existed, where a third party said so.

    Without it keys are judged as of the entry's own time, which is the log's word.
    """

    origin: str
    snapshot: Snapshot
    findings: Findings
    levels: frozenset[Level]
    trust: TrustPolicy
    trusted_time: Callable[[int], datetime | None]
    walked: Walked = field(default_factory=Walked)
    _edge: Edge = field(default_factory=Edge)
    _range: CompactRange = field(default_factory=CompactRange)
    _tiles: set[tuple[int, int]] = field(default_factory=set)
    _ids: set[str] = field(default_factory=set)
    _missing: list[tuple[int, str]] = field(default_factory=list)
    _erasures: dict[str, int] = field(default_factory=dict)
    _stored: set[bytes] = field(default_factory=set)
    _whole: bool = True

    def run(self, wanted: set[int]) -> Walked:
        """Walk the whole log; keep the roots of the first `wanted` entries."""
        comparisons = self._comparisons()
        try:
            for index, stored in self.snapshot.entries():
                content = self._content(index, stored)
                if self._whole:
                    self._hash(content)
                    if self._range.size in wanted:
                        self.walked.roots[self._range.size] = self._range.root()
                self._check_entry(index, content, comparisons)
        finally:  # a store that cannot be read to its end still says how far it was read
            self.walked.root = self._range.root()
        for compare in comparisons:
            compare(None, None)
        self._check_tiles()
        if Level.L5 in self.levels:
            self._check_erased()
        return self.walked

    def _content(self, index: int, stored: Any) -> bytes:
        """The bytes of an entry. After a gap no tile and no root says anything: all of them would differ."""
        if index != self.walked.size:
            self.findings.fail("L1", "entry.idx", f"entry {self.walked.size} is missing", index=self.walked.size)
            self._whole = False
        self.walked.size = index + 1
        if isinstance(stored, bytes):
            return stored
        self.findings.fail("L1", "entry.content", f"is stored as {type(stored).__name__}, not as bytes", index=index)
        return str(stored).encode()

    def _check_entry(
        self, index: int, content: bytes, comparisons: list[Callable[[int | None, Leaf | None], None]]
    ) -> None:
        read = self.levels - HASHED or (index == 0 and is_later_epoch(self.origin))
        leaf = self._parse(index, content) if read else None
        for compare in comparisons:
            compare(index, leaf)
        if index == 0 and leaf is not None:
            self._check_epoch(leaf)
        if leaf is not None and Level.L5 in self.levels:
            self._open(index, leaf)

    def _hash(self, content: bytes) -> None:
        """L1: each full tile is compared when it is full."""
        leaf = leaf_hash(content)
        self._range.append(leaf)
        for tile in self._edge.append([leaf]):
            self._tiles.add((tile.level, tile.index))
            stored = self.snapshot.tile(tile.level, tile.index)
            if stored != tile.content:
                self._tile_differs(tile, stored)

    def _tile_differs(self, tile: Tile, stored: Any) -> None:
        """Name the entry whose hash differs; above the lowest level the one that is known to be wrong already."""
        first, width = tile.index * WIDTH, 1 << (8 * tile.level)
        if isinstance(stored, bytes) and len(stored) == len(tile.content):
            first += next(at for at in range(len(stored)) if stored[at] != tile.content[at]) // HASH_SIZE
            index = self.findings.first_within(first * width, (first + 1) * width)
        else:
            index = first * width
        reason = f"tile {tile.level}/{tile.index} is {'not what the entries make' if stored else 'missing'}"
        self.findings.fail("L1", "tile", reason, index=index)

    def _check_tiles(self) -> None:
        if not self._whole:
            return
        for level, index in sorted(self.snapshot.tiles() - self._tiles, key=repr):
            self.findings.fail("L1", "tile", f"tile {level}/{index} is not of a log of {self.walked.size} entries")

    def _check_epoch(self, first: Leaf) -> None:
        """A log that goes on from another says so first."""
        if is_later_epoch(self.origin) and first.kind != "epoch":
            self.findings.fail("L2", "entry", f"{self.origin} does not say which checkpoint it goes on from", index=0)

    def _parse(self, index: int, content: bytes) -> Leaf | None:
        try:
            leaf = parse_leaf(content)
        except EvidenceError as cause:
            self.findings.fail("L1", "entry.content", str(cause), index=index)
            return None
        if leaf.id in self._ids:
            self.findings.fail("L1", "entry.content", f"its id {leaf.id} is that of an entry before", index=index)
        self._ids.add(leaf.id)
        return leaf

    def _comparisons(self) -> list[Callable[[int | None, Leaf | None], None]]:
        if Level.L3 not in self.levels:
            return []
        return [Comparison(self.snapshot, name, self.findings) for name in self.snapshot.projected()]

    def _open(self, index: int, leaf: Leaf) -> None:
        """L5: the payload opens its commitment, its signature holds, and it says what its entry says."""
        stored = self.snapshot.payload(leaf.commitment)
        if leaf.kind == "erasure":
            self._erasures |= {ref.removeprefix(ERASED): index for ref in leaf.refs if ref.startswith(ERASED)}
        if stored is None:
            self._missing.append((index, leaf.commitment))
            return
        self._stored.add(bytes.fromhex(leaf.commitment))
        salt, content = (item if isinstance(item, bytes) else b"" for item in stored)
        if len(salt) != SALT_SIZE or len(content) != leaf.size or commit(content, salt) != leaf.commitment:
            self.findings.fail("L5", "payload.content or payload.salt", "does not open the commitment", index=index)
            return
        try:
            accepted = accept(content, self.trust, at=parse_time(leaf.at, what="at"), alone=False)
        except EvidenceError as cause:
            self.findings.fail("L5", "payload.content", str(cause), index=index)
            return
        said = (accepted.statement.kind, accepted.producer.id, accepted.statement.subjects)
        if said != (leaf.kind, leaf.producer, leaf.subjects):
            self.findings.fail(
                "L5", "payload.content", "the signed statement says something else than its entry", index=index
            )
            return
        self._check_revoked(index, accepted.producer.id)
        self.walked.opened += 1
        if leaf.kind == "ledger-batch":
            self.walked.batches.append((index, accepted.statement))

    def _check_revoked(self, index: int, producer: str) -> None:
        """Of a key that was revoked only what others saw before that is believed: the log's clock may lie."""
        key = self.trust.key(producer)
        if key is None or key.validity.revoked_at is None:
            return
        seen = self.trusted_time(index)
        if seen is None:
            self.findings.lack(
                "L5",
                "payload",
                "no_trusted_time: its key was revoked, and nobody saw it before",
                index=index,
            )
        elif seen >= key.validity.revoked_at:
            self.findings.fail(
                "L5", "payload", f"key_revoked: nobody saw it before {key.validity.revoked_at.isoformat()}", index=index
            )

    def _check_erased(self) -> None:
        """An erasure is of something: it does not excuse what comes after it."""
        for index, commitment in self._missing:
            if self._erasures.get(commitment, -1) > index:
                self.walked.erased.append(index)
            else:
                self.findings.fail(
                    "L5", "payload.commitment", "the payload is missing, and no erasure is recorded", index=index
                )
        for commitment in self._erasures:
            if self.snapshot.payload(commitment) is not None:
                self.findings.warnings.append(f"the erasure of payload {commitment[:16]} is recorded, and it is there")
        strays = sum(1 for _ in self.snapshot.commitments()) - len(self._stored)
        if strays:
            self.findings.fail("L5", "payload.commitment", f"{strays} payloads belong to no entry")


def is_later_epoch(origin: str) -> bool:
    """Whether a log's name says that it goes on from another."""
    return _LATER_EPOCH.fullmatch(origin) is not None


class Comparison:
    """L3: rebuilds one query table from the entries and compares it row by row, in one pass over both."""

    def __init__(self, snapshot: Snapshot, table: str, findings: Findings) -> None:
        self.table, self._findings = table, findings
        columns = [column.name for column in tables.metadata.tables[table].columns]
        self._at = columns.index("idx")
        self._rows = snapshot.projection(table)
        self._next = next(self._rows, None)

    def __call__(self, index: int | None, leaf: Leaf | None) -> None:
        """Compare the rows of the entry at `index`; without one, what is left belongs to no entry."""
        found = list(self._until(index))
        if index is None or leaf is None:
            expected: list[tuple[Any, ...]] = []
        else:
            expected = project([(index, leaf)])[tables.metadata.tables[self.table]]
        if found == expected:
            return
        for have, want in zip_longest(found, expected):
            if have == want:
                continue
            if have is not None and have not in expected:
                self._fail(have, "is not in the log", index)
            if want is not None and want not in found:
                self._fail(want, "is missing", index)

    def _until(self, index: int | None) -> Iterator[tuple[Any, ...]]:
        while self._next is not None and (index is None or self._index_of(self._next) <= index):
            yield self._next
            self._next = next(self._rows, None)

    def _index_of(self, row: tuple[Any, ...]) -> int:
        """A row whose index is no number comes first, and is found there."""
        value = row[self._at] if len(row) > self._at else None
        return int(value) if isinstance(value, (int, float)) and abs(value) < _MAX_INDEX else -1

    def _fail(self, row: tuple[Any, ...], what: str, index: int | None) -> None:
        at = self._index_of(row)
        self._findings.fail("L3", self.table, f"row {row!r:.200} {what}", index=at if at >= 0 else index)
