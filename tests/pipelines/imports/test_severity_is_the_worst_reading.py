"""A report cannot talk its findings down: of what it says of one the worst counts, and nonsense is critical."""

from __future__ import annotations

from typing import Any

import pytest
from tests.pipelines.imports.builders import (
    advisory,
    bandit,
    checkov,
    cyclonedx,
    only,
    osv,
    read,
    result,
    sarif,
    sarif_run,
    semgrep,
)

from mintmark.pipelines.scan.model import Severity
from mintmark.pipelines.scan.rules import checkov_checks

CRITICAL, HIGH, MEDIUM, LOW, INFO = Severity


def rule(level: str | None = None, **properties: Any) -> dict[str, Any]:
    configured = {} if level is None else {"defaultConfiguration": {"level": level}}
    return {"id": "R1", **configured, "properties": properties}


def score(value: Any) -> dict[str, Any]:
    return {"properties": {"security-severity": value}}


NONSENSE: tuple[Any, ...] = (-1, "-1", "NaN", "9,8", 11.0, "11", "high", "", None, True, [], "1e1", "\u0663", 1e300)


@pytest.mark.parametrize(
    ("said", "by_rule", "severity"),
    [
        ({"level": "error"}, {}, HIGH),
        ({"level": "warning"}, {}, MEDIUM),
        ({"level": "note"}, {}, LOW),
        ({}, {}, HIGH),
        ({}, rule("note"), LOW),
        ({}, rule("error"), HIGH),
        ({"level": "note"}, rule("error"), HIGH),
        ({"level": "error"}, rule("note"), HIGH),
        ({"level": "note"} | score("9.8"), {}, CRITICAL),
        ({"level": "note"} | score(9.8), {}, CRITICAL),
        ({"level": "note"}, rule(**{"security-severity": "9.8"}), CRITICAL),
        ({"level": "error"} | score("2.0"), {}, HIGH),
        ({"level": "note"} | score("10"), {}, CRITICAL),
        ({"level": "note"} | score("8.9"), {}, HIGH),
        ({"level": "note"} | score("4.0"), {}, MEDIUM),
        ({"level": "note"} | score("0.0"), {}, LOW),
        ({"level": "note"} | score(0), {}, LOW),
        *(({"level": "note"} | score(value), {}, CRITICAL) for value in NONSENSE),
        ({"level": "none"}, {}, CRITICAL),
        ({"level": "none", "kind": "fail"}, rule("note"), CRITICAL),
        ({"level": "none", "kind": "secret-kind"}, {}, CRITICAL),
        ({}, rule("none"), CRITICAL),
        ({"level": "none", "kind": "informational"}, {}, INFO),
        ({"level": "none", "kind": "informational"}, rule("error"), HIGH),
        ({"kind": "review"}, {}, HIGH),
        ({"kind": "open", "level": "none"}, rule("note"), HIGH),
        ({"kind": "pass", "level": "error"}, {}, HIGH),
        ({"kind": "pass", "level": "note"} | score("9.8"), {}, CRITICAL),
        ({"level": "harmless"}, {}, CRITICAL),
        ({"level": 3}, {}, CRITICAL),
        ({}, rule("harmless"), CRITICAL),
        ({"level": "note", "properties": {"issue_severity": "HIGH"}}, {}, HIGH),
        ({"level": "note", "properties": {"probe/severity": "unheard of"}}, {}, CRITICAL),
        ({"level": "note"}, rule(**{"problem.severity": "recommendation"}), LOW),
    ],
)
def test_the_worst_of_what_a_sarif_result_says_counts(
    said: dict[str, Any], by_rule: dict[str, Any], severity: Severity
) -> None:
    report = read("sarif", sarif(sarif_run(result(**said), rules=[by_rule or {"id": "R1"}])))

    assert only(report).severity is severity, only(report).severity_origin


def test_an_override_that_lowers_a_rule_is_one_statement_among_others() -> None:
    invocation = {
        "executionSuccessful": True,
        "ruleConfigurationOverrides": [{"descriptor": {"id": "R1"}, "configuration": {"level": "note"}}],
    }
    mild = sarif_run(result(), rules=[rule("error")], invocations=[invocation])
    alone = sarif_run(result(), rules=[{"id": "R1"}], invocations=[invocation])

    assert only(read("sarif", sarif(mild))).severity is HIGH
    assert only(read("sarif", sarif(alone))).severity is LOW


def test_of_two_rules_that_a_result_points_at_the_graver_counts() -> None:
    """By its id and by its index; whichever of them is the mild one does not stand in for the other."""
    rules = [rule("error"), rule("note") | {"id": "R2"}]
    for name, index, severity in (("R1", 1, HIGH), ("R2", 0, HIGH), ("R1", 0, HIGH), ("R2", 1, LOW)):
        report = read("sarif", sarif(sarif_run(result(rule=name, ruleIndex=index), rules=rules)))

        assert only(report).severity is severity


