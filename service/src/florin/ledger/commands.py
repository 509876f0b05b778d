"""Changes the ledger from inside the process: the accounts and the money that a demonstration starts with."""

from __future__ import annotations

import uuid

import asyncpg

DEMONSTRATION_FUNDS_MINOR = 100_000_000


async def seed(pool: asyncpg.Pool, deployment_id: uuid.UUID) -> None:
    """Open `demo:customer`, `demo:merchant` and `world` in EUR, and fund the customer once, whoever comes first."""
    async with pool.acquire() as connection, connection.transaction():
        for code, minimum in (("world", None), ("demo:customer", 0), ("demo:merchant", None)):
            await connection.execute("SELECT ledger.open_account($1, 'EUR', $2)", code, minimum)
        await connection.execute(
            "SELECT ledger.post('seed', 'demo:customer', 'fund', $1, $2, $3)",
            deployment_id,
            ["world", "demo:customer"],
            [-DEMONSTRATION_FUNDS_MINOR, DEMONSTRATION_FUNDS_MINOR],
        )
