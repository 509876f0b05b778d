"""Runs a scanner apart: clean environment, its own home, a time limit, no network, and bounded output."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import Failure, ScannerFailed
from mintmark.pipelines.scan.model import Isolation

MAX_REPORT_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 200
_QUOTED = re.compile(r"(['\"`]).*?\1", re.DOTALL)  # tools quote source, and source may hold secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a process left behind. Its exit code is kept for people to read: nothing is decided from it."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    isolation: Isolation


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """`scratch` is an empty folder of its own for one scan."""

    scanner: str
    scratch: Path
    environments: ToolEnvironments

    def tool(self, name: str) -> Path:
        path = self.environments.executable(name)
        if not path.exists():
            raise ScannerFailed(self.scanner, Failure.TOOL_MISSING, f"{path} is not there")
        return path

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        timeout_s: float,
        environment: Mapping[str, str] | None = None,
        network: bool = False,
    ) -> Outcome:
        """Run to the end or to the time limit; then the whole process group is killed."""
        home = self.scratch / "home"
        home.mkdir(exist_ok=True)
        isolation = Isolation.NONE if network or not _can_unshare() else Isolation.NAMESPACE
        prefix = _unshare() if isolation is Isolation.NAMESPACE else []
        out, err = self.scratch / "stdout", self.scratch / "stderr"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [*prefix, *command],
                cwd=cwd,
                env=_clean(home, self.scratch) | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            _limit_files(process.pid)
            try:
                code = process.wait(timeout_s)
            except subprocess.TimeoutExpired as cause:
                raise ScannerFailed(self.scanner, Failure.TIMEOUT, f"not finished after {timeout_s:g} s") from cause
            finally:
                _kill_group(process)
        return Outcome(exit_code=code, stdout=self._bounded(out), stderr=self._bounded(err), isolation=isolation)

    def read_report(self, path: Path) -> bytes:
        """Return a report that is there, is not empty and is not too large."""
        if not path.is_file() or path.stat().st_size == 0:
            raise ScannerFailed(self.scanner, Failure.NO_REPORT, f"no report; {self._last_words()}")
        return self._bounded(path)

    def _bounded(self, path: Path) -> bytes:
        size = path.stat().st_size
        if size > MAX_REPORT_BYTES:
            raise ScannerFailed(self.scanner, Failure.REPORT_TOO_LARGE, f"{size} bytes, over {MAX_REPORT_BYTES}")
        return path.read_bytes()

    def _last_words(self) -> str:
        path = self.scratch / "stderr"
        words = path.read_bytes()[-500:].decode(errors="replace").strip() if path.exists() else ""
        return f"it said: {_QUOTED.sub('…', words)}" if words else "it said nothing"


def parse_json(scanner: str, raw: bytes) -> Any:
    """Parse a report strictly: UTF-8, no NUL, no duplicate key, no NaN (RFC 8259 has none), bounded depth."""
    if len(raw) > MAX_REPORT_BYTES:
        raise ScannerFailed(scanner, Failure.REPORT_TOO_LARGE, f"{len(raw)} bytes, over {MAX_REPORT_BYTES}")
    try:
        text = raw.decode("utf-8")
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
        _check_values(document)
    except (UnicodeDecodeError, ValueError, RecursionError) as cause:
        raise ScannerFailed(scanner, Failure.REPORT_INVALID, f"not strict JSON: {str(cause)[:200]}") from cause
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(constant: str) -> float:
    raise ValueError(f"{constant} is not a number of JSON")


def _check_values(document: Any) -> None:
    """
    Look for NUL in what the report says, not in how it is written.

    A report that quotes the source text `"\\u0000"` holds a backslash, and is a good report.
    """
    level, depth = [document], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        if any(isinstance(item, str) and "\x00" in item for item in level):
            raise ValueError("a NUL character")
        level = [child for item in level for child in _children(item)]


def _children(item: Any) -> list[Any]:
    match item:
        case dict():
            return [*item, *item.values()]
        case list():
            return item
        case _:
            return []


def _limit_files(process: int) -> None:
    """A scanner that is made to write without end is stopped by the kernel (on Linux) before the disk is full."""
    if sys.platform == "linux":
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process, resource.RLIMIT_FSIZE, (MAX_REPORT_BYTES + 1, MAX_REPORT_BYTES + 1))


def _clean(home: Path, scratch: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _unshare() -> list[str]:
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]


@cache
def _can_unshare() -> bool:
    try:
        return subprocess.run([*_unshare(), "true"], capture_output=True, check=False, timeout=10).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
