"""A witness as an HTTP service: C2SP tlog-witness, and its health at `/`. Needs the extra `witness`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.log_policy import LogPolicy
from mintmark.evidence.note import CosignatureSigner
from mintmark.evidence.witness.protocol import (
    MAX_REQUEST_BYTES,
    PATH,
    SIZE_TYPE,
    Answer,
    Seen,
    WitnessRefused,
    admit,
    extend,
)
from mintmark.evidence.witness.state import WitnessState

HEAD_TIMEOUT_S = 5
BODY_TIMEOUT_S = 10
KEEP_ALIVE_S = 30
MAX_CONNECTIONS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Cosigns the checkpoints of the logs in `policy`; of the policy's witnesses and quorum it takes no notice."""

    state: WitnessState
    signer: CosignatureSigner
    policy: LogPolicy

    def add_checkpoint(self, body: bytes) -> str:
        """Return the cosignature line, once what it says is durable. Raises `WitnessRefused`, `StoreUnavailable`."""
        candidate = admit(body, self.policy)
        checkpoint, note = candidate.checkpoint, candidate.request.note

        def next_seen(seen: Seen) -> Seen:
            return extend(seen, candidate)

        try:
            time_s = self.state.advance(checkpoint.origin, note, next_seen)
        except WitnessRefused as refused:
            if refused.answer is Answer.INCONSISTENT:
                self.state.keep_refused(checkpoint, note)
            raise
        return self.signer.line(candidate.text, time_s=time_s)

    def health(self) -> dict[str, Any]:
        """Who this is and what it has seen; none of it is secret."""
        logs = [
            {"origin": origin, "size": seen.size, "refused": len(self.state.refused(origin))}
            for origin, seen in self.state.all_seen().items()
        ]
        return {"witness": self.signer.name, "vkey": self.signer.vkey, "logs": logs}


def witness_app(witness: Witness, *, body_timeout_s: float = BODY_TIMEOUT_S) -> Starlette:
    """The ASGI application. A body that is too long or too slow is not read to its end."""

    async def add_checkpoint(request: Request) -> Response:
        try:
            body = await asyncio.wait_for(_body(request), body_timeout_s)
            line = await run_in_threadpool(witness.add_checkpoint, body)
        except TimeoutError:
            return _refusal(408, "slow", "the body did not arrive in time")
        except ClientDisconnect:
            return Response(status_code=400)
        except WitnessRefused as refused:
            if refused.size is not None:
                # as a header: of a media type that is text, a charset would be added, which the protocol does not have
                return Response(f"{refused.size}\n", status_code=refused.answer, headers={"content-type": SIZE_TYPE})
            return _refusal(refused.answer, refused.reason, str(refused))
        except _TooLong:
            return _refusal(413, "too_long", f"over {MAX_REQUEST_BYTES} bytes")
        except EvidenceError as failure:
            return _refusal(503, failure.reason, str(failure))
        return PlainTextResponse(line)

    async def health(_request: Request) -> Response:
        try:
            return JSONResponse(await run_in_threadpool(witness.health))
        except EvidenceError as failure:
            return _refusal(503, failure.reason, str(failure))

    return Starlette(routes=[Route("/", health, methods=["GET"]), Route(f"/{PATH}", add_checkpoint, methods=["POST"])])


def http_server(witness: Witness) -> uvicorn.Server:
    """Bounded in connections, bytes and time; `run(sockets=[…])` serves until SIGINT or SIGTERM."""
    return uvicorn.Server(
        uvicorn.Config(
            witness_app(witness),
            http=_Impatient,
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="warning",
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=BODY_TIMEOUT_S,
        )
    )


class _TooLong(Exception):
    """The body is over its limit."""


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_REQUEST_BYTES:
            raise _TooLong
    return bytes(body)


def _refusal(status: int, reason: str, why: str) -> Response:
    headers = {"connection": "close"} if status in {408, 413} else None
    return PlainTextResponse(f"{reason}: {why}\n", status_code=status, headers=headers)


class _Impatient(H11Protocol):
    """Closes connections on which the head of a request does not arrive in time, which uvicorn would keep for ever."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_TIMEOUT_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        if self._deadline is None and self._between_requests():
            self._deadline = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.abort)
        super().data_received(data)
        if not self._between_requests():
            self._forget_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def _between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
