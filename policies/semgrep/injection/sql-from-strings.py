from pathlib import Path

import asyncpg
import pandas
import psycopg
import sqlalchemy
from sqlalchemy import text


async def with_asyncpg(connection: asyncpg.Connection, reference: str, column: str) -> None:
    # ruleid: sql-from-strings
    await connection.fetch(f"SELECT * FROM payments WHERE reference = '{reference}'")
    # ruleid: sql-from-strings
    await connection.fetchrow("SELECT * FROM payments WHERE reference = '" + reference + "'")
    # ruleid: sql-from-strings
    await connection.fetchval("SELECT %s FROM payments" % column)
    query = "SELECT {} FROM payments".format(column)
    # ruleid: sql-from-strings
    await connection.execute(query)
    statement = "SELECT * FROM payments"
    statement += " WHERE reference = '" + reference + "'"
    # ruleid: sql-from-strings
    await connection.execute(statement)
    # ruleid: sql-from-strings
    await connection.prepare(f"SELECT {column} FROM payments")

    # ok: sql-from-strings
    await connection.fetch("SELECT * FROM payments WHERE reference = $1", reference)
    # ok: sql-from-strings
    await connection.fetch("SELECT * FROM payments " + "WHERE reference = $1", reference)
    # ok: sql-from-strings
    await connection.fetch("SELECT * FROM payments WHERE reference = $1", f"REF-{reference}")


def with_sqlalchemy(session: sqlalchemy.orm.Session, reference: str) -> None:
    # ruleid: sql-from-strings
    session.execute(text(f"SELECT * FROM payments WHERE reference = '{reference}'"))
    # ruleid: sql-from-strings
    session.execute(sqlalchemy.text("SELECT * FROM payments WHERE reference = '%s'" % reference))
    # ok: sql-from-strings
    session.execute(text("SELECT * FROM payments WHERE reference = :reference"), {"reference": reference})
    # ruleid: sql-from-strings
    statement = text(f"SELECT {reference}")
    cleaned = f"SELECT * FROM {reference}".strip()
    # ruleid: sql-from-strings
    session.connection().exec_driver_sql(cleaned)
    # ok: sql-from-strings
    session.execute(Payment.select().where(Payment.reference == f"REF-{reference}"))
    # ok: sql-from-strings
    session.connection().exec_driver_sql(Path(f"{reference}.sql").read_text())
    # ok: sql-from-strings
    session.execute(sqlalchemy.select(sqlalchemy.literal(f"{reference}")))


def with_psycopg(connection: psycopg.Connection, reference: str, columns: list[str]) -> None:
    cursor = connection.cursor()
    # ruleid: sql-from-strings
    cursor.execute("SELECT * FROM payments WHERE reference = '%s'" % reference)
    # ruleid: sql-from-strings
    cursor.executemany("INSERT INTO {} VALUES (%s)".format(reference), [("a",)])
    # ruleid: sql-from-strings
    cursor.execute(", ".join(columns))
    # ruleid: sql-from-strings
    cursor.execute(psycopg.sql.SQL(f"SELECT * FROM {reference}"))
    # ok: sql-from-strings
    cursor.execute("SELECT * FROM payments WHERE reference = %s", (reference,))
    # ok: sql-from-strings
    cursor.execute(
        psycopg.sql.SQL("SELECT * FROM {}").format(psycopg.sql.Identifier(reference)),
    )


def grown(cursor: psycopg.Cursor, reference: str, column: str) -> None:
    query = "SELECT * FROM payments WHERE reference = '"
    query += reference
    query += "'"
    # ruleid: sql-from-strings
    cursor.execute(query)
    fixed = "SELECT * FROM payments"
    fixed += " WHERE reference = %s"
    # ok: sql-from-strings
    cursor.execute(fixed, (reference,))
    template = "SELECT * FROM payments WHERE reference = '$reference'"
    # ruleid: sql-from-strings
    cursor.execute(template.replace("$reference", reference))


def joined(cursor: psycopg.Cursor, connection: sqlalchemy.Connection, reference: str, separator: str) -> None:
    # ruleid: sql-from-strings
    cursor.execute(separator.join(["SELECT * FROM payments WHERE reference =", reference]))
    # ok: sql-from-strings
    connection.execute(sqlalchemy.select(Payment).join(Account, Account.id == Payment.account_id))


def by_keyword(cursor: psycopg.Cursor, session: sqlalchemy.orm.Session, reference: str) -> None:
    # ruleid: sql-from-strings
    cursor.execute(query=f"SELECT * FROM payments WHERE reference = '{reference}'")
    # ok: sql-from-strings
    cursor.execute(query="SELECT * FROM payments WHERE reference = %s", params=(reference,))
    # ruleid: sql-from-strings
    session.query(sqlalchemy.literal_column(f"'{reference}'"))
    # ruleid: sql-from-strings
    session.query(Payment).filter(text(f"reference = '{reference}'"))
    # ok: sql-from-strings
    session.execute(sqlalchemy.select(Payment).where(Payment.reference == f"pay_{reference}"))
    # ruleid: sql-from-strings
    pandas.read_sql(f"SELECT * FROM payments WHERE reference = '{reference}'", session)
