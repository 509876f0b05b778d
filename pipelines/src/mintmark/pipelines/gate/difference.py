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
_NOTHING = object()
BUNDLED = ("bundle/policy.wasm", "bundle/rules.json", "bundle/data.json")


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
    """
    `library` are the files that decide for every rule, `other` those of the pack that nothing else here accounts for.

    `compared` counts the inputs that both packs judged. `unexplained` says that the compiled policies differ, and
    nothing that they are compiled from does: one of the packs runs something else than it shows.
    """

    old_digest: str
    new_digest: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[RuleChange, ...]
    library: tuple[str, ...]
    parameters: tuple[Change, ...]
    other: tuple[str, ...]
    unexplained: bool
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
    outcomes = [_judged(old, new, engines, name, content) for name, content in documents.items()]
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
        other=tuple(_other(old, new)),
        unexplained=old.wasm != new.wasm and _compiled_from(old) == _compiled_from(new),
        decisions=(*(found for found in outcomes if found.old != found.new), *_let_go(old, new, engines)),
        compared=len(documents),
    )


def _judged(
    old: PolicyPack, new: PolicyPack, engines: tuple[Engine, Engine], name: str, content: bytes
) -> DecisionChange:
    return DecisionChange(about=name, old=_outcome(old, engines[0], content), new=_outcome(new, engines[1], content))


def _let_go(old: PolicyPack, new: PolicyPack, engines: tuple[Engine, Engine]) -> Iterator[DecisionChange]:
    """
    The old pack's canaries that were given another form, and which the new pack's rule no longer refuses as they were.

    Whoever loosens a rule can change its canary with it, and the gate opens. What else the new pack says of an old
    input, such as that its scanners are of older versions, is no news.
    """
    before, after = _canaries(old), _canaries(new)
    for name in sorted(name for name in before if name in after and before[name] != after[name]):
        found = _judged(old, new, engines, f"{name}:old", before[name])
        if name.removeprefix("canary:") in {*found.old.reasons} - {*found.new.reasons}:
            yield found


def _compiled_from(pack: PolicyPack) -> tuple[str, Mapping[str, str]]:
    return pack.opa_version, pack.sources


def _other(old: PolicyPack, new: PolicyPack) -> Iterator[str]:
    """Schemas, controls, canaries, scanners' rules: none of it is Rego, and all of it has a say."""
    for path in sorted({*old.files, *new.files}):
        accounted = path in BUNDLED or path.endswith(".rego") or (_is_data(path) and old.data != new.data)
        if not accounted and old.files.get(path) != new.files.get(path):
            yield path


def _is_data(path: str) -> bool:
    return path.startswith("gates/") and path.endswith("/data.json")


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
    return RuleChange(
        id=name, metadata=changes, logic=_code(old.sources.get(path, "")) != _code(new.sources.get(path, ""))
    )


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
            yield from _changes(old.get(key, _NOTHING), new.get(key, _NOTHING), f"{where}/{_escaped(key)}")
    elif old != new:
        yield Change(where=where, old=_text(old), new=_text(new))


def _escaped(key: str) -> str:
    """RFC 6901."""
    return key.replace("~", "~0").replace("/", "~1")


def _text(value: object) -> str:
    return ABSENT if value is _NOTHING else json.dumps(value, ensure_ascii=False, sort_keys=True)
