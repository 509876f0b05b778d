"""Attacks every column of every table, one attack at a time, and writes down what verification makes of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from tests.evidence.tamper.attacks import Table, Vandal, edit, insert, live_tables, swap
from tests.evidence.tamper.logs import Victim, attacked, verify

from mintmark.evidence.tiles import WIDTH
from mintmark.evidence.verify.report import Answer, Level, VerificationReport

# L5 reads these two alone; without it a case takes a quarter of the time.
READ_BY_L5 = ("entry", "payload")
QUICK = frozenset({Level.L1, Level.L2, Level.L3})
EVERYWHERE = ("entry", "payload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One attack: on a table, or on one column of it, at a named place. `bad` is the index that must be named first."""

    table: str
    column: str
    attack: str
    where: str
    bad: int | None
    run: Callable[[Vandal], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`refused` is what the database itself would not do, whoever asked."""

    case: Case
    report: VerificationReport | None
    refused: str = ""

    @property
    def detected(self) -> bool:
        return self.report is None or self.report.answer is Answer.FAILED

    @property
    def levels(self) -> str:
        return " ".join(sorted({item.level for item in self.report.broken})) if self.report else ""


def outcomes(subject: Victim) -> list[Outcome]:
    with attacked(subject) as (connection, _):
        tables = live_tables(connection)
        cases = [case for table in tables for case in _cases(Vandal(connection=connection, table=table), subject)]
    named = {table.name: table for table in tables}
    return [attempt(subject, named[case.table], case) for case in cases]


def attempt(subject: Victim, table: Table, case: Case) -> Outcome:
    with attacked(subject) as (connection, source):
        vandal = Vandal(connection=connection, table=table)
        try:
            with vandal.unguarded():
                case.run(vandal)
        except Exception as refusal:
            if not _is_constraint(refusal):
                raise
            return Outcome(case=case, report=None, refused=_constraint(refusal))
        levels = QUICK | {Level.L5} if case.table in READ_BY_L5 else QUICK
        return Outcome(case=case, report=verify(subject, source, levels=frozenset(levels)))


def _cases(vandal: Vandal, subject: Victim) -> Iterator[Case]:
    table = vandal.table
    keys = sorted(vandal.keys(), key=lambda key: _bad(vandal, subject, key) or 0)  # ids and commitments are random
    places = _places(keys)
    middle = places["middle"]
    for column in table.columns:
        for where, key in places.items() if table.name in EVERYWHERE else [("middle", middle)]:
            bad = _bad(vandal, subject, key)
            if (table.name, column) == ("tile", "content"):
                bad = (bad or 0) + WIDTH - 1  # the last of its hashes
            yield _case(table, column, "edit", where, bad, _edit(column, key))
        pair = _pair(vandal, column, keys)
        if pair is not None:
            bad = _first(_bad(vandal, subject, key) for key in pair)
            yield _case(table, column, "swap", "two rows", bad, _swap(column, pair))
    for where, key in places.items():
        yield _case(table, "", "delete", where, _bad(vandal, subject, key), _delete(key))
    yield _case(table, "", "insert", "a row more", None, _insert(middle))
    yield _case(table, "", "truncate", "all rows", _first(_bad(vandal, subject, key) for key in keys), _truncate())


def _case(table: Table, column: str, attack: str, where: str, bad: int | None, run: Callable[[Vandal], None]) -> Case:
    return Case(table=table.name, column=column, attack=attack, where=where, bad=bad, run=run)


def _edit(column: str, key: Sequence[Any]) -> Callable[[Vandal], None]:
    return lambda vandal: edit(vandal, column, key)


def _swap(column: str, pair: Sequence[Sequence[Any]]) -> Callable[[Vandal], None]:
    return lambda vandal: swap(vandal, column, pair[0], pair[1])


def _delete(key: Sequence[Any]) -> Callable[[Vandal], None]:
    return lambda vandal: vandal.delete(key)


def _insert(key: Sequence[Any]) -> Callable[[Vandal], None]:
    return lambda vandal: insert(vandal, key)


def _truncate() -> Callable[[Vandal], None]:
    return lambda vandal: vandal.truncate()


def _places(keys: Sequence[tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    """First, middle, last; one row is in the middle."""
    if len(keys) == 1:
        return {"middle": keys[0]}
    return {"first": keys[0], "middle": keys[len(keys) // 2], "last": keys[-1]}


def _pair(
    vandal: Vandal, column: str, keys: Sequence[tuple[Any, ...]]
) -> tuple[tuple[Any, ...], tuple[Any, ...]] | None:
    """Two rows that differ in a column and, where it is part of the key, in nothing else of the key."""
    others = [vandal.table.key.index(name) for name in vandal.table.key if name != column]
    third = len(keys) // 3
    for at in (third, third + 1):
        for key in keys[at + 1 :]:
            alike = column not in vandal.table.key or all(key[other] == keys[at][other] for other in others)
            if alike and vandal.row(key)[column] != vandal.row(keys[at])[column]:
                return keys[at], key
    return None


def _bad(vandal: Vandal, subject: Victim, key: Sequence[Any]) -> int | None:
    """The entry that a row is about."""
    row = vandal.row(key)
    match vandal.table.name:
        case "tile":
            return int(row["idx"]) * WIDTH << (8 * int(row["level"]))
        case "payload":
            return subject.commitments.index(row["commitment"])
        case "mintmark_schema_version" | "inbox" | "log_head" | "integrated" | "checkpoint":
            return None
        case _:
            return int(row["idx"])


def _first(found: Iterator[int | None]) -> int | None:
    return min((index for index in found if index is not None), default=None)


def _is_constraint(refusal: Exception) -> bool:
    import sqlite3

    return isinstance(refusal, (psycopg.errors.IntegrityError, sqlite3.IntegrityError, psycopg.errors.UniqueViolation))


def _constraint(refusal: Exception) -> str:
    text = str(refusal).splitlines()[0]
    return "CHECK" if "check" in text.lower() else "NOT NULL" if "null" in text.lower() else "UNIQUE"
