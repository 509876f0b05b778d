"""Real PostgreSQL for evidence tests: one server a session, one migrated database a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from florin.kit import embedded, embedded_server
from mintmark.evidence.store import postgresql

_TEMPLATE = "mintmark_template"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """
    `admin_url` is a superuser's. `MINTMARK_TEST_DATABASE_URL` runs the same tests on another PostgreSQL.

    `folder` has the data of one that is ours, which may be stopped and started.
    """

    admin_url: str
    folder: Path | None = None

    def database(self) -> str:
        """The URL of a new database with the log's schema, as superuser; the log takes the application's role."""
        name = f"log_{os.getpid()}_{next(_NUMBERS)}"
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return self._url(name)

    def prepare(self) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {_TEMPLATE}")
            connection.execute(f"CREATE DATABASE {_TEMPLATE}")
        postgresql.migrate(self._url(_TEMPLATE))

    def crash(self) -> None:
        """Every process of it ends at once, with nothing written that was not; it recovers when it starts again."""
        assert self.folder is not None
        owner = embedded_server.owner_of(self.folder)
        root = os.geteuid() == 0
        subprocess.run(
            [embedded_server.program(self.folder, "pg_ctl"), "stop", "-m", "immediate", "-D", self.folder],
            user=owner.uid if root else None,
            group=owner.gid if root else None,
            extra_groups=[] if root else None,
            cwd="/",
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )

    def start(self) -> None:
        assert self.folder is not None
        embedded.start(self.folder)

    def _url(self, name: str) -> str:
        parts = conninfo_to_dict(self.admin_url)
        return f"postgresql://{parts['user']}@/{name}?host={parts['host']}"


_NUMBERS = count(1)


@contextmanager
def server() -> Iterator[Server]:
    other = os.environ.get("MINTMARK_TEST_DATABASE_URL")
    if other is not None:
        made = Server(admin_url=other)
        made.prepare()
        yield made
        return
    folder = Path(tempfile.mkdtemp(prefix="mm", dir="/tmp"))
    folder.chmod(0o711)
    try:
        made = Server(admin_url=embedded.start(folder / "pg"), folder=folder / "pg")
        made.prepare()
        yield made
    finally:
        embedded.stop(folder / "pg")
        shutil.rmtree(folder)


def superuser(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """A connection that passes every grant, as a database administrator has it."""
    return psycopg.connect(url, autocommit=True)
