"""Reads the log's rows, the same on every backend, and derives the projection from entries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from sqlalchemy import Connection, Table, func, select, text

from mintmark.evidence import tiles
from mintmark.evidence.errors import LogRefused
from mintmark.evidence.leaf import Leaf
from mintmark.evidence.store import tables
from mintmark.evidence.store.interface import Head, StoredEntry, Waiting
from mintmark.evidence.tiles import WIDTH, Edge
from mintmark.evidence.tree import HASH_SIZE

MAX_PARAMETERS = 500  # SQLite bounds them
MAX_INBOX_BYTES = 64 * 1024 * 1024  # of bundles in one round; the schema bounds each


def read_head(connection: Connection) -> Head:
    """Raises `LogRefused` (`store_malformed`) when there is none."""
    row = connection.execute(select(tables.log_head)).one_or_none()
    if row is None:
        raise LogRefused("the evidence store has no head", reason="store_malformed", remedy="run `mintmark verify`")
    return Head(origin=row.origin, size=row.size, root=row.root)


def read_entries(connection: Connection, first: int, count: int) -> list[StoredEntry]:
    table = tables.entry
    wanted = select(table).where(table.c.idx >= first, table.c.idx < first + count).order_by(table.c.idx)
    return [StoredEntry(index=row.idx, content=row.content) for row in connection.execute(wanted)]


def read_indexes(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """id → index, of those that are recorded. One parameter for all ids: a thousand took a fifth of an append."""
    found = connection.execute(_BY_IDS[connection.dialect.name], {"ids": json.dumps(ids)})
    return {row.id: row.idx for row in found}


_BY_IDS = {
    "postgresql": text(
        "SELECT id, idx FROM entry_id WHERE id = ANY (ARRAY(SELECT json_array_elements_text(CAST(:ids AS json))))"
    ),
    "sqlite": text("SELECT id, idx FROM entry_id WHERE id IN (SELECT value FROM json_each(:ids))"),
}


def read_tile(connection: Connection, level: int, index: int) -> bytes | None:
    table = tables.tile
    content: bytes | None = connection.scalar(
        select(table.c.content).where(table.c.level == level, table.c.idx == index)
    )
    return content


def derive_tile(connection: Connection, level: int, index: int, width: int) -> bytes:
    """A full tile as stored; a partial one from what is below it."""
    stored = read_tile(connection, level, index)
    if stored is not None:
        return stored[: width * HASH_SIZE]
    if level == 0:
        return b"".join(entry.leaf_hash for entry in read_entries(connection, index * WIDTH, width))
    roots = (tile_root(connection, level - 1, at) for at in range(index * WIDTH, index * WIDTH + width))
    return b"".join(roots)


def read_payload(connection: Connection, commitment: str) -> tuple[bytes, bytes] | None:
    table = tables.payload
    row = connection.execute(
        select(table.c.salt, table.c.content).where(table.c.commitment == commitment)
    ).one_or_none()
    return (row.salt, row.content) if row else None


def read_checkpoint(connection: Connection) -> bytes | None:
    """The newest one, with the most signatures."""
    table = tables.checkpoint
    note: bytes | None = connection.scalar(
        select(table.c.note).order_by(table.c.size.desc(), table.c.signatures.desc()).limit(1)
    )
    return note


def read_checkpoints_over(connection: Connection, index: int, limit: int = 16) -> list[bytes]:
    """The first published checkpoints over an entry, each with the signatures that it had at the time."""
    table = tables.checkpoint
    wanted = select(table.c.note).where(table.c.size > index).order_by(table.c.size, table.c.signatures).limit(limit)
    return list(connection.scalars(wanted))


def read_inbox(connection: Connection, limit: int) -> list[Waiting]:
    """In the order of the ids, which UUIDv7 makes the order of arrival, and no more than memory is for."""
    table = tables.inbox
    sizes = select(func.length(table.c.bundle)).order_by(table.c.id).limit(limit)
    within = sum(total <= MAX_INBOX_BYTES for total in accumulate(connection.scalars(sizes)))
    return [
        Waiting(id=row.id, bundle=row.bundle, controls=row.controls, refs=row.refs)
        for row in connection.execute(select(table).order_by(table.c.id).limit(max(within, 1)))
    ]


def load_edge(connection: Connection, head: Head) -> Edge:
    """Rebuild the right edge from stored entries and tiles, and refuse a store whose root is not its head's."""
    edge = Edge(size=head.size, levels=[])
    level, size = 0, head.size
    while size or level == 0:
        first = size - size % WIDTH
        if level == 0:
            hashes = [entry.leaf_hash for entry in read_entries(connection, first, size - first)]
        else:
            hashes = [tile_root(connection, level - 1, index) for index in range(first, size)]
        edge.levels.append(hashes)
        level, size = level + 1, size // WIDTH
    if edge.root() != head.root:
        raise LogRefused(
            f"the entries do not lead to the head's root at size {head.size}",
            reason="root_mismatch",
            remedy="run `mintmark verify` to see which entry was changed; nothing is appended until this is resolved",
        )
    return edge


def tile_root(connection: Connection, level: int, index: int) -> bytes:
    content = read_tile(connection, level, index)
    if content is None or len(content) != WIDTH * HASH_SIZE:
        raise LogRefused(
            f"tile {level}/{index} is missing or damaged", reason="tile_missing", remedy="run `mintmark verify`"
        )
    return tiles.tile_root(content)


def project(numbered: Iterable[tuple[int, Leaf]]) -> dict[Table, list[tuple[Any, ...]]]:
    """The rows that queries read, derived from (index, entry) alone, in the order of the tables' columns."""
    ids: list[tuple[Any, ...]] = []
    entries: list[tuple[Any, ...]] = []
    subjects: list[tuple[Any, ...]] = []
    refs: list[tuple[Any, ...]] = []
    for index, leaf in numbered:
        ids.append((leaf.id, index))
        entries.append((index, leaf.kind, leaf.at, leaf.producer))
        subjects += [(index, at, subject.name, subject.digest) for at, subject in enumerate(leaf.subjects)]
        refs += [(index, at, ref) for at, ref in enumerate(leaf.refs)]
    return {
        tables.entry_id: ids,
        tables.view_entry: entries,
        tables.view_subject: subjects,
        tables.view_ref: refs,
    }
