"""A scanner that crashes, hangs or answers nonsense costs its own scan, and never a verdict or another's report."""

import os
import time
from pathlib import Path

import pytest
from tests.pipelines.scan.builders import CLEAN, SCOPE, clock, fake_tools, scan, tree
from tests.pipelines.scan.fake_tool import VERSIONS

from mintmark.pipelines.errors import IntegrityError
from mintmark.pipelines.scan import bandit, checkov, detect_secrets, hadolint, pip_audit, semgrep, zizmor
from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.interface import Failure, Observation, Scanner, ScanScope, Workbench
from mintmark.pipelines.scan.model import ScanReport, Status
from mintmark.pipelines.scan.run import scan_release

TOOLS = tuple(VERSIONS)
ADAPTERS = (bandit, checkov, detect_secrets, hadolint, pip_audit, semgrep, zizmor)


def test_a_scan_by_another_version_says_which(tmp_path: Path, advisories: Advisories) -> None:
    reports = scan(tmp_path, CLEAN, fake_tools(tmp_path / "tools", VERSIONS, "old"), advisories)

    assert {reports[tool].tool_version for tool in TOOLS} == {"0.0.1"}


def test_a_report_that_does_not_mention_what_was_given_is_incomplete(tmp_path: Path, advisories: Advisories) -> None:
    reports = scan(tmp_path, CLEAN, fake_tools(tmp_path / "tools", VERSIONS, "absent-minded"), advisories)
    unread = {tool: [item.path for item in reports[tool].unread] for tool in TOOLS}

    assert unread == {
        "bandit": ["src/shop.py"],
        "checkov": ["checkov's rules", "deploy/Dockerfile"],
        "detect-secrets": [".github/workflows/test.yml", "deploy/Dockerfile", "src/shop.py"],
        "hadolint": [],  # it is asked for one file at a time, and an empty list is its answer for that file
        "pip-audit": ["idna==3.10"],
        "semgrep": ["src/shop.py"],
        "zizmor": [".github/workflows/test.yml"],
    }


def test_a_scanner_that_hangs_is_ended_with_its_children(
    tmp_path: Path, advisories: Advisories, monkeypatch: pytest.MonkeyPatch
) -> None:
    for adapter in ADAPTERS:
        monkeypatch.setattr(adapter, "TIMEOUT_S", 1)
    reports = scan(tmp_path, CLEAN, fake_tools(tmp_path / "tools", VERSIONS, "hang"), advisories)
    children = [int(path.read_text(encoding="utf-8")) for path in (tmp_path / "tools").glob("*.pid")]

    assert {reports[tool].reason.partition(":")[0] for tool in TOOLS} == {Failure.TIMEOUT.value}
    assert children
    assert not [child for child in children if _runs(child)]


def _runs(process: int) -> bool:
    """A killed process may be a zombie for the moment until its new parent looks at it."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        os.sched_yield()
        time.sleep(0.02)
    return True


def test_a_scanner_that_is_not_installed_fails_its_scan(tmp_path: Path, advisories: Advisories) -> None:
    environments = fake_tools(tmp_path / "tools", VERSIONS, "absent-minded")
    (environments.root / "bandit/bin/bandit").unlink()
    reports = scan(tmp_path, CLEAN, environments, advisories)

    assert reports["bandit"].reason.startswith(Failure.TOOL_MISSING.value)
    assert reports["semgrep"].status is Status.INCOMPLETE


def test_what_a_crashing_tool_quotes_from_the_source_is_not_repeated(tmp_path: Path, advisories: Advisories) -> None:
    reports = scan(tmp_path, CLEAN, fake_tools(tmp_path / "tools", VERSIONS, "crash"), advisories)

    assert "Traceback" in reports["bandit"].reason
    assert not [report for report in reports.values() if "correct horse" in repr(report)]


class BrokenAdapter:
    name = "bandit"

    def files(self, tree: object, scope: ScanScope) -> tuple[str, ...] | None:
        del tree, scope
        return ("src/shop.py",)

    def scan(self, bench: Workbench) -> Observation:
        del bench
        raise ZeroDivisionError


class IntrusiveAdapter(BrokenAdapter):
    """Writes into its copy of the tree, as a formatter would."""

    def scan(self, bench: Workbench) -> Observation:
        (bench.view / "src/shop.py").write_text("", encoding="utf-8")
        raise ZeroDivisionError


@pytest.mark.parametrize("broken", [BrokenAdapter(), IntrusiveAdapter()])
def test_a_bug_in_an_adapter_does_not_lose_the_other_reports(
    broken: Scanner, tmp_path: Path, advisories: Advisories
) -> None:
    environments = fake_tools(tmp_path / "tools", VERSIONS, "absent-minded")
    scanners = (broken, semgrep.SemgrepScanner())
    exported = tree(tmp_path, CLEAN)
    reports = scan_release(exported, SCOPE, environments, advisories, tmp_path / "reports", clock, scanners=scanners)
    by_tool: dict[str, ScanReport] = {report.tool: report for report in reports}

    assert by_tool["bandit"].status is Status.FAILED
    assert by_tool["bandit"].reason.startswith(Failure.CRASHED.value)
    assert by_tool["semgrep"].status is Status.INCOMPLETE
    assert exported.files
    exported.verify()


class ForgingAdapter(BrokenAdapter):
    """Writes into the tree itself, which is about to be shipped."""

    def scan(self, bench: Workbench) -> Observation:
        (bench.tree.root / "src/shop.py").write_text("", encoding="utf-8")
        raise ZeroDivisionError


def test_a_tree_that_changes_while_it_is_scanned_ends_the_release(tmp_path: Path, advisories: Advisories) -> None:
    environments = fake_tools(tmp_path / "tools", VERSIONS, "absent-minded")
    with pytest.raises(IntegrityError) as refused:
        scan_release(
            tree(tmp_path, CLEAN),
            SCOPE,
            environments,
            advisories,
            tmp_path / "reports",
            clock,
            scanners=[ForgingAdapter()],
        )

    assert refused.value.reason == "tree_changed"
