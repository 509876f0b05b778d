"""The gate proves its policy with canaries before it judges anything."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.gate.engines import RewritingEngine, ScriptedEngine, verdict
from tests.policies import builders

from mintmark.pipelines.errors import ExitCode
from mintmark.pipelines.gate import build
from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.errors import EngineUnavailable, GateWillNotOpen
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.wasm import WasmEngine


def test_it_opens_on_the_pack_as_it_is(pack: PolicyPack, wasm: WasmEngine) -> None:
    assert Gate.open(pack, wasm).engine is wasm


def test_an_engine_that_allows_everything_does_not_open_it(pack: PolicyPack) -> None:
    allow_all = ScriptedEngine(verdict("ALLOW", satisfied=sorted(pack.rules)))

    with pytest.raises(GateWillNotOpen) as shut:
        Gate.open(pack, allow_all)

    assert shut.value.reason == "gate_will_not_open"
    assert shut.value.exit_code is ExitCode.INTEGRITY
    assert "must be refused, and is allowed" in str(shut.value)


def test_an_engine_that_refuses_everything_does_not_open_it(pack: PolicyPack) -> None:
    refusing = {"id": "scan.fresh", "facts": {"reason": "stale"}, "fingerprint": ""}

    with pytest.raises(GateWillNotOpen) as shut:
        Gate.open(pack, ScriptedEngine(verdict("DENY", violations=[refusing])))

    assert shut.value.canary == "baseline"


@pytest.mark.parametrize("rule", sorted(path.name for path in builders.PAGES.glob("*.*.md")))
def test_a_dead_rule_does_not_open_it(rule: str, pack: PolicyPack, wasm: WasmEngine) -> None:
    dead = rule.removesuffix(".md")

    with pytest.raises(GateWillNotOpen) as shut:
        Gate.open(pack, RewritingEngine(wasm, lambda answer: _without_rule(answer, dead)))

    assert shut.value.canary == dead


def _without_rule(answer: dict[str, Any], rule: str) -> dict[str, Any]:
    violations = [entry for entry in answer["violations"] if entry["id"] != rule]
    incomplete = [entry for entry in answer["incomplete"] if entry["id"] != rule]
    decision = "DENY" if violations else "INCOMPLETE" if incomplete else "ALLOW"
    satisfied = sorted({*answer["satisfied"], rule})
    return {**answer, "decision": decision, "violations": violations, "incomplete": incomplete, "satisfied": satisfied}


def test_a_rule_without_a_canary_does_not_open_it(pack: PolicyPack, wasm: WasmEngine) -> None:
    files = {path: content for path, content in pack.files.items() if path != "gates/scan/fresh.canary.json"}

    with pytest.raises(GateWillNotOpen) as shut:
        Gate.open(dataclasses.replace(pack, files=files), wasm)

    assert shut.value.canary == "scan.fresh"
    assert "no canary" in str(shut.value)


def test_a_canary_without_a_rule_does_not_open_it(pack: PolicyPack, wasm: WasmEngine) -> None:
    rules = {name: rule for name, rule in pack.rules.items() if name != "scan.fresh"}

    with pytest.raises(GateWillNotOpen, match="the canary has no rule"):
        Gate.open(dataclasses.replace(pack, rules=rules), wasm)


def test_a_canary_that_another_rule_refuses_does_not_open_it(pack: PolicyPack, wasm: WasmEngine) -> None:
    files = {**pack.files, "gates/scan/fresh.canary.json": pack.files["gates/sbom/matches.canary.json"]}

    with pytest.raises(GateWillNotOpen) as shut:
        Gate.open(dataclasses.replace(pack, files=files), wasm)

    assert "must be refused by scan.fresh alone, and is refused by sbom.matches" in str(shut.value)


def test_a_canary_that_does_not_fit_the_baseline_does_not_open_it(pack: PolicyPack, wasm: WasmEngine) -> None:
    canary = b'{"title": "x", "patch": [{"op": "remove", "path": "/nowhere/at/all"}]}'

    with pytest.raises(GateWillNotOpen) as shut:
        Gate.open(dataclasses.replace(pack, files={**pack.files, "gates/scan/fresh.canary.json": canary}), wasm)

    assert shut.value.canary == "scan.fresh"


def test_an_engine_that_is_not_there_is_not_called_a_broken_policy(pack: PolicyPack) -> None:
    with pytest.raises(EngineUnavailable):
        Gate.open(pack, ScriptedEngine(EngineUnavailable("scripted", "connection refused")))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(builders.POLICIES, tmp_path / "policies")
    return tmp_path / "policies"


def test_an_allow_all_policy_compiled_into_the_pack_does_not_open_it(opa: Path, copied: Path, pack: PolicyPack) -> None:
    """The swap is done well: compiled by OPA, and the manifest made anew. The canaries are what is left."""
    (copied / "gates/verdict.rego").write_text(_allow_all(pack))
    build.build(copied)
    swapped = PolicyPack.load(copied)

    with pytest.raises(GateWillNotOpen, match="must be refused, and is allowed"):
        Gate.open(swapped, WasmEngine(swapped))


def _allow_all(pack: PolicyPack) -> str:
    rules = ", ".join(f'"{rule}"' for rule in sorted(pack.rules))
    lists = '"violations": set(), "incomplete": set(), "waived": set(), "bypassed": set(), "warnings": set()'
    return f'package mintmark.gate\n\nverdict := {{"decision": "ALLOW", "satisfied": {{{rules}}}, {lists}}}\n'


@pytest.mark.parametrize(
    ("path", "old", "new", "dead"),
    [
        (
            "scan/fresh.rego",
            "age(scan) > parameters.settings.max_scan_age_s",
            "age(scan) > parameters.settings.max_age",
            "scan.fresh",
        ),
        (
            "lib/findings.rego",
            "\tnot tolerable(finding)\n",
            "\tnot tolerable(finding)\n\tfinding.typo == 1\n",
            "code.dangerous_finding",
        ),
    ],
)
def test_a_typo_that_makes_a_rule_undefined_does_not_open_it(
    opa: Path, copied: Path, path: str, old: str, new: str, dead: str
) -> None:
    """Rego says nothing about an undefined term: the rule would simply never fire. It is still not proven."""
    source = copied / "gates" / path
    assert old in source.read_text()
    source.write_text(source.read_text().replace(old, new))
    build.build(copied)
    broken = PolicyPack.load(copied)
    gate = Gate(pack=broken, engine=WasmEngine(broken))

    decision = gate.judge(builders.gate_input(broken, broken.canaries[dead]["patch"]))

    assert not decision.allowed
    assert {"reason": "not_proven", "environment": "local"} in [entry.facts for entry in decision.reasons]
