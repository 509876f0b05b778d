from __future__ import annotations

from pathlib import Path

import pytest
from tests.pipelines.people.builders import Town, town
from tests.policies.fixtures import gate, opa, pack, wasm

__all__ = ["gate", "opa", "pack", "wasm"]


@pytest.fixture
def place(tmp_path: Path) -> Town:
    return town(tmp_path)
