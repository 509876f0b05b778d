"""Binds the ledger of a running Florin to the evidence log: where its database is, and what waits there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mintmark.evidence.binder import DEFAULT_LEDGER, Binder
from mintmark.evidence.ledger.verification import BoundBatch
from mintmark.evidence.log import EvidenceLog
from mintmark.pipelines.deploy.interface import Running
from mintmark.pipelines.deploy.local import LocalDriver
from mintmark.pipelines.errors import IncompleteError, UsageError
from mintmark.pipelines.locations import Locations
from mintmark.pipelines.sign.interface import Signer

if TYPE_CHECKING:
    from mintmark.evidence.ledger.database import LedgerDatabase

URL_VARIABLE = "FLORIN_DATABASE_URL"
LOCAL = "local"


def ledger_name(environment: str) -> str:
    """What the log calls the ledger of an environment: each numbers its batches for itself, so no two share a name."""
    return DEFAULT_LEDGER if environment == LOCAL else f"{DEFAULT_LEDGER}-{environment}"


def ledger_url(locations: Locations, given: str | None) -> str:
    """The URL that was given, or `FLORIN_DATABASE_URL`, or that of the local environment. Raises `IncompleteError`."""
    url = given or os.environ.get(URL_VARIABLE)
    if url:
        return url
    driver = LocalDriver(environment=LOCAL, folder=locations.environment(LOCAL))
    running = driver.current()
    found = driver.database_url(running) if running is not None else None
    if found is None:
        raise IncompleteError(
            "there is no ledger to bind: no URL was given, and no Florin runs in the local environment",
            reason="no_ledger",
            remedy=f"give --ledger-url or set {URL_VARIABLE}, or start one with `mintmark ship --env {LOCAL}`",
        )
    return found


@contextmanager
def ledger_source(url: str | None) -> Iterator[LedgerDatabase | None]:
    """The ledger at a URL, open for reading; nothing where no URL is given. Raises `LedgerUnavailable`."""
    if url is None:
        yield None
        return
    with open_database(url) as database:
        yield database


@contextmanager
def open_database(url: str) -> Iterator[LedgerDatabase]:
    """The ledger at `url`, as its binder sees it. Raises `LedgerUnavailable`, or `UsageError` without psycopg."""
    try:
        from mintmark.evidence.ledger.database import open_ledger
    except ImportError as cause:
        raise UsageError(
            f"reading a ledger's database needs psycopg: {cause}",
            reason="not_installed",
            remedy="install mintmark[postgresql]",
        ) from cause
    with open_ledger(url) as database:
        yield database


@contextmanager
def open_binder(log: EvidenceLog, signer: Signer, *, url: str, ledger: str | None = None) -> Iterator[Binder]:
    """A binder of the ledger at `url` into `log`. Raises `LedgerUnavailable`."""
    with open_database(url) as database:
        yield Binder(log=log, database=database, sign=signer.sign, ledger=ledger or DEFAULT_LEDGER)


def bind_running(log: EvidenceLog, signer: Signer, running: Running, locations: Locations) -> list[BoundBatch]:
    """Bind what a deployment has posted so far. Raises `EvidenceError` or `PipelineError`."""
    driver = LocalDriver(environment=running.environment, folder=locations.environment(running.environment))
    url = driver.database_url(running)
    if url is None:
        raise IncompleteError(
            f"the database of {running.url} does not say where it is",
            reason="no_ledger",
            remedy="bind it with `mintmark bind-ledger --ledger-url …`",
        )
    with open_binder(log, signer, url=url, ledger=ledger_name(running.environment)) as binder:
        return list(binder.drain(clock))


def clock() -> datetime:
    return datetime.now(UTC)
