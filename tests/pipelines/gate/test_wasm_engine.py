"""The engine in process: sandboxed, limited, and strict about what it loads."""

from __future__ import annotations

import dataclasses
import re
from importlib.metadata import version
from pathlib import Path

import pytest
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


def test_a_thousand_decisions_leave_no_memory_behind(wasm: WasmEngine, pack: PolicyPack) -> None:
    """Each has an instance of its own, which reserves gigabytes of addresses: what stayed would fill a machine."""
    document = gate_input(pack)
    wasm.evaluate(document)
    before = _address_space()

    for _ in range(1_000):
        wasm.evaluate(document)

    assert _address_space() - before < 64 * 1024**3


def _address_space() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("only Linux tells how much address space is in use")
    return int(re.search(r"VmSize:\s+(\d+) kB", status.read_text())[1]) * 1024  # type: ignore[index]
