"""What a store is: it appends one batch in one transaction, and reads back what was appended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from mintmark.evidence.tiles import Edge, Tile


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far the log goes: `root` is the root over `size` leaves."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """An entry to append; its index is given by the sequencer."""

    id: str
    content: bytes
    leaf_hash: bytes
    commitment: str
    salt: bytes
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    index: int
    id: str
    content: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction writes, all or nothing."""

    first: int
    entries: Sequence[NewEntry]
    tiles: Sequence[Tile]
    head: Head


# Called under the head's lock with the head and the tree's edge as they stand in the store.
Sequencing = Callable[[Head, Edge], Batch | None]


class Store(Protocol):
    """A backend. Safety comes from the lock on the head row, never from who calls."""

    def append(self, sequence: Sequencing) -> Batch | None:
        """Lock the head, hand it to `sequence`, and write the batch that it returns in the same transaction."""
        ...

    def head(self) -> Head:
        """Raises `LogRefused` (`store_malformed`) when there is no head, `StoreUnavailable` when it is out of reach."""
        ...

    def entries(self, first: int, count: int) -> list[StoredEntry]: ...

    def entry_by_id(self, identity: str) -> StoredEntry | None: ...

    def tile(self, level: int, index: int) -> bytes | None: ...

    def payload(self, commitment: str) -> tuple[bytes, bytes] | None:
        """Return (salt, payload), or nothing when it was erased."""
        ...

    def checkpoint(self) -> bytes | None:
        """The newest signed checkpoint."""
        ...

    def keep_checkpoint(self, size: int, note: bytes) -> None: ...

    def reading(self) -> AbstractContextManager[Connection]:
        """One read transaction, for queries over the projection and for verification."""
        ...
