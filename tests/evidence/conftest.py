"""A log on either backend: what holds on one holds on the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.evidence.builders import Bench, bench
from tests.evidence.goverify.build import build
from tests.evidence.postgres import Server


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Bench:
    return bench(tmp_path)


@pytest.fixture
def on_postgresql(tmp_path: Path, postgres: Server) -> Bench:
    return bench(tmp_path, url=postgres.database())


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Bench:
    """An empty log."""
    made: Bench = request.getfixturevalue(f"on_{request.param}")
    return made


@pytest.fixture(scope="session")
def goverify(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A verifier that is not ours."""
    return build(tmp_path_factory.mktemp("go"))
