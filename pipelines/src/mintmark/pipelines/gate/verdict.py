"""What an engine answers, read with suspicion: an ALLOW must prove itself here once more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from mintmark.pipelines.errors import ExitCode
from mintmark.pipelines.gate.errors import NoDecision
from mintmark.pipelines.gate.pack import PolicyPack


class Answer(StrEnum):
    """The four answers of the gate. Only the first lets anything through."""

    ALLOW = "ALLOW"
    DENY = "DENY"
    INCOMPLETE = "INCOMPLETE"
    ERROR = "ERROR"

    @property
    def exit_code(self) -> ExitCode:
        return {
            Answer.ALLOW: ExitCode.OK,
            Answer.DENY: ExitCode.DENIED,
            Answer.INCOMPLETE: ExitCode.INCOMPLETE,
            Answer.ERROR: ExitCode.INFRASTRUCTURE,
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One reason to refuse. `fingerprint` is the finding's, which a waiver must name; empty where none can."""

    id: str
    facts: Mapping[str, Any]
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that must be known to decide, and is not."""

    id: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waived:
    """A finding that a waiver let through."""

    id: str
    fingerprint: str
    waiver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bypassed:
    """A violation that a break-glass let through."""

    id: str
    facts: Mapping[str, Any]
    fingerprint: str
    break_glass: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    A verdict that is consistent with itself and with the rules of the pack.

    `warnings` stand against nothing yet, such as a waiver that ends soon.
    """

    answer: Answer
    violations: tuple[Violation, ...]
    incomplete: tuple[Gap, ...]
    satisfied: tuple[str, ...]
    waived: tuple[Waived, ...]
    bypassed: tuple[Bypassed, ...] = ()
    warnings: tuple[Gap, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """6 where all that is missing is somebody's word or a moment, which is not the release's fault."""
        pending = self.answer is Answer.INCOMPLETE and all(gap.facts.get("pending") is True for gap in self.incomplete)
        return ExitCode.PENDING if pending else self.answer.exit_code

    @property
    def reasons(self) -> tuple[Violation | Gap, ...]:
        """Everything that stands against an ALLOW, violations first."""
        return (*self.violations, *self.incomplete)


def read(content: bytes, *, pack: PolicyPack, engine: str) -> Verdict:
    """Return the verdict in an engine's answer, or raise `NoDecision` for anything that is not exactly one."""
    try:
        verdict = _parse(orjson.loads(content))
    except (KeyError, TypeError, ValueError) as error:
        raise NoDecision(engine, f"the answer is not a verdict: {error}") from error
    if problem := _inconsistency(verdict, pack):
        raise NoDecision(engine, problem)
    return verdict


def _parse(answer: Any) -> Verdict:
    fields = {"decision", "violations", "incomplete", "satisfied", "waived", "bypassed", "warnings"}
    if not isinstance(answer, dict) or set(answer) != fields:
        raise ValueError("not an object of the seven fields of a verdict")
    if answer["decision"] not in {"ALLOW", "DENY", "INCOMPLETE"}:
        raise ValueError("an unknown decision")
    if not all(isinstance(answer[name], list) for name in fields - {"decision"}):
        raise ValueError("a field that must be a list is none")
    if not all(isinstance(rule, str) for rule in answer["satisfied"]):
        raise ValueError("a satisfied rule that is no text")
    entries = [entry for name in fields - {"decision", "satisfied"} for entry in answer[name]]
    if not all(isinstance(entry, dict) and isinstance(entry.get("id"), str) for entry in entries):
        raise ValueError("an entry that does not name its rule")
    return Verdict(
        answer=Answer(answer["decision"]),
        violations=tuple(Violation(**entry) for entry in answer["violations"]),
        incomplete=tuple(Gap(**entry) for entry in answer["incomplete"]),
        satisfied=tuple(answer["satisfied"]),
        waived=tuple(Waived(**entry) for entry in answer["waived"]),
        bypassed=tuple(Bypassed(**entry) for entry in answer["bypassed"]),
        warnings=tuple(Gap(**entry) for entry in answer["warnings"]),
    )


def _inconsistency(verdict: Verdict, pack: PolicyPack) -> str:
    """
    Return what is wrong, or nothing.

    The policy promises all of this; that it is checked again keeps a policy with a hole, or another one in its
    place, from allowing anything by what it does not say.
    """
    told = (*verdict.reasons, *verdict.bypassed, *verdict.warnings)
    named = {entry.id for entry in told} | {entry.id for entry in verdict.waived}
    if not all(isinstance(entry.facts, dict) for entry in told):
        return "a violation without facts"
    if unknown := (named | set(verdict.satisfied)) - set(pack.rules):
        return f"it speaks of rules that the pack does not have: {', '.join(sorted(unknown))}"
    if any(not pack.rules[waived.id].waivable for waived in verdict.waived):
        return "it waives what cannot be waived"
    if any(not pack.rules[bypassed.id].bypassable for bypassed in verdict.bypassed):
        return "it bypasses what cannot be bypassed"
    counts = bool(verdict.violations), bool(verdict.incomplete)
    match verdict.answer, counts:
        case Answer.DENY, (True, _):
            return ""
        case Answer.INCOMPLETE, (False, True):
            return ""
        case Answer.ALLOW, (False, False):
            missing = set(pack.rules) - set(verdict.satisfied) - {entry.id for entry in verdict.bypassed}
            return f"it allows without proof of {', '.join(sorted(missing))}" if missing else ""
        case _:
            return f"it says {verdict.answer}, and its reasons say otherwise"
