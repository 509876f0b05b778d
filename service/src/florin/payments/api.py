"""`/v1/payments`: authorise, capture, read. Every state-changing call needs an Idempotency-Key."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from florin.kit.guard import looks_like_pan
from florin.kit.problems import MEDIA_TYPE, bounded_body
from florin.payments import commands, queries
from florin.payments.errors import IdempotencyKeyMissing, PaymentNotFound

router = APIRouter(prefix="/v1/payments", tags=["payments"])

MAX_KEY_LENGTH = 255
MAX_AMOUNT_MINOR = 10**15  # far below BIGINT, so that no sum of balances overflows


def _no_pan(text: str) -> str:
    if looks_like_pan(text):
        raise ValueError("looks like a card number; send the token that the hosted fields gave")
    return text


Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9:_-]{0,62}$"), AfterValidator(_no_pan)]
Amount = Annotated[int, Field(gt=0, le=MAX_AMOUNT_MINOR, strict=True)]

Model = TypeVar("Model", bound=BaseModel)


class Authorisation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount_minor: Amount
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    payer: Code
    payee: Code
    payment_token: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_no_pan)]


class Capture(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount_minor: Amount


@router.post("", status_code=201)
async def authorise(request: Request) -> Response:
    key, raw = _key(request), await bounded_body(request)
    wanted = _parse(Authorisation, raw)
    answer = await commands.authorize(
        request.app.state.database.pool,
        key=key,
        raw=raw,
        payer=wanted.payer,
        payee=wanted.payee,
        amount_minor=wanted.amount_minor,
        currency=wanted.currency,
        token=wanted.payment_token,
    )
    return _response(answer)


@router.post("/{payment_id}/capture", status_code=201)
async def capture(request: Request, payment_id: uuid.UUID) -> Response:
    key, raw = _key(request), await bounded_body(request)
    wanted = _parse(Capture, raw)
    answer = await commands.capture(
        request.app.state.database.pool,
        key=key,
        raw=raw,
        payment_id=payment_id,
        amount_minor=wanted.amount_minor,
        deployment_id=request.app.state.configuration.deployment_id,
    )
    return _response(answer)


@router.get("/{payment_id}")
async def payment(request: Request, payment_id: uuid.UUID) -> dict[str, Any]:
    async with request.app.state.database.engine.connect() as connection:
        found = await queries.payment_by_id(connection, commands.TENANT, payment_id)
    if found is None:
        raise PaymentNotFound
    return found


def _key(request: Request) -> str:
    key: str = request.headers.get("idempotency-key", "")
    if not 0 < len(key) <= MAX_KEY_LENGTH or looks_like_pan(key):
        raise IdempotencyKeyMissing
    return key


def _parse(model: type[Model], raw: bytes) -> Model:
    try:
        return model.model_validate_json(raw)
    except ValidationError as invalid:
        raise RequestValidationError(invalid.errors()) from invalid


def _response(answer: commands.Answer) -> Response:
    ok = answer.status < 400
    return Response(
        content=answer.body,
        status_code=answer.status,
        media_type="application/json" if ok else MEDIA_TYPE,
        headers={"Idempotency-Replayed": "true"} if answer.replayed else None,
    )
