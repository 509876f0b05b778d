"""Both engines give the same bytes: on the corpus, on inputs made at random, and on ten thousand findings."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.policies.builders import Case, case_id, corpus, gate_input

from mintmark.pipelines.gate import canonical
from mintmark.pipelines.gate.opa_server import OpaServerEngine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.wasm import DEFAULT_FUEL, WasmEngine


@pytest.mark.parametrize("case", corpus(), ids=case_id)
def test_a_case_gets_the_same_bytes(case: Case, pack: PolicyPack, wasm: WasmEngine, published: OpaServerEngine) -> None:
    document = gate_input(pack, case.patch)

    assert published.evaluate(document) == wasm.evaluate(document)


def test_every_canary_gets_the_same_bytes(pack: PolicyPack, wasm: WasmEngine, published: OpaServerEngine) -> None:
    for canary in pack.canaries.values():
        document = gate_input(pack, canary["patch"])

        assert published.evaluate(document) == wasm.evaluate(document)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FINDING = st.fixed_dictionaries(
    {
        "rule": st.one_of(TEXT, st.sampled_from(["dep_unhashed", "licence-unknown", "unpinned-uses", "*"])),
        "resource": st.one_of(TEXT, st.sampled_from(["AGPL-3.0-only OR MIT", "(MIT AND sspl-1.0)", "İ WITH ß"])),
        "aliases": st.lists(st.one_of(TEXT, st.just("AGPL-3.0+")), max_size=2),
        "new": st.booleans(),
        "suppressed_by": st.one_of(st.none(), st.just({"author": "ana", "commit": "", "at_epoch": 7})),
        "title": TEXT,
        "category": st.sampled_from(
            ["code", "secret", "iac", "dependency", "configuration", "supply_chain", "licence", "workflow", "other"]
        ),
        "severity": st.sampled_from(["critical", "high", "medium", "low", "info", "unheard of"]),
        "path": TEXT,
        "line": st.integers(0, 2**53 - 1),
        "fingerprint": st.sampled_from(["0" * 32, "1" * 32, "2" * 32]),
        "suppressed_inline": st.booleans(),
        "cwe": st.lists(TEXT, max_size=2),
    }
)
WAIVER = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["W-1", "W-2"]),
        "rule": st.sampled_from(["code.dangerous_finding", "scan.tool_configuration", "code.*"]),
        "fingerprint": st.sampled_from(["0" * 32, "1" * 32, "*"]),
        "environment": st.sampled_from(["local", "production"]),
        "requested_by": st.sampled_from(["ana", "Ana ", ""]),
        "approved_by": st.lists(st.sampled_from(["ana", "ben"]), max_size=2),
        "expires_epoch": st.sampled_from([1_789_999_999, 1_790_000_000, 1_790_000_001]),
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(findings=st.lists(FINDING, max_size=6), waivers=st.lists(WAIVER, max_size=3))
def test_random_findings_and_waivers_get_the_same_bytes(
    pack: PolicyPack,
    wasm: WasmEngine,
    published: OpaServerEngine,
    findings: list[dict[str, Any]],
    waivers: list[dict[str, Any]],
) -> None:
    """Past the schema on purpose: the engines must agree on what the gate would not even pass on."""
    document = canonical.encode({**_with_findings(pack, findings), "waivers": waivers})

    assert published.evaluate(document) == wasm.evaluate(document)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    findings=st.lists(FINDING, max_size=6),
    waivers=st.lists(WAIVER, max_size=3),
    randomness=st.randoms(use_true_random=False),
)
def test_the_order_of_findings_and_waivers_does_not_matter(
    pack: PolicyPack,
    wasm: WasmEngine,
    findings: list[dict[str, Any]],
    waivers: list[dict[str, Any]],
    randomness: random.Random,
) -> None:
    shuffled, shuffled_waivers = list(findings), list(waivers)
    randomness.shuffle(shuffled)
    randomness.shuffle(shuffled_waivers)
    one = canonical.encode({**_with_findings(pack, findings), "waivers": waivers})
    other = canonical.encode({**_with_findings(pack, shuffled), "waivers": shuffled_waivers})

    assert wasm.evaluate(one) == wasm.evaluate(other)


ORIGIN = st.sampled_from(["local", "ci", "moon"])
MOMENT = st.sampled_from([1_789_913_599, 1_789_999_900, 1_789_999_950, 1_790_000_061])
RESULT = st.fixed_dictionaries(
    {
        "suite": st.sampled_from(["florin", "else"]),
        "result": st.sampled_from(["PASSED", "WARNED", "FAILED"]),
        "passed": st.integers(0, 2),
        "failed": st.integers(0, 1),
        "finished_at": MOMENT,
        "commit": st.sampled_from(["c" * 40, "d" * 40]),
        "producer": st.fixed_dictionaries({"id": st.just("key"), "origin": ORIGIN}),
    }
)
COVERED = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["bandit", "zizmor", "terraform"]),
        "present": st.integers(0, 2),
        "given": st.integers(0, 2),
        "left_out": st.lists(TEXT, max_size=2),
    }
)
APPROVAL = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["A-1", "A-2", "A-3"]),
        "person": st.sampled_from(["ana", "ben", "cleo", "nobody"]),
        "verdict": st.sampled_from(["approve", "reject"]),
        "sha256": st.sampled_from(["a" * 64, "e" * 64]),
        "commit": st.sampled_from(["c" * 40, "d" * 40]),
        "environment": st.sampled_from(["local", "production"]),
        "repository": st.sampled_from(["https://example.com/florin.git", "https://example.com/fork.git"]),
        "at_epoch": MOMENT,
        "expires_epoch": st.sampled_from([1_790_000_000, 1_790_604_750]),
        "means": st.sampled_from(["record", "file"]),
        "origin": ORIGIN,
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    facts=st.fixed_dictionaries(
        {
            "tests": st.lists(RESULT, max_size=5),
            "coverage": st.lists(COVERED, max_size=4),
            "approvals": st.lists(APPROVAL, max_size=4),
        }
    ),
    environment=st.sampled_from(["local", "staging", "production"]),
    randomness=st.randoms(use_true_random=False),
)
def test_neither_the_engine_nor_the_order_of_other_facts_matters(
    pack: PolicyPack,
    wasm: WasmEngine,
    published: OpaServerEngine,
    facts: dict[str, list[dict[str, Any]]],
    environment: str,
    randomness: random.Random,
) -> None:
    """Scans and people among them, which are the baseline's."""
    baseline = {**pack.baseline, "environment": {"name": environment, "protected": environment != "local"}, **facts}
    shuffled = {**baseline}
    for name in (*facts, "scans", "people", "clocks"):
        shuffled[name] = randomness.sample(baseline[name], len(baseline[name]))
    one, other = canonical.encode(baseline), canonical.encode(shuffled)

    assert wasm.evaluate(one) == wasm.evaluate(other) == published.evaluate(one)


