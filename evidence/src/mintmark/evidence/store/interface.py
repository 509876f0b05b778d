"""What a backend is: it begins transactions, locks the head, writes rows in bulk and moves the head."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, Table

from mintmark.evidence.leaf import Leaf
from mintmark.evidence.tree import leaf_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far the log goes: `root` is the root over `size` leaves."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """
    An entry to append: `content` is `leaf` encoded, and its index is given by the sequencer.

    A recovered one may have lost its payload.
    """

    leaf: Leaf
    content: bytes
    leaf_hash: bytes
    salt: bytes | None
    payload: bytes | None
    may_be_known: bool

    @classmethod
    def of(cls, leaf: Leaf, *, salt: bytes | None, payload: bytes | None, may_be_known: bool = True) -> NewEntry:
        """
        Encode and hash it here, before anybody holds the head's lock.

        An id that was made at random a moment ago is not looked up: it may not be known.
        """
        content = leaf.encode()
        return cls(
            leaf=leaf,
            content=content,
            leaf_hash=leaf_hash(content),
            salt=salt,
            payload=payload,
            may_be_known=may_be_known,
        )

    @property
    def id(self) -> str:
        return self.leaf.id


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    index: int
    content: bytes

    @property
    def leaf_hash(self) -> bytes:
        return leaf_hash(self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a writer put into the inbox; nothing in it is verified yet."""

    id: str
    bundle: bytes
    controls: str
    refs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """
    What became of one entry: it has an index, now or since before, and `leaf_hash` is of what is recorded there.

    `conflict`: other bytes were recorded under this id. `taken`: another sequencer had taken it out of the inbox.
    """

    index: int
    leaf_hash: bytes = b""
    conflict: bool = False
    taken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """One durable batch: the head as it was found, as it is now, and where each entry is."""

    before: Head
    after: Head
    placed: tuple[Placed, ...]


class Backend(Protocol):
    """Where the rows are. Safety comes from the lock on the head row, never from who calls."""

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that is durable when it ends. Raises `StoreUnavailable`, `LogRefused`."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """A read-only transaction over one snapshot, which writes no byte."""
        ...

    def lock_head(self, connection: Connection) -> Head | None:
        """The head, held until the transaction ends."""
        ...

    def insert(self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Rows in the order of the table's columns."""
        ...

    def advance(self, connection: Connection, before: Head, after: Head) -> None:
        """Move the head from where it was seen, and note the batch in `integrated`."""
        ...

    def take(self, connection: Connection, ids: Sequence[str]) -> set[str]:
        """Remove these from the inbox, and return those that were there."""
        ...

    def erase(self, connection: Connection, commitment: str) -> bool:
        """Delete a payload whose erasure is recorded, and say whether it was there."""
        ...

    def guards(self, connection: Connection) -> list[tuple[str, str]]:
        """What of schema, triggers and privileges is not as it was made: (place, what is wrong)."""
        ...
