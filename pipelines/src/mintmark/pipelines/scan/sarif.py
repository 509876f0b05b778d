"""Our reports as SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/), a run each, for others to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from mintmark.pipelines.scan.model import Finding, ScanReport, Severity, Status

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
MAX_RESULTS = 5_000  # a run; what shows such files takes no more
FINGERPRINT = "mintmark/v1"
_ROOT = "SRCROOT"
_ORDER = list(Severity)
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "none",
}
# The least score of each rating of CVSS v3.1 §5: we have words and no scores, and readers sort by these bounds.
_SCORES = {
    Severity.CRITICAL: "9.0",
    Severity.HIGH: "7.0",
    Severity.MEDIUM: "4.0",
    Severity.LOW: "0.1",
    Severity.INFO: "0.0",
}


def sarif_of(reports: Sequence[ScanReport]) -> dict[str, Any]:
    """At most `MAX_RESULTS` findings a run, the worst first; a run from which some were left out says how many."""
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report) for report in reports]}


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(
        findings,
        key=lambda item: (_ORDER.index(item.severity), item.path, item.line, item.rule, item.package, item.fingerprint),
    )


def _run(report: ScanReport) -> dict[str, Any]:
    shown = worst_first(report.findings)[:MAX_RESULTS]
    left_out = len(report.findings) - len(shown)
    numbers = {rule: number for number, rule in enumerate(dict.fromkeys(item.rule for item in shown))}
    worst = {item.rule: item for item in reversed(shown)}
    return {
        "tool": {
            "driver": {
                "name": report.tool,
                "version": report.tool_version or "unknown",
                "rules": [_rule(worst[rule]) for rule in numbers],
            }
        },
        "automationDetails": {"id": f"mintmark/{report.tool}/"},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, left_out)],
        "results": [_result(item, numbers[item.rule]) for item in shown],
        "properties": {
            "mintmark/status": report.status.value,
            "mintmark/means": report.means.value,
            "mintmark/given": report.given,
            "mintmark/read": report.read,
            "mintmark/rules": report.rules,
            "mintmark/leftOut": left_out,
        },
    }


def _rule(worst: Finding) -> dict[str, Any]:
    """Of the worst finding by it, since readers grade by rule."""
    properties = {
        "security-severity": _SCORES[worst.severity],
        "tags": ["security", worst.category.value, *(f"external/cwe/{cwe.lower()}" for cwe in worst.cwe)],
    }
    shown: dict[str, Any] = {"id": worst.rule, "properties": properties}
    return {**shown, "shortDescription": {"text": worst.title}} if worst.title else shown


def _invocation(report: ScanReport, left_out: int) -> dict[str, Any]:
    """A scan that was not complete did not succeed, and neither did one that is not told as a whole."""
    told = [f"{item.path}: {item.reason}" for item in report.unread[:MAX_RESULTS]]
    told += [report.reason] if report.reason else []
    told += [f"{left_out} findings were left out, none of them worse than those here"] if left_out else []
    quiet = report.status in {Status.COMPLETE, Status.SKIPPED} and not left_out
    invocation: dict[str, Any] = {
        "executionSuccessful": quiet,
        "toolExecutionNotifications": [
            {"level": "note" if quiet else "error", "message": {"text": text}} for text in told
        ],
    }
    if report.started_at:
        invocation["startTimeUtc"] = _moment(report.started_at)
    if report.finished_at:
        invocation["endTimeUtc"] = _moment(report.finished_at)
    return invocation


def _moment(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "kind": "informational" if finding.severity is Severity.INFO else "fail",
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message or finding.title or finding.rule},
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "properties": _properties(finding),
    }
    if finding.path:
        result["locations"] = [_location(finding)]
    if finding.suppressed_inline:
        # `accepted` is for whoever judges to say, and nobody here does
        result["suppressions"] = [{"kind": "inSource", "status": "underReview"}]
    return result


def _properties(finding: Finding) -> Mapping[str, Any]:
    return {
        "security-severity": _SCORES[finding.severity],
        "mintmark/severity": finding.severity.value,
        "mintmark/confidence": finding.confidence.value,
        "mintmark/category": finding.category.value,
        **({"mintmark/package": f"{finding.package} {finding.version}".strip()} if finding.package else {}),
    }


def _location(finding: Finding) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.path), "uriBaseId": _ROOT}}
    if finding.line:
        physical["region"] = {"startLine": finding.line, "endLine": max(finding.end_line, finding.line)}
    location: dict[str, Any] = {"physicalLocation": physical}
    return {**location, "logicalLocations": [{"name": finding.resource}]} if finding.resource else location
