"""
Attacks on what scanners, tests and builds say, each with the case beside it that must go through.

Each is judged by the live gate as a whole document of its schema. What is asserted is read from the predicate that is
signed and recorded, since an attempt must leave evidence.
"""

from __future__ import annotations

from typing import Any

from tests.policies.builders import gate_input

from mintmark.pipelines.errors import ExitCode
from mintmark.pipelines.gate.decide import Decision, Gate

AS_OF = 1_790_000_000
DAY = 86_400
BANDIT, PIP_AUDIT, SEMGREP, ZIZMOR, LOCK = 0, 2, 3, 6, 8


def judged(gate: Gate, *changes: tuple[str, Any]) -> Decision:
    """The baseline with some members replaced; a path that ends in `-` adds to a list."""
    operations = [
        {"op": "add" if path.endswith("/-") else "replace", "path": path, "value": value} for path, value in changes
    ]
    return gate.judge(gate_input(gate.pack, operations))


def recorded(decision: Decision) -> set[tuple[str, str]]:
    """Rule and reason of all that the record of the decision holds against the release."""
    predicate = decision.predicate()
    return {(entry["id"], entry["facts"]["reason"]) for entry in predicate["violations"] + predicate["incomplete"]}


def scanned_at(tool: int, moment: int) -> list[tuple[str, Any]]:
    return [(f"/scans/{tool}/started_at", moment), (f"/scans/{tool}/finished_at", moment)]


def finding(gate: Gate, canary: str, /, **changes: Any) -> dict[str, Any]:
    """The finding of a rule's canary, changed."""
    return {**gate.pack.canaries[canary]["patch"][0]["value"], **changes}


def test_t17_a_scan_that_is_too_old_by_a_second_is_refused(gate: Gate) -> None:
    decision = judged(gate, *scanned_at(BANDIT, AS_OF - DAY - 1))

    assert recorded(decision) == {("scan.fresh", "stale")}
    assert decision.exit_code is ExitCode.DENIED


def test_t17_a_scan_of_the_allowed_age_is_accepted(gate: Gate) -> None:
    assert judged(gate, *scanned_at(BANDIT, AS_OF - DAY)).allowed


def test_t17_a_scan_from_the_future_is_refused(gate: Gate) -> None:
    assert recorded(judged(gate, *scanned_at(BANDIT, AS_OF + 61))) == {("scan.fresh", "future")}


def test_t18_advisories_that_are_too_old_by_a_second_are_refused(gate: Gate) -> None:
    decision = judged(gate, (f"/scans/{PIP_AUDIT}/data/as_of", AS_OF - 3650 * DAY - 1))

    assert recorded(decision) == {("advisories.source", "db_stale")}


def test_t18_advisories_of_the_allowed_age_are_accepted(gate: Gate) -> None:
    assert judged(gate, (f"/scans/{PIP_AUDIT}/data/as_of", AS_OF - 3650 * DAY)).allowed


def test_t28_a_clean_report_that_the_scanner_did_not_write_is_refused(gate: Gate) -> None:
    decision = judged(gate, (f"/scans/{BANDIT}/means", "import"), (f"/scans/{BANDIT}/findings", []))

    assert ("scan.producer", "producer_mismatch") in recorded(decision)
    assert ("scan.required_tools", "missing") in recorded(decision)
    assert decision.exit_code is ExitCode.DENIED


def test_t28_a_scan_signed_on_a_machine_that_the_environment_does_not_trust_is_refused(gate: Gate) -> None:
    decision = judged(gate, ("/environment", {"name": "staging", "protected": True}))

    assert ("scan.producer", "producer_mismatch") in recorded(decision)


def test_t28_a_scan_that_we_ran_is_accepted(gate: Gate) -> None:
    assert judged(gate, (f"/scans/{BANDIT}/findings", [])).allowed


def test_t29_a_scanner_that_crashed_never_passes(gate: Gate) -> None:
    """With the report of the runner for a tool that gave none: no version, no rules, nothing read, nothing found."""
    decision = judged(
        gate,
        (f"/scans/{SEMGREP}/status", "failed"),
        (f"/scans/{SEMGREP}/reason", "timeout: not finished after 180 s"),
        (f"/scans/{SEMGREP}/tool_version", "unknown"),
        (f"/scans/{SEMGREP}/rules", 0),
        (f"/scans/{SEMGREP}/read", 0),
        (f"/scans/{SEMGREP}/findings", []),
    )

    assert ("scan.complete", "inconclusive") in recorded(decision)
    assert decision.exit_code is ExitCode.INCOMPLETE


def test_t29_a_scanner_without_anything_of_its_kind_may_be_skipped(gate: Gate) -> None:
    none = [(f"/coverage/{_shown(gate, 'zizmor')}/{count}", 0) for count in ("present", "given")]

    assert judged(gate, *_skipped(ZIZMOR, present=0), *none).allowed


def test_t29_a_scanner_that_says_there_was_nothing_is_not_believed_where_the_release_counts_files(gate: Gate) -> None:
    assert recorded(judged(gate, *_skipped(ZIZMOR, present=0))) == {("scan.scope", "contradicted")}


