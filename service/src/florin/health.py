"""Liveness and readiness: ready means that the database answers with the schema that this build needs."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

import asyncpg
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from florin.kit.migrations import current_revision, head_revision
from florin.kit.problems import problem_response

router = APIRouter(prefix="/health", tags=["health"])

DATABASE_TIMEOUT_S = 2


@router.get("/live")
async def live() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/ready")
async def ready(request: Request) -> Response:
    try:
        async with asyncio.timeout(DATABASE_TIMEOUT_S):
            revision = await current_revision(request.app.state.database.pool)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # a time-out is an OSError too
        return problem_response("not-ready", title="Not ready", status=503, detail="The database does not answer.")
    if revision != head_revision():
        return problem_response(
            "not-ready", title="Not ready", status=503, detail=f"The schema is at {revision}; run `florin migrate`."
        )
    return JSONResponse(
        {
            "status": "ready",
            "deployment_id": str(request.app.state.configuration.deployment_id),
            "version": version("florin"),
            "schema": revision,
        }
    )
