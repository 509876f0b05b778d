"""hadolint's findings are of one instruction each, and nothing in a Dockerfile can switch them off unseen."""

from pathlib import Path

import pytest
from tests.pipelines.scan.builders import scan

from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.hadolint import HadolintScanner
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import ScanReport, Severity, Status

_OFF = "# shellcheck disable=SC2086,SC2154"
# (name, the file, the rule that must be found, whether it is silenced there)
CASES = [
    ("plain", "FROM debian:12\nRUN sudo true\n", "DL3004", False),
    ("ignored", "FROM debian:12\n# hadolint ignore=DL3004\nRUN sudo true\n", "DL3004", True),
    ("ignored_everywhere", "# hadolint global ignore=DL3004\nFROM debian:12\nRUN sudo true\n", "DL3004", True),
    ("of_another_line", "FROM debian:12\n# hadolint ignore=DL3004\nRUN true\nRUN sudo true\n", "DL3004", False),
    ("of_another_rule", "FROM debian:12\n# hadolint ignore=DL3008\nRUN sudo true\n", "DL3004", False),
    ("other_shell", "#hadolint shell=powershell\nFROM debian:12\nRUN echo $TILL\n", "SC2086", True),
    ("other_shell_with_a_tab", "FROM debian:12\n# hadolint\tshell=pwsh\nRUN echo $TILL\n", "SC2086", True),
    ("directive", "FROM debian:12\nRUN <<E\n# shellcheck disable=SC2086\necho $TILL\nE\n", "SC2086", True),
    ("directive_behind_then", f"FROM debian:12\nRUN <<E\nif true; then {_OFF}\n  echo $TILL\nfi\nE\n", "SC2086", True),
    ("directive_in_braces", f"FROM debian:12\nRUN <<E\n{{ {_OFF}\n  echo $TILL\n}}\nE\n", "SC2086", True),
    ("no_directive", "FROM debian:12\nRUN <<E\necho $TILL\nE\n", "SC2086", False),
    ("half_a_command", "FROM debian:12\nRUN if then\n", "SC1072", False),
]


def told(folder: Path, files: dict[str, str], environments: ToolEnvironments, advisories: Advisories) -> ScanReport:
    scope = ScanScope(iac=["deploy"])
    return scan(folder, files, environments, advisories, scope, [HadolintScanner()])["hadolint"]


@pytest.fixture(scope="module")
def report(
    tmp_path_factory: pytest.TempPathFactory, environments: ToolEnvironments, advisories: Advisories
) -> ScanReport:
    files = {f"deploy/Dockerfile.{name}": text for name, text, _, _ in CASES}
    return told(tmp_path_factory.mktemp("dockerfiles"), files, environments, advisories)


@pytest.mark.parametrize(("name", "text", "rule", "silenced"), CASES, ids=[case[0] for case in CASES])
def test_a_pragma_is_marked_and_the_finding_stays(
    name: str, text: str, rule: str, silenced: bool, report: ScanReport
) -> None:
    found = [item for item in report.findings if item.path == f"deploy/Dockerfile.{name}" and item.rule == rule]

    assert report.status is Status.COMPLETE, report.unread
    assert [item.suppressed_inline for item in found] == [silenced]


def test_shell_that_does_not_parse_is_a_finding_that_is_refused(report: ScanReport) -> None:
    (found,) = [item for item in report.findings if item.rule == "SC1072"]

    assert found.severity is Severity.HIGH


def test_a_repository_without_dockerfiles_needs_no_scan_of_them(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    nothing = told(tmp_path / "none", {"deploy/main.tf": ""}, environments, advisories)
    missed = told(tmp_path / "missed", {"deploy/main.tf": "", "image/Dockerfile": ""}, environments, advisories)

    assert (nothing.status, nothing.present) == (Status.SKIPPED, 0)
    assert (missed.status, missed.present) == (Status.INCOMPLETE, 1)
    assert missed.reason.startswith("nothing_given")


def test_a_fingerprint_is_of_the_whole_instruction_and_of_no_value_that_it_sets(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    def marks(number: int, command: str, value: str) -> dict[str, str]:
        file = f"FROM debian:12\nRUN sudo true && \\\n  # why not\n  {command}\nENV TILL $TILL {value}\n"
        found = told(tmp_path / str(number), {"deploy/Dockerfile": file}, environments, advisories).findings
        return {item.rule: item.fingerprint for item in found}

    first, other_value, other_command = marks(1, "echo 1", "a=b"), marks(2, "echo 1", "c=d"), marks(3, "echo 2", "a=b")

    assert first == other_value
    assert first["DL3004"] != other_command["DL3004"]
