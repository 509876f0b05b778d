"""A report counts as complete only where it shows so itself; what it took back stays a finding."""

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
    pip_audit,
    read,
    result,
    sarif,
    sarif_run,
    semgrep,
)

from mintmark.pipelines.scan.imports import Background, ReportRefused, read_report
from mintmark.pipelines.scan.model import Means, Status

COMMIT = "a" * 40
SUCCESS = {"executionSuccessful": True}


def invocation(**more: Any) -> dict[str, Any]:
    return {"invocations": [SUCCESS | more]}


def test_a_run_that_says_that_it_succeeded_is_complete() -> None:
    report = read("sarif", sarif(sarif_run(result())))

    assert (report.status, report.reason) == (Status.COMPLETE, "")
    assert (report.tool, report.tool_version, report.rules) == ("probe", "1.2", 1)
    assert (report.given, report.read, report.finished_at) == (1, 1, 1767323045)
    assert report.means is Means.IMPORT


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"invocations": []}, "it does not say that the tool came to its end"),
        (invocation(executionSuccessful=False), "an invocation does not say that it succeeded"),
        (invocation(executionSuccessful="true"), "an invocation does not say that it succeeded"),
        ({"invocations": [SUCCESS, {}]}, "an invocation does not say that it succeeded"),
        (invocation(exitSignalName="SIGKILL"), "the tool's process was ended or did not start"),
        (invocation(processStartFailureMessage="no"), "the tool's process was ended or did not start"),
        (
            invocation(toolExecutionNotifications=[{"level": "error", "message": {"text": "x"}}]),
            "1 toolExecutionNotifications are errors",
        ),
        (invocation(toolExecutionNotifications=[{"level": "grave"}]), "1 toolExecutionNotifications are errors"),
        (
            invocation(toolConfigurationNotifications=[{"level": "error"}]),
            "1 toolConfigurationNotifications are errors",
        ),
        ({"results": None}, "it has no list of results"),
        ({"externalPropertyFileReferences": {"results": [{}]}}, "parts of it are in other files"),
        (
            {"versionControlProvenance": [{"revisionId": "b" * 40}]},
            f"it is of commit {'b' * 40}, and not of {COMMIT}",
        ),
        (
            {"properties": {"metrics": {"_totals": {"nosec": 2}}}},
            "2 findings may have been silenced in the source: run bandit with --ignore-nosec",
        ),
    ],
)
def test_a_run_that_does_not_show_its_end_is_incomplete(more: dict[str, Any], reason: str) -> None:
    report = read("sarif", sarif(sarif_run(result()) | more), Background(commit=COMMIT))

    assert (report.status, report.reason) == (Status.INCOMPLETE, reason)


@pytest.mark.parametrize(
    "more",
    [
        invocation(toolExecutionNotifications=[{"level": "warning"}, {"level": "note"}, {}]),
        {"versionControlProvenance": [{"revisionId": COMMIT}]},
        {"versionControlProvenance": [{"repositoryUri": "https://example.org/shop"}]},
        {"properties": {"metrics": {"_totals": {"nosec": 0}}}},
    ],
)
def test_what_is_no_error_costs_nothing(more: dict[str, Any]) -> None:
    assert read("sarif", sarif(sarif_run(result()) | more), Background(commit=COMMIT)).status is Status.COMPLETE


def test_no_result_and_no_rule_is_never_clean() -> None:
    empty = read("sarif", sarif(sarif_run(rules=[])))
    bare = read("sarif", sarif({"tool": {"driver": {"name": "probe"}}, "results": []}))
    looked = read("sarif", sarif(sarif_run()))

    assert empty.status is Status.INCOMPLETE
    assert "it does not show that anything was looked for" in empty.reason
    assert bare.status is Status.INCOMPLETE
    assert (looked.status, looked.rules, looked.findings) == (Status.COMPLETE, 1, ())


def test_a_file_without_a_run_is_refused() -> None:
    for raw in (sarif(), b"{}", b"[]", b'{"version": "2.0.0", "runs": []}', b'{"version": "2.1.0"}'):
        with pytest.raises(ReportRefused) as refused:
            read_report("sarif", raw, Background())
        assert refused.value.reason == "malformed"


def test_each_run_is_a_report() -> None:
    raw = sarif(sarif_run(result()), sarif_run(result(), result(line=2)) | {"invocations": []})
    reports = read_report("sarif", raw, Background()).reports

    assert [(len(report.findings), report.status) for report in reports] == [
        (1, Status.COMPLETE),
        (2, Status.INCOMPLETE),
    ]


