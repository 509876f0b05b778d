"""One real shipment, in a clone of this repository, that the tests of the whole product look at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A checkout with an environment of its own; `mintmark` runs in it as its user would run it."""

    checkout: Path
    environment: dict[str, str]

    def mintmark(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mintmark.pipelines.cli.main", *words],
            cwd=self.checkout,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )


def committed_clone(source: Path, target: Path) -> Path:
    """A clone of HEAD, with one commit more where the work tree has changes: tests judge what is on disk."""
    subprocess.run(["git", "clone", "--quiet", str(source), str(target)], check=True)
    listed = subprocess.run(
        ["git", "-C", str(source), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)
        else:
            (target / name).unlink(missing_ok=True)
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", "-C", str(target), "add", "--all"], check=True)
    subprocess.run(
        ["git", "-C", str(target), *identity, "commit", "--quiet", "--allow-empty", "-m", "As on disk"], check=True
    )
    return target


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("e2e")
    checkout = committed_clone(ROOT, folder / "mintmark")
    environment = os.environ | {
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
        "NO_COLOR": "1",
    }
    made = Place(checkout=checkout, environment=environment)
    yield made
    made.mintmark("env", "stop", "local")


@pytest.fixture(scope="session")
def shipped(place: Place) -> dict[str, Any]:
    """The outcome of `mintmark ship --env local`, as its JSON says."""
    report = place.checkout / "ship.json"
    done = place.mintmark("ship", "--env", "local", "-o", "human", "-o", f"json={report}")
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return document | {"stdout": done.stdout, "stderr": done.stderr}
