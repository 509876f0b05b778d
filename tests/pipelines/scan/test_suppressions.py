"""`# nosec` and `# nosemgrep` are seen wherever their tools would obey them, and never obeyed."""

from pathlib import Path

import pytest
from tests.pipelines.scan.builders import clock, tree

from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.bandit import BanditScanner
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import Scanner, ScanScope
from mintmark.pipelines.scan.model import Finding, ScanReport, Status
from mintmark.pipelines.scan.run import scan_release
from mintmark.pipelines.scan.semgrep import SemgrepScanner

SCANNERS: tuple[Scanner, ...] = (BanditScanner(), SemgrepScanner())
RULES = {"bandit": "B307", "semgrep": "eval-or-exec"}
# (tool, name of the file, its text, whether the finding on its last line is suppressed)
CASES = [
    ("bandit", "plain", "eval(input())\n", False),
    ("bandit", "nosec", "eval(input())  # nosec\n", True),
    ("bandit", "nosec_of_a_rule", "eval(input())  #nosec B307\n", True),
    ("bandit", "nosec_after_a_form_feed", "\f\nX = 1\neval(input())  # nosec\n", True),
    ("bandit", "nosec_elsewhere", "X = 1  # nosec\neval(input())\n", False),
    ("bandit", "seconds", "eval('nosec' + input())\n", False),
    ("semgrep", "plain", "eval(input())\n", False),
    ("semgrep", "nosemgrep", "eval(input())  # nosemgrep\n", True),
    ("semgrep", "nosem_of_a_rule", "eval(input())  # nosem: eval-or-exec\n", True),
    ("semgrep", "loud", "eval(input())  # NOSEMGREP\n", True),
    ("semgrep", "line_above", "# nosemgrep\neval(input())\n", True),
    ("semgrep", "after_a_form_feed", "\f\nX = 1\neval(input())  # nosemgrep\n", True),
    ("semgrep", "statement_above", "X = 1  # nosemgrep\neval(input())\n", False),
    ("semgrep", "longer_word", "nosemantics = 1\neval(nosemantics)\n", False),
]


@pytest.fixture(scope="module")
def reports(
    tmp_path_factory: pytest.TempPathFactory, environments: ToolEnvironments, advisories: Advisories
) -> dict[str, ScanReport]:
    folder = tmp_path_factory.mktemp("suppressions")
    files = {f"{tool}/{name}.py": text for tool, name, text, _ in CASES}
    found = scan_release(
        tree(folder, files), ScanScope(code=["."]), environments, advisories, folder / "out", clock, scanners=SCANNERS
    )
    return {report.tool: report for report in found}


@pytest.mark.parametrize(("tool", "name", "text", "suppressed"), CASES)
def test_a_suppression_is_marked_and_the_finding_stays(
    tool: str, name: str, text: str, suppressed: bool, reports: dict[str, ScanReport]
) -> None:
    found = finding(reports[tool], f"{tool}/{name}.py", RULES[tool])

    assert reports[tool].status is Status.COMPLETE, reports[tool].unread
    assert found.line == text.count("\n")
    assert found.suppressed_inline is suppressed


def finding(report: ScanReport, path: str, rule: str) -> Finding:
    (found,) = [item for item in report.findings if (item.path, item.rule) == (path, rule)]
    return found


def test_the_payments_service_needs_no_suppression(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    service = Path(__file__).resolve().parents[3] / "service"
    sources = [path for folder in ("src", "migrations") for path in (service / folder).rglob("*.py")]
    files = {path.relative_to(service).as_posix(): path.read_text(encoding="utf-8") for path in sources}
    scope = ScanScope(code=["src", "migrations"])
    found = scan_release(
        tree(tmp_path, files), scope, environments, advisories, tmp_path / "out", clock, scanners=SCANNERS
    )

    assert {report.tool: report.read for report in found} == dict.fromkeys(
        ("bandit", "mintmark", "semgrep"), len(files)
    )
    for report in found:
        assert report.status is Status.COMPLETE, report.unread
        assert [
            item for item in report.findings if item.suppressed_inline or item.severity not in {"low", "info"}
        ] == []
