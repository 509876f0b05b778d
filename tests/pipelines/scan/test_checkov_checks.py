"""Each check of ours for checkov finds its bad examples and passes its good ones, and only ours are ever loaded."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.scan.builders import CLEAN_DOCKERFILE, clock, tree

from mintmark.pipelines.gate.pack import pack_files
from mintmark.pipelines.scan import checkov
from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import Category, ScanReport, Status
from mintmark.pipelines.scan.rules import OwnCheck, checkov_checks, rules_folder, scanner_pins
from mintmark.pipelines.scan.run import scan_release
from mintmark.pipelines.scan.semgrep import SemgrepScanner
from mintmark.pipelines.scan.severity import of_checkov

ROOT = Path(__file__).resolve().parents[3]
CHECKS = {check.id: check for check in checkov_checks()}
FRAMEWORKS = {"docker": "Dockerfile", "kubernetes": "yaml", "terraform": "tf"}
KNOWN_ALREADY = {
    "bucket.tf": (
        'resource "aws_kms_key" "k" { enable_key_rotation = false }\n'
        'resource "aws_cloudwatch_log_group" "g" { retention_in_days = 30 }\n'
        'resource "aws_db_instance" "d" {\n  engine = "postgres"\n  publicly_accessible = true\n}\n'
    ),
    "Dockerfile": "FROM python:latest\n",
    "pod.yaml": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: till}\nspec: {containers: [{name: till, image: 'till:1'}]}\n"
    ),
}


def checkov_over(
    folder: Path, files: dict[str, str], environments: ToolEnvironments, advisories: Advisories
) -> ScanReport:
    reports = scan_release(
        tree(folder, files),
        ScanScope(iac=["."]),
        environments,
        advisories,
        folder / "reports",
        clock,
        scanners=[checkov.CheckovScanner()],
    )
    return next(report for report in reports if report.tool == "checkov")


def examples(check: OwnCheck, kind: str) -> dict[str, str]:
    """Each example of a file stands in a folder of its own, as files of Terraform in one folder are one module."""
    topic, _, name = check.name.partition("_")
    suffix = FRAMEWORKS[topic]
    text = (rules_folder("checkov") / topic / "examples" / f"{name}.{kind}.{suffix}").read_text(encoding="utf-8")
    parts = text.split("---\n") if suffix == "yaml" else re.split("\n\n+", text)
    file = "Dockerfile" if suffix == "Dockerfile" else f"example.{suffix}"
    return {f"{check.name}-{kind}-{number}/{file}": _whole(part, suffix) for number, part in enumerate(parts)}


def _whole(part: str, suffix: str) -> str:
    return part if suffix != "Dockerfile" or "FROM" in part else f"FROM scratch\n{part}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples")


@pytest.fixture(scope="module")
def report(folder: Path, environments: ToolEnvironments, advisories: Advisories) -> ScanReport:
    """All examples, in one run."""
    files = {
        path: text
        for check in CHECKS.values()
        for kind in ("bad", "good")
        for path, text in examples(check, kind).items()
    }
    return checkov_over(folder, files, environments, advisories)


@pytest.fixture(scope="module")
def passed(folder: Path, report: ScanReport) -> set[tuple[str, str]]:
    """Check and path of what passed, from the kept report."""
    assert report.status is Status.COMPLETE
    kept: list[dict[str, Any]] = json.loads((folder / "reports" / "checkov.json").read_text(encoding="utf-8"))
    return {
        (item["check_id"], item["file_path"].lstrip("/"))
        for part in kept
        for item in part["results"].get("passed_checks", [])
    }


def test_every_example_is_read(report: ScanReport) -> None:
    assert report.status is Status.COMPLETE, report.unread
    assert len(CHECKS) >= 8
    assert report.read == report.given > 2 * len(CHECKS)


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_finds_each_bad_example(check: str, report: ScanReport) -> None:
    wanted = set(examples(CHECKS[check], "bad"))
    found = {item.path for item in report.findings if item.rule == check}

    assert wanted
    assert wanted - found == set()


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_looks_at_each_good_example_and_passes_it(
    check: str, report: ScanReport, passed: set[tuple[str, str]]
) -> None:
    wanted = {(check, path) for path in examples(CHECKS[check], "good")}
    found = {(item.rule, item.path) for item in report.findings}

    assert wanted
    assert wanted & found == set()
    assert wanted - passed == set()


@pytest.mark.parametrize("check", CHECKS)
def test_a_finding_carries_what_the_metadata_of_its_check_says(check: str, report: ScanReport) -> None:
    said = CHECKS[check]
    findings = [item for item in report.findings if item.rule == check]

    assert {(item.title, item.severity.value, item.cwe, item.category) for item in findings} == {
        (said.title, said.severity, said.cwe, Category.IAC)
    }
    assert all(re.fullmatch(r"CWE-\d+", cwe) for cwe in said.cwe)
    assert all(sentence.endswith(".") for sentence in (said.why, said.remedy))


def test_the_word_of_a_check_of_ours_counts_and_an_unknown_word_is_high() -> None:
    assert of_checkov("MM_X", {"MM_X": "medium"}) == "medium"
    assert of_checkov("MM_X", {"MM_X": "harmless"}) == "high"
    assert of_checkov("CKV_K8S_11", {"MM_X": "medium"}) == "low"


def test_florin_has_nothing_that_a_check_of_ours_finds(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    deploy = ROOT / "service/deploy"
    files = {
        path.relative_to(deploy).as_posix(): path.read_text(encoding="utf-8")
        for path in deploy.rglob("*")
        if path.is_file()
    }
    report = checkov_over(tmp_path, files, environments, advisories)

    assert report.status is Status.COMPLETE
    assert report.read > 10
    assert [(item.rule, item.path) for item in report.findings if item.rule in CHECKS] == []


def test_what_checkov_knows_itself_is_not_said_again(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    """Rotation of keys, a year of logs, databases open or in plain text, `latest`, digests and limits of pods."""
    report = checkov_over(tmp_path, KNOWN_ALREADY, environments, advisories)
    known = {"CKV_AWS_7", "CKV_AWS_338", "CKV_AWS_17", "CKV_AWS_16", "CKV_DOCKER_7", "CKV_K8S_43", "CKV_K8S_13"}

    assert known - {item.rule for item in report.findings} == set()
    assert {item.rule for item in report.findings if item.rule in CHECKS} == {"MM_DOCKER_1"}


def test_checks_of_the_repository_under_test_are_never_loaded(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    witness = tmp_path / "it-ran"
    own = CHECKS["MM_DOCKER_1"].source.decode().replace("MM_DOCKER_1", "EVIL_1")
    hostile = {
        "policies/checkov/__init__.py": "",
        "policies/checkov/evil.py": f"open({str(witness)!r}, 'w').close()\n{own}",
        ".checkov.yaml": "external-checks-dir: [policies/checkov]\n",
        "policies/checkov/evil.yaml": (
            "metadata: {id: EVIL_2, name: evil, category: NETWORKING}\n"
            "definition: {cond_type: attribute, resource_types: [aws_kms_key], attribute: a, operator: exists}\n"
        ),
        "Dockerfile": "FROM python:3.11-slim\n",
    }
    alone = checkov_over(tmp_path / "alone", {"Dockerfile": hostile["Dockerfile"]}, environments, advisories)
    beside = checkov_over(tmp_path / "beside", hostile, environments, advisories)

    assert not witness.exists()
    assert (beside.rules, beside.rules_digest) == (alone.rules, alone.rules_digest)
    assert {item.rule for item in beside.findings if item.path == "Dockerfile"} == {
        item.rule for item in alone.findings
    }


def test_the_digest_of_the_rules_changes_with_one_character_of_a_check(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"Dockerfile": CLEAN_DOCKERFILE}
    before = checkov_over(tmp_path / "before", files, environments, advisories)
    again = checkov_over(tmp_path / "again", files, environments, advisories)
    first, *others = checkov_checks()
    changed = (replace(first, source=first.source + b"#"), *others)
    monkeypatch.setattr(checkov, "checkov_checks", lambda: changed)
    after = checkov_over(tmp_path / "after", files, environments, advisories)

    assert (before.status, after.status) == (Status.COMPLETE, Status.COMPLETE)
    assert before.rules_digest == again.rules_digest
    assert before.rules_digest != after.rules_digest


def test_a_check_that_checkov_could_not_load_makes_the_scan_incomplete(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = checkov_checks()
    broken = (replace(first, source=b"import nowhere\n"), *others)
    monkeypatch.setattr(checkov, "checkov_checks", lambda: broken)
    report = checkov_over(tmp_path, {"Dockerfile": CLEAN_DOCKERFILE}, environments, advisories)

    assert report.status is Status.INCOMPLETE
    assert [(item.path, item.reason) for item in report.unread] == [("checkov's rules", f"{first.id} not loaded")]


def test_the_pack_holds_the_checks_and_not_their_examples() -> None:
    named = {path for path in pack_files(ROOT / "policies") if path.startswith("checkov/")}

    assert len(named) == len(CHECKS)
    assert [path for path in named if "examples" in path] == []


def test_the_pins_are_what_a_scan_reports(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    pins = scanner_pins()
    exported = tree(tmp_path, {"shop.py": "a = 1\n"})
    scope, scanners = ScanScope(code=["."]), [SemgrepScanner()]
    reports = scan_release(exported, scope, environments, advisories, tmp_path / "out", clock, scanners=scanners)
    said = next(item for item in reports if item.tool == "semgrep").to_json()

    assert pins["semgrep"] == {"versions": [said["tool_version"]], "rules_digests": [said["rules_digest"]]}
    assert {tool: pin["versions"] for tool, pin in pins.items()} == {
        tool: [version] for tool, version in environments.versions.items()
    }
    assert [tool for tool, pin in pins.items() if "rules_digests" in pin] == ["semgrep"]
