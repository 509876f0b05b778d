"""Connections: a pool for the money path, an engine for reads; both as the role that can change no ledger row."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

APPLICATION_ROLE = "florin_app"
COMMAND_TIMEOUT_S = 10
SESSION = {
    "role": APPLICATION_ROLE,
    "application_name": "florin",
    # What the money path rests on is said here and not left to how a server happens to be configured.
    "default_transaction_isolation": "read committed",
    "synchronous_commit": "on",
    # Below the client's own limit, so that PostgreSQL gives up first and says which statement it was.
    "statement_timeout": "8s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """`pool` makes the one function call of a payment; `engine` reads."""

    pool: asyncpg.Pool
    engine: AsyncEngine

    async def close(self) -> None:
        await self.pool.close()
        await self.engine.dispose()


async def open_database(url: str) -> Database:
    """Connect as `florin_app`. The login of the URL must be that role or a member of it."""
    pool = await asyncpg.create_pool(
        url, min_size=1, max_size=10, command_timeout=COMMAND_TIMEOUT_S, server_settings=SESSION
    )

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url, command_timeout=COMMAND_TIMEOUT_S, server_settings=SESSION)

    return Database(pool=pool, engine=create_async_engine("postgresql+asyncpg://", async_creator=connect))


async def can_act_as_owner(pool: asyncpg.Pool) -> bool:
    """Whether the login, whatever role it has taken, could go back and change the tables."""
    return bool(await pool.fetchval("SELECT pg_has_role(session_user, 'florin_owner', 'MEMBER')"))
