"""Structured logs: one JSON object a line on stdout, keys and not prose, and no value that a caller sent."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send


def log(event: str, **facts: object) -> None:
    line = {"at": datetime.now(UTC).isoformat(), "event": event, **facts}
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()


class JsonHandler(logging.Handler):
    """
    Carries what libraries log into the same stream.

    Of an exception it keeps the type and the place: PostgreSQL puts the row that it refused into the message, and a
    row may hold what must not be in a log.
    """

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])
            where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
            log("library.error", logger=record.name, error=record.exc_info[0].__name__, where=where)
        else:
            log("library.message", logger=record.name, level=record.levelname.lower(), message=record.getMessage())


def configure() -> None:
    logging.basicConfig(handlers=[JsonHandler()], level=logging.WARNING, force=True)


class RequestLog:
    """One line a request: method, the route's pattern (never the query), status, duration."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            if not route.startswith("/health/") or status != 200:
                took_ms = round((time.monotonic() - started) * 1000, 1)
                log("request.answered", method=scope["method"], route=route, status=status, duration_ms=took_ms)
