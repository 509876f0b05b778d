"""Builds the verifier in Go, and asks it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent


def build(folder: Path) -> Path:
    """Skips the test where there is no Go, or no network to fetch golang.org/x/mod from."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed: the independent verifier cannot be built")
    program = folder / "goverify"
    built = subprocess.run(
        [go, "build", "-o", str(program), "."], cwd=SOURCE, capture_output=True, text=True, check=False
    )
    if built.returncode != 0 and "dial tcp" in built.stderr:
        pytest.skip("golang.org/x/mod cannot be fetched")
    assert built.returncode == 0, built.stderr
    return program


def accepted(goverify: Path, vkey: str, folder: Path, *receipts: Path) -> bool:
    return (
        subprocess.run(
            [str(goverify), vkey, str(folder), *map(str, receipts)], capture_output=True, check=False, timeout=60
        ).returncode
        == 0
    )
