"""A finding keeps its fingerprint while what was flagged stays, wherever it moves; two findings never share one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.pipelines.scan.builders import POD, lock, scan
from tests.pipelines.scan.fake_tool import VERSIONS

from mintmark.pipelines.scan import fingerprint
from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.model import ScanReport

CODE = """\
import subprocess


def run(text):
    eval(text)
    eval(text)
    subprocess.call(
        text,
        shell=True,
    )


password = "correct-horse-battery"
"""
TOOLS = tuple(VERSIONS)
POD_TEXT = POD.replace("{ANNOTATIONS}", "{}")
DOCKERFILE = "FROM python:latest\nRUN sudo true\nRUN sudo true && \\\n    sudo false\n"
WORKFLOW = """\
name: Greet
on: issues
jobs:
  greet:
    runs-on: ubuntu-24.04
    steps:
      - run: echo ${{ github.event.issue.title }} ${{ github.event.issue.body }}
"""


@pytest.fixture(scope="module")
def before(
    tmp_path_factory: pytest.TempPathFactory, environments: ToolEnvironments, advisories: Advisories
) -> dict[str, ScanReport]:
    files = {
        "src/a.py": CODE,
        "deploy/pod.yaml": POD_TEXT,
        "deploy/Dockerfile": DOCKERFILE,
        ".github/workflows/greet.yml": WORKFLOW,
        **lock("urllib3==2.0.6"),
    }
    return scan(tmp_path_factory.mktemp("before"), files, environments, advisories)


@pytest.fixture(scope="module")
def after(
    tmp_path_factory: pytest.TempPathFactory, environments: ToolEnvironments, advisories: Advisories
) -> dict[str, ScanReport]:
    """Lines above everything, other indentation inside a flagged call, and a bump that fixes nothing."""
    code = "# a header\n" * 12 + CODE.replace("        text,\n", "            text,\n")
    files = {
        "src/a.py": code,
        "deploy/pod.yaml": "# a header\n" * 3 + POD_TEXT,
        "deploy/Dockerfile": "# a header\n" + DOCKERFILE,
        ".github/workflows/greet.yml": "# a header\n" + WORKFLOW,
        **lock("certifi==2024.8.30", "urllib3==2.0.5"),
    }
    return scan(tmp_path_factory.mktemp("after"), files, environments, advisories)


@pytest.mark.parametrize("tool", TOOLS)
def test_an_edit_above_a_finding_does_not_change_its_fingerprint(
    tool: str, before: dict[str, ScanReport], after: dict[str, ScanReport]
) -> None:
    earlier = {item.fingerprint: item for item in before[tool].findings}
    later = {item.fingerprint: item for item in after[tool].findings}

    assert earlier
    assert earlier.keys() <= later.keys()
    assert [item.line for item in earlier.values()] != [later[mark].line for mark in earlier]


@pytest.mark.parametrize("tool", TOOLS)
def test_no_two_findings_share_a_fingerprint(tool: str, before: dict[str, ScanReport]) -> None:
    marks = [item.fingerprint for item in before[tool].findings]

    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize(("tool", "rule"), [("bandit", "B307"), ("semgrep", "eval-or-exec")])
def test_the_same_text_flagged_twice_is_two_findings(tool: str, rule: str, before: dict[str, ScanReport]) -> None:
    twice = [item for item in before[tool].findings if item.rule == rule]

    assert len({item.fingerprint for item in twice}) == 2


def test_a_change_of_what_was_flagged_is_another_finding() -> None:
    assert fingerprint.code("t", "r", "p", "eval(x)", "0") != fingerprint.code("t", "r", "p", "eval(y)", "0")
    assert fingerprint.code("t", "r", "p", "eval(x)", "0") == fingerprint.code("t", "r", "p", " eval(x)\n", "0")


def test_a_dependency_is_marked_by_the_least_of_its_aliases_and_not_by_its_version() -> None:
    aliases = ["PYSEC-2023-212", "CVE-2023-45803", "GHSA-g4mx-q9vg-27p4"]

    assert fingerprint.dependency("pypi", "urllib3", aliases) == fingerprint.dependency(
        "pypi", "urllib3", aliases[::-1]
    )
    assert fingerprint.dependency("pypi", "urllib3", aliases) != fingerprint.dependency("pypi", "requests", aliases)


PARTS = st.lists(st.text('ab\x1f\x00,"', max_size=2), min_size=4, max_size=4)


@given(PARTS, PARTS)
@example(["checkov", "CKV_1", "a\x1fb", "c"], ["checkov", "CKV_1", "a", "b\x1fc"])
def test_different_resources_have_different_fingerprints(one: list[str], other: list[str]) -> None:
    """The parts are told apart even where one of them holds the separator."""
    same = fingerprint.iac(*one) == fingerprint.iac(*other)

    assert same == (one == other)
