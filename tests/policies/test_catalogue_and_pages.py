"""Rules, controls and pages speak of the same things."""

from __future__ import annotations

import json

import pytest
from tests.policies.builders import PAGES, corpus, gate_input

from mintmark.pipelines.gate import wording
from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.pages import render_pages
from mintmark.pipelines.gate.render import facts_of_all

FRAMEWORKS = {"PCI DSS 4.0.1", "SOC 2", "ISO 27001:2022", "NIST SSDF", "DORA", "SLSA"}


def test_every_control_of_a_rule_exists_and_names_the_rule(pack: PolicyPack) -> None:
    for rule in pack.rules.values():
        for control in rule.controls:
            assert rule.id in pack.controls[control].rules


def test_every_rule_of_a_control_exists_and_names_the_control(pack: PolicyPack) -> None:
    for control in pack.controls.values():
        assert control.rules
        for rule in control.rules:
            assert control.id in pack.rules[rule].controls


def test_every_control_speaks_to_a_requirement_of_a_known_framework(pack: PolicyPack) -> None:
    for control in pack.controls.values():
        assert control.requirements
        assert {wanted.framework for wanted in control.requirements} <= FRAMEWORKS
    spoken_to = {wanted.framework for control in pack.controls.values() for wanted in control.requirements}
    assert spoken_to == FRAMEWORKS


def test_what_may_be_waived_is_the_same_for_people_and_for_the_policy(pack: PolicyPack) -> None:
    parameters = json.loads(pack.data)["mintmark"]["params"]

    assert {rule.id for rule in pack.rules.values() if rule.waivable} == set(parameters["waivable_rules"])


def test_what_may_be_bypassed_is_the_same_for_people_and_for_the_policy(pack: PolicyPack) -> None:
    parameters = json.loads(pack.data)["mintmark"]["params"]

    assert {rule.id for rule in pack.rules.values() if rule.bypassable} == set(parameters["bypassable_rules"])


def test_no_emergency_lets_what_nobody_vouches_for_through(pack: PolicyPack) -> None:
    """A break-glass is for known weaknesses, and never for the question who made the release or who looked at it."""
    never = ("provenance.", "sbom.", "secrets.", "workflow.", "waiver.", "deps.supply_chain")
    scans = {rule for rule in pack.rules if rule.startswith("scan.")} - {"scan.fresh"}
    bypassable = {rule.id for rule in pack.rules.values() if rule.bypassable}

    assert bypassable
    assert not [rule for rule in bypassable if rule.startswith(never)]
    assert not bypassable & scans


def test_every_rule_of_the_catalogue_is_proven_by_the_verdict(pack: PolicyPack, gate: Gate) -> None:
    assert set(gate.judge(gate_input(pack)).satisfied) == set(pack.rules)


def test_the_pages_are_up_to_date(pack: PolicyPack) -> None:
    """Needs no OPA: the pages follow from the pack."""
    rendered = render_pages(pack)

    assert {page.name: page.read_text() for page in PAGES.glob("*.md")} == rendered


@pytest.mark.parametrize(
    "section",
    ["Why", "What is refused", "What is accepted", "How to fix it", "How to waive it", "What an emergency changes"],
)
def test_every_page_has_its_sections(pack: PolicyPack, section: str) -> None:
    for name, page in render_pages(pack).items():
        assert name == "README.md" or f"## {section}\n" in page


def test_every_message_can_be_made_from_the_facts_of_every_refusal(pack: PolicyPack, gate: Gate) -> None:
    """A template that asks for a fact that is not there would leave people with raw facts."""
    seen = set()
    for operations in [*(case.patch for case in corpus()), *(canary["patch"] for canary in pack.canaries.values())]:
        decision = gate.judge(gate_input(pack, operations))
        for entry in (*decision.reasons, *decision.warnings):
            rule, facts = pack.rules[entry.id], {**facts_of_all(decision), **entry.facts}
            if facts["reason"] != "not_proven":
                assert wording.fill(rule.message, facts)
                assert wording.fill(rule.why, facts)
                assert not rule.fix or wording.fill(rule.fix, facts)
                seen.add((rule.id, facts["reason"]))
    assert {rule for rule, _ in seen} == set(pack.rules)
    assert ("tests.passed", "superseded") in seen
