"""Where a log is verified from: the live store, or an exported directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from mintmark.evidence.ledger.interface import LedgerSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A checkpoint as it was found; the rest is what its place says of it, where it says something."""

    place: str
    content: bytes
    name: str | None = None
    size: object = None
    signatures: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timestamp:
    """An RFC 3161 response (DER) over the text of the archived checkpoint whose file name starts with `stem`."""

    place: str
    stem: str
    content: bytes


class Snapshot(Protocol):
    """One state of a log. Values come as they are stored: a column that was edited may hold anything."""

    def entries(self) -> Iterator[tuple[Any, Any]]:
        """(index, content) in the order of the indexes."""
        ...

    def tile(self, level: int, index: int) -> Any:
        """A full tile, or nothing."""
        ...

    def tiles(self) -> set[tuple[int, int]]:
        """Level and index of every full tile that is stored."""
        ...

    def projection(self, table: str) -> Iterator[tuple[Any, ...]]:
        """Rows in the order of the table's columns, by index and position."""
        ...

    def projected(self) -> tuple[str, ...]:
        """The tables that this source has a projection in."""
        ...

    def payload(self, commitment: str) -> tuple[Any, Any] | None:
        """(salt, payload)."""
        ...

    def commitments(self) -> Iterator[str]:
        """Every commitment that a payload is stored under."""
        ...

    def published(self) -> list[Note]:
        """Checkpoints that were given out."""
        ...

    def batches(self) -> Iterator[tuple[Any, Any]]:
        """(size, root) after each batch, where the source knows."""
        ...

    def own_state(self, size: int, root: bytes, origin: str) -> list[tuple[str, str]]:
        """What the source says of itself that is not so: (place, what is wrong)."""
        ...

    def unchecked(self) -> list[str]:
        """What is here and is not verified."""
        ...


class LogSource(Protocol):
    """
    A log to verify, and the checkpoints that were archived away from it.

    `keeps_batches` says whether it notes where each batch ended; `ledger` is the one that the log binds, where it is at
    hand to compare.
    """

    keeps_batches: ClassVar[bool]

    @property
    def ledger(self) -> LedgerSource | None: ...

    def snapshot(self) -> AbstractContextManager[Snapshot]: ...

    def archived(self) -> list[Note]: ...

    def timestamps(self) -> list[Timestamp]: ...
