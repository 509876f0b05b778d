"""The OPA binary, which compiles and tests policies. It is a developer's tool: judging a release needs none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mintmark.pipelines.errors import InfrastructureError

TIMEOUT_S = 120


class OpaFailed(InfrastructureError):
    """OPA is missing, is another version than the pinned one, or refused what it was given."""

    def __init__(self, problem: str, *, reason: str = "opa_failed", pinned: str = "<version>") -> None:
        super().__init__(
            problem,
            reason=reason,
            remedy=f"go install github.com/open-policy-agent/opa@v{pinned}  (the version is in policies/OPA_VERSION)",
        )


def pinned_version(policies: Path) -> str:
    return (policies / "OPA_VERSION").read_text().strip()


def find(pinned: str) -> Path:
    """Return the pinned OPA: `MINTMARK_OPA`, then PATH, then where `go install` puts it."""
    go_bin = Path(os.environ.get("GOBIN") or Path(os.environ.get("GOPATH") or Path.home() / "go") / "bin")
    for place in (os.environ.get("MINTMARK_OPA"), shutil.which("opa"), str(go_bin / "opa")):
        if place and Path(place).is_file():
            found = _version(Path(place))
            if found != pinned:
                raise OpaFailed(f"{place} is OPA {found}, and {pinned} is pinned", reason="opa_version", pinned=pinned)
            return Path(place)
    raise OpaFailed(f"OPA {pinned} is not installed", reason="opa_missing", pinned=pinned)


def run(opa: Path, arguments: Sequence[str], *, cwd: Path, stdin: bytes = b"") -> bytes:
    """Run OPA with its version check off, and return stdout; a failure carries what OPA said."""
    try:
        done = subprocess.run(
            [str(opa), *arguments], cwd=cwd, input=stdin, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OpaFailed(f"opa {arguments[0]} did not run: {error}") from error
    if done.returncode != 0:
        said = (done.stderr + done.stdout).decode(errors="replace").strip()
        raise OpaFailed(f"opa {arguments[0]} failed:\n{said}")
    return done.stdout


def evaluate(opa: Path, query: str, *, policies: Path, sources: Sequence[str], document: Mapping[str, Any]) -> Any:
    """Evaluate one query over one input and return its value, or None when it is undefined."""
    data = [argument for source in sources for argument in ("--data", source)]
    output = run(
        opa,
        ["eval", "--format", "json", "--stdin-input", *data, query],
        cwd=policies,
        stdin=json.dumps(document).encode(),
    )
    result = json.loads(output).get("result")
    return result[0]["expressions"][0]["value"] if result else None


def _version(opa: Path) -> str:
    lines = run(opa, ["version"], cwd=Path.cwd()).decode().splitlines()
    return lines[0].removeprefix("Version: ").strip() if lines else ""
