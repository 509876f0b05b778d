"""`/v1/ledger`: reading only. Nothing over HTTP posts to the ledger but a payment."""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from florin.ledger import queries
from florin.ledger.errors import BatchNotFound, PostingNotFound

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])

_POSTING_ID = re.compile(r"([1-9][0-9]{0,17})\.([1-9][0-9]{0,3})")


@router.get("/postings/{posting_id}")
async def posting(request: Request, posting_id: str) -> dict[str, Any]:
    match = _POSTING_ID.fullmatch(posting_id)
    if match is None:
        raise PostingNotFound(posting_id)
    async with request.app.state.database.engine.connect() as connection:
        found = await queries.posting_with_entry(connection, int(match[1]), int(match[2]))
    if found is None:
        raise PostingNotFound(posting_id)
    return found


@router.get("/entries")
async def entries(
    request: Request,
    deployment_id: uuid.UUID,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=queries.MAX_PAGE)] = 100,
) -> dict[str, Any]:
    async with request.app.state.database.engine.connect() as connection:
        return {"entries": await queries.entries_of(connection, deployment_id, after=after, limit=limit)}


@router.get("/batches/{batch}")
async def batch_leaves(request: Request, batch: Annotated[int, Path(ge=1, le=2**62)]) -> dict[str, Any]:
    async with request.app.state.database.engine.connect() as connection:
        leaves = await queries.leaves_of(connection, batch)
    if not leaves:
        raise BatchNotFound(batch)
    return {"batch": batch, "leaves": leaves}


@router.get("/deployments/{deployment_id}/totals")
async def deployment_totals(request: Request, deployment_id: uuid.UUID) -> dict[str, Any]:
    async with request.app.state.database.engine.connect() as connection:
        return await queries.totals_of(connection, deployment_id)


@router.get("/trial-balance")
async def trial_balance(request: Request) -> dict[str, Any]:
    async with request.app.state.database.engine.connect() as connection:
        return {"currencies": await queries.trial_balance(connection)}
