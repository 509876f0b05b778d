"""One victim a backend for the whole session: attacks are rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.evidence.postgres import Server
from tests.evidence.tamper.logs import Victim, victim

BACKENDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def victims(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[dict[str, Victim]]:
    urls = {"sqlite": None, "postgresql": postgres.database()}
    with ExitStack() as running:
        yield {name: victim(tmp_path_factory.mktemp(name), running, url) for name, url in urls.items()}


@pytest.fixture(params=BACKENDS)
def subject(request: pytest.FixtureRequest, victims: dict[str, Victim]) -> Victim:
    return victims[request.param]
