"""The OPA binary, which compiles and tests policies. It is a developer's tool: judging a release needs none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mintmark.pipelines.errors import InfrastructureError

TIMEOUT_S = 120
TEST_TIMEOUT_S = 100  # of one test: OPA gives it 5 s, which the whole corpus takes on a machine that is busy
TESTS_FAILED = 2  # the exit code of `opa test`


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


def run(
    opa: Path, arguments: Sequence[str], *, cwd: Path, stdin: bytes = b"", accepted: Collection[int] = (0,)
) -> bytes:
    """Run OPA and return stdout; an exit code that is not `accepted` is a failure, and carries what OPA said."""
    try:
        done = subprocess.run(
            [str(opa), *arguments], cwd=cwd, input=stdin, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OpaFailed(f"opa {arguments[0]} did not run: {error}") from error
    if done.returncode not in accepted:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRun:
    """What the tests beside the rules came to. `uncovered` maps a file to how many of its lines no test reached."""

    __test__ = False  # pytest collects classes of such a name

    passed: int
    failed: tuple[str, ...]
    coverage_percent: float
    uncovered: Mapping[str, int]

    @property
    def ok(self) -> bool:
        """No test that ran is not a test that passed."""
        return self.passed > 0 and not self.failed


def run_tests(opa: Path, policies: Path, *, corpus: Path | None = None) -> TestRun:
    """
    Run the tests of a pack's sources. Tests that do not compile are `OpaFailed`.

    `corpus` is the folder of whole cases that `verdict_test.rego` judges; without it these are left out.
    """
    ignored = ["*.canary.json", "baseline.json", *([] if corpus else ["verdict_test.rego"])]
    examples = ["mintmark_test.baseline:gates/baseline.json"]
    if corpus:
        examples.append(f"mintmark_test.corpus:{corpus.resolve()}")
    loaded = [
        "--timeout",
        f"{TEST_TIMEOUT_S}s",
        *(word for name in ignored for word in ("--ignore", name)),
        "gates",
        *examples,
    ]
    said = run(opa, ["test", "--format", "json", *loaded], cwd=policies, accepted=(0, TESTS_FAILED))
    results = json.loads(said or b"[]") or []
    failed = [f"{result['package']}.{result['name']}" for result in results if result.get("fail") or "error" in result]
    if failed or not results:
        return TestRun(passed=len(results) - len(failed), failed=tuple(failed), coverage_percent=0.0, uncovered={})
    report = json.loads(run(opa, ["test", "--coverage", "--format", "json", *loaded], cwd=policies))
    uncovered = {
        name: int(found["not_covered_lines"]) for name, found in report["files"].items() if found.get("not_covered")
    }
    return TestRun(passed=len(results), failed=(), coverage_percent=float(report["coverage"]), uncovered=uncovered)


def _version(opa: Path) -> str:
    lines = run(opa, ["version"], cwd=Path.cwd()).decode().splitlines()
    return lines[0].removeprefix("Version: ").strip() if lines else ""
