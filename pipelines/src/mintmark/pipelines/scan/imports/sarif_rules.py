"""The rules of a SARIF run, each understood once: results point at them by id, by index, or by both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from mintmark.pipelines.scan.imports import grading
from mintmark.pipelines.scan.imports.reading import items, members, optional, optional_text, text, whole
from mintmark.pipelines.scan.imports.report import cwes
from mintmark.pipelines.scan.model import Confidence

MAX_TEXT = 2000
_PRECISIONS = {
    "very-high": Confidence.HIGH,
    "high": Confidence.HIGH,
    "medium": Confidence.MEDIUM,
    "low": Confidence.LOW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`defaults` are levels, of the rule itself and of overrides; `graded` what its properties state."""

    id: str
    title: str
    defaults: tuple[Any, ...]
    graded: tuple[grading.Graded, ...]
    weaknesses: tuple[str, ...]
    secret: bool
    confidence: Confidence | None
    messages: Mapping[str, Any]

    @classmethod
    def of(cls, rule: Mapping[str, Any], overrides: Sequence[Any]) -> Self:
        properties = optional(rule.get("properties"), "properties")
        tags = tags_of(properties)
        short = optional(rule.get("shortDescription"), "a description").get("text")
        own = optional(rule.get("defaultConfiguration"), "a configuration").get("level")
        return cls(
            id=text(rule["id"], "the id of a rule"),
            title=optional_text(short or rule.get("name"), "a title")[:MAX_TEXT],
            defaults=tuple(level for level in (own, *overrides) if level is not None),
            graded=tuple(grading.of_properties(properties, "rule")),
            weaknesses=cwes(tags)[:100],
            secret=any(tag.lower() in {"secret", "secrets"} for tag in tags),
            confidence=confidence_of(properties),
            messages=optional(rule.get("messageStrings"), "messageStrings"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of the driver, which come first, and of its extensions."""

    by_component: tuple[tuple[Rule, ...], ...]
    by_id: Mapping[str, Rule]

    @classmethod
    def of(cls, tool: Mapping[str, Any], invocations: Sequence[Mapping[str, Any]]) -> Self:
        overrides = _overrides(invocations)
        components = [
            members(item, "a component") for item in (tool["driver"], *items(tool.get("extensions"), "extensions"))
        ]
        listed = tuple(
            tuple(
                Rule.of(members(rule, "a rule"), overrides.get(str(rule.get("id")), ()))
                for rule in items(component.get("rules"), "rules")
            )
            for component in components
        )
        return cls(by_component=listed, by_id={rule.id: rule for rules in reversed(listed) for rule in rules})

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.by_id)

    def named_by(self, result: Mapping[str, Any]) -> tuple[str, tuple[Rule, ...]]:
        """
        The rule's id, and every rule that the result points at (§3.27.5 to §3.27.7).

        By id and by index they should be one. Where they are two, both speak: a mild one must not stand in for the
        other. Raises `ValueError` for an index that no rule has.
        """
        reference = optional(result.get("rule"), "a rule")
        identity = optional_text(result.get("ruleId", reference.get("id")), "ruleId")
        by_name = self.by_id.get(identity) or self.by_id.get(identity.rpartition("/")[0])
        by_index = self._at(result.get("ruleIndex", reference.get("index", -1)), reference)
        rules = tuple(rule for rule in (by_name, None if by_index is by_name else by_index) if rule is not None)
        return identity or next((rule.id for rule in rules), "unnamed"), rules

    def _at(self, index: Any, reference: Mapping[str, Any]) -> Rule | None:
        if index == -1:
            return None
        component = optional(reference.get("toolComponent"), "a component").get("index", -1)
        number = 0 if component == -1 else whole(component, "a component") + 1
        if number >= len(self.by_component) or whole(index, "ruleIndex") >= len(self.by_component[number]):
            raise ValueError("a result points at a rule that is not there")
        rule: Rule = self.by_component[number][index]
        return rule


def _overrides(invocations: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rule → the levels that the command line or a configuration gave it (§3.20.5)."""
    found: dict[str, list[Any]] = {}
    for invocation in invocations:
        for item in items(invocation.get("ruleConfigurationOverrides"), "overrides"):
            override = members(item, "an override")
            identity = optional_text(optional(override.get("descriptor"), "a descriptor").get("id"), "an id")
            level = optional(override.get("configuration"), "a configuration").get("level")
            found.setdefault(identity, []).append(level)
    return found


def tags_of(properties: Mapping[str, Any]) -> list[str]:
    return [text(tag, "a tag") for tag in items(properties.get("tags"), "tags")]


def confidence_of(properties: Mapping[str, Any]) -> Confidence | None:
    """What a property that ends in `confidence` or `precision` says; high where its word is unknown."""
    for name, value in properties.items():
        if name.lower().endswith(("confidence", "precision")):
            return _PRECISIONS.get(str(value).lower(), Confidence.HIGH)
    return None
