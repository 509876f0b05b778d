"""Holds docs/abuse-tests.md to the tests that it names: each is there, and asserts the reason that the page gives."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "abuse-tests.md").read_text(encoding="utf-8")
WANTED = re.findall(
    "[0-9]{2}",
    "01 02 03 04 05 06 07 08 09 11 12 13 16 17 18 19 21 22 23 24 25 26 28 29 30 32 33 35 36 37 "
    "38 39 40 41 42 44 45 46 48 49 51 52 53 54 55 56 57 58 62 64 73 74 75 76 77 78 79 80 82 85 86",
)
SECTIONS = dict(re.findall(r"^## T(\d+): (.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
TEST = re.compile(r"^- (allowed: )?`([\w/]+\.py)::(\w+)`$", re.MULTILINE)


@lru_cache(maxsize=64)
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def sources(paths: set[str]) -> str:
    """With the lists of attacks that stand in a file of their own."""
    read = "".join((ROOT / path).read_text(encoding="utf-8") for path in sorted(paths))
    return read + (ROOT / "tests/evidence/hostile.py").read_text(encoding="utf-8") if "hostile" in read else read


def test_every_attack_is_on_the_page_once() -> None:
    assert re.findall(r"^## T(\d+)", PAGE, re.MULTILINE) == WANTED


@pytest.mark.parametrize("number", WANTED)
def test_an_attack_has_tests_that_exist_a_reason_that_they_assert_and_a_control(number: str) -> None:
    section = SECTIONS[number]
    named = TEST.findall(section)
    attacks = {path for allowed, path, _ in named if not allowed}
    reasons = re.findall(r"`([a-z_]+)`", section.partition("Refused with:")[2].partition("\n")[0])

    assert [name for _, path, name in named if name not in functions(path)] == []
    assert attacks
    assert any(allowed for allowed, _, _ in named)
    assert section.count("\n- ") == len(named)  # no line that the expression passes over
    assert [reason for reason in reasons if f'"{reason}"' not in sources(attacks)] == []
