"""Asks git which commit is checked out."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from mintmark.pipelines.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """`id` is the full object name; `time` is the committer's, in seconds since the epoch; `dirty` counts changes."""

    id: str
    time: int
    dirty: int


def head_commit(checkout: Path) -> Commit:
    """Return the commit at HEAD. Raises `UsageError` where there is none."""
    identity, time = _git(checkout, "log", "-1", "--format=%H %ct").split()
    dirty = _git(checkout, "status", "--porcelain", "--untracked-files=no").splitlines()
    return Commit(id=identity, time=int(time), dirty=len(dirty))


def _git(checkout: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(checkout), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UsageError(
            f"{checkout}: git {arguments[0]}: {done.stderr.strip()}",
            reason="no_commit",
            remedy="run in a git checkout that has a commit: a release names the commit that it came from",
        )
    return done.stdout.strip()
