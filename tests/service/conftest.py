"""One real Florin on one real PostgreSQL of its own, for the whole session."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DEPLOYMENT = "11111111-1111-4111-8111-111111111111"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


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
                return Answered(status=answer.status, body=answer.read())
        except urllib.error.HTTPError as refused:
            return Answered(status=refused.code, body=refused.read())


def run_florin(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-m", "florin.main", *arguments]
    base = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, env=base | environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="session")
def florin() -> Iterator[Florin]:
    folder = Path(tempfile.mkdtemp(prefix="fl", dir="/tmp"))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    environment = {"FLORIN_DATA_DIR": str(folder / "pg"), "FLORIN_DEPLOYMENT_ID": DEPLOYMENT, "FLORIN_PORT": port}
    command = [sys.executable, "-I", "-m", "florin.main", "serve", "--migrate"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env={"PATH": os.environ["PATH"]} | environment, stdout=log, stderr=log)
    try:
        yield _ready(port, folder, environment)
    finally:
        process.terminate()
        process.wait(20)
        run_florin("db", "stop", environment=environment)
        shutil.rmtree(folder)


def _ready(port: str, folder: Path, environment: dict[str, str]) -> Florin:
    starting = Florin(url=f"http://127.0.0.1:{port}", database_url="")
    for _ in range(150):
        try:
            if starting.call("/health/ready").status == 200:
                found = run_florin("db", "url", environment=environment)
                return Florin(url=starting.url, database_url=found.stdout.strip().splitlines()[-1])
        except OSError:
            pass
        time.sleep(0.2)
    raise RuntimeError((folder / "log").read_text())
