"""A client of a running Florin, and what tests send to it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

import asyncpg

DEPLOYMENT = "11111111-1111-4111-8111-111111111111"
PAYMENT = {
    "amount_minor": 1250,
    "currency": "EUR",
    "payer": "demo:customer",
    "payee": "demo:merchant",
    "payment_token": "tok_demonstration",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    status: int
    body: bytes
    headers: Message

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """The stable name at the end of a problem's type."""
        return str(self.json()["type"]).rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Florin:
    """A running service; `database_url` is its PostgreSQL, as superuser."""

    url: str
    database_url: str

    def call(self, path: str, body: Any = None, *, key: str | None = None) -> Answered:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {} if key is None else {"Idempotency-Key": key}
        request = urllib.request.Request(self.url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Answered(status=answer.status, body=answer.read(), headers=answer.headers)
        except urllib.error.HTTPError as refused:
            return Answered(status=refused.code, body=refused.read(), headers=refused.headers)

    def authorise(self, *, key: str | None = None, **changed: Any) -> Answered:
        return self.call("/v1/payments", PAYMENT | changed, key=key or new_key())

    def capture(self, payment_id: str, amount_minor: int, *, key: str | None = None) -> Answered:
        return self.call(f"/v1/payments/{payment_id}/capture", {"amount_minor": amount_minor}, key=key or new_key())

    def captured(self, amount_minor: int = 1250) -> Any:
        """The answer to the capture of a new payment."""
        return self.capture(self.authorise(amount_minor=amount_minor).json()["id"], amount_minor).json()

    def sql(self, statement: str, *values: Any, role: str | None = None) -> list[Any]:
        """Rows, as superuser or in a role."""

        async def run() -> list[Any]:
            connection = await asyncpg.connect(self.database_url)
            try:
                if role is not None:
                    await connection.execute(f'SET ROLE "{role}"')
                return [tuple(row) for row in await connection.fetch(statement, *values)]
            finally:
                await connection.close()

        return asyncio.run(run())


def new_key() -> str:
    return str(uuid.uuid4())


def run_florin(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-m", "florin.main", *arguments]
    base = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        command, env=base | dict(environment), capture_output=True, text=True, timeout=60, check=False
    )
