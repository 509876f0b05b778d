"""A decision for people and machines: what, where, why, which control, how to fix, and how to waive."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from mintmark.pipelines.errors import ExitCode
from mintmark.pipelines.gate import wording
from mintmark.pipelines.gate.decide import Decision
from mintmark.pipelines.gate.pack import PolicyPack, Rule
from mintmark.pipelines.gate.plain import code_span, visible
from mintmark.pipelines.gate.verdict import Answer, Bypassed, Gap, Violation

if TYPE_CHECKING:
    from jinja2 import Environment

FORMATS = ("human", "json", "markdown")
MAX_REASONS = 50
SHORT_NAMES = {"PCI DSS 4.0.1": "PCI", "SOC 2": "SOC2", "ISO 27001:2022": "ISO", "NIST SSDF": "SSDF"}
SIGNS = {"refused": "✗", "missing": "?", "pending": "…", "bypassed": "!", "warning": "~"}
TEMPLATES = {"human": "decision.txt.j2", "markdown": "decision.md.j2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """
    One violation, gap, bypassed violation or warning in words. Every text is one visible line.

    `stands` is `refused`, `missing`, `pending` for what waits for somebody's word or a moment, `bypassed` for what a
    break-glass let through, or `warning`.
    """

    stands: str
    sign: str
    id: str
    message: str
    place: str
    why: str
    controls: str
    fix: str
    waive: str


def render(
    decision: Decision,
    format: str = "human",  # noqa: A002 - the word of the command line
    *,
    pack: PolicyPack,
    subject: str = "",
    environment: str = "",
) -> str:
    """
    Return the decision as text in one of `FORMATS`.

    `subject` and `environment` are the names to show; without them, those of the decision. JSON is the predicate with
    the words added to it.
    """
    reasons = _reasons(decision, decision.reasons, pack)
    bypassed, warnings = _reasons(decision, decision.bypassed, pack), _reasons(decision, decision.warnings, pack)
    if format == "json":
        words = _words(decision, [*reasons, *bypassed, *warnings])
        return orjson.dumps(words, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2).decode()
    if format not in TEMPLATES:
        raise ValueError(f"format {format!r} is none of {', '.join(FORMATS)}")
    return (
        _environment()
        .get_template(TEMPLATES[format])
        .render(
            decision=decision,
            subject=visible(subject or decision.subject["name"]),
            digest=decision.subject["digest"]["sha256"],
            environment=visible(environment or decision.environment),
            pending=decision.exit_code is ExitCode.PENDING,
            again=shlex.join(["mintmark", "ship", "--env", decision.environment]),
            reasons=reasons,
            more=len(decision.reasons) - len(reasons),
            bypassed=bypassed,
            more_bypassed=len(decision.bypassed) - len(bypassed),
            break_glass=" and ".join(sorted({visible(entry.break_glass) for entry in decision.bypassed})),
            warnings=warnings,
            more_warnings=len(decision.warnings) - len(warnings),
            problem=visible(decision.problem),
        )
    )


def _reasons(decision: Decision, entries: Sequence[Violation | Gap | Bypassed], pack: PolicyPack) -> list[Reason]:
    return [_reason(decision, entry, pack) for entry in entries[:MAX_REASONS]]


def facts_of_all(decision: Decision) -> dict[str, Any]:
    """What every template may ask for, whatever its rule found."""
    return {"environment": decision.environment, "subject_sha256": decision.subject["digest"]["sha256"]}


def _reason(decision: Decision, entry: Violation | Gap | Bypassed, pack: PolicyPack) -> Reason:
    rule = pack.rules[entry.id]
    # What a command needs that a rule does not say for itself: of which artefact and for where.
    known = facts_of_all(decision)
    facts = {**known, **entry.facts}
    stands = _standing(decision, entry)
    return Reason(
        stands=stands,
        sign=SIGNS[stands],
        id=rule.id,
        message=wording.message(rule, facts),
        place=wording.place(facts),
        why=wording.why(rule, facts),
        controls=" · ".join([*rule.controls, *_requirements(pack, rule)]),
        fix=wording.fix(rule, facts),
        waive=_waive(decision, entry, rule, pack),
    )


def _standing(decision: Decision, entry: Violation | Gap | Bypassed) -> str:
    match entry:
        case Violation():
            return "refused"
        case Bypassed():
            return "bypassed"
        case Gap():
            missing = "pending" if entry.facts.get("pending") is True else "missing"
            return missing if entry in decision.incomplete else "warning"


def _requirements(pack: PolicyPack, rule: Rule) -> list[str]:
    return [f"{SHORT_NAMES.get(wanted.framework, wanted.framework)} {wanted.id}" for wanted in pack.requirements(rule)]


def _waive(decision: Decision, entry: Violation | Gap | Bypassed, rule: Rule, pack: PolicyPack) -> str:
    """Return the command, with every word quoted for a shell, or nothing where no waiver helps."""
    if not (isinstance(entry, Violation) and rule.waivable and entry.fingerprint):
        return ""
    words = ["mintmark", "waiver", "new", rule.id, "--fingerprint", entry.fingerprint]
    how = [] if _takes_files(decision.environment, pack) else ["--record"]
    return shlex.join([*words, "--environment", decision.environment, "--for", "7d", *how]) + ' --reason "…"'


def _takes_files(environment: str, pack: PolicyPack) -> bool:
    """Whether a waiver that lies in a file is one there; elsewhere it is signed and recorded."""
    return "file" in pack.settings(environment)["waivers"]["means"]


def _words(decision: Decision, reasons: list[Reason]) -> dict[str, Any]:
    explained = [
        {
            "id": reason.id,
            "stands": reason.stands,
            "message": reason.message,
            "place": reason.place,
            "why": reason.why,
            "controls": reason.controls,
            "fix": reason.fix,
            "waive": reason.waive,
        }
        for reason in reasons
    ]
    return {**decision.predicate(), "explained": explained}


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # Text and Markdown, never HTML: values are made visible, and in Markdown put into code spans.
    environment = Environment(
        loader=PackageLoader("mintmark.pipelines.gate", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - as above
    )
    environment.filters["code"] = code_span
    environment.globals["ALLOW"] = Answer.ALLOW
    return environment
