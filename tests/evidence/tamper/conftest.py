"""One victim a backend for the whole session: attacks are rolled back."""

from __future__ import annotations

import pytest
from tests.evidence.postgres import Server
from tests.evidence.tamper.logs import Victim, victim

BACKENDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def victims(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> dict[str, Victim]:
    urls = {"sqlite": None, "postgresql": postgres.database()}
    return {name: victim(tmp_path_factory.mktemp(name), url) for name, url in urls.items()}


@pytest.fixture(params=BACKENDS)
def subject(request: pytest.FixtureRequest, victims: dict[str, Victim]) -> Victim:
    return victims[request.param]
