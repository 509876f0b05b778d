import re

from sqlalchemy import select, text

COLUMNS = {"date": "created_at", "amount": "amount_minor"}
TABLE = "payments"


# vulnerable: a value in an f-string
def by_reference(cursor, reference):
    return cursor.execute(f"SELECT * FROM payments WHERE reference = '{reference}'")


# vulnerable: a value put in by %
def by_payer(cursor, payer):
    return cursor.execute("SELECT * FROM payments WHERE payer = '%s'" % payer)


# vulnerable: a value put in by +
def by_payee(cursor, payee):
    query = "SELECT * FROM payments WHERE payee = '" + payee + "'"
    return cursor.execute(query)


# vulnerable: a value put in by format, in SQLAlchemy
def by_status(session, status):
    return session.execute(text("SELECT * FROM payments WHERE status = '{}'".format(status)))


# vulnerable: a list joined into IN (...)
def by_ids(cursor, ids):
    return cursor.execute("SELECT * FROM payments WHERE id IN (" + ",".join(ids) + ")")


# vulnerable: the order comes from the caller
def ordered(connection, column):
    return connection.fetch(f"SELECT * FROM payments ORDER BY {column}")


def _filter(payer):
    return f"payer = '{payer}'"


# vulnerable: what another function made is run
def by_filter(cursor, payer):
    return cursor.execute(" ".join(["SELECT * FROM payments WHERE", _filter(payer)]))


# vulnerable: str.replace fills the statement in
def by_template(cursor, payer):
    return cursor.execute("SELECT * FROM payments WHERE payer = ':payer'".replace(":payer", payer))


# safe: a parameter
def parameter(cursor, reference):
    return cursor.execute("SELECT * FROM payments WHERE reference = %s", (reference,))


# safe: an expression
def expression(session, payments, reference):
    return session.execute(select(payments).where(payments.c.reference == reference))


# safe: a column out of a fixed list
def listed_column(connection, column):
    return connection.fetch("SELECT * FROM payments ORDER BY " + COLUMNS[column])


# safe: a table name that is a constant of this file
def constant_table(cursor, reference):
    return cursor.execute(f"SELECT * FROM {TABLE} WHERE reference = %s", (reference,))


# safe: only placeholders are joined
def placeholders(cursor, ids):
    marks = ",".join("%s" for _ in ids)
    return cursor.execute(f"SELECT * FROM payments WHERE id IN ({marks})", ids)


# safe: text that looks like SQL is shown, not run
def shown(reference):
    return f"select a payment from the list below, such as {reference}"


# safe: the value is a parameter, though it is made from strings
def made_value(cursor, reference):
    return cursor.execute("SELECT * FROM payments WHERE reference = %s", (f"REF-{reference}",))
