"""One HTTP POST with a deadline and a limit, to someone who may be slow, broken or hostile. No redirect is followed."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

USER_AGENT = "mintmark"


class TransportFailed(Exception):
    """No whole answer came in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """`media_type` is in lower case and without parameters."""

    status: int
    media_type: str
    body: bytes


def check_url(url: str) -> None:
    """Raises `ValueError` unless it is http(s) with a host, and without a user name and a query."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(f"{url} is not an http or https address of a service")
    _ = parts.port  # raises on one that is none


def post(url: str, body: bytes, *, content_type: str, timeout_s: float, max_bytes: int) -> HttpAnswer:
    """Send and read the answer, all of it within `timeout_s`. Raises `TransportFailed`, and `ValueError` on the URL."""
    check_url(url)
    deadline = time.monotonic() + timeout_s
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=timeout_s, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    headers = {"Content-Type": content_type, "User-Agent": USER_AGENT, "Connection": "close"}
    try:
        connection.connect()
        with _Watchdog(connection.sock, deadline):
            connection.request("POST", parts.path or "/", body=body, headers=headers)
            response = connection.getresponse()
            content = response.read(max_bytes + 1)
    except (OSError, http.client.HTTPException, ValueError) as cause:
        late = time.monotonic() >= deadline
        raise TransportFailed(
            f"no answer in {timeout_s:g} s" if late else f"{type(cause).__name__}: {cause}"
        ) from cause
    finally:
        connection.close()
    if time.monotonic() >= deadline:
        raise TransportFailed(f"no whole answer in {timeout_s:g} s")
    if len(content) > max_bytes:
        raise TransportFailed(f"an answer over {max_bytes} bytes")
    if response.length:  # what its head promised and did not come: reading with a limit does not tell
        raise TransportFailed(f"an answer without its last {response.length} bytes")
    media_type = response.headers.get_content_type() if "content-type" in response.headers else ""
    return HttpAnswer(status=response.status, media_type=media_type, body=content)


class _Watchdog:
    """Shuts a socket down at the deadline: timeouts of sockets start anew with every byte that drips in."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._timer = threading.Timer(max(0.0, deadline - time.monotonic()), _shut_down, [connected])
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _shut_down(connected: socket.socket) -> None:
    with suppress(OSError):  # closed by now
        # the plain socket's method: TLS's own would take the session away from under its reader
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
