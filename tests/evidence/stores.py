"""What an administrator can do to a store: connect past the application, copy it, bring back a copy."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict


class Administrator(Protocol):
    """Enough of a DB-API connection; statements commit by themselves."""

    def execute(self, statement: str, values: Any = ..., /) -> Any: ...

    def close(self) -> None: ...


def administrator(url: str) -> Administrator:
    """A connection as whoever owns the database, with the log's tables in its search path."""
    if url.startswith("sqlite"):
        return sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection: Any = psycopg.connect(url, autocommit=True)
    connection.execute("SET search_path = mintmark, public")
    return connection  # type: ignore[no-any-return]


def copy_store(url: str, folder: Path) -> str:
    """The URL of a copy that goes its own way from here."""
    if url.startswith("sqlite"):
        target = folder / "copy.sqlite3"
        shutil.copyfile(url.removeprefix("sqlite:///"), target)
        return f"sqlite:///{target}"
    parts = conninfo_to_dict(url)
    name = f"{parts['dbname']}_copy"
    _clone(url, str(parts["dbname"]), name)
    return url.replace(f"/{parts['dbname']}?", f"/{name}?")


def restore_store(url: str, backup: str) -> None:
    """Put a copy in the place of the store."""
    if url.startswith("sqlite"):
        shutil.copyfile(backup.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
        return
    _clone(url, str(conninfo_to_dict(backup)["dbname"]), str(conninfo_to_dict(url)["dbname"]))


def _clone(url: str, source: str, target: str) -> None:
    """As superuser, whoever is connected."""
    with psycopg.connect(url.replace(f"/{conninfo_to_dict(url)['dbname']}?", "/postgres?"), autocommit=True) as admin:
        for name in (source, target):
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        admin.execute(f"DROP DATABASE IF EXISTS {target}")
        admin.execute(f"CREATE DATABASE {target} TEMPLATE {source}")
