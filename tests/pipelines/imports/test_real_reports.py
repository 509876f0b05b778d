"""Reports that real tools of other versions wrote are read as they are: see vectors/README.md."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from tests.pipelines.imports.builders import FORMATS, ROOT, VECTORS, vector

from mintmark.pipelines.scan.imports import Background, ReportRefused, read_report
from mintmark.pipelines.scan.model import Means, Severity, Status

SCHEMA = json.loads((Path(__file__).parents[3] / "policies/schemas/scan.schema.json").read_text(encoding="utf-8"))
EXPECTED = {
    # tool, version, status, findings, rules, files or pins read
    "bandit-1.7.5.json": ("bandit", "unknown", Status.INCOMPLETE, 6, 0, 2),
    "bandit-1.7.10.json": ("bandit", "unknown", Status.COMPLETE, 6, 0, 1),
    "bandit-1.7.10.sarif": ("bandit", "1.7.10", Status.INCOMPLETE, 6, 5, 1),
    "checkov-3.2.255.json": ("checkov", "3.2.255", Status.COMPLETE, 11, 34, 2),
    "checkov-3.2.255.sarif": ("checkov", "3.2.255", Status.INCOMPLETE, 11, 11, 2),
    "osv-scanner-1.9.2.cdx.json": ("cyclonedx", "unknown", Status.INCOMPLETE, 1, 0, 1),
    "osv-scanner-1.9.2.json": ("osv-scanner", "unknown", Status.INCOMPLETE, 1, 0, 1),
    "osv-scanner-1.9.2.sarif": ("osv-scanner", "1.9.2", Status.INCOMPLETE, 1, 1, 1),
    "pip-audit-2.7.3.cdx.json": ("cyclonedx-python-lib", "7.6.2", Status.INCOMPLETE, 1, 0, 2),
    "pip-audit-2.7.3.json": ("pip-audit", "unknown", Status.COMPLETE, 1, 0, 2),
    "semgrep-1.90.0.json": ("semgrep", "1.90.0", Status.COMPLETE, 5, 0, 2),
    "semgrep-1.90.0.sarif": ("semgrep", "1.90.0", Status.COMPLETE, 5, 8, 2),
    "zizmor-1.32.0.sarif": ("zizmor", "1.32.0", Status.COMPLETE, 5, 5, 1),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_real_report_is_read(name: str) -> None:
    report = vector(name)
    seen = (report.tool, report.tool_version, report.status, len(report.findings), report.rules, report.read)

    assert seen == EXPECTED[name], report.reason
    assert report.means is Means.IMPORT
    assert bool(report.reason) == (report.status is not Status.COMPLETE)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_read_is_a_valid_scan(name: str) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(vector(name).to_json())


@pytest.mark.parametrize("name", FORMATS)
def test_no_secret_of_a_real_report_is_kept(name: str) -> None:
    if name.startswith(("bandit", "semgrep")):
        assert b"correct-horse-battery" in (VECTORS / name).read_bytes()
    assert "correct-horse" not in json.dumps(vector(name).to_json())


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_file_gives_the_same_digest(name: str) -> None:
    assert vector(name) == vector(name)
    assert vector(name).report_digest == vector(name).report_digest


def test_no_finding_lies_outside_the_tree() -> None:
    paths = {finding.path for name in FORMATS for finding in vector(name).findings}

    assert paths == {
        *("", "src/shop.py", "src/quiet.py", "deploy/Dockerfile", "deploy/main.tf", "requirements.txt"),
        ".github/workflows/till.yml",
    }


def test_absolute_paths_need_a_root() -> None:
    raw = (VECTORS / "osv-scanner-1.9.2.json").read_bytes()
    with pytest.raises(ReportRefused) as refused:
        read_report("osv", raw, Background())

    assert refused.value.reason == "malformed"
    assert "--root" in refused.value.remedy
    assert read_report("osv", raw, Background(root=ROOT)).reports[0].findings


def test_the_same_vulnerability_has_one_fingerprint_whoever_reports_it() -> None:
    names = ("pip-audit-2.7.3.json", "osv-scanner-1.9.2.json", "osv-scanner-1.9.2.cdx.json")
    marks = {finding.fingerprint for name in names for finding in vector(name).findings}

    assert len(marks) == 1


def test_what_was_skipped_in_the_source_is_a_finding_that_is_marked() -> None:
    for name in ("checkov-3.2.255.json", "checkov-3.2.255.sarif"):
        marked = [finding.rule for finding in vector(name).findings if finding.suppressed_inline]

        assert marked == ["CKV_AWS_18"]


def test_a_vector_of_cvss_is_graded_by_its_score() -> None:
    (finding,) = vector("osv-scanner-1.9.2.cdx.json").findings

    assert finding.severity is Severity.MEDIUM
    assert "CVSS:3.1" in finding.severity_origin
