"""Puts the service together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from florin import health
from florin.kit import logs, problems
from florin.kit.configuration import Configuration
from florin.kit.database import open_database
from florin.ledger.api import router as ledger
from florin.payments.api import router as payments


def make_app(configuration: Configuration, database_url: str) -> FastAPI:
    """The application; it connects when it starts and disconnects when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.configuration = configuration
        app.state.database = await open_database(database_url)
        yield
        await app.state.database.close()

    app = FastAPI(title="Florin", version=version("florin"), lifespan=lifespan, docs_url=None, redoc_url=None)
    problems.install(app)
    app.add_middleware(logs.RequestLog)
    for router in (payments, ledger, health.router):
        app.include_router(router)
    return app
