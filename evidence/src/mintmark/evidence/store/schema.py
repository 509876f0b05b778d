"""Makes and migrates the schema by Alembic; the SQL is in `sql/<backend>/<revision>_*.sql`."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from pathlib import Path

from sqlalchemy import Connection, text

from mintmark.evidence.errors import StoreUnavailable

HEAD = "0001"
VERSION_TABLE = "mintmark_schema_version"


def migrate(connection: Connection) -> None:
    """Bring the schema to `HEAD` in the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("mintmark.evidence.store") / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def run_sql(connection: Connection, name: str) -> None:
    """Run one SQL file of the connection's backend."""
    script = (Path(str(files("mintmark.evidence.store"))) / "sql" / connection.dialect.name / name).read_text("utf-8")
    if connection.dialect.name == "postgresql":
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101  a connection that runs a migration is open
        driver.execute(script)  # without parameters the server takes many statements at once
        return
    statement = ""
    for line in script.splitlines(keepends=True):
        if not line.startswith("--"):
            statement += line
        if sqlite3.complete_statement(statement):
            connection.exec_driver_sql(statement.strip())
            statement = ""


def check_revision(connection: Connection, place: str) -> None:
    """Raises `StoreUnavailable` (`schema_revision`) when the schema is another version's."""
    if not connection.dialect.has_table(connection, VERSION_TABLE):
        found = "none"
    else:
        revisions = connection.scalars(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608  a constant
        found = " and ".join(sorted(map(str, revisions))) or "none"
    if found != HEAD:
        raise StoreUnavailable(
            f"{place}: the schema is at revision {found}, and this version works with {HEAD}",
            reason="schema_revision",
            remedy="run `mintmark store migrate`, or use the version that made the store",
        )
