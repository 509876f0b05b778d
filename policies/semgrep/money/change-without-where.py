from sqlalchemy import delete, update


async def close(connection: object, status: str) -> None:
    # ruleid: change-without-where
    await connection.execute("UPDATE payments SET status = $1", status)
    # ruleid: change-without-where
    await connection.execute("DELETE FROM sessions")

    # ok: change-without-where
    await connection.execute("UPDATE payments SET status = $1 WHERE id = $2", status, 7)
    # ok: change-without-where
    await connection.execute("DELETE FROM sessions WHERE expires_at < now()")
    # ok: change-without-where
    await connection.execute("SELECT id FROM payments FOR UPDATE")


async def other_ways(connection: object, session: object) -> None:
    # ruleid: change-without-where
    await connection.execute("DELETE FROM sessions -- where they ended")
    # ruleid: change-without-where
    await connection.execute(query="DELETE FROM sessions")
    # ruleid: change-without-where
    session.execute(update(Payment).values(status="refunded"))
    # ruleid: change-without-where
    session.execute(delete(Payment))
    # ruleid: change-without-where
    session.query(Payment).delete()
    # ok: change-without-where
    await connection.execute("DELETE FROM sessions -- these\n WHERE ended")
    # ok: change-without-where
    session.execute(update(Payment).where(Payment.id == 7).values(status="refunded"))
    # ok: change-without-where
    session.execute(update(Payment).values(status="refunded").where(Payment.id == 7))
    # ok: change-without-where
    session.query(Payment).filter(Payment.id == 7).delete()
