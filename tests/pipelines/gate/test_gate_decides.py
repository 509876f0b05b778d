"""What the gate makes of an engine's answer: only a proven ALLOW is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.gate.engines import ScriptedEngine, verdict
from tests.policies.builders import gate_input

from mintmark.pipelines.errors import ExitCode
from mintmark.pipelines.gate import canonical, document
from mintmark.pipelines.gate.decide import Decision, Gate
from mintmark.pipelines.gate.errors import DocumentInvalid, EngineUnavailable
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.verdict import Answer
from mintmark.pipelines.gate.wasm import WasmEngine


def judge_with(pack: PolicyPack, answer: bytes | Exception) -> Decision:
    """Past the canaries on purpose: an engine may turn bad after the gate opened."""
    return Gate(pack=pack, engine=ScriptedEngine(answer)).judge(gate_input(pack))


def test_the_baseline_is_allowed_with_every_rule_proven(gate: Gate) -> None:
    decision = gate.judge(gate_input(gate.pack))

    assert decision.answer is Answer.ALLOW
    assert decision.allowed
    assert decision.exit_code is ExitCode.OK
    assert set(decision.satisfied) == set(gate.pack.rules)


def test_a_violation_is_denied_with_exit_1(gate: Gate) -> None:
    decision = gate.judge(gate_input(gate.pack, gate.pack.canaries["code.dangerous_finding"]["patch"]))

    assert (decision.answer, decision.exit_code) == (Answer.DENY, ExitCode.DENIED)
    assert not decision.allowed


def test_a_file_that_does_not_parse_is_incomplete_with_exit_3(gate: Gate) -> None:
    decision = gate.judge(gate_input(gate.pack, gate.pack.canaries["scan.complete"]["patch"]))

    assert (decision.answer, decision.exit_code) == (Answer.INCOMPLETE, ExitCode.INCOMPLETE)
    assert not decision.allowed


VIOLATION = {"id": "scan.fresh", "facts": {"reason": "stale"}, "fingerprint": ""}
GAP = {"id": "scan.complete", "facts": {"reason": "inconclusive"}}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not json",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'"ALLOW"',
        b'{"decision":"ALLOW"}',
        verdict("ALLOW"),
        verdict("allow"),
        verdict("PERMIT"),
        verdict("ERROR"),
        verdict("ALLOW", satisfied=["scan.fresh"]),
        verdict("ALLOW", satisfied=["no.such_rule"]),
        verdict("ALLOW", satisfied="everything"),
        verdict("ALLOW", satisfied=[1]),
        verdict("ALLOW", extra=True),
        verdict("DENY"),
        verdict("DENY", incomplete=[GAP]),
        verdict("DENY", violations=[{**VIOLATION, "id": "no.such_rule"}]),
        verdict("DENY", violations=[{**VIOLATION, "more": 1}]),
        verdict("DENY", violations=[{**VIOLATION, "facts": "stale"}]),
        verdict("DENY", violations=[{**VIOLATION, "id": ["scan.fresh"]}]),
        verdict("DENY", violations=["scan.fresh"]),
        verdict("INCOMPLETE"),
        verdict("INCOMPLETE", violations=[VIOLATION], incomplete=[GAP]),
        verdict("DENY", violations=[VIOLATION], waived=[{"id": "scan.fresh", "fingerprint": "", "waiver": "W-1"}]),
        verdict(
            "DENY",
            violations=[VIOLATION],
            waived=[{"id": "code.dangerous_finding", "fingerprint": "c1" * 16, "waiver": "W-1"}],
        ),
    ],
)
def test_what_is_not_exactly_a_verdict_is_no_decision(pack: PolicyPack, answer: bytes) -> None:
    decision = judge_with(pack, answer)

    assert decision.answer is Answer.ERROR
    assert decision.reason == "no_decision"
    assert decision.exit_code is ExitCode.INFRASTRUCTURE
    assert not decision.allowed


def test_an_allow_with_a_violation_beside_it_is_no_decision(pack: PolicyPack) -> None:
    decision = judge_with(pack, verdict("ALLOW", satisfied=sorted(pack.rules), violations=[VIOLATION]))

    assert (decision.answer, decision.reason) == (Answer.ERROR, "no_decision")


def test_an_allow_that_leaves_one_rule_out_is_no_decision(pack: PolicyPack) -> None:
    decision = judge_with(pack, verdict("ALLOW", satisfied=sorted(pack.rules)[1:]))

    assert (decision.answer, decision.reason) == (Answer.ERROR, "no_decision")
    assert "advisories.source" in decision.problem


def test_an_allow_with_every_rule_proven_is_one(pack: PolicyPack) -> None:
    assert judge_with(pack, verdict("ALLOW", satisfied=sorted(pack.rules))).allowed


def test_an_engine_that_is_gone_is_a_decision_that_lets_nothing_through(pack: PolicyPack) -> None:
    decision = judge_with(pack, EngineUnavailable("scripted", "connection refused"))

    assert (decision.answer, decision.reason) == (Answer.ERROR, "engine_unavailable")
    assert decision.exit_code is ExitCode.INFRASTRUCTURE


def test_an_engine_that_runs_out_of_instructions_is_no_decision(pack: PolicyPack) -> None:
    decision = Gate(pack=pack, engine=WasmEngine(pack, fuel=400_000)).judge(gate_input(pack))

    assert (decision.answer, decision.reason) == (Answer.ERROR, "no_decision")
    assert "timeout" in decision.problem


def test_the_predicate_follows_its_schema_for_every_answer(gate: Gate) -> None:
    pack = gate.pack
    canaries = [canary["patch"] for canary in pack.canaries.values()]
    decisions = [gate.judge(gate_input(pack, operations)) for operations in ([], *canaries)]
    decisions += [judge_with(pack, b"{}"), judge_with(pack, EngineUnavailable("scripted", "gone"))]

    for decision in decisions:
        document.check({**decision.predicate(), "origin": "local"}, "decision", pack=pack)
    assert {decision.answer for decision in decisions} == set(Answer)


def test_a_predicate_that_allows_with_a_violation_breaks_its_schema(gate: Gate) -> None:
    denied = gate.judge(gate_input(gate.pack, gate.pack.canaries["sbom.matches"]["patch"])).predicate()

    with pytest.raises(DocumentInvalid):
        document.check({**denied, "decision": "ALLOW", "exit_code": 0}, "decision", pack=gate.pack)


def test_a_decision_can_be_made_again_from_its_input(gate: Gate) -> None:
    content = gate_input(gate.pack, gate.pack.canaries["deps.known_vulnerability"]["patch"])

    first, again = gate.judge(content), gate.judge(content)

    assert canonical.encode(first.predicate()) == canonical.encode(again.predicate())
    assert first.input_sha256 == canonical.sha256(content)
    assert first.policy_digest == gate.pack.digest


def test_an_id_can_be_given(gate: Gate) -> None:
    assert gate.judge(gate_input(gate.pack), decision_id="01JD8").id == "01JD8"


def test_what_is_no_gate_input_is_not_judged(gate: Gate) -> None:
    with pytest.raises(DocumentInvalid) as refused:
        gate.judge(b"{}")

    assert refused.value.reason == "malformed"


def test_ten_thousand_findings_are_decided(gate: Gate) -> None:
    finding = gate.pack.canaries["code.dangerous_finding"]["patch"][0]["value"]
    found: list[dict[str, Any]] = [{**finding, "line": n, "fingerprint": f"{n:032x}"} for n in range(10_000)]

    decision = gate.judge(gate_input(gate.pack, [{"op": "replace", "path": "/scans/0/findings", "value": found}]))

    assert decision.answer is Answer.DENY
    assert len(decision.violations) == 10_000


def test_a_thousand_evaluations_give_one_verdict(wasm: WasmEngine, pack: PolicyPack) -> None:
    content = gate_input(pack, pack.canaries["iac.misconfiguration"]["patch"])

    assert len({wasm.evaluate(content) for _ in range(1000)}) == 1


def test_a_verdict_does_not_depend_on_what_was_judged_before(pack: PolicyPack, tmp_path: Path) -> None:
    content = gate_input(pack, pack.canaries["iac.misconfiguration"]["patch"])
    fresh = WasmEngine(pack).evaluate(content)
    used = WasmEngine(pack)
    for canary in pack.canaries.values():
        used.evaluate(gate_input(pack, canary["patch"]))

    assert used.evaluate(content) == fresh
    assert json.loads(fresh)["decision"] == "DENY"
