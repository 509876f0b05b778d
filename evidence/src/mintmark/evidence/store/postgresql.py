"""The log on PostgreSQL: the application role adds and reads, the head moves by a function, rows arrive by COPY."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    LargeBinary,
    NullPool,
    Table,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError

from mintmark.evidence.errors import LogRefused, StoreUnavailable
from mintmark.evidence.store import catalogue, schema
from mintmark.evidence.store.interface import Head

SCHEMA = "mintmark"
APPLICATION_ROLE = "mintmark_app"
SESSION = {
    "search_path": f"{SCHEMA},public,pg_temp",
    # What durability rests on is said here and not left to how a server happens to be configured.
    "default_transaction_isolation": "read committed",
    "synchronous_commit": "on",
    "lock_timeout": "20s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}


class PostgresBackend:
    """`url` is a PostgreSQL URL whose login is `mintmark_app` or a member of it."""

    def __init__(self, url: str, *, origin: str | None = None, role: str | None = APPLICATION_ROLE) -> None:
        """Without `origin` nothing is made: for reading what is there, as whatever role the login has."""
        self._engine = engine(url, role=role if origin is not None else None)
        if origin is not None:
            with self.reading() as connection:
                schema.check_revision(connection, "PostgreSQL")
            with self.writing() as connection:
                connection.execute(text("SELECT start_log(:origin)"), {"origin": origin})

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with _translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot for all statements, as SQLite gives it."""
        with _translated(), self._engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection

    def lock_head(self, connection: Connection) -> Head | None:
        row = connection.execute(text("SELECT origin, size, root FROM lock_head()")).one_or_none()
        return Head(origin=row.origin, size=row.size, root=bytes(row.root)) if row else None

    def insert(self, connection: Connection, table: Table, found: Sequence[tuple[Any, ...]]) -> None:
        if not found:
            return
        columns = ", ".join(column.name for column in table.columns)
        types = [_TYPES.get(type(column.type), "text") for column in table.columns]
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101  a connection in a transaction is open
        statement = f"COPY {table.name} ({columns}) FROM STDIN (FORMAT BINARY)"
        try:
            with driver.cursor().copy(statement) as copy:
                copy.set_types(types)
                for row in found:
                    copy.write_row(row)
        except connection.dialect.loaded_dbapi.Error as cause:  # past SQLAlchemy, which would have wrapped it
            raise DBAPIError(statement, None, cause) from cause

    def advance(self, connection: Connection, before: Head, after: Head) -> None:
        connection.execute(
            text("SELECT advance(:before, :size, :root)"),
            {"before": before.size, "size": after.size, "root": after.root},
        )

    def take(self, connection: Connection, ids: Sequence[str]) -> set[str]:
        return set(connection.scalars(text("SELECT take_inbox(:ids)"), {"ids": list(ids)}))

    def erase(self, connection: Connection, commitment: str) -> bool:
        return bool(connection.scalar(text("SELECT erase_payload(:commitment)"), {"commitment": commitment}))

    def guards(self, connection: Connection) -> list[tuple[str, str]]:
        """Compare the catalogue with what a fresh migration makes: triggers, functions, constraints, privileges."""
        return catalogue.differences(catalogue.expected(), catalogue.read(connection))


_TYPES: dict[type, str] = {BigInteger: "int8", LargeBinary: "bytea"}


def migrate(admin_url: str) -> None:
    """Bring the schema to head, as a login that may create roles. Raises `StoreUnavailable`."""
    made = engine(admin_url, role=None, pooled=False)
    with _translated(), made.begin() as connection:
        connection.exec_driver_sql(
            "SELECT pg_advisory_xact_lock(7017600313)"
        )  # two migrations at once must not both run
        schema.migrate(connection)


def engine(url: str, *, role: str | None, pooled: bool = True) -> Engine:
    try:
        place = make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise StoreUnavailable(
            "the URL of the evidence store cannot be read",
            reason="store_url",
            remedy="write it as postgresql://user:password@host:port/database, with % escapes where it has / or @",
        ) from None  # what was read has a password in it
    session = SESSION | ({"role": role} if role else {})
    options = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in session.items())
    made = create_engine(
        place,
        connect_args={"options": options, "connect_timeout": 10, "application_name": "mintmark"},
        **({"pool_pre_ping": True} if pooled else {"poolclass": NullPool}),
    )

    @event.listens_for(made, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        connection.prepare_threshold = 2  # the same few statements, again and again

    return made


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ImportError as cause:
        raise StoreUnavailable(
            f"the evidence store on PostgreSQL needs psycopg: {cause}",
            reason="store_unavailable",
            remedy="install mintmark[postgresql]",
        ) from cause
    except DBAPIError as cause:
        said, state = str(cause.orig).splitlines()[0] if str(cause.orig) else "no message", _sqlstate(cause)
        if "erasure is recorded" in said:
            raise LogRefused(
                said, reason="not_recorded", remedy="record the erasure first: `mintmark evidence erase`"
            ) from cause
        if state == "42501":
            raise LogRefused(
                f"the evidence store refused: {said}",
                reason="store_refused",
                remedy="log in as mintmark_app; what is recorded is changed by nobody",
            ) from cause
        if state[:2] in {"23", "42", "22", "XX"}:
            raise LogRefused(
                f"the evidence store cannot be used: {said}",
                reason="store_malformed",
                remedy="run `mintmark store migrate`, then `mintmark verify`",
            ) from cause
        raise StoreUnavailable(
            f"the evidence store cannot be used: {said}",
            reason="store_unavailable",
            remedy="check MINTMARK_STORE_URL and the server, and try again",
        ) from cause


def _sqlstate(cause: DBAPIError) -> str:
    """Empty when the server was not reached."""
    return str(getattr(cause.orig, "sqlstate", "") or "")
