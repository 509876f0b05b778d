"""What tests of more than one part need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from tests.evidence.postgres import Server, server

# How long an example takes is the machine's affair, and no property of the product.
settings.register_profile("mintmark", deadline=None)
settings.load_profile("mintmark")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A real PostgreSQL with the evidence log's schema in a template, for the whole session."""
    with server() as made:
        yield made
