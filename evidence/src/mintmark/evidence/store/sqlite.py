"""The log in one SQLite file: durable on commit (`synchronous=EXTRA`), one writer at a time (`BEGIN IMMEDIATE`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, Row, create_engine, event, insert, select, update
from sqlalchemy.exc import DatabaseError

from mintmark.evidence.errors import LogRefused, StoreUnavailable
from mintmark.evidence.leaf import parse_leaf
from mintmark.evidence.store import tables
from mintmark.evidence.store.interface import Batch, Head, Sequencing, StoredEntry
from mintmark.evidence.tiles import WIDTH, Edge
from mintmark.evidence.tree import EMPTY_ROOT, HASH_SIZE, perfect_root

FILE_NAME = "log.sqlite3"
BUSY_TIMEOUT_S = 30


class SqliteStore:
    """`path` is the file; it is made, with its tables and guards, where it is missing."""

    def __init__(self, path: Path, *, origin: str) -> None:
        self._engine = engine(path)
        self._reader = engine(path, read_only=True)
        if not path.exists() or path.stat().st_size == 0:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as cause:
                raise StoreUnavailable(
                    f"{path.parent} cannot be made: {cause}", reason="store_unavailable", remedy="choose another folder"
                ) from cause
            self._create(origin)

    def append(self, sequence: Sequencing) -> Batch | None:
        with self._writing() as connection:
            head = _head(connection)
            batch = sequence(head, load_edge(connection, head))
            if batch is not None:
                _write(connection, batch)
            return batch

    def head(self) -> Head:
        with self.reading() as connection:
            return _head(connection)

    def entries(self, first: int, count: int) -> list[StoredEntry]:
        with self.reading() as connection:
            return stored_entries(connection, first, count)

    def entry_by_id(self, identity: str) -> StoredEntry | None:
        with self.reading() as connection:
            row = connection.execute(select(tables.entry).where(tables.entry.c.id == identity)).one_or_none()
            return _stored(row) if row else None

    def tile(self, level: int, index: int) -> bytes | None:
        with self.reading() as connection:
            return stored_tile(connection, level, index)

    def payload(self, commitment: str) -> tuple[bytes, bytes] | None:
        table = tables.payload
        with self.reading() as connection:
            row = connection.execute(
                select(table.c.salt, table.c.content).where(table.c.commitment == commitment)
            ).one_or_none()
            return (row.salt, row.content) if row else None

    def checkpoint(self) -> bytes | None:
        table = tables.checkpoint
        with self.reading() as connection:
            note: bytes | None = connection.scalar(select(table.c.note).order_by(table.c.size.desc()).limit(1))
            return note

    def keep_checkpoint(self, size: int, note: bytes) -> None:
        with self._writing() as connection:
            connection.execute(insert(tables.checkpoint).prefix_with("OR IGNORE").values(size=size, note=note))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with _translated(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _translated(), self._engine.begin() as connection:
            yield connection

    def _create(self, origin: str) -> None:
        with self._writing() as connection:
            if connection.dialect.has_table(connection, tables.log_head.name):
                return  # another process came first
            create_schema(connection)
            connection.execute(insert(tables.log_head).values(singleton=1, origin=origin, size=0, root=EMPTY_ROOT))


# What another attempt, more room or another permission would mend; anything else is wrong with the file itself.
_UNAVAILABLE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DatabaseError as cause:
        if str(getattr(cause.orig, "sqlite_errorname", "")).startswith(_UNAVAILABLE):
            raise StoreUnavailable(
                f"the evidence store cannot be used: {cause.orig}",
                reason="store_unavailable",
                remedy="check the disk and the permissions, and try again",
            ) from cause
        raise LogRefused(
            f"the evidence store cannot be used: {cause.orig}",
            reason="store_malformed",
            remedy="run `mintmark verify`, and restore the file if it is damaged",
        ) from cause


def engine(path: Path, *, read_only: bool = False) -> Engine:
    """An engine whose transactions start with `BEGIN IMMEDIATE`, or a read-only one that writes no byte."""

    def connect() -> sqlite3.Connection:
        mode = "ro" if read_only else "rwc"
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
        )

    made = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(made, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        with closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA foreign_keys = ON")
            if not read_only:
                # FULL does not sync the folder after the journal is unlinked: a power cut could undo a commit
                cursor.execute("PRAGMA synchronous = EXTRA")

    @event.listens_for(made, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return made


def create_schema(connection: Connection) -> None:
    """The tables and their guards; verification makes them again in memory and compares."""
    tables.metadata.create_all(connection)
    guards = (files("mintmark.evidence.store") / "sql" / "sqlite_guards.sql").read_text(encoding="utf-8")
    statement = ""
    for line in guards.splitlines(keepends=True):
        if line.startswith("--"):
            continue
        statement += line
        if sqlite3.complete_statement(statement):
            connection.exec_driver_sql(statement.strip())
            statement = ""


def load_edge(connection: Connection, head: Head) -> Edge:
    """Rebuild the right edge from stored entries and tiles, and refuse a store whose root is not its head's."""
    edge = Edge(size=head.size, levels=[])
    level, size = 0, head.size
    while size or level == 0:
        first = size - size % WIDTH
        if level == 0:
            hashes = [entry.leaf_hash for entry in stored_entries(connection, first, WIDTH)]
        else:
            hashes = [_tile_root(connection, level - 1, index) for index in range(first, size)]
        edge.levels.append(hashes)
        level, size = level + 1, size // WIDTH
    if edge.root() != head.root:
        raise LogRefused(
            f"the entries do not lead to the head's root at size {head.size}",
            reason="root_mismatch",
            remedy="run `mintmark verify` to see which entry was changed; nothing is appended until this is resolved",
        )
    return edge


