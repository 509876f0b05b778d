"""Moves money: each command is one function call and one durable commit."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

import asyncpg

from florin.payments.errors import IdempotencyKeyInProgress, IdempotencyKeyReused, PaymentNotFound

# There is one tenant until callers are identified.
TENANT = "default"
_KEY_REUSED = -1
_KEY_IN_PROGRESS = -2
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The stored outcome: HTTP status and the very bytes that a replay gives again."""

    status: int
    body: bytes
    replayed: bool


async def authorize(
    pool: asyncpg.Pool, *, key: str, raw: bytes, payer: str, payee: str, amount_minor: int, currency: str, token: str
) -> Answer:
    row = await pool.fetchrow(
        "SELECT * FROM payments.authorize($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        TENANT,
        key,
        hashlib.sha256(raw).digest(),
        uuid.uuid4(),
        payer,
        payee,
        amount_minor,
        currency,
        token,
    )
    return _answer(row)


async def capture(
    pool: asyncpg.Pool, *, key: str, raw: bytes, payment_id: uuid.UUID, amount_minor: int, deployment_id: uuid.UUID
) -> Answer:
    row = await pool.fetchrow(
        "SELECT * FROM payments.capture($1, $2, $3, $4, $5, $6)",
        TENANT,
        key,
        hashlib.sha256(raw).digest(),
        payment_id,
        amount_minor,
        deployment_id,
    )
    answer = _answer(row)
    if answer.status == _NOT_FOUND:
        raise PaymentNotFound
    return answer


def _answer(row: asyncpg.Record) -> Answer:
    if row["status"] == _KEY_REUSED:
        raise IdempotencyKeyReused
    if row["status"] == _KEY_IN_PROGRESS:
        raise IdempotencyKeyInProgress
    return Answer(status=row["status"], body=row["body"], replayed=row["replayed"])
