"""A real PostgreSQL from a wheel, for development and for the two-command start. It outlives who started it."""

from __future__ import annotations

import fcntl
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from florin.kit import embedded_server
from florin.kit.embedded_server import EmbeddedDatabaseUnavailable, Owner

PROGRAM_TIMEOUT_S = 60  # initdb, start and stop each take about a second
SUPERUSER = "postgres"
_SOCKET_LINE = 4  # of postmaster.pid: https://www.postgresql.org/docs/current/storage-file-layout.html


def start(folder: Path) -> str:
    """
    Start the PostgreSQL whose data are in `folder` (made on first use) unless it runs, and return its URL.

    Its programs are copied beside the data, so that the environment with the wheel may go while the server runs.
    Raises `EmbeddedDatabaseUnavailable`.
    """
    owner = embedded_server.owner_of(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            _start(folder, owner)
    except (OSError, subprocess.TimeoutExpired) as cause:
        raise EmbeddedDatabaseUnavailable(
            f"{cause}; is {folder} a folder that can be written? FLORIN_DATA_DIR names another"
        ) from cause
    return running_url(folder) or _never_started(folder)


def running_url(folder: Path) -> str | None:
    """The URL of the server that runs on these data, or None."""
    if not (folder / "PG_VERSION").exists():
        return None
    program = embedded_server.program(folder, "pg_ctl")
    if _run(program, "status", "-D", folder, owner=embedded_server.owner_of(folder)).returncode != 0:
        return None
    socket = (folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()[_SOCKET_LINE]
    return f"postgresql://{SUPERUSER}@/{SUPERUSER}?host={socket}"


def stop(folder: Path) -> bool:
    """Stop it, and say whether it ran. The data stay."""
    if running_url(folder) is None:
        return False
    program = embedded_server.program(folder, "pg_ctl")
    done = _run(program, "stop", "-w", "-m", "fast", "-D", folder, owner=embedded_server.owner_of(folder))
    if done.returncode != 0:
        raise EmbeddedDatabaseUnavailable(f"it did not stop: {_said(done)}")
    return True


def _start(folder: Path, owner: Owner) -> None:
    if running_url(folder) is not None:
        return
    embedded_server.give(folder, owner)
    if not (folder / "PG_VERSION").exists():
        # Trust is for whoever reaches the socket, and its folder lets in the owner (and root) alone.
        flags = ("--auth=trust", "--encoding=UTF8", "--no-locale", "--username", SUPERUSER, "-D", folder)
        made = _run(embedded_server.program(folder, "initdb"), *flags, owner=owner)
        if made.returncode != 0:
            raise EmbeddedDatabaseUnavailable(f"its data could not be made in {folder}: {_said(made)}")
    socket = embedded_server.socket_folder(folder, owner)
    # pg_ctl hands these to a shell.
    listen = f"-c listen_addresses='' -c unix_socket_permissions=0700 -k {shlex.quote(str(socket))}"
    program, log = embedded_server.program(folder, "pg_ctl"), folder / "log"
    started = _run(program, "start", "-w", "-D", folder, "-l", log, "-o", listen, owner=owner)
    if started.returncode != 0:
        _never_started(folder)


def _never_started(folder: Path) -> str:
    log = folder / "log"
    last = log.read_text(encoding="utf-8", errors="replace").strip()[-500:] if log.exists() else "no log"
    raise EmbeddedDatabaseUnavailable(f"it did not start; the end of {log}: {last}")


def _run(program: Path, *arguments: str | Path, owner: Owner) -> subprocess.CompletedProcess[str]:
    """
    PostgreSQL's programs refuse to run as root: run them as the owner of the data.

    The output goes to a file, because a server that is left running would keep a pipe open.
    """
    root = os.geteuid() == 0
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [program, *arguments],
            user=owner.uid if root else None,
            group=owner.gid if root else None,
            extra_groups=[] if root else None,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            cwd="/",
            timeout=PROGRAM_TIMEOUT_S,
            check=False,
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read().decode(errors="replace"))


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.strip()[-500:]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two starts at once must not both make the data."""
    with folder.with_name(f"{folder.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
