"""Reports made elsewhere, in as few words as their formats allow, and the tree that the real ones were made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mintmark.pipelines.scan.imports import Background, read_report
from mintmark.pipelines.scan.model import Finding, ScanReport

VECTORS = Path(__file__).with_name("vectors")
ROOT = "/srv/shop"  # where the tree lay when the real reports were made
SHOP = """\
import subprocess

import yaml


def run(text):
    eval(text)
    eval(text)
    subprocess.call(
        text,
        shell=True,
    )
    return yaml.load(text)


password = "correct-horse-battery"
"""
WORKFLOW = """\
on: pull_request_target
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: echo ${{ github.event.issue.title }}
"""
TREE = {
    "src/shop.py": SHOP,
    "src/quiet.py": "def run(text):\n    exec(text)  # nosec\n",
    "deploy/Dockerfile": "FROM python:latest\nRUN sudo true\n",
    "deploy/main.tf": 'resource "aws_s3_bucket" "till" {\n  # checkov:skip=CKV_AWS_18: nobody reads the log\n'
    '  bucket = "till"\n}\n',
    ".github/workflows/till.yml": WORKFLOW,
}
FORMATS = {
    "bandit-1.7.5.json": "bandit",
    "bandit-1.7.10.json": "bandit",
    "bandit-1.7.10.sarif": "sarif",
    "checkov-3.2.255.json": "checkov",
    "checkov-3.2.255.sarif": "sarif",
    "osv-scanner-1.9.2.cdx.json": "cyclonedx",
    "osv-scanner-1.9.2.json": "osv",
    "osv-scanner-1.9.2.sarif": "sarif",
    "pip-audit-2.7.3.cdx.json": "cyclonedx",
    "pip-audit-2.7.3.json": "pip-audit",
    "semgrep-1.90.0.json": "semgrep",
    "semgrep-1.90.0.sarif": "sarif",
    "zizmor-1.32.0.sarif": "sarif",
}


def vector(name: str, background: Background | None = None) -> ScanReport:
    """The one report of a file that a real tool wrote."""
    raw = (VECTORS / name).read_bytes()
    (report,) = read_report(FORMATS[name], raw, background or Background(root=ROOT)).reports
    return report


def result(rule: str = "R1", uri: str = "src/shop.py", line: int = 1, **more: Any) -> dict[str, Any]:
    place = {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}}
    return {"ruleId": rule, "message": {"text": "Something is wrong"}, "locations": [place], **more}


def sarif_run(*results: dict[str, Any], rules: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """A run that succeeded, of a tool with one rule."""
    return {
        "tool": {"driver": {"name": "Probe", "version": "1.2", "rules": [{"id": "R1"}] if rules is None else rules}},
        "invocations": [{"executionSuccessful": True, "endTimeUtc": "2026-01-02T03:04:05Z"}],
        "results": list(results),
        **more,
    }


def sarif(*runs: dict[str, Any]) -> bytes:
    return json.dumps({"version": "2.1.0", "runs": list(runs)}).encode()


def read(format_name: str, document: Any, background: Background | None = None) -> ScanReport:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    (report,) = read_report(format_name, raw, background or Background()).reports
    return report


def only(report: ScanReport) -> Finding:
    (finding,) = report.findings
    return finding


def bandit(**more: Any) -> dict[str, Any]:
    found = {
        "filename": "src/shop.py",
        "test_id": "B307",
        "test_name": "blacklist",
        "line_number": 7,
        "line_range": [7],
        "issue_severity": "MEDIUM",
        "issue_confidence": "HIGH",
        "issue_text": "Use of eval",
    }
    return {
        "errors": [],
        "generated_at": "2026-01-02T03:04:05Z",
        "metrics": {"_totals": {"nosec": 0, "skipped_tests": 0}, "src/shop.py": {}},
        "results": [found | more],
    }


def semgrep(**extra: Any) -> dict[str, Any]:
    found = {
        "check_id": "python.lang.eval-detected",
        "path": "src/shop.py",
        "start": {"line": 7, "col": 5, "offset": 60},
        "end": {"line": 7, "col": 15, "offset": 70},
        "extra": {"message": "eval is run", "severity": "WARNING", "metadata": {}, "lines": "    eval(text)"} | extra,
    }
    return {"version": "1.90.0", "errors": [], "paths": {"scanned": ["src/shop.py"]}, "results": [found]}


def checkov(**more: Any) -> dict[str, Any]:
    check = {
        "check_id": "CKV_DOCKER_3",
        "check_name": "A user is there",
        "check_result": {"result": "FAILED"},
        "file_abs_path": "/elsewhere/deploy/Dockerfile",
        "repo_file_path": "/deploy/Dockerfile",
        "file_path": "/Dockerfile",
        "file_line_range": [1, 2],
        "resource": "/deploy/Dockerfile.",
        "severity": None,
    }
    results = {"passed_checks": [], "failed_checks": [check | more], "skipped_checks": [], "parsing_errors": []}
    return {"check_type": "dockerfile", "results": results, "summary": {"checkov_version": "3.0.0"}}


def pip_audit(*more: dict[str, Any]) -> dict[str, Any]:
    found = {"id": "PYSEC-2023-212", "fix_versions": ["2.0.7"], "aliases": ["CVE-2023-45803"], "description": "Leaks"}
    return {"dependencies": [{"name": "urllib3", "version": "2.0.6", "vulns": [found]}, *more], "fixes": []}


def cyclonedx(*ratings: dict[str, Any], spec: str = "1.6", **more: Any) -> dict[str, Any]:
    found = {"id": "CVE-2023-45803", "ratings": list(ratings), "affects": [{"ref": "u"}], **more}
    component = {"type": "library", "bom-ref": "u", "name": "urllib3", "version": "2.0.6"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": spec,
        "metadata": {"tools": {"components": [{"type": "application", "name": "grype", "version": "0.80"}]}},
        "components": [component | {"purl": "pkg:pypi/urllib3@2.0.6"}],
        "compositions": [{"aggregate": "complete"}],
        "vulnerabilities": [found],
    }


def advisory(**more: Any) -> dict[str, Any]:
    package = {"name": "urllib3", "ecosystem": "PyPI"}
    return {"id": "PYSEC-2023-212", "aliases": ["CVE-2023-45803"], "affected": [{"package": package}], **more}


def osv(*documents: dict[str, Any], path: str = "uv.lock") -> dict[str, Any]:
    package = {"name": "urllib3", "version": "2.0.6", "ecosystem": "PyPI"}
    packages = [{"package": package, "vulnerabilities": list(documents)}]
    return {"results": [{"source": {"path": path, "type": "lockfile"}, "packages": packages}]}


SOUND: dict[str, Any] = {
    "sarif": {"version": "2.1.0", "runs": [sarif_run(result())]},
    "cyclonedx": cyclonedx(),
    "osv": osv(advisory()),
    "bandit": bandit(),
    "semgrep": semgrep(),
    "checkov": checkov(),
    "pip-audit": pip_audit(),
}
