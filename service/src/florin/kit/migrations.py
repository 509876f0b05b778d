"""Brings the schema to head, and says whether it is there."""

from __future__ import annotations

from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

import florin


def migrations_folder() -> Path:
    """Inside the installed package, or beside the sources in a checkout."""
    package = Path(florin.__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent.parent / "migrations"


def head_revision() -> str:
    return ScriptDirectory(str(migrations_folder())).get_current_head() or "none"


async def migrate(url: str) -> None:
    """Run what is missing, each migration in a transaction of its own."""

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade)
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def current_revision(pool: asyncpg.Pool) -> str:
    if await pool.fetchval("SELECT to_regclass('public.schema_version') IS NULL"):
        return "none"
    return str(await pool.fetchval("SELECT version_num FROM public.schema_version") or "none")
