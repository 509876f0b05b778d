"""One real PostgreSQL for the session, and a fresh ledger in it for each test."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.evidence.builders import Bench, bench
from tests.evidence.ledger.ledgers import Ledger

from florin.kit import embedded
from florin.kit.migrations import migrate


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A superuser's URL; the database `whole` in it is migrated and is what each test's is copied from."""
    folder = Path(tempfile.mkdtemp(prefix="fl", dir="/tmp"))
    folder.chmod(0o711)
    url = embedded.start(folder / "pg")
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # nothing here outlives the tests
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE DATABASE whole")
        whole = Ledger(url=url.replace("/postgres?", "/whole?"))
        asyncio.run(migrate(whole.url))
        whole.open_accounts()
        yield url
    finally:
        embedded.stop(folder / "pg")
        shutil.rmtree(folder)


@pytest.fixture
def ledger(server: str) -> Ledger:
    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE whole")
    return Ledger(url=server.replace("/postgres?", f"/{name}?"))


@pytest.fixture
def place(tmp_path: Path) -> Bench:
    """A log of its own, with a key that may write to it."""
    return bench(tmp_path)
