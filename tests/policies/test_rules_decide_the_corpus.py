"""Every rule refuses what it must, by its own id and reason, and lets through the legitimate case beside it."""

from __future__ import annotations

import pytest
from tests.policies.builders import Case, case_id, corpus, gate_input

from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.pack import PolicyPack


@pytest.mark.parametrize("case", corpus(), ids=case_id)
def test_a_case_is_decided_as_it_says(case: Case, gate: Gate) -> None:
    decision = gate.judge(gate_input(gate.pack, case.patch))

    assert decision.problem == ""
    assert decision.answer.value == case.decision
    assert tuple(sorted(entry.id for entry in decision.reasons)) == case.reasons
    assert tuple(sorted(str(entry.facts["reason"]) for entry in decision.reasons)) == case.why
    assert len(decision.waived) == case.waived


def test_every_rule_is_seen_to_refuse_and_to_allow(pack: PolicyPack) -> None:
    refusing = {case.topic for case in corpus() if case.topic in case.reasons}
    allowing = {case.topic for case in corpus() if case.decision == "ALLOW"}

    assert refusing >= set(pack.rules)
    assert allowing >= set(pack.rules)


@pytest.mark.parametrize("reason", ["expired", "scope", "wildcard", "sod", "future", "too_long", "unsigned"])
def test_a_refused_waiver_says_why(reason: str) -> None:
    assert any(reason in case.why for case in corpus() if case.topic == "waiver.invalid")
