"""
One real Florin on one real PostgreSQL, for the whole session.

`FLORIN_TEST_DATABASE_URL`, a superuser's URL of an empty database, runs the same tests on another PostgreSQL.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.service.builders import DEPLOYMENT, Florin, run_florin


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a path short enough for a socket, which PostgreSQL's own user can walk through."""
    folder = _short_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def florin() -> Iterator[Florin]:
    folder = _short_folder()
    environment = {"FLORIN_DATA_DIR": str(folder / "pg"), "FLORIN_DEPLOYMENT_ID": DEPLOYMENT}
    other = os.environ.get("FLORIN_TEST_DATABASE_URL")
    if other is not None:
        environment |= {"FLORIN_DATABASE_URL": other, "FLORIN_MODE": "development"}
    with socket.create_server(("127.0.0.1", 0)) as probe:
        environment["FLORIN_PORT"] = str(probe.getsockname()[1])
    command = [sys.executable, "-I", "-m", "florin.main", "serve", "--migrate"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env={"PATH": os.environ["PATH"]} | environment, stdout=log, stderr=log)
    try:
        yield _ready(environment["FLORIN_PORT"], folder, environment)
    finally:
        process.terminate()
        process.wait(20)
        run_florin("db", "stop", environment=environment)
        shutil.rmtree(folder)


def _short_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fl", dir="/tmp"))
    folder.chmod(0o711)
    return folder


def _ready(port: str, folder: Path, environment: dict[str, str]) -> Florin:
    starting = Florin(url=f"http://127.0.0.1:{port}", database_url="")
    for _ in range(150):
        try:
            if starting.call("/health/ready").status == 200:
                found = run_florin("db", "url", environment=environment)
                return Florin(url=starting.url, database_url=found.stdout.strip())
        except OSError:
            pass
        time.sleep(0.2)
    raise RuntimeError((folder / "log").read_text())
