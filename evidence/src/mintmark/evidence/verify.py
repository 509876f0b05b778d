"""Verifies the whole log offline, and says where the first thing is that does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, create_engine, select, text
from sqlalchemy.exc import DatabaseError

from mintmark.evidence.archive import Archive
from mintmark.evidence.checkpoint import Checkpoint, open_checkpoint
from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.ingest import accept
from mintmark.evidence.leaf import SALT_SIZE, Leaf, commit, parse_leaf
from mintmark.evidence.note import VerifierKey
from mintmark.evidence.statement import parse_time
from mintmark.evidence.store import tables
from mintmark.evidence.store.sqlite import FILE_NAME, create_schema, engine, project
from mintmark.evidence.tiles import Edge, Tile
from mintmark.evidence.tree import leaf_hash
from mintmark.evidence.trust import TrustPolicy


class Answer(StrEnum):
    VERIFIED = "verified"
    FAILED = "failed"
    NOT_VERIFIABLE = "not verifiable"


_EXIT_CODES = {Answer.VERIFIED: 0, Answer.FAILED: 4, Answer.NOT_VERIFIABLE: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One thing that does not hold: `place` is a table and column, or a file; `index` an entry, where there is one."""

    level: str
    place: str
    index: int | None
    reason: str

    def to_json(self) -> dict[str, object]:
        return {"level": self.level, "place": self.place, "index": self.index, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """`broken` is in the order of the checks; its first element is the first thing that does not hold."""

    answer: Answer
    origin: str
    size: int
    checkpoints: int
    broken: tuple[Broken, ...]

    @property
    def exit_code(self) -> int:
        return _EXIT_CODES[self.answer]

    @property
    def first_bad_index(self) -> int | None:
        return min((item.index for item in self.broken if item.index is not None), default=None)

    def describe(self) -> str:
        head = (
            f"{self.answer.value.upper()}  {self.origin}  {self.size} entries, {self.checkpoints} archived checkpoints"
        )
        if self.answer is Answer.VERIFIED:
            checks = (
                "  ✓ L1  every entry hashes to its leaf, the leaves to the tiles and the root",
                "  ✓ L2  every archived checkpoint is signed by the log and consistent (no witness saw it)",
                "  ✓ L3  the query tables are what the entries say",
                "  ✓ L5  every payload opens its commitment, and its signature holds",
            )
            return "\n".join((head, *checks))
        lines = [
            f"  ✗ {item.level}  {item.place}{'' if item.index is None else f', entry {item.index}'}: {item.reason}"
            for item in self.broken[:20]
        ]
        more = [f"  and {len(self.broken) - 20} more"] if len(self.broken) > 20 else []
        return "\n".join([head, *lines, *more])

    def to_json(self) -> dict[str, object]:
        return {
            "answer": self.answer.value,
            "origin": self.origin,
            "size": self.size,
            "archived_checkpoints": self.checkpoints,
            "first_bad_index": self.first_bad_index,
            "broken": [item.to_json() for item in self.broken],
        }


@dataclass(slots=True)
class _Walk:
    """What one pass over the entries gathers."""

    wanted: set[int]
    edge: Edge = field(default_factory=Edge)
    roots: dict[int, bytes] = field(default_factory=dict)
    tiles: dict[tuple[int, int], Tile] = field(default_factory=dict)
    leaves: list[tuple[int, Leaf, bytes]] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    def fail(self, level: str, place: str, reason: str, *, index: int | None = None) -> None:
        self.broken.append(Broken(level=level, place=place, index=index, reason=reason))


def verify_log(home: Path, *, archive: Path, trust: TrustPolicy, log_vkey: str) -> VerificationReport:
    """
    Check L1, the archived part of L2, L3 and L5 of the store at `home`, without writing a byte.

    FAILED when anything does not hold. NOT_VERIFIABLE when all holds and no archived checkpoint says how long the log
    was: a prefix of a valid log is itself a valid log.
    """
    key = VerifierKey.decode(log_vkey)
    notes = Archive(folder=archive).notes()
    walk = _Walk(wanted=set())
    archived = [checkpoint for path, note in notes if (checkpoint := _opened(walk, key, str(path.name), note))]
    walk.wanted = {checkpoint.size for checkpoint in archived}
    try:
        with engine(home / FILE_NAME, read_only=True).connect() as connection:
            for check in (_schema, _entries, _tiles, _projection):
                check(connection, walk)
            _checkpoints(connection, walk, key)
            _head(connection, walk, key)
            _payloads(connection, walk, trust)
    except (DatabaseError, OverflowError) as cause:
        walk.fail("L1", FILE_NAME, f"the file cannot be read as a database: {cause}")
    for checkpoint in archived:
        _consistent(walk, checkpoint)
    answer = Answer.FAILED if walk.broken else Answer.VERIFIED if archived else Answer.NOT_VERIFIABLE
    broken = tuple(walk.broken)
    if answer is Answer.NOT_VERIFIABLE:
        broken = (Broken(level="L2", place=str(archive), index=None, reason="no checkpoint is archived"),)
    return VerificationReport(
        answer=answer, origin=key.name, size=walk.edge.size, checkpoints=len(archived), broken=broken
    )


def _opened(walk: _Walk, key: VerifierKey, place: str, note: bytes) -> Checkpoint | None:
    try:
        return open_checkpoint(note, key)
    except EvidenceError as cause:
        walk.fail("L2", place, str(cause))
        return None


def _schema(connection: Connection, walk: _Walk) -> None:
    """The guards are part of what is verified: make the schema again in memory and compare it."""
    wanted = text("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    with create_engine("sqlite://").connect() as fresh:
        create_schema(fresh)
        expected = {(row.type, row.name): row.sql for row in fresh.execute(wanted)}
    found = {(row.type, row.name): row.sql for row in connection.execute(wanted)}
    for kind, name in sorted(expected.keys() | found.keys()):
        if expected.get((kind, name)) != found.get((kind, name)):
            state = "missing" if (kind, name) not in found else "not as it was made"
            walk.fail("L1", f"schema {kind} {name}", state if (kind, name) in expected else "not of this log")


def _entries(connection: Connection, walk: _Walk) -> None:
    """L1: indexes without a gap, each entry in its canonical form, each hash recomputed."""
    expected = 0
    for row in _rows(connection, tables.entry, tables.entry.c.idx):
        if row.idx != expected:
            walk.fail("L1", "entry.idx", f"index {row.idx} stands where {expected} should", index=expected)
        expected += 1
        content = _blob(row.content)
        computed = leaf_hash(content)
        if computed != row.leaf_hash:
            walk.fail("L1", "entry.content or entry.leaf_hash", "the entry does not hash to its leaf", index=row.idx)
        for tile in walk.edge.append([computed]):
            walk.tiles[tile.level, tile.index] = tile
        if walk.edge.size in walk.wanted:
            walk.roots[walk.edge.size] = walk.edge.root()
        try:
            leaf = parse_leaf(content)
        except EvidenceError as cause:
            walk.fail("L1", "entry.content", str(cause), index=row.idx)
            continue
        if leaf.id != row.id:
            walk.fail("L1", "entry.id", f"{row.id!r} is not the entry's own id", index=row.idx)
        walk.leaves.append((row.idx, leaf, content))


def _tiles(connection: Connection, walk: _Walk) -> None:
    stored = {(row.level, row.idx): row.content for row in _rows(connection, tables.tile, tables.tile.c.idx)}
    for level, index in sorted(stored.keys() | walk.tiles.keys()):
        computed = walk.tiles.get((level, index))
        if computed is None or stored.get((level, index)) != computed.content:
            first = index << (8 * (level + 1))
            walk.fail("L1", "tile", f"tile {level}/{index} is not what the entries make", index=first)


def _checkpoints(connection: Connection, walk: _Walk, key: VerifierKey) -> None:
    for row in _rows(connection, tables.checkpoint, tables.checkpoint.c.size):
        checkpoint = _opened(walk, key, f"checkpoint.note of size {row.size}", _blob(row.note))
        if checkpoint is not None and checkpoint.size != row.size:
            walk.fail("L2", "checkpoint.size", f"{row.size} is not {checkpoint.size}, which was signed")


def _head(connection: Connection, walk: _Walk, key: VerifierKey) -> None:
    heads = list(_rows(connection, tables.log_head, tables.log_head.c.singleton))
    if len(heads) != 1:
        walk.fail("L1", "log_head", f"{len(heads)} rows, not one")
        return
    head = heads[0]
    for column, found, expected in (
        ("singleton", head.singleton, 1),
        ("origin", head.origin, key.name),
        ("size", head.size, walk.edge.size),
        ("root", head.root, walk.edge.root()),
    ):
        if found != expected:
            walk.fail("L1", f"log_head.{column}", f"{_shown(found)} is not {_shown(expected)}")


def _projection(connection: Connection, walk: _Walk) -> None:
    """L3: rebuild what queries read from the entries, and compare row by row."""
    rebuilt = project([(index, content) for index, _, content in walk.leaves])
    for name, rows in rebuilt.items():
        table = tables.metadata.tables[name]
        order = [column.name for column in table.columns]
        expected = {tuple(row[column] for column in order) for row in rows}
        found = [tuple(row) for row in connection.execute(select(table))]
        for wrong in sorted(set(found) ^ expected, key=repr):
            state = "is not in the log" if wrong in found else "is missing"
            walk.fail("L3", name, f"row {wrong!r} {state}", index=wrong[0] if isinstance(wrong[0], int) else None)


def _payloads(connection: Connection, walk: _Walk, trust: TrustPolicy) -> None:
    """L5: each payload opens its commitment, its signature holds, and it says what its entry says."""
    stored = {row.commitment: row for row in _rows(connection, tables.payload, tables.payload.c.commitment)}
    for index, leaf, _ in walk.leaves:
        row = stored.pop(leaf.commitment, None)
        if row is None:
            walk.fail("L5", "payload.commitment", "the payload of this entry is missing", index=index)
            continue
        content, salt = _blob(row.content), _blob(row.salt)
        if len(salt) != SALT_SIZE or len(content) != leaf.size or commit(content, salt) != leaf.commitment:
            walk.fail("L5", "payload.content or payload.salt", "does not open the commitment", index=index)
            continue
        try:
            accepted = accept(content, trust, at=parse_time(leaf.at, what="at"), alone=False)
        except EvidenceError as cause:
            walk.fail("L5", "payload.content", str(cause), index=index)
            continue
        said = (accepted.statement.kind, accepted.producer.id, accepted.statement.subjects)
        if said != (leaf.kind, leaf.producer, leaf.subjects):
            walk.fail("L5", "payload.content", "the signed statement says something else than its entry", index=index)
    for commitment in sorted(stored, key=repr):
        walk.fail("L5", "payload.commitment", f"{_shown(commitment)} belongs to no entry")


def _consistent(walk: _Walk, checkpoint: Checkpoint) -> None:
    """L2: what was signed then is a prefix of what is there now."""
    if checkpoint.size > walk.edge.size:
        walk.fail(
            "L2",
            "entry",
            f"the tail is gone: a checkpoint over {checkpoint.size} entries was signed, {walk.edge.size} are there",
            index=walk.edge.size,
        )
    elif walk.roots.get(checkpoint.size) != checkpoint.root:
        good = max((size for size in walk.roots if size < checkpoint.size), default=0)
        walk.fail("L2", "entry", f"the first {checkpoint.size} entries are not those that were signed", index=good)


def _rows(connection: Connection, table: Table, order: Any) -> Iterator[Any]:
    return iter(connection.execute(select(table).order_by(order)))


def _blob(value: object) -> bytes:
    """An edited column may hold another type; what is not bytes hashes to something else anyway."""
    return value if isinstance(value, bytes) else str(value).encode()


def _shown(value: object) -> str:
    return value.hex()[:16] if isinstance(value, bytes) else repr(value)[:80]
