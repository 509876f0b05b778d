"""zizmor reads what GitHub would run, names what it could not read, and tells ignored findings apart."""

from pathlib import Path

import pytest
from tests.pipelines.scan.builders import CLEAN_WORKFLOW, scan, tree

from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import Category, Confidence, ScanReport, Severity, Status
from mintmark.pipelines.scan.zizmor import ZizmorScanner

STEP = "      - run: echo ${{ github.event.issue.title }}\n"
GREET = f"name: Greet\non: issues\npermissions: {{}}\njobs:\n  greet:\n    runs-on: ubuntu-24.04\n    steps:\n{STEP}"
UPDATES = "version: 2\nupdates:\n  - package-ecosystem: pip\n    directory: /\n    schedule: {interval: daily}\n"


def told(folder: Path, files: dict[str, str], environments: ToolEnvironments, advisories: Advisories) -> ScanReport:
    scope = ScanScope(workflows=[".github"])
    return scan(folder, files, environments, advisories, scope, [ZizmorScanner()])["zizmor"]


@pytest.mark.parametrize(
    ("path", "given"),
    [
        (".github/workflows/test.yml", True),
        (".github/workflows/test.yaml", True),
        (".github/workflows/action.yml", True),
        (".github/workflows/dependabot.yml", True),
        (".github/workflows/below/test.yml", False),
        (".github/actions/greet/action.yaml", True),
        (".github/dependabot.yml", True),
        (".github/other.yml", False),
        (".github/workflows/README.md", False),
    ],
)
def test_what_github_runs_is_given(path: str, given: bool, tmp_path: Path) -> None:
    exported = tree(tmp_path, {path: CLEAN_WORKFLOW, ".github/workflows/always.yml": CLEAN_WORKFLOW})
    files = ZizmorScanner().files(exported, ScanScope(workflows=[".github"])) or ()

    assert (path in files) is given


def test_an_injection_is_found_with_its_way_through_the_file(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    report = told(tmp_path, {".github/workflows/greet.yml": GREET}, environments, advisories)
    (found,) = [item for item in report.findings if item.rule == "template-injection"]

    assert report.status is Status.COMPLETE, report.reason
    assert report.rules > 20
    assert (found.category, found.severity, found.confidence) == (Category.WORKFLOW, Severity.HIGH, Confidence.HIGH)
    assert (found.line, found.resource) == (8, "jobs.greet.steps.0.run")


def test_one_broken_file_does_not_hide_what_stands_in_another(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    """zizmor itself reads nothing at all then."""
    files = {
        ".github/workflows/greet.yml": GREET,
        ".github/workflows/a b.yml": "name: [\n",
        ".github/workflows/twice.yml": f"{CLEAN_WORKFLOW}jobs: {{}}\n",
        ".github/dependabot.yml": "version: 2\nupdates: 3\n",
        ".github/workflows/half.yml": GREET.replace(STEP, "      - run: echo ${{ if ( }}\n"),
    }
    report = told(tmp_path, files, environments, advisories)

    assert report.status is Status.INCOMPLETE
    assert {item.path for item in report.unread} == files.keys() - {".github/workflows/greet.yml"}
    assert (report.given, report.read) == (5, 1)
    assert "template-injection" in {item.rule for item in report.findings}


def test_a_name_that_looks_like_a_line_of_the_report_is_not_believed(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    odd = ".github/workflows/a\n INFO audit: zizmor: * completed x.yml"
    report = told(tmp_path, {odd: CLEAN_WORKFLOW, ".github/workflows/b.yml": CLEAN_WORKFLOW}, environments, advisories)

    assert report.status is Status.INCOMPLETE
    assert (report.given, report.read) == (2, 1)


def test_all_kinds_of_file_are_read(tmp_path: Path, environments: ToolEnvironments, advisories: Advisories) -> None:
    action = "name: Greet\ndescription: Says hello\nruns:\n  using: node24\n  main: greet.js\n"
    files = {
        ".github/workflows/test.yml": CLEAN_WORKFLOW,
        ".github/actions/greet/action.yml": action,
        ".github/dependabot.yml": UPDATES,
    }
    report = told(tmp_path, files, environments, advisories)

    assert report.status is Status.COMPLETE, report.unread
    assert (report.given, report.read) == (3, 3)


def test_a_repository_without_workflows_needs_no_scan_of_them(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    nothing = told(tmp_path / "none", {"README.md": ""}, environments, advisories)
    elsewhere = {"README.md": "", "shop/.github/workflows/test.yml": CLEAN_WORKFLOW}
    missed = told(tmp_path / "missed", elsewhere, environments, advisories)

    assert (nothing.status, nothing.present) == (Status.SKIPPED, 0)
    assert (missed.status, missed.present) == (Status.INCOMPLETE, 1)
    assert missed.reason.startswith("nothing_given")


PINNED = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"


@pytest.mark.parametrize(
    ("workflow", "rule"),
    [
        (GREET, "template-injection"),
        (GREET.replace(STEP, "      - uses: actions/checkout@v4\n"), "unpinned-uses"),
        (
            GREET.replace("on: issues", "on: pull_request_target").replace(
                STEP,
                f"      - uses: {PINNED}\n        with: {{ref: '${{{{ github.event.pull_request.head.sha }}}}', "
                "persist-credentials: false}\n",
            ),
            "dangerous-triggers",
        ),
    ],
)
def test_a_workflow_that_lets_a_stranger_in_is_found_and_a_careful_one_is_not(
    workflow: str, rule: str, tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    checkout = f"      - uses: {PINNED}\n        with: {{persist-credentials: false}}\n"
    careful = GREET.replace(STEP, f"{checkout}      - run: echo hello\n")
    files = {".github/workflows/open.yml": workflow, ".github/workflows/careful.yml": careful}
    report = told(tmp_path, files, environments, advisories)

    assert report.status is Status.COMPLETE, report.unread
    assert {item.severity for item in report.findings if item.rule == rule} == {Severity.HIGH}
    assert {item.path for item in report.findings} == {".github/workflows/open.yml"}
