"""What looks like a card number is refused, by the same rule in Python and in the database."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.service.builders import Florin

from florin.kit.guard import looks_like_pan

CASES = [
    ("4111111111111111", True),
    ("4111-1111 1111 1111", True),
    ("378282246310005", True),
    ("tok_4111111111111111", True),
    ("card 4111 1111 1111 1111, exp 12/30", True),
    ("4111111111111112", False),
    ("41111111111", False),
    ("tok_1", False),
    ("", False),
    ("deadbeef4111111111111111cafe", False),
    ("ffffffff-ffff-4fff-8fff-411111111114", False),
    ("00000000-0000-4000-8000-000000000000", False),
]


@pytest.mark.parametrize(("text", "card"), CASES)
def test_card_numbers_are_told_from_other_numbers(florin: Florin, text: str, card: bool) -> None:
    assert looks_like_pan(text) is card
    assert florin.sql("SELECT platform.looks_like_pan($1)", text) == [(card,)]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text("0123456789 -_af.", max_size=40), min_size=50, max_size=200))
def test_python_and_the_database_agree(florin: Florin, texts: list[str]) -> None:
    asked = florin.sql(
        "SELECT platform.looks_like_pan(t) FROM unnest($1::text[]) WITH ORDINALITY u(t, n) ORDER BY n", texts
    )

    assert [row[0] for row in asked] == [looks_like_pan(text) for text in texts]
