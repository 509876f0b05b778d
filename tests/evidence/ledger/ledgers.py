"""A real Florin database to bind and to attack, and a binder of its ledger into a log of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from tests.evidence.builders import Bench, signed

from mintmark.evidence.binder import Binder, bound_batches
from mintmark.evidence.ledger.database import open_ledger
from mintmark.evidence.ledger.verification import BoundBatch, LedgerReport, verify_ledger

DEPLOYMENT = "22222222-2222-4222-8222-222222222222"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """`url` is the superuser's: what no rule in the database can stop."""

    url: str

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def forced(self, *statements: str) -> None:
        """As superuser with every trigger and foreign key switched off."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                connection.execute(statement)

    def open_accounts(self) -> None:
        for code, currency in (("world", "EUR"), ("a", "EUR"), ("b", "EUR"), ("w:jpy", "JPY"), ("a:jpy", "JPY")):
            self.sql("SELECT ledger.open_account(%s, %s, NULL)", code, currency)

    def post(self, amount: int = 5, *, debit: str = "world", credit: str = "a") -> int:
        (row,) = self.sql(
            "SELECT ledger.post('test', %s, 'transfer', %s, %s, %s::bigint[])",
            str(uuid.uuid4()),
            DEPLOYMENT,
            [debit, credit],
            [-amount, amount],
        )
        return int(row[0])


@contextmanager
def binder(bench: Bench, ledger: Ledger, *, limit: int = 100, name: str = "florin") -> Iterator[Binder]:
    with open_ledger(ledger.url) as database:
        yield Binder(
            log=bench.open(),
            database=database,
            sign=lambda statement: signed(bench.key, statement),
            ledger=name,
            limit=limit,
        )


def bind(bench: Bench, ledger: Ledger, *, limit: int = 100) -> list[BoundBatch]:
    with binder(bench, ledger, limit=limit) as made:
        return list(made.drain(now))


def verify(bench: Bench, ledger: Ledger) -> LedgerReport:
    batches = bound_batches(bench.open(), "florin")
    with open_ledger(ledger.url) as source:
        return verify_ledger(batches, source, ledger="florin")


def now() -> datetime:
    return datetime.now(UTC)
