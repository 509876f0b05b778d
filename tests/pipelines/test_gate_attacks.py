"""
Attacks on the gate, each refused by its rule and reason, each recorded, and each beside the release that must pass.

Every attack changes one thing about a release that production allows (`PRODUCTION`, the pack's baseline taken there).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from tests.evidence.builders import NOW, Bench, bench, signed, statement
from tests.policies.builders import POLICIES, gate_input

from mintmark.evidence.log import EvidenceLog
from mintmark.pipelines.gate.decide import Decision, Gate
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.verdict import Answer
from mintmark.pipelines.gate.wasm import WasmEngine
from mintmark.pipelines.proof import prove

AS_OF = 1_790_000_000
DAY = 86_400
ENVIRONMENT = "production"
Operations = list[dict[str, Any]]
PACK = PolicyPack.load(POLICIES)
SCAN = {scan["tool"]: number for number, scan in enumerate(PACK.baseline["scans"])}
SHA256, COMMIT = PACK.baseline["subject"]["digest"]["sha256"], PACK.baseline["source"]["commit"]


def replaced(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def added(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


PRODUCTION: Operations = [
    replaced("/environment", {"name": ENVIRONMENT, "protected": True}),
    *(replaced(f"/scans/{number}/producer/origin", "ci") for number in SCAN.values()),
    replaced(f"/scans/{SCAN['pip-audit']}/data/source", "osv-export"),
    replaced(f"/scans/{SCAN['pip-audit']}/data/complete", True),
    replaced("/provenance/builder", "https://mintmark.dev/builders/ci"),
    replaced("/provenance/origin", "ci"),
    replaced("/tests/0/producer/origin", "ci"),
    replaced("/approvals/0/environment", ENVIRONMENT),
    added(
        "/promotions/-",
        {"environment": "staging", "sha256": SHA256, "decision_id": "d-staging", "deployed_epoch": AS_OF - 9_000},
    ),
]


def finding(category: str, rule: str, severity: str = "high", **changes: Any) -> dict[str, Any]:
    tools = {"workflow": "zizmor", "supply_chain": "lock", "dependency": "pip-audit", "code": "bandit"}
    return {
        "tool": tools[category],
        "rule": rule,
        "title": rule,
        "category": category,
        "severity": severity,
        "severity_origin": "mintmark-table/1",
        "confidence": "high",
        "cwe": [],
        "path": "a",
        "line": 1,
        "end_line": 1,
        "resource": "",
        "package": "",
        "version": "",
        "fixed_in": [],
        "aliases": [],
        "fingerprint": "f" * 32,
        "suppressed_inline": False,
        "suppressed_by": None,
        "first_seen_epoch": 0,
        "new": True,
        "message": "",
    } | changes


def found(category: str, rule: str, severity: str = "high", **changes: Any) -> dict[str, Any]:
    return added("/scans/0/findings/-", finding(category, rule, severity, **changes))


VULNERABLE = found("dependency", "CVE-2026-12345", aliases=["CVE-2026-12345"])


def waiver(**changes: Any) -> dict[str, Any]:
    return added(
        "/waivers/-",
        {
            "id": "W-1",
            "rule": "deps.known_vulnerability",
            "fingerprint": "f" * 32,
            "environment": ENVIRONMENT,
            "reason": "The function is not reachable.",
            "requested_by": "ana",
            "approved_by": ["ben"],
            "requested_epoch": AS_OF - DAY,
            "expires_epoch": AS_OF + 1,
            "means": "record",
        }
        | changes,
    )


def approval(**changes: Any) -> dict[str, Any]:
    return replaced("/approvals/0", {**PACK.baseline["approvals"][0], "environment": ENVIRONMENT, **changes})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """`control` is the nearest release that must be allowed; without one it is `PRODUCTION` itself."""

    number: str
    name: str
    rule: str
    reason: str
    attack: Operations
    control: Sequence[dict[str, Any]] = ()
    answer: Answer = Answer.DENY


PIP, FIRST = SCAN["pip-audit"], SCAN["bandit"]
ATTACKS = [
    Attack(
        number="17",
        name="a scan one second older than a day",
        rule="scan.fresh",
        reason="stale",
        attack=[replaced(f"/scans/{FIRST}/finished_at", AS_OF - DAY - 1), replaced(f"/scans/{FIRST}/started_at", 0)],
        control=[
            replaced(f"/scans/{FIRST}/finished_at", AS_OF - DAY),
            replaced(f"/scans/{FIRST}/started_at", AS_OF - DAY - 9),
        ],
    ),
    Attack(
        number="18",
        name="advisories one second older than three days",
        rule="advisories.source",
        reason="db_stale",
        attack=[replaced(f"/scans/{PIP}/data/as_of", AS_OF - 3 * DAY - 1)],
        control=[replaced(f"/scans/{PIP}/data/as_of", AS_OF - 3 * DAY)],
    ),
    Attack(
        number="22",
        name="a waiver that expired a second ago",
        rule="waiver.invalid",
        reason="expired",
        attack=[VULNERABLE, waiver(expires_epoch=AS_OF - 1)],
        control=[VULNERABLE, waiver()],
    ),
    Attack(
        number="23",
        name="a waiver for another finding",
        rule="waiver.invalid",
        reason="scope",
        attack=[VULNERABLE, waiver(fingerprint="e" * 32)],
        control=[VULNERABLE, waiver()],
    ),
    Attack(
        number="23",
        name="a waiver for another environment",
        rule="waiver.invalid",
        reason="scope",
        attack=[VULNERABLE, waiver(environment="staging")],
        control=[VULNERABLE, waiver()],
    ),
    Attack(
        number="24",
        name="a waiver for everything",
        rule="waiver.invalid",
        reason="wildcard",
        attack=[VULNERABLE, waiver(fingerprint="*")],
        control=[VULNERABLE, waiver()],
    ),
    Attack(
        number="25",
        name="a waiver that its requester approved",
        rule="waiver.invalid",
        reason="sod",
        attack=[VULNERABLE, waiver(requested_by="ben")],
        control=[VULNERABLE, waiver()],
    ),
    Attack(
        number="28",
        name="a report without findings that the build left",
        rule="scan.producer",
        reason="producer_mismatch",
        attack=[replaced(f"/scans/{FIRST}/means", "import")],
    ),
    Attack(
        number="28",
        name="a scan from a developer's machine",
        rule="scan.producer",
        reason="producer_mismatch",
        attack=[replaced(f"/scans/{FIRST}/producer/origin", "local")],
    ),
    Attack(
        number="29",
        name="a scanner that crashed",
        rule="scan.complete",
        reason="inconclusive",
        attack=[replaced(f"/scans/{FIRST}/status", "failed"), replaced(f"/scans/{FIRST}/reason", "timeout: 180 s")],
        answer=Answer.INCOMPLETE,
    ),
    Attack(
        number="30",
        name="a scan that read one file less than it was given",
        rule="scan.complete",
        reason="coverage",
        attack=[replaced(f"/scans/{FIRST}/given", 42), replaced(f"/scans/{FIRST}/present", 42)],
        answer=Answer.INCOMPLETE,
    ),
    Attack(
        number="30",
        name="a scan of another tree",
        rule="scan.complete",
        reason="tree",
        attack=[replaced(f"/scans/{FIRST}/tree_digest", "sha256:" + "0" * 64)],
        answer=Answer.INCOMPLETE,
    ),
    Attack(
        number="30",
        name="a scope that leaves shipped files out",
        rule="scan.scope",
        reason="coverage",
        attack=[replaced("/coverage/0/given", 40), replaced("/coverage/0/left_out", ["service/src/hidden.py"])],
    ),
    Attack(
        number="32",
        name="a scanner of another version",
        rule="scan.tool_version",
        reason="tool_version",
        attack=[
            replaced(f"/scans/{FIRST}/tool_version", "1.7.0"),
            replaced(f"/scans/{FIRST}/expected_version", "1.7.0"),
        ],
    ),
    Attack(
        number="32",
        name="other rules under the right version",
        rule="scan.tool_version",
        reason="rules_digest",
        attack=[replaced(f"/scans/{SCAN['semgrep']}/rules_digest", "sha256:" + "0" * 64)],
    ),
    Attack(
        number="44",
        name="an approval by the author",
        rule="review.independent",
        reason="sod",
        attack=[replaced("/change/author", "ben")],
    ),
    Attack(
        number="44",
        name="an approval by a co-author",
        rule="review.independent",
        reason="sod",
        attack=[replaced("/change/co_authors", ["ben"])],
    ),
    Attack(
        number="44",
        name="an approval by the committer",
        rule="review.independent",
        reason="sod",
        attack=[replaced("/change/committer", "ben")],
    ),
    Attack(
        number="44",
        name="an approval by a bot",
        rule="review.independent",
        reason="sod",
        attack=[replaced("/people/1/bot", True)],
    ),
    Attack(
        number="45",
        name="an approval of the commit before",
        rule="review.current",
        reason="approval_stale",
        attack=[approval(commit="d" * 40)],
    ),
    Attack(
        number="46",
        name="an approval for another environment",
        rule="review.current",
        reason="approval_scope",
        attack=[approval(environment="staging")],
    ),
    Attack(
        number="46",
        name="an approval for another repository",
        rule="review.current",
        reason="approval_scope",
        attack=[approval(repository="https://example.com/other.git")],
    ),
    Attack(
        number="48",
        name="an approver who left the group since",
        rule="review.current",
        reason="approver_revoked",
        attack=[replaced("/people/1/groups/0/until_epoch", AS_OF)],
        control=[replaced("/people/1/groups/0/until_epoch", AS_OF + 1)],
    ),
    Attack(
        number="49",
        name="a change to the pipeline without its owners",
        rule="change.pipeline",
        reason="workflow_changed",
        attack=[added("/change/files/-", ".github/workflows/ship.yml")],
        control=[
            added("/change/files/-", ".github/workflows/ship.yml"),
            added(
                "/approvals/-",
                {**PACK.baseline["approvals"][0], "id": "A-2", "person": "cleo", "environment": ENVIRONMENT},
            ),
        ],
    ),
    Attack(
        number="51",
        name="a title of an issue that runs as script",
        rule="workflow.hardening",
        reason="workflow_injection",
        attack=[found("workflow", "template-injection")],
        control=[found("workflow", "template-injection", "info")],
    ),
    Attack(
        number="52",
        name="an action by a tag that can be moved",
        rule="workflow.hardening",
        reason="workflow_unpinned",
        attack=[found("workflow", "unpinned-uses")],
        control=[found("workflow", "unpinned-uses", "info")],
    ),
    Attack(
        number="53",
        name="pull_request_target with the head checked out",
        rule="workflow.hardening",
        reason="workflow_trigger",
        attack=[found("workflow", "dangerous-triggers")],
        control=[found("workflow", "dangerous-triggers", "info")],
    ),
    Attack(
        number="54",
        name="an internal name from the public index",
        rule="deps.supply_chain",
        reason="dep_confusion",
        attack=[found("supply_chain", "dep_confusion", "critical")],
        control=[found("supply_chain", "dep_direct_url", "info")],
    ),
    Attack(
        number="55",
        name="a lock entry without a hash",
        rule="deps.supply_chain",
        reason="dep_unhashed",
        attack=[found("supply_chain", "dep_unhashed")],
        control=[found("supply_chain", "dep_direct_url", "info")],
    ),
    Attack(
        number="56",
        name="a name one letter from a known one",
        rule="deps.supply_chain",
        reason="dep_typosquat",
        attack=[found("supply_chain", "dep_typosquat")],
        control=[found("supply_chain", "dep_direct_url", "info")],
    ),
    Attack(
        number="57",
        name="scan results from a cache",
        rule="scan.cached",
        reason="cache_untrusted",
        attack=[replaced(f"/scans/{FIRST}/cached", "local")],
    ),
    Attack(
        number="57",
        name="a build from an unverified cache",
        rule="provenance.cache",
        reason="cache_untrusted",
        attack=[replaced("/provenance/cache", "unverified")],
        control=[replaced("/provenance/cache", "none")],
    ),
    Attack(
        number="57",
        name="a workflow whose cache others can poison",
        rule="workflow.hardening",
        reason="cache_untrusted",
        attack=[found("workflow", "cache-poisoning")],
        control=[found("workflow", "cache-poisoning", "info")],
    ),
]


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate.open(PACK, WasmEngine(PACK))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench(tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="module")
def log(place: Bench) -> EvidenceLog:
    return place.open()


def judged(gate: Gate, *operations: dict[str, Any]) -> Decision:
    return gate.judge(gate_input(PACK, [*PRODUCTION, *operations]))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"T{attack.number} {attack.name}")
def test_an_attack_is_refused_by_its_reason_and_leaves_evidence(
    attack: Attack, gate: Gate, place: Bench, log: EvidenceLog
) -> None:
    decision = judged(gate, *attack.attack)
    recorded = log.record(_signed(place, decision), now=NOW)
    kept = prove(log, recorded.index, kind="decision").predicate

    assert decision.answer is attack.answer, decision.reasons
    assert (attack.rule, attack.reason) in {(entry.id, entry.facts["reason"]) for entry in decision.reasons}
    assert {entry["id"] for entry in [*kept["violations"], *kept["incomplete"]]} >= {attack.rule}


def _signed(place: Bench, decision: Decision) -> bytes:
    predicate = {**decision.predicate(), "origin": "local"}
    return signed(place.key, statement("decision", predicate, subject=[dict(decision.subject)]))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"T{attack.number} {attack.name}")
def test_the_release_beside_the_attack_is_allowed(attack: Attack, gate: Gate) -> None:
    decision = judged(gate, *attack.control)

    assert decision.answer is Answer.ALLOW, decision.reasons
