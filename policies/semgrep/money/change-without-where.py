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
