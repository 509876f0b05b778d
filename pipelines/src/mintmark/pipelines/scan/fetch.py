"""Fetches over HTTP within limits of time and size, and never takes part of an answer for the whole."""

from __future__ import annotations

import http.client
import ipaddress
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

CHUNK = 64 * 1024


class FetchFailed(Exception):
    """No whole answer came. `late` says that time ran out, `large` that it was too much."""

    def __init__(self, url: str, detail: str, *, late: bool = False, large: bool = False) -> None:
        parts = urlsplit(url)
        super().__init__(f"{parts.scheme}://{parts.hostname}{parts.path}: {detail}")
        self.late, self.large = late, large


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`wait_s` is how long the other side may be silent, `deadline` (of time.monotonic) when all must be there."""

    wait_s: float
    deadline: float
    size: int


def is_safe(url: str) -> bool:
    """HTTPS; plain HTTP only to this machine, for a service that runs beside us."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    try:
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def fetch(url: str, out: IO[bytes], *, limits: Limits, body: bytes | None = None) -> None:
    """Write the whole answer of a GET (or, with a body of JSON, a POST) to `out`, or raise `FetchFailed`."""
    if not is_safe(url):
        raise FetchFailed(url, "not an address of HTTPS")
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"} if body else {})  # noqa: S310  checked above
    try:
        with _OPENER.open(request, timeout=min(limits.wait_s, _left(url, limits))) as answer:
            if answer.status != 200:
                raise FetchFailed(url, f"it answered {answer.status}")
            _copy(url, answer, out, limits)
    except urllib.error.HTTPError as cause:
        raise FetchFailed(url, f"it answered {cause.code}") from cause
    except TimeoutError as cause:
        raise FetchFailed(url, f"silent for {limits.wait_s:g} s", late=True) from cause
    except (OSError, http.client.HTTPException, ValueError) as cause:
        silent = isinstance(getattr(cause, "reason", None), TimeoutError)
        raise FetchFailed(
            url, "no answer in time" if silent else f"out of reach: {cause!r}"[:200], late=silent
        ) from cause


def _copy(url: str, answer: http.client.HTTPResponse, out: IO[bytes], limits: Limits) -> None:
    length, taken = answer.headers.get("Content-Length"), 0
    while chunk := answer.read1(CHUNK):
        taken += len(chunk)
        if taken > limits.size:
            raise FetchFailed(url, f"over {limits.size} bytes", large=True)
        _left(url, limits)
        out.write(chunk)
    if length is not None and taken != int(length):
        raise FetchFailed(url, f"{taken} of {length} bytes came")


def _left(url: str, limits: Limits) -> float:
    left = limits.deadline - time.monotonic()
    if left <= 0:
        raise FetchFailed(url, "not finished in time", late=True)
    return left


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect makes a POST a GET, and may lead from HTTPS to anywhere."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)