def _with_findings(pack: PolicyPack, findings: list[dict[str, Any]]) -> dict[str, Any]:
    baseline = pack.baseline
    baseline["scans"][0]["findings"] = findings
    return baseline


def test_ten_thousand_findings_get_the_same_bytes(
    pack: PolicyPack, wasm: WasmEngine, published: OpaServerEngine
) -> None:
    document = canonical.encode(ten_thousand_findings(pack))

    assert published.evaluate(document) == wasm.evaluate(document)


def ten_thousand_findings(pack: PolicyPack) -> dict[str, Any]:
    finding = pack.canaries["code.dangerous_finding"]["patch"][0]["value"]
    return _with_findings(pack, [{**finding, "line": n, "fingerprint": f"{n:032x}"} for n in range(10_000)])


def test_ten_thousand_findings_of_every_kind_and_a_thousand_waivers_take_a_fifth_of_the_limit(pack: PolicyPack) -> None:
    """In instructions, which are the same on every machine. Findings times waivers would take a hundred times it."""
    finding = pack.canaries["code.dangerous_finding"]["patch"][0]["value"]
    kinds = ["code", "secret", "iac", "dependency", "configuration", "supply_chain", "licence", "workflow"]
    findings = [
        {**finding, "category": kinds[n % 8], "fingerprint": f"{n:032x}", "suppressed_inline": n % 3 == 0}
        for n in range(10_000)
    ]
    waiver = pack.canaries["waiver.invalid"]["patch"][0]["value"]
    waivers = [
        {**waiver, "id": f"W-{n}", "rule": "iac.misconfiguration", "fingerprint": f"{n:032x}"} for n in range(1_000)
    ]

    answer = WasmEngine(pack, fuel=DEFAULT_FUEL // 5).evaluate(
        canonical.encode({**_with_findings(pack, findings), "waivers": waivers})
    )

    assert b'"decision":"DENY"' in answer


def test_a_thousand_people_who_waive_and_approve_ten_thousand_findings_are_heard_by_both_engines_in_time(
    pack: PolicyPack, wasm: WasmEngine, published: OpaServerEngine
) -> None:
    """The server's own limit of time bounds it: looking through the waivers once a finding would take minutes."""
    document = {**ten_thousand_findings(pack), "environment": {"name": "rehearsal", "protected": False}}
    member, yes = document["people"][1], {**document["approvals"][0], "environment": "rehearsal"}
    waiver = pack.canaries["waiver.invalid"]["patch"][0]["value"]
    sound = {"environment": "rehearsal", "requested_epoch": 1_789_990_000, "expires_epoch": 1_790_000_001}
    named = {"rule": "code.dangerous_finding", "requested_by": "ana", "approved_by": ["ben"], "means": "record"}
    document["waivers"] = [
        {**waiver, **sound, **named, "id": f"W-{n}", "fingerprint": f"{n:032x}"} for n in range(1000)
    ]
    document["people"] += [{**member, "id": f"p{n}"} for n in range(1_000)]
    document["approvals"] = [
        {
            **yes,
            "id": f"A-{n}",
            "person": f"p{n // 2}",
            "verdict": ("reject", "approve")[n % 2],
            "at_epoch": yes["at_epoch"] + n % 2,
        }
        for n in range(1_000)
    ]
    content = canonical.encode(document)

    answer = wasm.evaluate(content)

    assert published.evaluate(content) == answer
    assert len(json.loads(answer)["waived"]) == 1_000
    assert len(json.loads(answer)["violations"]) == 9_000 + 1  # not promoted
