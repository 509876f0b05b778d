"""Canaries: before the gate opens, the live policy must allow what it should and refuse one thing for each rule."""

from __future__ import annotations

from mintmark.pipelines.errors import PipelineError
from mintmark.pipelines.gate import canonical, patch, verdict
from mintmark.pipelines.gate.errors import EngineUnavailable, GateWillNotOpen
from mintmark.pipelines.gate.interface import Engine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.verdict import Answer, Verdict

BASELINE = "baseline"


def prove_alive(pack: PolicyPack, engine: Engine) -> None:
    """
    Evaluate the baseline and every canary with the engine that will decide, or raise `GateWillNotOpen`.

    1. each rule has a canary, and each canary a rule; 2. the baseline is allowed, for a gate that refuses everything
    is as broken as one that refuses nothing; 3. each canary is refused, by its own rule and by no other.
    """
    _every_rule_has_one(pack)
    allowed = _verdict(pack, engine, BASELINE, [])
    if allowed.answer is not Answer.ALLOW:
        reasons = sorted({entry.id for entry in allowed.reasons})
        raise GateWillNotOpen(BASELINE, f"it must be allowed, and is {allowed.answer} by {', '.join(reasons)}")
    for rule, canary in sorted(pack.canaries.items()):
        refused = _verdict(pack, engine, rule, canary["patch"])
        reasons = sorted({entry.id for entry in refused.reasons})
        if refused.answer is Answer.ALLOW:
            raise GateWillNotOpen(rule, "it must be refused, and is allowed")
        if reasons != [rule]:
            raise GateWillNotOpen(rule, f"it must be refused by {rule} alone, and is refused by {', '.join(reasons)}")


def _every_rule_has_one(pack: PolicyPack) -> None:
    if without := sorted(set(pack.rules) - set(pack.canaries)):
        raise GateWillNotOpen(without[0], "the rule has no canary, so nothing shows that it is alive")
    if unknown := sorted(set(pack.canaries) - set(pack.rules)):
        raise GateWillNotOpen(unknown[0], "the canary has no rule")


def _verdict(pack: PolicyPack, engine: Engine, name: str, operations: list[dict[str, object]]) -> Verdict:
    try:
        document = canonical.encode(patch.apply(pack.baseline, operations))
        return verdict.read(engine.evaluate(document), pack=pack, engine=engine.name)
    except EngineUnavailable:
        raise
    except (PipelineError, ValueError) as error:
        raise GateWillNotOpen(name, f"it could not be evaluated: {error}") from error
