"""What an administrator does to one table: lifts its guards, changes it, and puts the guards back as they were."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, inspect

PARTITION = re.compile(r"entry_p[0-9]+")
FAR = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as the live schema has it: every column, and those of its primary key."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


def live_tables(connection: Connection) -> list[Table]:
    """Enumerated, so that a new column is attacked without anybody thinking of it."""
    inspector = inspect(connection)
    schemas = ("mintmark", "public") if connection.dialect.name == "postgresql" else (None,)
    return sorted(
        (
            Table(
                name=name,
                columns=tuple(column["name"] for column in inspector.get_columns(name, schema=schema)),
                key=tuple(inspector.get_pk_constraint(name, schema=schema)["constrained_columns"]),
            )
            for schema in schemas
            for name in inspector.get_table_names(schema=schema)
            if not PARTITION.fullmatch(name)
        ),
        key=lambda table: table.name,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Vandal:
    """Holds a connection that passes every grant. Values come and go as the driver has them."""

    connection: Connection
    table: Table

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if self.on_postgresql:
            statement = statement.replace("?", "%s")
        cursor = self.connection.connection.driver_connection.cursor()  # type: ignore[union-attr]
        cursor.execute(statement, tuple(values))
        return [] if cursor.description is None else [tuple(row) for row in cursor.fetchall()]

    @property
    def on_postgresql(self) -> bool:
        return self.connection.dialect.name == "postgresql"

    @contextmanager
    def unguarded(self) -> Iterator[None]:
        found = self._guards()
        for drop, _ in found:
            self.run(drop)
        yield
        for _, make in found:
            self.run(make)

    def _guards(self) -> list[tuple[str, str]]:
        if not self.on_postgresql:
            wanted = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
            return [(f"DROP TRIGGER {name}", sql) for name, sql in self.run(wanted, [self.table.name])]
        wanted = (
            "SELECT t.tgname, c.relname, pg_get_triggerdef(t.oid) "
            "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgparentid = 0 "
            "AND (c.relname = ? OR (? = 'entry' AND c.relname ~ 'entry_p'))"
        )
        name = self.table.name
        return [(f"DROP TRIGGER {each} ON {table}", make) for each, table, make in self.run(wanted, [name, name])]

    def keys(self) -> list[tuple[Any, ...]]:
        key = ", ".join(self.table.key)
        return self.run(f"SELECT {key} FROM {self.table.name} ORDER BY {key}")

    def row(self, key: Sequence[Any]) -> dict[str, Any]:
        columns = ", ".join(self.table.columns)
        found = self.run(f"SELECT {columns} FROM {self.table.name} WHERE {self._where()}", key)
        return dict(zip(self.table.columns, found[0], strict=True))

    def put(self, key: Sequence[Any], column: str, value: Any) -> None:
        self.run(f"UPDATE {self.table.name} SET {column} = ? WHERE {self._where()}", [value, *key])

    def delete(self, key: Sequence[Any]) -> None:
        self.run(f"DELETE FROM {self.table.name} WHERE {self._where()}", key)

    def insert(self, row: dict[str, Any]) -> None:
        places = ", ".join("?" * len(row))
        self.run(f"INSERT INTO {self.table.name} ({', '.join(row)}) VALUES ({places})", list(row.values()))

    def truncate(self) -> None:
        self.run(f"{'TRUNCATE' if self.on_postgresql else 'DELETE FROM'} {self.table.name}")

    def _where(self) -> str:
        return " AND ".join(f"{column} = ?" for column in self.table.key)


def changed(value: Any) -> Any:
    """Another value of the same type that the CHECKs allow."""
    match value:
        case int():
            return value + FAR
        case str():
            return f"{value}x"
        case bytes() if b'"at":"2026' in value:
            return value.replace(b'"at":"2026', b'"at":"2025', 1)  # an entry that is as well formed as before
        case bytes():  # the last byte, of a tile the last hash
            return value[:-1] + bytes([value[-1] ^ 1])
        case _:
            raise AssertionError(f"{value!r}: what would be another one?")


def edit(vandal: Vandal, column: str, key: Sequence[Any]) -> None:
    vandal.put(key, column, changed(vandal.row(key)[column]))


def swap(vandal: Vandal, column: str, first: Sequence[Any], second: Sequence[Any]) -> None:
    """Exchange one column of two rows by way of a value that nobody has, for it may have to be unique."""
    one, other = vandal.row(first)[column], vandal.row(second)[column]
    if column not in vandal.table.key:
        vandal.put(first, column, changed(changed(one)))
        vandal.put(second, column, one)
        vandal.put(first, column, other)
        return
    at = vandal.table.key.index(column)

    def moved(key: Sequence[Any], value: Any) -> list[Any]:
        return [*key[:at], value, *key[at + 1 :]]

    aside = changed(changed(one))
    vandal.put(first, column, aside)
    vandal.put(second, column, one)
    vandal.put(moved(first, aside), column, other)


def insert(vandal: Vandal, key: Sequence[Any]) -> None:
    """A copy of a row under a key that nobody has."""
    row = vandal.row(key)
    unique = [
        column for column in vandal.table.columns if column in vandal.table.key or vandal.table.name == "entry_id"
    ]
    vandal.insert(row | {column: changed(row[column]) for column in unique})
