"""Searches the projection. What it answers is a hint; whoever decides from an entry proves it first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, or_, select

from mintmark.evidence.leaf import timestamp
from mintmark.evidence.store.tables import view_entry, view_ref, view_subject

MAX_LIMIT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """All given conditions hold. `subject` is a name or a SHA-256 in hex; `since` ≤ at < `until`."""

    kind: str | None = None
    subject: str | None = None
    ref: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = MAX_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    index: int
    kind: str
    at: str
    producer: str
    subjects: tuple[str, ...]
    refs: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "index": self.index,
            "kind": self.kind,
            "at": self.at,
            "producer": self.producer,
            "subjects": list(self.subjects),
            "refs": list(self.refs),
        }


def search(connection: Connection, query: Query) -> list[EntryRow]:
    """Entries by index, the newest `limit` of them."""
    if not 0 < query.limit <= MAX_LIMIT:
        raise ValueError(f"limit is 1 to {MAX_LIMIT}, not {query.limit}")
    rows = connection.execute(_select(query)).all()[::-1]
    indexes = [row.idx for row in rows]
    subjects = _grouped(connection, select(view_subject.c.idx, view_subject.c.name.label("value")), indexes)
    refs = _grouped(connection, select(view_ref.c.idx, view_ref.c.ref.label("value")), indexes)
    return [
        EntryRow(
            index=row.idx,
            kind=row.kind,
            at=row.at,
            producer=row.producer,
            subjects=tuple(subjects.get(row.idx, ())),
            refs=tuple(refs.get(row.idx, ())),
        )
        for row in rows
    ]


def _select(query: Query) -> Select[tuple[int, str, str, str]]:
    wanted = select(view_entry.c.idx, view_entry.c.kind, view_entry.c.at, view_entry.c.producer)
    if query.kind is not None:
        wanted = wanted.where(view_entry.c.kind == query.kind)
    if query.since is not None:
        wanted = wanted.where(view_entry.c.at >= timestamp(query.since))
    if query.until is not None:
        wanted = wanted.where(view_entry.c.at < timestamp(query.until))
    if query.subject is not None:
        named = or_(view_subject.c.name == query.subject, view_subject.c.digest == query.subject)
        wanted = wanted.where(view_entry.c.idx.in_(select(view_subject.c.idx).where(named)))
    if query.ref is not None:
        wanted = wanted.where(view_entry.c.idx.in_(select(view_ref.c.idx).where(view_ref.c.ref == query.ref)))
    return wanted.order_by(view_entry.c.idx.desc()).limit(query.limit)


def _grouped(connection: Connection, wanted: Select[tuple[int, str]], indexes: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    column = wanted.selected_columns[0]
    for at in range(0, len(indexes), 500):  # SQLite bounds the number of parameters
        for row in connection.execute(wanted.where(column.in_(indexes[at : at + 500]))):
            found.setdefault(row.idx, []).append(row.value)
    return found
