"""A live store as a source of verification: read in one transaction, without writing a byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from mintmark.evidence.archive import Archive
from mintmark.evidence.store import tables
from mintmark.evidence.store.interface import Backend
from mintmark.evidence.tree import EMPTY_ROOT
from mintmark.evidence.verify.interface import Note, Snapshot, Timestamp

_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSource:
    """A store and the archive of its checkpoints."""

    backend: Backend
    archive: Archive

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with self.backend.reading() as connection:
            yield LiveSnapshot(backend=self.backend, connection=connection)

    def archived(self) -> list[Note]:
        return [Note(place=path.name, content=note) for path, note in self.archive.notes()]

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
        return self.connection.scalar(select(table.c.content).where(table.c.level == level, table.c.idx == index))

    def tiles(self) -> set[tuple[int, int]]:
        return {(row.level, row.idx) for row in self.connection.execute(select(tables.tile.c.level, tables.tile.c.idx))}

    def projection(self, table: str) -> Iterator[tuple[Any, ...]]:
        order = ("idx", "position") if "position" in tables.metadata.tables[table].c else ("idx",)
        yield from self._pages(table, *order)

    def projected(self) -> tuple[str, ...]:
        return tuple(table.name for table in tables.PROJECTION)

    def payload(self, commitment: str) -> tuple[Any, Any] | None:
        table = tables.payload
        row = self.connection.execute(
            select(table.c.salt, table.c.content).where(table.c.commitment == commitment)
        ).one_or_none()
        return (row.salt, row.content) if row else None

    def commitments(self) -> Iterator[str]:
        yield from self.connection.scalars(select(tables.payload.c.commitment))

    def published(self) -> list[Note]:
        table = tables.checkpoint
        return [
            Note(place=f"checkpoint.note of size {row.size}", content=_bytes(row.note), size=row.size)
            for row in self.connection.execute(select(table).order_by(table.c.size, table.c.signatures))
        ]

    def own_state(self, size: int, root: bytes, origin: str) -> list[tuple[str, str]]:
        """Guards, the head, and the batches that it noted."""
        wrong = self.backend.guards(self.connection)
        heads = self.connection.execute(select(tables.log_head)).all()
        if len(heads) != 1:
            return [*wrong, ("log_head", f"{len(heads)} rows, not one")]
        expected = {"singleton": 1, "origin": origin, "size": size, "root": root or EMPTY_ROOT}
        for column, value in expected.items():
            found = getattr(heads[0], column)
            if found != value:
                wrong.append((f"log_head.{column}", f"{_shown(found)} is not {_shown(value)}"))
        return wrong

    def batches(self) -> Iterator[tuple[Any, Any]]:
        """(size, root) after each batch."""
        yield from self._pages("integrated", "size")

    def _pages(self, name: str, *order: str) -> Iterator[tuple[Any, ...]]:
        """Rows in order, some at a time: a log is larger than memory."""
        table = tables.metadata.tables[name]
        wanted = select(table).order_by(*(table.c[column] for column in order)).execution_options(yield_per=_PAGE)
        for row in self.connection.execute(wanted):
            yield tuple(row)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _shown(value: object) -> str:
    return value.hex()[:16] if isinstance(value, bytes) else repr(value)[:80]
