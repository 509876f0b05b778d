"""What changes with another policy pack: rules, parameters, and which decisions would come out differently."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mintmark.pipelines.errors import PipelineError
from mintmark.pipelines.gate import canonical, patch, verdict
from mintmark.pipelines.gate.interface import Engine
from mintmark.pipelines.gate.pack import PolicyPack, Rule

ABSENT = "(absent)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`where` is a member of a rule's METADATA, or the JSON pointer of a parameter; the values are JSON texts."""

    where: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """A rule that both packs have. `logic` says that its Rego differs."""

    id: str
    metadata: tuple[Change, ...]
    logic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one pack says of one input: the answer (ERROR where it cannot judge it), and the rules behind it."""

    answer: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionChange:
    """`about` is a canary (`canary:<rule>`), the baseline, or a recorded input (`input:<digest>`)."""

    about: str
    old: Outcome
    new: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`library` are the files that decide for every rule; `compared` counts the inputs that both packs judged."""

    old_digest: str
    new_digest: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[RuleChange, ...]
    library: tuple[str, ...]
    parameters: tuple[Change, ...]
    decisions: tuple[DecisionChange, ...]
    compared: int

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def compare(
    old: PolicyPack, new: PolicyPack, *, engines: tuple[Engine, Engine], inputs: Mapping[str, bytes]
) -> Difference:
    """
    Compare two packs, and judge with both (`engines`: the old one's, the new one's) every canary and input.

    `inputs` maps a digest to the bytes of a recorded gate input. A pack that cannot judge an input is an outcome.
    """
    documents = {**_canaries(old), **_canaries(new), **{f"input:{name}": content for name, content in inputs.items()}}
    outcomes = [
        DecisionChange(about=name, old=_outcome(old, engines[0], content), new=_outcome(new, engines[1], content))
        for name, content in documents.items()
    ]
    both = sorted(set(old.rules) & set(new.rules))
    rules = [_rule_change(old, new, name) for name in both]
    return Difference(
        old_digest=old.digest,
        new_digest=new.digest,
        added=tuple(sorted(set(new.rules) - set(old.rules))),
        removed=tuple(sorted(set(old.rules) - set(new.rules))),
        changed=tuple(change for change in rules if change.metadata or change.logic),
        library=tuple(_library(old, new)),
        parameters=tuple(_changes(json.loads(old.data), json.loads(new.data), "")),
        decisions=tuple(found for found in outcomes if found.old != found.new),
        compared=len(documents),
    )


def _canaries(pack: PolicyPack) -> dict[str, bytes]:
    """The baseline and every canary as whole inputs; where both packs have one, the new pack's is judged."""
    patches = {"baseline": [], **{f"canary:{rule}": canary["patch"] for rule, canary in sorted(pack.canaries.items())}}
    return {name: canonical.encode(patch.apply(pack.baseline, operations)) for name, operations in patches.items()}


def _outcome(pack: PolicyPack, engine: Engine, content: bytes) -> Outcome:
    try:
        found = verdict.read(engine.evaluate(content), pack=pack, engine=engine.name)
    except PipelineError as failure:
        return Outcome(answer=verdict.Answer.ERROR.value, reasons=(failure.reason,))
    return Outcome(answer=found.answer.value, reasons=tuple(sorted({entry.id for entry in found.reasons})))


def _rule_change(old: PolicyPack, new: PolicyPack, name: str) -> RuleChange:
    before, after = old.rules[name], new.rules[name]
    changes = tuple(
        Change(where=field.name, old=_text(getattr(before, field.name)), new=_text(getattr(after, field.name)))
        for field in dataclasses.fields(Rule)
        if getattr(before, field.name) != getattr(after, field.name)
    )
    path = f"{name.replace('.', '/')}.rego"
    return RuleChange(id=name, metadata=changes, logic=_code(old.sources[path]) != _code(new.sources[path]))


def _library(old: PolicyPack, new: PolicyPack) -> Iterator[str]:
    """Rego that is no rule of its own and differs; the lists of rules follow from the rules."""
    made = {"rules.rego", "waivable.rego"}
    rules = {f"{name.replace('.', '/')}.rego" for name in {*old.rules, *new.rules}}
    for path in sorted({*old.sources, *new.sources} - rules - made):
        if _code(old.sources.get(path, "")) != _code(new.sources.get(path, "")):
            yield path


def _code(text: str) -> str:
    """Without comments, METADATA among them, which is compared member by member."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).strip()


def _changes(old: Any, new: Any, where: str) -> Iterator[Change]:
    """Members of objects one by one; a list is one value, for its order may matter."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _changes(old.get(key, ABSENT), new.get(key, ABSENT), f"{where}/{_escaped(key)}")
    elif old != new:
        yield Change(where=where, old=_text(old), new=_text(new))


def _escaped(key: str) -> str:
    """RFC 6901."""
    return key.replace("~", "~0").replace("/", "~1")


def _text(value: object) -> str:
    return ABSENT if value == ABSENT else json.dumps(value, ensure_ascii=False, sort_keys=True)