@pytest.mark.parametrize(
    ("ratings", "severity"),
    [
        ([], HIGH),
        ([{"severity": "low"}], LOW),
        ([{"severity": "low"}, {"severity": "critical"}], CRITICAL),
        ([{"severity": "unknown"}], HIGH),
        ([{"severity": "unknown"}, {"severity": "low"}], LOW),
        ([{"severity": "harmless"}], CRITICAL),
        ([{"severity": "low", "score": 9.8, "method": "CVSSv31"}], CRITICAL),
        ([{"severity": "low", "score": 5.0, "method": "CVSSv31"}], MEDIUM),
        ([{"severity": "low", "score": -1, "method": "CVSSv31"}], CRITICAL),
        ([{"severity": "low", "score": 2, "method": "OWASP"}], HIGH),
        ([{"severity": "low", "vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}], CRITICAL),
        ([{"severity": "low", "vector": "CVSS:3.1/AV:N"}], CRITICAL),
        ([{"severity": "low", "vector": "AV:N/AC:L/Au:N/C:P/I:P/A:P", "method": "CVSSv2"}], LOW),
    ],
)
def test_the_worst_rating_of_a_vulnerability_counts(ratings: list[dict[str, Any]], severity: Severity) -> None:
    assert only(read("cyclonedx", cyclonedx(*ratings))).severity is severity


VECTOR = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ({}, HIGH),
        ({"database_specific": {"severity": "LOW"}}, LOW),
        ({"database_specific": {"severity": "LOW"}, "severity": [VECTOR]}, CRITICAL),
        ({"database_specific": {"severity": "HARMLESS"}}, CRITICAL),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"}]}, CRITICAL),
        ({"severity": [{"type": "CVSS_V3", "score": "0.1"}]}, CRITICAL),
    ],
)
def test_the_worst_of_what_an_advisory_says_counts(said: dict[str, Any], severity: Severity) -> None:
    assert only(read("osv", osv(advisory(**said)))).severity is severity


def test_two_advisories_of_one_weakness_are_as_grave_as_the_graver_and_silenced_by_both_or_not() -> None:
    other = {"id": "GHSA-g4mx-q9vg-27p4", "aliases": ["CVE-2023-45803"]}
    mild: dict[str, Any] = {"database_specific": {"severity": "LOW"}}
    grave: dict[str, Any] = {"severity": [VECTOR]}
    gone: dict[str, Any] = {"withdrawn": "2024-01-01"}
    pairs: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
        (mild | gone, grave, False),
        (mild, grave | gone, False),
        (mild | gone, grave | gone, True),
    ]
    for first, second, silenced in pairs:
        finding = only(read("osv", osv(advisory(**first), advisory(**second, **other))))

        assert finding.severity is CRITICAL
        assert finding.suppressed_inline is silenced


@pytest.mark.parametrize(
    ("format_name", "document", "severity"),
    [
        ("bandit", bandit(), MEDIUM),
        ("bandit", bandit(issue_severity="UNDEFINED"), CRITICAL),
        ("bandit", bandit(issue_severity=None), CRITICAL),
        ("semgrep", semgrep(), MEDIUM),
        ("semgrep", semgrep(severity="INFO", metadata={"severity": "critical"}), CRITICAL),
        ("semgrep", semgrep(severity="HARMLESS"), CRITICAL),
        ("semgrep", semgrep(severity=None), HIGH),
        ("checkov", checkov(), HIGH),
        ("checkov", checkov(severity="LOW"), HIGH),
        ("checkov", checkov(severity="CRITICAL"), CRITICAL),
        ("checkov", checkov(check_id="CKV_DOCKER_2"), LOW),
        ("checkov", checkov(check_id="CKV_DOCKER_2", severity="harmless"), CRITICAL),
    ],
)
def test_a_native_report_is_graded_by_its_worst_word(
    format_name: str, document: dict[str, Any], severity: Severity
) -> None:
    assert only(read(format_name, document)).severity is severity


def test_a_check_of_ours_is_as_grave_in_a_report_of_others_as_in_our_own() -> None:
    own = {check.id: check for check in checkov_checks()}
    gravest = next(check for check in own.values() if check.severity == "critical")
    mildest = next(check for check in own.values() if check.severity == "medium")

    for check in (gravest, mildest):
        found = only(read("checkov", checkov(check_id=check.id)))
        assert (found.severity, found.cwe) == (Severity(check.severity), check.cwe)
    assert only(read("checkov", checkov(check_id=mildest.id, severity="HIGH"))).severity is Severity.HIGH
    assert only(read("checkov", checkov(check_id="MM_NOT_OURS"))).severity is Severity.HIGH
