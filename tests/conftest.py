"""What tests of more than one part need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.evidence.postgres import Server, server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A real PostgreSQL with the evidence log's schema in a template, for the whole session."""
    with server() as made:
        yield made
