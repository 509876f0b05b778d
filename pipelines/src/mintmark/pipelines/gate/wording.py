"""The sentences of a refusal: the templates of a rule's METADATA, filled with the facts of one violation."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from mintmark.pipelines.gate.pack import Rule
from mintmark.pipelines.gate.plain import visible

if TYPE_CHECKING:
    from jinja2 import Environment

Facts = Mapping[str, object]

NOT_PROVEN = "no evidence shows that this holds: {title}"


class WordingFailed(ValueError):
    """A template asks for a fact that is not there, or cannot be rendered."""


def message(rule: Rule, facts: Facts) -> str:
    """Return what is wrong, in one line. Facts that the template does not expect give the facts themselves."""
    if facts.get("reason") == "not_proven":
        return NOT_PROVEN.format(title=rule.title)
    return _or_facts(rule.message, facts)


def why(rule: Rule, facts: Facts) -> str:
    try:
        return fill(rule.why, facts)
    except WordingFailed:
        return rule.description


def fix(rule: Rule, facts: Facts) -> str:
    """Return the command or change that helps here, or the remedy that holds for any violation of the rule."""
    if not rule.fix or facts.get("reason") == "not_proven":
        return rule.remedy
    try:
        return fill(rule.fix, facts)
    except WordingFailed:
        return rule.remedy


def place(facts: Facts) -> str:
    """Return `path:line`, or what of it is known."""
    path, line = str(facts.get("path", "")), facts.get("line", 0)
    return visible(f"{path}:{line}" if path and line else path)


def fill(template: str, facts: Facts) -> str:
    """Render a template over facts; every value is made visible on its way in."""
    from jinja2 import TemplateError

    try:
        return " ".join(_environment().from_string(template).render(_harmless(facts)).split())
    except (TemplateError, TypeError, ValueError, OverflowError) as error:
        raise WordingFailed(str(error)) from error


def _or_facts(template: str, facts: Facts) -> str:
    try:
        return fill(template, facts)
    except WordingFailed:  # a refusal must be shown whatever its facts look like
        return visible(", ".join(f"{name}={value}" for name, value in sorted(facts.items())))


@cache
def _environment() -> Environment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # Text and Markdown, never HTML: autoescape would show &lt; in a terminal. `visible` and `code_span` are the guard.
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    environment.filters["sh"] = lambda value: shlex.quote(str(value))
    environment.filters["utc"] = lambda epoch: datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return environment


def _harmless(facts: Facts) -> dict[str, object]:
    return {name: _shown(value) for name, value in facts.items()}


def _shown(value: object) -> object:
    match value:
        case str():
            return visible(value)
        case list() | tuple():
            return [_shown(member) for member in value]
        case _:
            return value
