"""The gate itself: it opens when its policy is alive, and judges one document at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from mintmark.pipelines.errors import ExitCode
from mintmark.pipelines.gate import canary, canonical, document, verdict
from mintmark.pipelines.gate.canonical import Sha256Hex
from mintmark.pipelines.gate.errors import DocumentInvalid, EngineUnavailable, NoDecision, PolicyTampered
from mintmark.pipelines.gate.interface import Engine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.plain import visible
from mintmark.pipelines.gate.verdict import Answer, Bypassed, Gap, Verdict, Violation, Waived


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    A verdict, and all that pins it: policy, input, engine, subject, environment and moment.

    `predicate` is what is signed and recorded. For ERROR, `reason` is `no_decision`, `engine_unavailable` or
    `policy_tampered`, and `problem` the sentence; otherwise both are empty.
    """

    id: str
    answer: Answer
    violations: tuple[Violation, ...]
    incomplete: tuple[Gap, ...]
    satisfied: tuple[str, ...]
    waived: tuple[Waived, ...]
    bypassed: tuple[Bypassed, ...]
    warnings: tuple[Gap, ...]
    exit_code: ExitCode
    reason: str
    problem: str
    as_of: str
    as_of_epoch: int
    environment: str
    protected: bool
    subject: Mapping[str, Any]
    source: Mapping[str, Any]
    manifest: Mapping[str, Any]
    policy_digest: Sha256Hex
    input_sha256: Sha256Hex
    engine_name: str
    engine_version: str

    @property
    def reasons(self) -> tuple[Violation | Gap, ...]:
        """Everything that stands against an ALLOW, violations first."""
        return (*self.violations, *self.incomplete)

    @property
    def allowed(self) -> bool:
        return self.answer is Answer.ALLOW

    @classmethod
    def of(cls, predicate: Mapping[str, Any]) -> Self:
        """Read a predicate that was recorded. Raises `DocumentInvalid` for what is none of ours."""
        try:
            return cls(
                **{name: predicate[name] for name in _SAME},
                answer=Answer(predicate["decision"]),
                violations=tuple(Violation(**entry) for entry in predicate["violations"]),
                incomplete=tuple(Gap(**entry) for entry in predicate["incomplete"]),
                satisfied=tuple(predicate["satisfied"]),
                waived=tuple(Waived(**entry) for entry in predicate["waived"]),
                bypassed=tuple(Bypassed(**entry) for entry in predicate["bypassed"]),
                warnings=tuple(Gap(**entry) for entry in predicate["warnings"]),
                exit_code=ExitCode(predicate["exit_code"]),
                policy_digest=Sha256Hex(predicate["policy_digest"].removeprefix("sha256:")),
                input_sha256=Sha256Hex(predicate["input_digest"].removeprefix("sha256:")),
                engine_name=predicate["engine"]["name"],
                engine_version=predicate["engine"]["version"],
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DocumentInvalid("", f"not a decision of this release of Mintmark: {error!r}") from error

    def predicate(self) -> dict[str, Any]:
        """Return the predicate of https://mintmark.dev/decision/v1 (policies/schemas/decision.schema.json)."""
        return {
            "id": self.id,
            "decision": self.answer.value,
            "reason": self.reason,
            "problem": self.problem,
            "exit_code": int(self.exit_code),
            "as_of": self.as_of,
            "as_of_epoch": self.as_of_epoch,
            "environment": self.environment,
            "protected": self.protected,
            "subject": dict(self.subject),
            "source": dict(self.source),
            "manifest": dict(self.manifest),
            "policy_digest": f"sha256:{self.policy_digest}",
            "input_digest": f"sha256:{self.input_sha256}",
            "engine": {"name": self.engine_name, "version": self.engine_version},
            "violations": [
                {"id": found.id, "facts": dict(found.facts), "fingerprint": found.fingerprint}
                for found in self.violations
            ],
            "incomplete": [{"id": gap.id, "facts": dict(gap.facts)} for gap in self.incomplete],
            "satisfied": list(self.satisfied),
            "waived": [
                {"id": entry.id, "fingerprint": entry.fingerprint, "waiver": entry.waiver} for entry in self.waived
            ],
            "bypassed": [
                {
                    "id": entry.id,
                    "facts": dict(entry.facts),
                    "fingerprint": entry.fingerprint,
                    "break_glass": entry.break_glass,
                }
                for entry in self.bypassed
            ],
            "warnings": [{"id": gap.id, "facts": dict(gap.facts)} for gap in self.warnings],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """An open gate. Make one with `Gate.open`, which proves the policy alive first."""

    pack: PolicyPack
    engine: Engine

    @classmethod
    def open(cls, pack: PolicyPack, engine: Engine) -> Self:
        """Run the canaries, then return the gate; or raise `GateWillNotOpen` or `EngineUnavailable`."""
        canary.prove_alive(pack, engine)
        return cls(pack=pack, engine=engine)

    def judge(self, content: bytes, *, decision_id: str | None = None) -> Decision:
        """
        Decide on a gate input. A failure of the engine is a decision too: ERROR, which lets nothing through.

        Raises `DocumentInvalid` for what is no gate input, since there is then no subject to decide on. Without
        `decision_id` the id follows from policy, input and answer, so that the same question has the same id.
        """
        facts = document.parse(content, pack=self.pack)
        try:
            answer = verdict.read(self.engine.evaluate(content), pack=self.pack, engine=self.engine.name)
            _only_presented_waivers(answer, facts, engine=self.engine.name)
            _only_the_presented_break_glass(answer, facts, engine=self.engine.name)
        except (EngineUnavailable, NoDecision, PolicyTampered) as error:
            return self._decision(
                content, facts, _NOTHING, decision_id, reason=error.reason, problem=visible(str(error))
            )
        return self._decision(content, facts, answer, decision_id)

    def _decision(
        self,
        content: bytes,
        facts: Mapping[str, Any],
        answer: Verdict,
        decision_id: str | None,
        *,
        reason: str = "",
        problem: str = "",
    ) -> Decision:
        input_sha256 = canonical.sha256(content)
        return Decision(
            id=decision_id or _derived_id(self.pack.digest, input_sha256, answer.answer),
            answer=answer.answer,
            violations=answer.violations,
            incomplete=answer.incomplete,
            satisfied=answer.satisfied,
            waived=answer.waived,
            bypassed=answer.bypassed,
            warnings=answer.warnings,
            exit_code=answer.exit_code,
            reason=reason,
            problem=problem,
            as_of=facts["as_of"],
            as_of_epoch=facts["as_of_epoch"],
            environment=facts["environment"]["name"],
            protected=facts["environment"]["protected"],
            subject=facts["subject"],
            source=facts["source"],
            manifest=facts["manifest"],
            policy_digest=self.pack.digest,
            input_sha256=input_sha256,
            engine_name=self.engine.name,
            engine_version=self.engine.version,
        )


_SAME = (
    *("id", "reason", "problem", "as_of", "as_of_epoch", "environment", "protected"),
    *("subject", "source", "manifest"),
)
_NOTHING = Verdict(answer=Answer.ERROR, violations=(), incomplete=(), satisfied=(), waived=())


def _derived_id(policy_digest: str, input_sha256: str, answer: Answer) -> str:
    return hashlib.sha256(f"{policy_digest}\n{input_sha256}\n{answer}\n".encode()).hexdigest()[:32]


def _only_presented_waivers(answer: Verdict, facts: Mapping[str, Any], *, engine: str) -> None:
    """A waived finding must be let through by a waiver that was there, for it and for nothing else."""
    presented = {(waiver["id"], waiver["rule"], waiver["fingerprint"]) for waiver in facts["waivers"]}
    for entry in answer.waived:
        if (entry.waiver, entry.id, entry.fingerprint) not in presented:
            raise NoDecision(engine, f"it waives a finding of {entry.id} by a waiver that nobody presented")


def _only_the_presented_break_glass(answer: Verdict, facts: Mapping[str, Any], *, engine: str) -> None:
    presented = facts["break_glass"].get("id")
    for entry in answer.bypassed:
        if presented is None or entry.break_glass != presented:
            raise NoDecision(engine, f"it lets {entry.id} through by a break-glass that nobody presented")
