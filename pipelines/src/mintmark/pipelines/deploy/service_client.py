"""The three doors of a running Florin that Mintmark uses over HTTP: readiness, one payment, the ledger's account."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from mintmark.pipelines.errors import InfrastructureError

MAX_ANSWER_BYTES = 8 * 1024 * 1024


class ServiceRefused(InfrastructureError):
    """The service answered, and the answer was not success. `status` is the HTTP status, `problem` its body."""

    def __init__(self, url: str, *, status: int, problem: dict[str, Any]) -> None:
        super().__init__(
            f"{url} answered {status}: {problem.get('detail') or problem.get('title') or 'no reason given'}",
            reason="service_refused",
            remedy="read the service's log",
        )
        self.status = status
        self.problem = problem


class ServiceUnreachable(InfrastructureError):
    """Nobody answers at that address."""

    def __init__(self, url: str, *, cause: str) -> None:
        super().__init__(
            f"{url} cannot be reached: {cause}",
            reason="service_unreachable",
            remedy="start it: `mintmark deploy sha256:… --env local` with a digest that was allowed",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FlorinClient:
    """`url` has no trailing slash, such as `http://127.0.0.1:8420`."""

    url: str
    timeout_s: float = 10.0

    def readiness(self) -> dict[str, Any]:
        return self._call("GET", "/health/ready")

    def authorise(self, payment: dict[str, Any], *, idempotency_key: str) -> dict[str, Any]:
        return self._call("POST", "/v1/payments", payment, idempotency_key=idempotency_key)

    def capture(self, payment_id: str, capture: dict[str, Any], *, idempotency_key: str) -> dict[str, Any]:
        path = f"/v1/payments/{urllib.parse.quote(payment_id, safe='')}/capture"
        return self._call("POST", path, capture, idempotency_key=idempotency_key)

    def posting(self, posting_id: str) -> dict[str, Any]:
        return self._call("GET", f"/v1/ledger/postings/{urllib.parse.quote(posting_id, safe='')}")

    def entries(self, deployment_id: str, *, after: int, limit: int = 1_000) -> list[dict[str, Any]]:
        """Entries of a deployment by id, after the id `after`; an empty list is the end."""
        query = urllib.parse.urlencode({"deployment_id": deployment_id, "after": after, "limit": limit})
        return list(self._call("GET", f"/v1/ledger/entries?{query}").get("entries", []))

    def batch(self, number: int) -> dict[str, Any]:
        """The leaves of a batch by entry id."""
        return self._call("GET", f"/v1/ledger/batches/{number}")

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.url}{path}"
        if not url.startswith(("http://", "https://")):
            raise ServiceUnreachable(url, cause="not an http address")
        request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310  checked above
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as answer:  # noqa: S310  checked above
                return _document(url, answer.read(MAX_ANSWER_BYTES))
        except urllib.error.HTTPError as refused:
            problem = _problem(refused.read(MAX_ANSWER_BYTES))
            raise ServiceRefused(url, status=refused.code, problem=problem) from refused
        except (urllib.error.URLError, TimeoutError, ConnectionError) as cause:
            raise ServiceUnreachable(url, cause=str(cause)) from cause


def _document(url: str, content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError as cause:
        raise ServiceUnreachable(url, cause="the answer is not JSON") from cause
    if not isinstance(document, dict):
        raise ServiceUnreachable(url, cause="the answer is not a JSON object")
    return document


def _problem(content: bytes) -> dict[str, Any]:
    """RFC 9457 problem details, or nothing when the body is something else."""
    try:
        document = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
