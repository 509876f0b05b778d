"""The store: appends one batch in one transaction under the head's lock, and reads back what was appended."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from sqlalchemy import Connection

from mintmark.evidence.errors import LogRefused
from mintmark.evidence.leaf import parse_leaf
from mintmark.evidence.store import rows, tables
from mintmark.evidence.store.interface import Appended, Backend, Head, NewEntry, Placed, StoredEntry, Waiting
from mintmark.evidence.tiles import Edge


class SqlStore:
    """One behaviour on every backend. It keeps the tree's edge between batches, and believes it only at its head."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._edge: tuple[Head, Edge] | None = None
        self._one_at_a_time = threading.Lock()

    def append(
        self, entries: Sequence[NewEntry], *, taking: Sequence[str] | None = None, whole: bool = False
    ) -> Appended:
        """
        Append what is new in one transaction, and say for each entry where it is.

        An id that is there with the same payload keeps its index; with another payload it is a conflict, and the rest
        of the batch goes on, unless the batch is `whole`: then nothing of it is appended. `taking` names for each entry
        what it comes from in the inbox: only what this transaction took out of there is appended, and a conflict stays
        until its refusal is recorded.
        """
        with self._one_at_a_time, self.backend.writing() as connection:
            head = self.backend.lock_head(connection)
            if head is None:
                raise LogRefused(
                    "the evidence store has no head", reason="store_malformed", remedy="run `mintmark verify`"
                )
            edge = self._edge_at(connection, head)
            pairs = list(zip(entries, _recorded(connection, entries), strict=True))
            gone = self._gone(connection, pairs, taking) if taking is not None else frozenset()
            fresh, placed = _sort_out(pairs, first=head.size, gone=gone)
            if not fresh or (whole and any(place.conflict for place in placed)):
                return Appended(before=head, after=head, placed=placed)
            after = self._write(connection, head, edge, fresh)
        self._edge = after, edge  # only now: the transaction is durable
        return Appended(before=head, after=after, placed=placed)

    def _edge_at(self, connection: Connection, head: Head) -> Edge:
        if self._edge is not None and self._edge[0] == head:
            return self._edge[1].copy()
        return rows.load_edge(connection, head)

    def _gone(
        self, connection: Connection, pairs: Sequence[tuple[NewEntry, Placed | None]], taking: Sequence[str]
    ) -> frozenset[str]:
        """The ids of the entries whose places in the inbox another sequencer emptied; the others' are emptied here."""
        wanted = [name for name, (_, known) in zip(taking, pairs, strict=True) if known is None or not known.conflict]
        taken = self.backend.take(connection, wanted)
        return frozenset(entry.id for name, (entry, _) in zip(taking, pairs, strict=True) if name not in taken)

    def _write(self, connection: Connection, head: Head, edge: Edge, fresh: Sequence[tuple[NewEntry, Placed]]) -> Head:
        full = edge.append([place.leaf_hash for _, place in fresh])
        after = Head(origin=head.origin, size=edge.size, root=edge.root())
        insert = self.backend.insert
        insert(connection, tables.entry, [(place.index, entry.content) for entry, place in fresh])
        payloads = [
            (entry.leaf.commitment, entry.salt, entry.payload) for entry, _ in fresh if entry.payload is not None
        ]
        insert(connection, tables.payload, payloads)
        for table, found in rows.project((place.index, entry.leaf) for entry, place in fresh).items():
            insert(connection, table, found)
        insert(connection, tables.tile, [(tile.level, tile.index, tile.content) for tile in full])
        self.backend.advance(connection, head, after)
        return after

    def head(self) -> Head:
        with self.reading() as connection:
            return rows.read_head(connection)

    def entries(self, first: int, count: int) -> list[StoredEntry]:
        with self.reading() as connection:
            return rows.read_entries(connection, first, count)

    def index_of(self, identity: str) -> int | None:
        """Where the entry of an id is, if it is recorded."""
        with self.reading() as connection:
            return rows.read_indexes(connection, [identity]).get(identity)

    def tile(self, level: int, index: int) -> bytes | None:
        with self.reading() as connection:
            return rows.read_tile(connection, level, index)

    def payload(self, commitment: str) -> tuple[bytes, bytes] | None:
        """Return (salt, payload), or nothing when it was erased."""
        with self.reading() as connection:
            return rows.read_payload(connection, commitment)

    def erase(self, commitment: str) -> bool:
        """Delete a payload whose erasure the log records. Raises `LogRefused` (`not_recorded`) where it does not."""
        with self.backend.writing() as connection:
            return self.backend.erase(connection, commitment)

    def checkpoint(self) -> bytes | None:
        """The newest published checkpoint."""
        with self.reading() as connection:
            return rows.read_checkpoint(connection)

    def keep_checkpoint(self, size: int, note: bytes) -> None:
        """Keep it once for each number of signatures."""
        signatures = note.count("\n\u2014 ".encode())
        with self.backend.writing() as connection:
            self.backend.lock_head(connection)
            known = connection.execute(
                tables.checkpoint.select().where(
                    tables.checkpoint.c.size == size, tables.checkpoint.c.signatures == signatures
                )
            ).first()
            if known is None:
                self.backend.insert(connection, tables.checkpoint, [(size, signatures, note)])

    def waiting(self, limit: int) -> list[Waiting]:
        """What is in the inbox, oldest first: `limit` of it, or less where it is large."""
        with self.reading() as connection:
            return rows.read_inbox(connection, limit)

    def reading(self) -> AbstractContextManager[Connection]:
        """One read transaction, for queries over the projection and for verification."""
        return self.backend.reading()


def _recorded(connection: Connection, entries: Sequence[NewEntry]) -> list[Placed | None]:
    """Where each is that was recorded before."""
    ids = [entry.id for entry in entries if entry.may_be_known]
    indexes = rows.read_indexes(connection, ids) if ids else {}
    return [_as_recorded(connection, indexes[entry.id], entry) if entry.id in indexes else None for entry in entries]


def _sort_out(
    pairs: Sequence[tuple[NewEntry, Placed | None]], *, first: int, gone: frozenset[str]
) -> tuple[list[tuple[NewEntry, Placed]], tuple[Placed, ...]]:
    """Which entries are new, with their places, and where each of all is or will be."""
    fresh: dict[str, tuple[NewEntry, Placed]] = {}
    placed: list[Placed] = []
    for entry, known in pairs:
        if known is not None:
            placed.append(known)
        elif entry.id in fresh:
            same, place = fresh[entry.id]
            placed.append(replace(place, conflict=same.payload != entry.payload))
        elif entry.id in gone:
            placed.append(Placed(index=-1, taken=True))
        else:
            place = Placed(index=first + len(fresh), leaf_hash=entry.leaf_hash)
            placed.append(place)
            fresh[entry.id] = entry, place
    return list(fresh.values()), tuple(placed)


def _as_recorded(connection: Connection, index: int, entry: NewEntry) -> Placed:
    """Its payload may be gone by erasure: what cannot be compared is not the same."""
    found = rows.read_entries(connection, index, 1)
    stored = rows.read_payload(connection, parse_leaf(found[0].content).commitment) if found else None
    if stored is None or stored[1] != entry.payload:
        return Placed(index=index, conflict=True)
    return Placed(index=index, leaf_hash=found[0].leaf_hash)
