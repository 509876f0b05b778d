"""The exact versions that a package ships with, from the lock."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mintmark.pipelines.errors import UsageError

EXPORT_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Pin:
    """`name` is canonical (PEP 503); `line` is where the lock names it."""

    name: str
    version: str
    line: int

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


def export_pins(root: Path, package: str) -> list[Pin]:
    """Every dependency of `package` with all its extras, as `uv.lock` has it; nothing is fetched."""
    text = uv_export(
        root, "--package", package, "--all-extras", "--no-hashes", "--no-annotate", "--format", "requirements-txt"
    )
    lock = (root / "uv.lock").read_text(encoding="utf-8")
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE)
    return sorted({Pin(name=_canonical(name), version=version, line=_line(lock, name)) for name, version in found})


def uv_export(root: Path, *arguments: str) -> str:
    from uv import find_uv_bin

    done = subprocess.run(
        [
            find_uv_bin(),
            "--quiet",
            "--offline",
            "export",
            "--frozen",
            "--no-header",
            "--no-dev",
            "--no-emit-workspace",
            *arguments,
        ],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=EXPORT_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise UsageError(
            f"uv export: {done.stderr.strip()[-500:]}",
            reason="lock_unreadable",
            remedy="run `uv lock` and commit the lock",
        )
    return done.stdout


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _line(lock: str, name: str) -> int:
    wanted = f'name = "{_canonical(name)}"'
    return next((number for number, line in enumerate(lock.splitlines(), 1) if line == wanted), 1)