def test_a_file_that_the_tool_complains_of_is_unread() -> None:
    complaint = {
        "level": "error",
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": "src/broken.py"}}}],
    }
    report = read("sarif", sarif(sarif_run(result()) | invocation(toolExecutionNotifications=[complaint])))

    assert [item.path for item in report.unread] == ["src/broken.py"]
    assert (report.given, report.read, report.status) == (2, 1, Status.INCOMPLETE)


def test_files_that_were_analysed_count_as_read() -> None:
    listed = [
        {"location": {"uri": "src/a.py"}, "roles": ["analysisTarget"]},
        {"location": {"uri": "README.md"}, "roles": ["attachment"]},
    ]
    report = read("sarif", sarif(sarif_run(result(uri="src/b.py"), artifacts=listed)))

    assert (report.given, report.read) == (2, 2)


@pytest.mark.parametrize(
    "suppressions",
    [
        [{"kind": "inSource"}],
        [{"kind": "external", "status": "accepted"}],
        [{"kind": "external", "status": "underReview"}],
        [{"kind": "inSource", "status": "rejected"}],
        [{"kind": "unheard of"}],
        [{}],
    ],
)
def test_a_suppression_marks_a_finding_and_takes_none_away(suppressions: list[dict[str, Any]]) -> None:
    suppressed = only(read("sarif", sarif(sarif_run(result(suppressions=suppressions)))))
    plain = only(read("sarif", sarif(sarif_run(result(suppressions=[])))))

    assert suppressed.suppressed_inline
    assert str(suppressions[0].get("kind")) in suppressed.message
    assert not plain.suppressed_inline
    assert suppressed.fingerprint == plain.fingerprint


@pytest.mark.parametrize(
    ("state", "findings"), [("new", 1), ("unchanged", 1), ("updated", 1), ("unheard of", 1), ("absent", 0)]
)
def test_a_baseline_takes_only_away_what_is_no_longer_there(state: str, findings: int) -> None:
    assert len(read("sarif", sarif(sarif_run(result(baselineState=state)))).findings) == findings


@pytest.mark.parametrize(
    ("said", "findings"),
    [({"kind": "pass", "level": "none"}, 0), ({"kind": "notApplicable"}, 0), ({"kind": "fail"}, 1)],
)
def test_a_rule_that_passed_is_no_finding(said: dict[str, Any], findings: int) -> None:
    assert len(read("sarif", sarif(sarif_run(result(**said)))).findings) == findings


@pytest.mark.parametrize("state", ["not_affected", "false_positive", "resolved", "resolved_with_pedigree"])
def test_a_suppliers_word_marks_a_vulnerability_and_takes_it_not_away(state: str) -> None:
    finding = only(read("cyclonedx", cyclonedx(analysis={"state": state})))

    assert finding.suppressed_inline
    assert state in finding.message
    assert (finding.package, finding.version) == ("urllib3", "2.0.6")


@pytest.mark.parametrize("analysis", [{"state": "exploitable"}, {"state": "in_triage"}, {"state": "unheard of"}, {}])
def test_any_other_word_of_a_supplier_marks_nothing(analysis: dict[str, Any]) -> None:
    assert not only(read("cyclonedx", cyclonedx(analysis=analysis))).suppressed_inline


def test_a_withdrawn_advisory_is_a_finding_that_is_marked() -> None:
    assert only(read("osv", osv(advisory(withdrawn="2024-01-01T00:00:00Z")))).suppressed_inline
    assert not only(read("osv", osv(advisory()))).suppressed_inline


@pytest.mark.parametrize("spec", ["1.4", "1.5", "1.6", "1.7"])
def test_cyclonedx_is_complete_where_its_compositions_say_so(spec: str) -> None:
    document = cyclonedx(spec=spec)

    assert read("cyclonedx", document).status is Status.COMPLETE
    assert (read("cyclonedx", document).tool, read("cyclonedx", document).tool_version) == ("grype", "0.80")
    changes: tuple[dict[str, Any], ...] = (
        {"compositions": []},
        {"compositions": [{"aggregate": "incomplete"}]},
        {"components": []},
    )
    for change in changes:
        assert read("cyclonedx", document | change).status is Status.INCOMPLETE
    without = {name: value for name, value in document.items() if name != "vulnerabilities"}
    assert read("cyclonedx", without).reason == "it has no list of vulnerabilities"


