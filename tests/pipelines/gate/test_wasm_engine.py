"""The engine in process: sandboxed, limited, and strict about what it loads."""

from __future__ import annotations

import dataclasses
import gc
from importlib.metadata import version

import pytest
import wasmtime
from tests.policies.builders import gate_input

from mintmark.pipelines.errors import ExitCode
from mintmark.pipelines.gate.errors import EngineUnavailable, NoDecision
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.wasm import PAGE_BYTES, WasmEngine


def with_wasm(pack: PolicyPack, wasm: bytes) -> PolicyPack:
    return dataclasses.replace(pack, files={**pack.files, "bundle/policy.wasm": wasm})


def test_it_says_who_it_is(wasm: WasmEngine, pack: PolicyPack) -> None:
    assert wasm.name == "wasm"
    assert wasm.version == f"opa {pack.opa_version}, wasmtime {version('wasmtime')}"


@pytest.mark.parametrize("content", [b"", b"not wasm", b"\0asm\x01\0\0\0"])
def test_what_is_no_policy_module_is_unavailable(pack: PolicyPack, content: bytes) -> None:
    with pytest.raises(EngineUnavailable) as unavailable:
        WasmEngine(with_wasm(pack, content))

    assert unavailable.value.reason == "engine_unavailable"
    assert unavailable.value.exit_code is ExitCode.INFRASTRUCTURE


def test_nothing_of_an_evaluation_stays_in_memory(pack: PolicyPack, wasm: WasmEngine) -> None:
    """A server judges for months, and each instance has reserved four gigabytes of addresses."""
    for _ in range(3):
        wasm.evaluate(gate_input(pack))
    with pytest.raises(NoDecision):
        WasmEngine(pack, fuel=400_000).evaluate(gate_input(pack))
    gc.collect()

    assert not any(isinstance(found, wasmtime.Store) for found in gc.get_objects())


def test_too_few_instructions_are_a_timeout(pack: PolicyPack) -> None:
    with pytest.raises(NoDecision, match="timeout") as no_decision:
        WasmEngine(pack, fuel=400_000).evaluate(gate_input(pack))

    assert no_decision.value.reason == "no_decision"


def test_too_little_memory_is_no_decision(pack: PolicyPack) -> None:
    finding = pack.canaries["code.dangerous_finding"]["patch"][0]["value"]
    many = gate_input(pack, [{"op": "replace", "path": "/scans/0/findings", "value": [finding] * 5000}])

    with pytest.raises(NoDecision):
        WasmEngine(pack, memory_bytes=48 * PAGE_BYTES).evaluate(many)


def test_the_same_input_within_the_limits_is_decided(pack: PolicyPack, wasm: WasmEngine) -> None:
    finding = pack.canaries["code.dangerous_finding"]["patch"][0]["value"]
    many = gate_input(pack, [{"op": "replace", "path": "/scans/0/findings", "value": [finding] * 5000}])

    assert b'"decision":"DENY"' in wasm.evaluate(many)


@pytest.mark.parametrize("content", [b"", b"{", b"not json", b'{"a":' * 3000])
def test_what_is_not_json_is_never_allowed(wasm: WasmEngine, content: bytes) -> None:
    """The gate parses first; the engine alone must still not allow."""
    try:
        answer = wasm.evaluate(content)
    except NoDecision:
        return
    assert b'"decision":"ALLOW"' not in answer
