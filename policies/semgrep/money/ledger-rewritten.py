from sqlalchemy import delete, insert, text, update


async def correct(connection: object, session: object, amount_minor: int) -> None:
    # ruleid: ledger-rewritten
    await connection.execute("UPDATE ledger.postings SET amount_minor = $1 WHERE id = $2", amount_minor, 7)
    # ruleid: ledger-rewritten
    await connection.execute("delete from journal_entries where id = $1", 7)
    # ruleid: ledger-rewritten
    session.execute(delete(Posting).where(Posting.id == 7))
    # ruleid: ledger-rewritten
    session.execute(text("TRUNCATE TABLE postings"))

    # ok: ledger-rewritten
    await connection.execute("INSERT INTO ledger.postings (amount_minor) VALUES ($1)", -amount_minor)
    # ok: ledger-rewritten
    await connection.execute("UPDATE payments.payments SET status = 'captured' WHERE id = $1", 7)
    # ok: ledger-rewritten
    session.execute(insert(Posting).values(amount_minor=-amount_minor))
    # ok: ledger-rewritten
    session.execute(update(Payment).where(Payment.id == 7).values(status="captured"))
