"""Each rule of ours finds what its fixture marks `# ruleid:`, and nothing else in any fixture."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pipelines.scan.builders import clock, tree

from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import Category, Finding, ScanReport, Status
from mintmark.pipelines.scan.rules import rules_folder, semgrep_rules
from mintmark.pipelines.scan.run import scan_release
from mintmark.pipelines.scan.semgrep import SemgrepScanner

ROOT = Path(__file__).resolve().parents[3]
RULES = {str(rule["id"]): rule for rule in semgrep_rules()}
FIXTURES = {path.stem: path for path in rules_folder().rglob("*.py")}
MARK = re.compile(r"# (ruleid|ok): ([a-z-]+)$")


def marks(kind: str, rule: str) -> list[int]:
    """The lines below each mark of that kind in a rule's fixture."""
    lines = FIXTURES[rule].read_text(encoding="utf-8").splitlines()
    found = ((number, MARK.search(line)) for number, line in enumerate(lines, start=2))
    return [number for number, match in found if match and match.groups() == (kind, rule)]


def semgrep(folder: Path, files: dict[str, str], environments: ToolEnvironments, advisories: Advisories) -> ScanReport:
    reports = scan_release(
        tree(folder, files),
        ScanScope(code=["."]),
        environments,
        advisories,
        folder / "reports",
        clock,
        scanners=[SemgrepScanner()],
    )
    return next(report for report in reports if report.tool == "semgrep")


@pytest.fixture(scope="module")
def fixtures(
    tmp_path_factory: pytest.TempPathFactory, environments: ToolEnvironments, advisories: Advisories
) -> ScanReport:
    """All fixtures, in one run."""
    files = {f"{rule}.py": path.read_text(encoding="utf-8") for rule, path in FIXTURES.items()}
    return semgrep(tmp_path_factory.mktemp("fixtures"), files, environments, advisories)


def found(report: ScanReport, rule: str) -> Iterator[Finding]:
    return (item for item in report.findings if item.rule == rule)


def test_every_rule_has_a_fixture_with_something_to_find_and_something_to_let_pass() -> None:
    assert RULES
    assert FIXTURES.keys() == RULES.keys()
    assert [rule for rule in RULES if not marks("ruleid", rule) or not marks("ok", rule)] == []


def test_every_fixture_is_read_whole(fixtures: ScanReport) -> None:
    assert fixtures.status is Status.COMPLETE, fixtures.unread
    assert fixtures.read == len(FIXTURES)
    assert fixtures.rules == len(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_what_its_fixture_marks_and_nothing_beside_it(rule: str, fixtures: ScanReport) -> None:
    places = [(item.path, item.line) for item in found(fixtures, rule)]

    assert sorted(set(places)) == [(f"{rule}.py", line) for line in marks("ruleid", rule)]
    assert len(places) == len(set(places)), "one place is told once"


@pytest.mark.parametrize("rule", RULES)
def test_a_finding_carries_what_the_metadata_of_its_rule_says(rule: str, fixtures: ScanReport) -> None:
    metadata = RULES[rule]["metadata"]

    for item in found(fixtures, rule):
        assert item.cwe == tuple(metadata["cwe"])
        assert all(re.fullmatch(r"CWE-\d+", cwe) for cwe in item.cwe)
        assert (item.title, item.severity, item.confidence, item.category) == (
            metadata["title"],
            metadata["severity"],
            metadata["confidence"],
            metadata["category"],
        )
        assert item.category in {Category.CODE, Category.SECRET}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_says_why_it_is_one(rule: str) -> None:
    why = RULES[rule]["metadata"]["why"]

    assert len(why.split()) > 5
    assert why.endswith(".")


def test_florin_has_nothing_that_a_rule_of_ours_finds(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    sources = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for folder in ("service/src", "service/migrations")
        for path in (ROOT / folder).rglob("*.py")
    }
    report = semgrep(tmp_path, sources, environments, advisories)

    assert report.status is Status.COMPLETE
    assert report.read == len(sources) > 20
    assert [(item.rule, item.path, item.line) for item in report.findings] == []


def test_a_rule_stands_in_the_file_of_its_name() -> None:
    assert {path.stem for path in rules_folder().rglob("*.yaml")} == RULES.keys()


def test_a_secret_of_a_fixture_is_in_no_finding_and_not_in_the_kept_report(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    text = FIXTURES["hardcoded-secret"].read_text(encoding="utf-8")
    report = semgrep(tmp_path, {"secrets.py": text}, environments, advisories)
    told = json.dumps(report.to_json()) + (tmp_path / "reports" / "semgrep.json").read_text(encoding="utf-8")

    assert len(report.findings) == len(marks("ruleid", "hardcoded-secret"))
    for secret in ("correct-horse", "k3y-of-no-service", "AKIA", "sk_live", "BEGIN EC"):
        assert secret in text
        assert secret not in told
