"""Hostile bytes are refused in 256 MiB and 5 s, each with its reason: see hostile.py, which is what runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.evidence.hostile import ATTACKS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("hostile")
    done = subprocess.run(
        [sys.executable, "-m", "tests.evidence.hostile", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_bytes_are_refused_within_their_limits(attack: str, answers: dict[str, str]) -> None:
    assert answers[attack] == ATTACKS[attack][0]
