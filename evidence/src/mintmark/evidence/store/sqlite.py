"""The log in one SQLite file: durable on commit (`synchronous=EXTRA`), one writer at a time (`BEGIN IMMEDIATE`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, Table, create_engine, delete, event, inspect, select, text, update
from sqlalchemy.exc import DatabaseError

from mintmark.evidence.errors import LogRefused, StoreUnavailable
from mintmark.evidence.store import rows, schema, tables
from mintmark.evidence.store.interface import Head
from mintmark.evidence.tree import EMPTY_ROOT

FILE_NAME = "log.sqlite3"
BUSY_TIMEOUT_S = 30


class SqliteBackend:
    """`path` is the file; it is made, with its tables and guards, where it is missing."""

    def __init__(self, path: Path, *, origin: str | None = None) -> None:
        """Without `origin` nothing is made: for reading what is there."""
        self._writable = origin is not None
        self._engine = engine(path)
        self._reader = engine(path, read_only=True)
        if origin is not None and (not path.exists() or path.stat().st_size == 0):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as cause:
                raise StoreUnavailable(
                    f"{path.parent} cannot be made: {cause}", reason="store_unavailable", remedy="choose another folder"
                ) from cause
            self._create(origin)
        if origin is not None:
            with self.reading() as connection:
                schema.check_revision(connection, str(path))

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with _translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """
        What another writer left unfinished when it was killed is rolled back first.

        For that the file must be written: who only reads refuses.
        """
        with _translated(), self._snapshot() as connection:
            yield connection

    def _snapshot(self) -> Connection:
        for attempt in (1, 2):
            connection = self._reader.connect()
            try:
                connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1")  # the snapshot begins here
            except DatabaseError as cause:
                connection.close()
                if not self._writable or attempt == 2 or _error_name(cause) != _UNFINISHED:
                    raise
                with self._engine.begin():
                    pass  # to lock the file for writing is to roll back
            else:
                return connection
        raise AssertionError("two attempts return or raise")

    def lock_head(self, connection: Connection) -> Head | None:
        """`BEGIN IMMEDIATE` locked the whole file."""
        return rows.read_head(connection)

    def insert(self, connection: Connection, table: Table, found: Sequence[tuple[Any, ...]]) -> None:
        if found:
            places = ", ".join("?" * len(table.columns))
            columns = ", ".join(column.name for column in table.columns)
            connection.exec_driver_sql(f"INSERT INTO {table.name} ({columns}) VALUES ({places})", list(found))  # noqa: S608  names of our own tables

    def advance(self, connection: Connection, before: Head, after: Head) -> None:
        moved = connection.execute(
            update(tables.log_head)
            .where(tables.log_head.c.size == before.size)
            .values(size=after.size, root=after.root)
        )
        if moved.rowcount != 1:
            raise LogRefused(f"the head is not at {before.size}", reason="store_malformed", remedy="try again")
        self.insert(connection, tables.integrated, [(after.size, after.root)])

    def take(self, connection: Connection, ids: Sequence[str]) -> set[str]:
        table, found = tables.inbox, set[str]()
        for at in range(0, len(ids), rows.MAX_PARAMETERS):
            wanted = table.c.id.in_(ids[at : at + rows.MAX_PARAMETERS])
            found |= set(connection.scalars(select(table.c.id).where(wanted)))
            connection.execute(delete(table).where(wanted))
        return found

    def erase(self, connection: Connection, commitment: str) -> bool:
        table = tables.payload
        return connection.execute(delete(table).where(table.c.commitment == commitment)).rowcount == 1

    def guards(self, connection: Connection) -> list[tuple[str, str]]:
        """
        Make the schema again in memory and compare it with what is there.

        A writer that shares the file may have tables of its own; what is attached to ours is ours.
        """
        with create_engine("sqlite://").connect() as fresh:
            schema.migrate(fresh)
            expected, ours = _objects(fresh), set(inspect(fresh).get_table_names())
        found = _objects(connection)
        wrong = []
        for key in sorted(expected.keys() | found.keys()):
            kind, name, table = key
            if key not in found:
                wrong.append((f"schema {kind} {name}", "missing"))
            elif key in expected and expected[key] != found[key]:
                wrong.append((f"schema {kind} {name}", "not as it was made"))
            elif key not in expected and (table in ours or kind == "view"):
                wrong.append((f"schema {kind} {name}", "not of this log"))
        return wrong

    def _create(self, origin: str) -> None:
        with self.writing() as connection:
            if connection.dialect.has_table(connection, tables.log_head.name):
                return  # another process came first
            schema.migrate(connection)
            self.insert(connection, tables.log_head, [(1, origin, 0, EMPTY_ROOT)])


def _objects(connection: Connection) -> dict[tuple[str, str, str], str]:
    wanted = text("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    return {(row.type, row.name, row.tbl_name): row.sql for row in connection.execute(wanted)}


# What another attempt, more room or another permission would mend; anything else is wrong with the file itself.
_UNFINISHED = "SQLITE_READONLY_ROLLBACK"
_UNAVAILABLE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DatabaseError as cause:
        if _error_name(cause) == _UNFINISHED:
            raise StoreUnavailable(
                "a writer was killed within a transaction, which is not rolled back yet",
                reason="store_unfinished",
                remedy="open the log for writing once, as `mintmark store drain` does, and try again",
            ) from cause
        if _error_name(cause).startswith(_UNAVAILABLE):
            raise StoreUnavailable(
                f"the evidence store cannot be used: {cause.orig}",
                reason="store_unavailable",
                remedy="check the disk and the permissions, and try again",
            ) from cause
        if "erasure is recorded" in str(cause.orig):
            raise LogRefused(
                str(cause.orig), reason="not_recorded", remedy="record the erasure first: `mintmark evidence erase`"
            ) from cause
        raise LogRefused(
            f"the evidence store cannot be used: {cause.orig}",
            reason="store_malformed",
            remedy="run `mintmark verify`, and restore the file if it is damaged",
        ) from cause


def _error_name(cause: DatabaseError) -> str:
    return str(getattr(cause.orig, "sqlite_errorname", ""))


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
        if not read_only:
            with closing(connection.cursor()) as cursor:
                # FULL does not sync the folder after the journal is unlinked: a power cut could undo a commit
                cursor.execute("PRAGMA synchronous = EXTRA")

    @event.listens_for(made, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return made
