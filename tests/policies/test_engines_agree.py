"""Both engines give the same bytes: on the corpus, on inputs made at random, and on ten thousand findings."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.policies.builders import Case, case_id, corpus, gate_input

from mintmark.pipelines.gate import canonical
from mintmark.pipelines.gate.opa_server import OpaServerEngine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.wasm import WasmEngine


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
        "rule": TEXT,
        "title": TEXT,
        "category": st.sampled_from(["code", "secret", "iac", "dependency", "configuration", "other"]),
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
