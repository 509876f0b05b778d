"""The exact versions that a package ships with, from the lock."""

from __future__ import annotations

import re
import subprocess
import tomllib
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from mintmark.pipelines.errors import UsageError

EXPORT_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Pin:
    """
    `name` is canonical (PEP 503); `line` is where the lock names it.

    A dependency from git, a URL or a folder has no version, and `name` is then the whole requirement.
    """

    name: str
    version: str
    line: int

    @property
    def exact(self) -> bool:
        return self.version != ""

    def __str__(self) -> str:
        return f"{self.name}=={self.version}" if self.exact else self.name


def export_pins(root: Path, package: str) -> list[Pin]:
    """Every dependency of `package` with all its extras, for every platform, as `uv.lock` has it."""
    text = uv_export(
        root, "--package", package, "--all-extras", "--no-hashes", "--no-annotate", "--format", "requirements-txt"
    )
    lock = (root / "uv.lock").read_text(encoding="utf-8")
    requirements = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return sorted({_pin(requirement, lock) for requirement in requirements})


def _pin(requirement: str, lock: str) -> Pin:
    found = re.match(r"^([A-Za-z0-9._-]+)==([^\s;]+)", requirement)
    if found is None:
        return Pin(name=requirement, version="", line=1)
    return Pin(name=canonicalize_name(found[1]), version=found[2], line=_line(lock, found[1]))


def unlocked_requirements(root: Path, package: str) -> list[str]:
    """
    Return the requirements in `package`'s own pyproject.toml that its lock was not made from.

    uv itself compares them only where it may ask an index (`uv lock --check`); here it must be found out offline.
    """
    entry = next(
        (item for item in _toml(root / "uv.lock").get("package", []) if item.get("name") == canonicalize_name(package)),
        None,
    )
    folder = (
        next((entry["source"][kind] for kind in ("editable", "virtual") if kind in entry["source"]), None)
        if entry
        else None
    )
    if entry is None or folder is None:
        return [f"{package}: not a workspace member of uv.lock"]
    project = _toml(root / folder / "pyproject.toml").get("project", {})
    asked = [*project.get("dependencies", []), *chain(*project.get("optional-dependencies", {}).values())]
    locked = {
        (canonicalize_name(item["name"]), SpecifierSet(item.get("specifier", "")))
        for item in entry.get("metadata", {}).get("requires-dist", [])
    }
    return sorted(text for text in asked if not _is_locked(Requirement(text), locked))


def _is_locked(asked: Requirement, locked: set[tuple[NormalizedName, SpecifierSet]]) -> bool:
    return (canonicalize_name(asked.name), asked.specifier) in locked


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


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


def _line(lock: str, name: str) -> int:
    wanted = f'name = "{canonicalize_name(name)}"'
    return next((number for number, line in enumerate(lock.splitlines(), 1) if line == wanted), 1)