def stored_tile(connection: Connection, level: int, index: int) -> bytes | None:
    table = tables.tile
    content: bytes | None = connection.scalar(
        select(table.c.content).where(table.c.level == level, table.c.idx == index)
    )
    return content


def stored_entries(connection: Connection, first: int, count: int) -> list[StoredEntry]:
    table = tables.entry
    rows = connection.execute(
        select(table).where(table.c.idx >= first, table.c.idx < first + count).order_by(table.c.idx)
    )
    return [_stored(row) for row in rows]


def _tile_root(connection: Connection, level: int, index: int) -> bytes:
    content = stored_tile(connection, level, index)
    if content is None or len(content) != WIDTH * HASH_SIZE:
        raise LogRefused(
            f"tile {level}/{index} is missing or damaged", reason="tile_missing", remedy="run `mintmark verify`"
        )
    return perfect_root([content[at : at + HASH_SIZE] for at in range(0, len(content), HASH_SIZE)])


def _head(connection: Connection) -> Head:
    row = connection.execute(select(tables.log_head)).one_or_none()
    if row is None:
        raise LogRefused("the evidence store has no head", reason="store_malformed", remedy="run `mintmark verify`")
    return Head(origin=row.origin, size=row.size, root=row.root)


def _stored(row: Row[Any]) -> StoredEntry:
    return StoredEntry(index=row.idx, id=row.id, content=row.content, leaf_hash=row.leaf_hash)


def _write(connection: Connection, batch: Batch) -> None:
    numbered = list(enumerate(batch.entries, batch.first))
    connection.execute(
        insert(tables.entry),
        [{"idx": at, "id": new.id, "content": new.content, "leaf_hash": new.leaf_hash} for at, new in numbered],
    )
    connection.execute(
        insert(tables.payload),
        [{"commitment": new.commitment, "salt": new.salt, "content": new.payload} for _, new in numbered],
    )
    for table, rows in project([(at, new.content) for at, new in numbered]).items():
        if rows:
            connection.execute(insert(tables.metadata.tables[table]), rows)
    if batch.tiles:
        connection.execute(
            insert(tables.tile),
            [{"level": tile.level, "idx": tile.index, "content": tile.content} for tile in batch.tiles],
        )
    connection.execute(update(tables.log_head).values(size=batch.head.size, root=batch.head.root))


def project(numbered: list[tuple[int, bytes]]) -> dict[str, list[dict[str, Any]]]:
    """The rows that queries read, derived from (index, entry) alone: table name → rows."""
    entries, subjects, refs = [], [], []
    for index, content in numbered:
        leaf = parse_leaf(content)
        entries.append({"idx": index, "kind": leaf.kind, "at": leaf.at, "producer": leaf.producer})
        subjects += [
            {"idx": index, "position": position, "name": subject.name, "digest": subject.digest}
            for position, subject in enumerate(leaf.subjects)
        ]
        refs += [{"idx": index, "position": position, "ref": ref} for position, ref in enumerate(leaf.refs)]
    return {"view_entry": entries, "view_subject": subjects, "view_ref": refs}