def test_t30_a_scan_of_nothing_of_another_tree_or_of_a_part_is_refused(gate: Gate) -> None:
    nothing = judged(gate, (f"/scans/{BANDIT}/given", 0), (f"/scans/{BANDIT}/read", 0))
    another = judged(gate, (f"/scans/{BANDIT}/tree_digest", f"sha256:{'f' * 64}"))
    less = judged(gate, (f"/scans/{BANDIT}/read", 40))
    beside = judged(gate, ("/coverage/0/given", 40), ("/coverage/0/left_out/-", "service/src/florin/refunds.py"))
    skipped = judged(gate, *_skipped(ZIZMOR, present=2))

    assert recorded(nothing) == {("scan.complete", "nothing_given"), ("scan.scope", "contradicted")}
    assert recorded(another) == {("scan.complete", "tree")}
    assert recorded(less) == {("scan.complete", "coverage")}
    assert recorded(beside) == {("scan.scope", "coverage")}
    assert ("scan.complete", "not_given") in recorded(skipped)


def test_t30_a_scan_of_all_that_is_shipped_is_accepted(gate: Gate) -> None:
    assert judged(gate).allowed


def test_t32_a_scanner_that_was_put_back_with_its_lock_is_refused(gate: Gate) -> None:
    old = judged(gate, (f"/scans/{BANDIT}/tool_version", "1.6.0"), (f"/scans/{BANDIT}/expected_version", "1.6.0"))
    fewer = judged(gate, (f"/scans/{SEMGREP}/rules", 1), (f"/scans/{SEMGREP}/rules_digest", f"sha256:{'0' * 64}"))

    assert recorded(old) == {("scan.tool_version", "tool_version")}
    assert recorded(fewer) == {("scan.tool_version", "rules_digest")}


def test_t32_the_pinned_scanner_with_the_pinned_rules_is_accepted(gate: Gate) -> None:
    semgrep = gate.pack.baseline["scans"][SEMGREP]

    assert judged(gate, (f"/scans/{SEMGREP}/rules_digest", semgrep["rules_digest"])).allowed


def test_t51_to_t53_a_workflow_that_can_be_turned_against_us_is_refused(gate: Gate) -> None:
    def found(audit: str) -> set[tuple[str, str]]:
        planted = finding(gate, "workflow.hardening", rule=audit)
        return recorded(judged(gate, (f"/scans/{ZIZMOR}/findings/-", planted)))

    assert found("template-injection") == {("workflow.hardening", "workflow_injection")}
    assert found("unpinned-uses") == {("workflow.hardening", "workflow_unpinned")}
    assert found("known-vulnerable-actions") == {("workflow.hardening", "workflow_unpinned")}
    assert found("dangerous-triggers") == {("workflow.hardening", "workflow_trigger")}
    assert found("excessive-permissions") == {("workflow.hardening", "workflow_permissions")}
    assert found("an-audit-that-nobody-met") == {("workflow.hardening", "workflow_finding")}


def test_t51_to_t53_a_workflow_with_a_remark_alone_is_accepted(gate: Gate) -> None:
    remark = finding(gate, "workflow.hardening", rule="unpinned-uses", severity="low")

    assert judged(gate, (f"/scans/{ZIZMOR}/findings/-", remark)).allowed


def test_t54_to_t56_a_dependency_that_is_not_what_it_seems_is_refused(gate: Gate) -> None:
    def found(rule: str) -> set[tuple[str, str]]:
        planted = finding(gate, "deps.supply_chain", rule=rule, severity="high")
        return recorded(judged(gate, (f"/scans/{LOCK}/findings/-", planted)))

    assert found("dep_confusion") == {("deps.supply_chain", "dep_confusion")}
    assert found("dep_unhashed") == {("deps.supply_chain", "dep_unhashed")}
    assert found("dep_typosquat") == {("deps.supply_chain", "dep_typosquat")}


def test_t54_to_t56_a_lock_without_such_a_dependency_is_accepted(gate: Gate) -> None:
    remark = finding(gate, "deps.supply_chain", rule="dep_direct_url", severity="medium")

    assert judged(gate, (f"/scans/{LOCK}/findings/-", remark)).allowed


def test_t57_a_poisoned_cache_is_refused_wherever_it_is_seen(gate: Gate) -> None:
    poisonable = finding(gate, "workflow.hardening", rule="cache-poisoning")

    assert recorded(judged(gate, ("/provenance/cache", "unverified"))) == {("provenance.cache", "cache_untrusted")}
    assert recorded(judged(gate, (f"/scans/{BANDIT}/cached", "shared"))) == {("scan.cached", "cache_untrusted")}
    assert recorded(judged(gate, (f"/scans/{ZIZMOR}/findings/-", poisonable))) == {
        ("workflow.hardening", "cache_untrusted")
    }


def test_t57_a_cache_that_was_compared_with_the_lock_is_accepted(gate: Gate) -> None:
    assert judged(gate, ("/provenance/cache", "verified"), (f"/scans/{BANDIT}/cached", "local")).allowed


def _shown(gate: Gate, tool: str) -> int:
    return [kind["kind"] for kind in gate.pack.baseline["coverage"]].index(tool)


def _skipped(tool: int, *, present: int) -> list[tuple[str, Any]]:
    skipped = {"status": "skipped", "given": 0, "read": 0, "rules": 0, "tool_version": "unknown", "present": present}
    return [(f"/scans/{tool}/{name}", value) for name, value in skipped.items()]
