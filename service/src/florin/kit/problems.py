"""Problem details (RFC 9457): every refusal has a stable type and says what to do."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

BASE = "https://mintmark.dev/florin/problems/"
MEDIA_TYPE = "application/problem+json"
MAX_BODY_BYTES = 64 * 1024


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


def _places(errors: Any) -> str:
    """Where and why, and never the value: it may be what must not be repeated."""
    return "; ".join(f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in errors)


async def bounded_body(request: Request) -> bytes:
    """Read the body, and stop at the limit."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise Problem(
                "body-too-large", title="Body too large", status=413, detail=f"Send at most {MAX_BODY_BYTES} bytes."
            )
    return body
