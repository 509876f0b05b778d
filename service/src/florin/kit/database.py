"""Connections: a pool for the money path, an engine for reads; both as the role that can change no ledger row."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

APPLICATION_ROLE = "florin_app"
COMMAND_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """`pool` makes the one function call of a payment; `engine` reads."""

    pool: asyncpg.Pool
    engine: AsyncEngine

    async def close(self) -> None:
        await self.pool.close()
        await self.engine.dispose()


async def open_database(url: str) -> Database:
    """Connect as `florin_app`. The login of the URL must be a member of that role."""
    settings = {"role": APPLICATION_ROLE, "application_name": "florin"}
    pool = await asyncpg.create_pool(
        url, min_size=1, max_size=10, command_timeout=COMMAND_TIMEOUT_S, server_settings=settings
    )

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url, command_timeout=COMMAND_TIMEOUT_S, server_settings=settings)

    return Database(pool=pool, engine=create_async_engine("postgresql+asyncpg://", async_creator=connect))
