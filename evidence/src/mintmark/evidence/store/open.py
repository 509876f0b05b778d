"""Opens the store that a URL names: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from mintmark.evidence.errors import StoreUnavailable
from mintmark.evidence.store.interface import Backend
from mintmark.evidence.store.sql_store import SqlStore
from mintmark.evidence.store.sqlite import SqliteBackend


def open_store(url: str, *, origin: str) -> SqlStore:
    """Open the store for writing; a SQLite file is made where it is missing."""
    return SqlStore(_backend(url, origin=origin))


def open_backend(url: str) -> Backend:
    """Open what is there for reading alone. Raises `StoreUnavailable` (`store_url`)."""
    return _backend(url, origin=None)


def _backend(url: str, *, origin: str | None) -> Backend:
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return SqliteBackend(Path(rest[1:]), origin=origin)
    if separator and scheme in {"postgresql", "postgres"}:
        from mintmark.evidence.store.postgresql import PostgresBackend

        return PostgresBackend(url.replace("postgres://", "postgresql://", 1), origin=origin)
    raise StoreUnavailable(
        f"{scheme}:// is no store" if separator else "what names the store has no ://",  # it may have a password
        reason="store_url",
        remedy="use sqlite:////absolute/path, sqlite:///relative/path or postgresql://…",
    )
