"""Kills a process at a chosen system call: strace delivers SIGKILL on entry, so the call itself is never made."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

# Whatever may change a file or a folder, and the answer to the caller itself.
CALLS = (
    "write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,msync,openat,rename,renameat,"
    "renameat2,link,linkat,unlink,unlinkat,truncate,ftruncate,fallocate,mkdir,mkdirat"
)
ATTACH_TIMEOUT_S = 20.0
WORK_TIMEOUT_S = 60.0

# Prepares, waits for the word, and then works; what it was told is written to the descriptor, a line each.
Work = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """What a process had answered when it ended, and the system calls that it had begun by then."""

    exit_code: int
    answers: tuple[str, ...]
    calls: tuple[str, ...]


def strace() -> str | None:
    return shutil.which("strace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The `number`-th call of a name: strace counts each name by itself."""

    call: str
    number: int


def points(calls: Sequence[str]) -> list[Point]:
    """Every call of a run, in the order in which it was made."""
    made = Counter[str]()
    found = []
    for line in calls:
        name = line.partition("(")[0]
        made[name] += 1
        found.append(Point(call=name, number=made[name]))
    return found


def run_until(begin: Callable[[], Work], folder: Path, *, kill: Point | None = None) -> Killed:
    """
    Fork a process that runs `begin()`, and kill it at a call within the work that this returned, or let it end.

    What it answers goes straight to a file, as to a client that keeps what it was told.
    """
    answers, trace = folder / "answers", folder / "trace"
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=_work, args=(begin, answers, theirs))
    child.start()
    ours.recv()  # it is ready
    assert child.pid is not None
    command = ["strace", "-qq", "-o", str(trace), "-e", f"trace={CALLS}"]
    if kill is not None:
        command += ["-e", f"inject={kill.call}:signal=KILL:when={kill.number}"]
    with subprocess.Popen([*command, "-p", str(child.pid)], stderr=subprocess.PIPE) as tracer:
        try:
            _wait_for_tracer(child.pid, tracer)
            ours.send(None)
            child.join(WORK_TIMEOUT_S)
        finally:
            child.kill()
            child.join()
    assert child.exitcode is not None
    lines = tuple(line for line in trace.read_text(errors="replace").splitlines() if "(" in line)
    return Killed(exit_code=child.exitcode, answers=tuple(answers.read_text().splitlines()), calls=lines)


def _work(begin: Callable[[], Work], answers: Path, control: Connection) -> None:
    work = begin()
    descriptor = os.open(answers, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    control.send(None)
    control.recv()
    work(descriptor)
    os._exit(0)


def _wait_for_tracer(pid: int, tracer: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + ATTACH_TIMEOUT_S
    while "TracerPid:\t0" in Path(f"/proc/{pid}/status").read_text():
        assert tracer.poll() is None, tracer.stderr.read() if tracer.stderr else ""
        assert time.monotonic() < until, "strace did not attach"
        time.sleep(0.002)