def test_a_vulnerability_of_an_unknown_component_is_a_finding() -> None:
    purl = only(read("cyclonedx", cyclonedx(affects=[{"ref": "pkg:pypi/Urllib3"}])))
    unknown = only(read("cyclonedx", cyclonedx(affects=[{"ref": "nothing"}])))

    assert purl.package == "urllib3"
    assert purl.fingerprint == only(read("cyclonedx", cyclonedx())).fingerprint
    assert unknown.package == "nothing"
    assert only(read("cyclonedx", cyclonedx(affects=[]))).rule == "CVE-2023-45803"


def test_osv_is_never_complete() -> None:
    assert read("osv", osv(advisory())).status is Status.INCOMPLETE
    assert read("osv", osv()).status is Status.INCOMPLETE
    assert read("osv", advisory()).status is Status.INCOMPLETE
    assert only(read("osv", [advisory()])).package == "urllib3"


SKIPPED = {"name": "shop", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("format_name", "good", "bad"),
    [
        ("bandit", bandit(), bandit() | {"errors": [{"filename": "src/b.py", "reason": "syntax error"}]}),
        ("bandit", bandit(), bandit() | {"metrics": {"_totals": {"nosec": 1}, "src/shop.py": {}}}),
        ("bandit", bandit(), {"results": [], "errors": [], "metrics": {"_totals": {}}}),
        ("semgrep", semgrep(), semgrep() | {"errors": [{"type": "Syntax error", "path": "src/b.py", "level": "warn"}]}),
        ("semgrep", semgrep(), semgrep() | {"skipped_rules": [{}]}),
        ("semgrep", semgrep(), {"results": [], "errors": [], "paths": {"scanned": []}, "version": "1.0.0"}),
        ("checkov", checkov(), {"results": {"parsing_errors": ["/deploy/b.tf"]}, "check_type": "terraform"}),
        ("checkov", [checkov()], {"passed": 0, "failed": 0, "checkov_version": "3.0.0"}),
        ("pip-audit", pip_audit(), pip_audit(SKIPPED)),
        ("pip-audit", pip_audit()["dependencies"], []),
    ],
)
def test_a_native_report_is_complete_where_it_left_nothing_out(format_name: str, good: Any, bad: Any) -> None:
    assert read(format_name, good).status is Status.COMPLETE
    assert read(format_name, bad).status is Status.INCOMPLETE
    assert read(format_name, bad).reason


def test_a_package_that_stands_twice_has_the_vulnerabilities_of_both() -> None:
    """The second entry says that there is none."""
    report = read("pip-audit", pip_audit({"name": "Urllib3", "version": "2.0.6", "vulns": []}))

    assert only(report).rule == "CVE-2023-45803"


def test_a_report_without_a_time_is_older_than_any_limit() -> None:
    assert read("semgrep", semgrep()).finished_at == 0
    assert read("bandit", bandit() | {"generated_at": "yesterday"}).finished_at == 0
    assert read("bandit", bandit()).finished_at == 1767323045


def test_bandits_counters_tell_what_a_level_or_a_baseline_took_out() -> None:
    """`bandit -lll` counts 5 findings and tells the one that is high (bandit 1.9)."""
    totals = {"SEVERITY.HIGH": 1, "SEVERITY.MEDIUM": 1, "SEVERITY.LOW": 3, "CONFIDENCE.HIGH": 5, "nosec": 0}
    filtered = bandit() | {"metrics": {"_totals": totals, "src/shop.py": {}}}
    whole = bandit() | {"metrics": {"_totals": totals | {"SEVERITY.MEDIUM": 0, "SEVERITY.LOW": 0}, "src/shop.py": {}}}
    run = sarif_run(result(), properties={"metrics": {"_totals": totals}})

    for report in (read("bandit", filtered), read("sarif", sarif(run))):
        assert (report.status, report.reason) == (
            Status.INCOMPLETE,
            "it counts 5 findings and tells 1: run it without a level and a baseline",
        )
    assert read("bandit", whole).status is Status.COMPLETE


@pytest.mark.parametrize(("name", "count"), [("failed", 2), ("skipped", 1), ("parsing_errors", 1)])
def test_a_summary_of_checkov_that_counts_more_than_is_told_is_incomplete(name: str, count: int) -> None:
    summary = {"checkov_version": "3.0.0", "failed": 1, "passed": 90}
    cut = read("checkov", checkov() | {"summary": summary | {name: count}})

    assert (cut.status, cut.reason) == (Status.INCOMPLETE, f"it counts {count} {name} and tells {count - 1}")
    assert read("checkov", checkov() | {"summary": summary}).status is Status.COMPLETE
