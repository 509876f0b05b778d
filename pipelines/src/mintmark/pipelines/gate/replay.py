"""Judges again what was judged before: the recorded verdict must come out, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mintmark.pipelines.errors import IncompleteError, InfrastructureError
from mintmark.pipelines.gate import archive, canonical
from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.interface import Engine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.verdict import Answer

# What the policy said, and what follows from it alone. The id, the engine and the moment are of the run.
VERDICT = (
    "decision",
    "reason",
    "exit_code",
    "violations",
    "incomplete",
    "satisfied",
    "waived",
    "bypassed",
    "warnings",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """
    What came of judging again `times` times.

    `recorded` and `found` are canonical bytes; `found` is the first one that differs, where one does.
    """

    engine: str
    times: int
    policy_digest: str
    input_digest: str
    recorded: bytes
    found: bytes

    @property
    def identical(self) -> bool:
        return self.recorded == self.found

    @property
    def differing(self) -> tuple[str, ...]:
        """The names of the members that differ."""
        recorded, found = json.loads(self.recorded), json.loads(self.found)
        return tuple(name for name in VERDICT if recorded[name] != found[name])


def verdict_bytes(predicate: Mapping[str, Any]) -> bytes:
    """The canonical bytes of what a decision's predicate says of the verdict. Raises `IncompleteError`."""
    missing = [name for name in VERDICT if name not in predicate]
    if missing:
        raise IncompleteError(
            f"the decision has no {', '.join(missing)}, so it cannot be compared",
            reason="not_replayable",
            remedy="replay it with the release of Mintmark that made it",
        )
    return canonical.encode({name: predicate[name] for name in VERDICT})


def replay(
    predicate: Mapping[str, Any],
    *,
    content: bytes,
    pack: PolicyPack,
    engine: Callable[[PolicyPack], Engine],
    times: int = 1,
) -> Replayed:
    """
    Judge a recorded decision again, under its own pack and from its own input.

    `content` and `pack` must be the ones that the decision pins: another one is a `ValueError`. A decision that is an
    ERROR has no verdict to compare with, which is `IncompleteError`; an engine that gives none now is
    `InfrastructureError`.
    """
    if times < 1:
        raise ValueError("a decision is replayed once at least")
    if predicate["decision"] == Answer.ERROR:
        raise IncompleteError(
            f"decision {predicate['id']} is an ERROR ({predicate['reason']}): the policy gave no verdict to compare",
            reason="not_replayable",
            remedy="judge its input anew: mintmark policy replay --input FILE",
        )
    if f"sha256:{canonical.sha256(content)}" != predicate["input_digest"]:
        raise ValueError("another input than the decision pins")
    if f"sha256:{pack.digest}" != predicate["policy_digest"]:
        raise ValueError("another pack than the decision pins")
    gate = Gate.open(pack, engine(pack))
    recorded = found = verdict_bytes(predicate)
    for _ in range(times):
        decision = gate.judge(content)
        if decision.answer is Answer.ERROR:
            raise InfrastructureError(
                decision.problem, reason=decision.reason, remedy="replay it once the engine works"
            )
        found = verdict_bytes(decision.predicate())
        if found != recorded:
            break
    return Replayed(
        engine=gate.engine.name,
        times=times,
        policy_digest=pack.digest,
        input_digest=canonical.sha256(content),
        recorded=recorded,
        found=found,
    )


def replay_kept(
    predicate: Mapping[str, Any], *, folder: Path, engine: Callable[[PolicyPack], Engine], times: int = 1
) -> Replayed:
    """As `replay`, with the input and the pack from the archive. Raises what loading them raises."""
    return replay(
        predicate,
        content=archive.load_input(folder, predicate["input_digest"]),
        pack=archive.load_pack(folder, predicate["policy_digest"]),
        engine=engine,
        times=times,
    )
