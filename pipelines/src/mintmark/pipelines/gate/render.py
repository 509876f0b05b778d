"""A decision for people and machines: what, where, why, which control, how to fix, and how to waive."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from mintmark.pipelines.gate import wording
from mintmark.pipelines.gate.decide import Decision
from mintmark.pipelines.gate.pack import PolicyPack, Rule
from mintmark.pipelines.gate.plain import code_span, visible
from mintmark.pipelines.gate.verdict import Answer, Gap, Violation

if TYPE_CHECKING:
    from jinja2 import Environment

FORMATS = ("human", "json", "markdown")
MAX_REASONS = 50
SHORT_NAMES = {"PCI DSS 4.0.1": "PCI", "SOC 2": "SOC2", "ISO 27001:2022": "ISO", "NIST SSDF": "SSDF"}
TEMPLATES = {"human": "decision.txt.j2", "markdown": "decision.md.j2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One violation or gap in words. Every text is one visible line."""

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
    reasons = [_reason(decision, entry, pack) for entry in decision.reasons[:MAX_REASONS]]
    if format == "json":
        return orjson.dumps(_words(decision, reasons), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2).decode()
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
            reasons=reasons,
            more=len(decision.reasons) - len(reasons),
            problem=visible(decision.problem),
        )
    )


def _reason(decision: Decision, entry: Violation | Gap, pack: PolicyPack) -> Reason:
    rule = pack.rules[entry.id]
    facts = {"environment": decision.environment, **entry.facts}
    return Reason(
        sign="✗" if isinstance(entry, Violation) else "?",
        id=rule.id,
        message=wording.message(rule, facts),
        place=wording.place(facts),
        why=wording.why(rule, facts),
        controls=" · ".join([*rule.controls, *_requirements(pack, rule)]),
        fix=wording.fix(rule, facts),
        waive=_waive(decision, entry, rule),
    )


def _requirements(pack: PolicyPack, rule: Rule) -> list[str]:
    return [f"{SHORT_NAMES.get(wanted.framework, wanted.framework)} {wanted.id}" for wanted in pack.requirements(rule)]


def _waive(decision: Decision, entry: Violation | Gap, rule: Rule) -> str:
    """Return the command, with every word quoted for a shell, or nothing where no waiver helps."""
    if not (isinstance(entry, Violation) and rule.waivable and entry.fingerprint):
        return ""
    words = ["mintmark", "waiver", "new", rule.id, "--fingerprint", entry.fingerprint]
    return shlex.join([*words, "--environment", decision.environment, "--for", "7d"]) + ' --reason "…"'


def _words(decision: Decision, reasons: list[Reason]) -> dict[str, Any]:
    explained = [
        {
            "id": reason.id,
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
