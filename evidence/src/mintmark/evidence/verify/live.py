"""A live store as a source of verification: read in one transaction, without writing a byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Connection, Select, Table, select, type_coerce
from sqlalchemy.types import NullType

from mintmark.evidence.archive import MARK, Archive
from mintmark.evidence.errors import StoreUnavailable
from mintmark.evidence.ledger.interface import LedgerSource
from mintmark.evidence.store import schema, tables
from mintmark.evidence.store.interface import Backend
from mintmark.evidence.tree import EMPTY_ROOT
from mintmark.evidence.verify.interface import Note, Snapshot, Timestamp

_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSource:
    """A store and the archive of its checkpoints; the ledger that it binds, where that is to be compared."""

    keeps_batches: ClassVar[bool] = True

    backend: Backend
    archive: Archive
    ledger: LedgerSource | None = None

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with self.backend.reading() as connection:
            yield LiveSnapshot(backend=self.backend, connection=connection)

    def archived(self) -> list[Note]:
        found = [Note(place=path.name, content=note, name=path.name) for path, note in self.archive.notes()]
        mark = self.archive.folder / MARK
        content = mark.read_bytes() if mark.is_file() else b""
        known = {_text(note.content) for note in found}
        return found if not content or _text(content) in known else [*found, Note(place=MARK, content=content)]

    def timestamps(self) -> list[Timestamp]:
        return [
            Timestamp(place=path.name, stem=path.name.split(".")[0], content=content)
            for path, content in self.archive.timestamps()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSnapshot:
    backend: Backend
    connection: Connection

    def entries(self) -> Iterator[tuple[Any, Any]]:
        yield from self._pages("entry", "idx")

    def tile(self, level: int, index: int) -> Any:
        table = tables.tile
        wanted = _as_stored(table, "content").where(table.c.level == level, table.c.idx == index)
        return self.connection.scalar(wanted)

    def tiles(self) -> set[tuple[int, int]]:
        return {(row.level, row.idx) for row in self.connection.execute(_as_stored(tables.tile, "level", "idx"))}

    def projection(self, table: str) -> Iterator[tuple[Any, ...]]:
        order = ("idx", "position") if "position" in tables.metadata.tables[table].c else ("idx",)
        yield from self._pages(table, *order)

    def projected(self) -> tuple[str, ...]:
        return tuple(table.name for table in tables.PROJECTION)

    def payload(self, commitment: str) -> tuple[Any, Any] | None:
        table = tables.payload
        wanted = _as_stored(table, "salt", "content").where(table.c.commitment == commitment)
        row = self.connection.execute(wanted).one_or_none()
        return (row.salt, row.content) if row else None

    def commitments(self) -> Iterator[str]:
        yield from self.connection.scalars(_as_stored(tables.payload, "commitment"))

    def published(self) -> list[Note]:
        table = tables.checkpoint
        return [
            Note(
                place=f"checkpoint.note of size {row.size} with {row.signatures} signatures",
                content=row.note if isinstance(row.note, bytes) else b"",
                size=row.size,
                signatures=row.signatures,
            )
            for row in self.connection.execute(_as_stored(table).order_by(table.c.size, table.c.signatures))
        ]

    def own_state(self, size: int, root: bytes, origin: str) -> list[tuple[str, str]]:
        """Guards, the revision of the schema, and the head."""
        wrong = self.backend.guards(self.connection)
        try:
            schema.check_revision(self.connection, "store")
        except StoreUnavailable as cause:
            wrong.append((schema.VERSION_TABLE, str(cause)))
        heads = self.connection.execute(_as_stored(tables.log_head)).all()
        if len(heads) != 1:
            return [*wrong, ("log_head", f"{len(heads)} rows, not one")]
        expected = {"singleton": 1, "origin": origin, "size": size, "root": root or EMPTY_ROOT}
        for column, value in expected.items():
            found = getattr(heads[0], column)
            if found != value:
                wrong.append((f"log_head.{column}", f"{_shown(found)} is not {_shown(value)}"))
        return wrong

    def unchecked(self) -> list[str]:
        """What waits in the inbox is verified when it is recorded."""
        return []

    def batches(self) -> Iterator[tuple[Any, Any]]:
        """(size, root) after each batch."""
        yield from self._pages("integrated", "size")

    def _pages(self, name: str, *order: str) -> Iterator[tuple[Any, ...]]:
        """Rows in order, some at a time: a log is larger than memory."""
        table = tables.metadata.tables[name]
        wanted = _as_stored(table).order_by(*(table.c[column] for column in order)).execution_options(yield_per=_PAGE)
        for row in self.connection.execute(wanted):
            yield tuple(row)


def _as_stored(table: Table, *columns: str) -> Select[*tuple[Any, ...]]:
    """Without conversion: SQLite keeps any type in any column, and a text is not the bytes that it spells."""
    wanted = [table.c[name] for name in columns] or list(table.c)
    return select(*(type_coerce(column, NullType()).label(column.name) for column in wanted))


def _shown(value: object) -> str:
    return value.hex()[:16] if isinstance(value, bytes) else repr(value)[:80]


def _text(note: bytes) -> bytes:
    return note.rpartition(b"\n\n")[0]
