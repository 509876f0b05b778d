"""Which requirement of which framework a rule speaks to, on what evidence, and which ones no rule speaks to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mintmark.pipelines.errors import UsageError, nearest
from mintmark.pipelines.gate.errors import PolicyTampered
from mintmark.pipelines.gate.pack import Control, PolicyPack, Rule

FRAMEWORKS = "controls/frameworks.json"
FRAMEWORKS_SCHEMA = "https://mintmark.dev/frameworks/v1"

# A member of the gate's input that rests on signed evidence → the kind of it (`mintmark.evidence.statement.KINDS`).
# What else the input holds (the change, the directory, the clocks) is pinned by the digest of the input.
KIND_OF = {
    "scans": "scan",
    "findings": "scan",
    "sbom": "sbom",
    "provenance": "provenance",
    "waivers": "waiver",
    "tests": "test-result",
    "approvals": "approval",
    "break_glass": "break-glass",
    "open_reviews": "review-item",
    "promotions": "deployment",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A requirement that speaks of software and its changes. `not_covered` says why no rule speaks to it."""

    id: str
    text: str
    not_covered: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """A standard or law, in one edition. `scope` says which part of it is listed."""

    name: str
    title: str
    scope: str
    requirements: tuple[Listed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """
    One requirement, and what speaks to it: none of the three, or all of them.

    `evidence` are the kinds of records that show it for one release; each decision is one of them. A rule helps to
    meet a requirement, and whether it is met is an assessor's to say.
    """

    framework: str
    requirement: str
    text: str
    controls: tuple[str, ...]
    rules: tuple[str, ...]
    evidence: tuple[str, ...]
    not_covered: str

    @property
    def covered(self) -> bool:
        return bool(self.rules)


def frameworks(pack: PolicyPack) -> tuple[Framework, ...]:
    """The frameworks that the pack lists, or `PolicyTampered` where it lists none."""
    listed = json.loads(pack.files.get(FRAMEWORKS, b"{}"))
    if listed.get("schema") != FRAMEWORKS_SCHEMA or not listed.get("frameworks"):
        raise PolicyTampered(FRAMEWORKS, "it lists no framework, so that nothing could be found to be uncovered")
    return tuple(
        Framework(
            name=entry["name"],
            title=entry["title"],
            scope=entry["scope"],
            requirements=tuple(Listed(**requirement) for requirement in entry["requirements"]),
        )
        for entry in listed["frameworks"]
    )


def coverage(pack: PolicyPack, *, framework: str = "") -> tuple[Coverage, ...]:
    """
    Return every listed requirement, and each that a control names beside the lists, in the order of the frameworks.

    `framework` is a name, in any case, or as much of its beginning as no other has. Raises `UsageError` with reason
    `unknown_framework`.
    """
    chosen = frameworks(pack)
    if framework:
        chosen = (named(chosen, framework),)
    return tuple(_covered(pack, one.name, wanted) for one in chosen for wanted in _requirements(pack, one))


def named(known: tuple[Framework, ...], word: str) -> Framework:
    """Return the framework that a person means."""
    wanted = word.strip().casefold()
    found = [one for one in known if one.name.casefold() == wanted]
    found = found or [one for one in known if wanted and one.name.casefold().startswith(wanted)]
    if len(found) != 1:
        names = [one.name for one in known]
        raise UsageError(
            f"there is no framework {word!r}{nearest(word, names)}",
            reason="unknown_framework",
            remedy=f"use one of {', '.join(names)}",
        )
    return found[0]


def control(pack: PolicyPack, identity: str) -> Control:
    """Return the control of that id, or raise `UsageError` with reason `unknown_control`."""
    found = pack.controls.get(identity.strip().upper())
    if found is None:
        raise UsageError(
            f"there is no control {identity!r}{nearest(identity.upper(), pack.controls)}",
            reason="unknown_control",
            remedy="`mintmark controls list` names them",
        )
    return found


def evidence_kinds(pack: PolicyPack, rule: Rule) -> tuple[str, ...]:
    """
    The kinds of evidence that a rule rests on, read from its source and from all that it imports, and `decision`.

    Derived and not declared, so that it cannot say other than what the rule reads.
    """
    members = {member for text in _reading(pack, rule) for member in re.findall(r"\bevidence\.([a-z_]+)", text)}
    return (*sorted({KIND_OF[member] for member in members if member in KIND_OF}), "decision")


def _reading(pack: PolicyPack, rule: Rule) -> Iterator[str]:
    """The Rego of a rule and of what it imports, without the reader of the input and the parameters."""
    texts = {re.findall(r"^package (\S+)", text, re.MULTILINE)[0]: text for text in pack.sources.values()}
    pending, seen = [rule.package], {"mintmark.lib.evidence", "mintmark.lib.parameters"}
    while pending:
        package = pending.pop()
        if package not in seen and package in texts:
            seen.add(package)
            yield texts[package]
            pending += re.findall(r"^import data\.(\S+)", texts[package], re.MULTILINE)


def _requirements(pack: PolicyPack, framework: Framework) -> Iterator[Listed]:
    yield from framework.requirements
    known = {requirement.id for requirement in framework.requirements}
    for one in pack.controls.values():
        for requirement in one.requirements:
            if requirement.framework == framework.name and requirement.id not in known:
                known.add(requirement.id)
                yield Listed(id=requirement.id, text=requirement.text)


def _covered(pack: PolicyPack, framework: str, wanted: Listed) -> Coverage:
    speaking = [
        one
        for one in pack.controls.values()
        if any((met.framework, met.id) == (framework, wanted.id) for met in one.requirements)
    ]
    rules = tuple(dict.fromkeys(rule for one in speaking for rule in one.rules))
    kinds = {kind for rule in rules for kind in evidence_kinds(pack, pack.rules[rule])}
    return Coverage(
        framework=framework,
        requirement=wanted.id,
        text=wanted.text,
        controls=tuple(one.id for one in speaking),
        rules=rules,
        evidence=tuple(sorted(kinds)),
        not_covered="" if rules else wanted.not_covered or "nobody has said why",
    )
