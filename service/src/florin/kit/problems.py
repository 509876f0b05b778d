"""Problem details (RFC 9457): every refusal has a stable type and says what to do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from florin.kit.logs import log

BASE = "https://mintmark.dev/florin/problems/"
MEDIA_TYPE = "application/problem+json"
MAX_BODY_BYTES = 64 * 1024
BODY_TIMEOUT_S = 10

# Nothing was done, or nobody knows whether it was; the Idempotency-Key makes asking again safe either way. Classes of
# https://www.postgresql.org/docs/current/errcodes-appendix.html: connection, rollback, resources, state, intervention.
_TRY_AGAIN = ("08", "40", "53", "55P03", "57")


class Problem(Exception):
    """A refusal on its way to the caller."""

    def __init__(self, kind: str, *, title: str, status: int, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind, self.title, self.status, self.detail = kind, title, status, detail


def problem_response(kind: str, *, title: str, status: int, detail: str) -> Response:
    body = {"type": BASE + kind, "title": title, "status": status, "detail": detail}
    return Response(content=json.dumps(body), status_code=status, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Turn every refusal, the framework's own included, into problem details."""

    @app.exception_handler(Problem)
    async def _problem(_request: Request, problem: Problem) -> Response:
        return problem_response(problem.kind, title=problem.title, status=problem.status, detail=problem.detail)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> Response:
        return problem_response("invalid-request", title="Invalid request", status=422, detail=_places(error.errors()))

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> Response:
        return problem_response("http", title=str(error.detail), status=error.status_code, detail=str(error.detail))

    app.add_exception_handler(asyncpg.PostgresError, _database_failed)
    app.add_exception_handler(asyncpg.InterfaceError, _database_failed)
    app.add_exception_handler(DBAPIError, _database_failed)
    app.add_exception_handler(OSError, _database_failed)  # connections that break, and every time-out
    app.add_exception_handler(Exception, _unforeseen)


async def _database_failed(_request: Request, error: Exception) -> Response:
    state = str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")
    # The message stays out of the log: PostgreSQL quotes the row that it refused.
    log("database.failed", error=type(error).__name__, sqlstate=state)
    if state and not state.startswith(_TRY_AGAIN):
        return await _unforeseen(_request, error)
    response = problem_response(
        "try-again",
        title="The database did not answer in time",
        status=503,
        detail="It is not known whether this was done. Send the same request again with the same Idempotency-Key.",
    )
    response.headers["Retry-After"] = "1"
    return response


async def _unforeseen(_request: Request, _error: Exception) -> Response:
    return problem_response(
        "internal-error",
        title="Internal error",
        status=500,
        detail="Report it with the time; the log has its cause. The same request with the same Idempotency-Key stays "
        "safe to send again.",
    )


def _places(errors: Any) -> str:
    """Where and why, and never the value: it may be what must not be repeated."""
    return "; ".join(f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in errors)


async def bounded_body(request: Request) -> bytes:
    """Read the body, and stop at the limit of size or of time."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise Problem(
                        "body-too-large",
                        title="Body too large",
                        status=413,
                        detail=f"Send at most {MAX_BODY_BYTES} bytes.",
                    )
    except TimeoutError as cause:
        raise Problem(
            "body-too-slow", title="Body too slow", status=408, detail=f"Send the body within {BODY_TIMEOUT_S} s."
        ) from cause
    return bytes(body)
