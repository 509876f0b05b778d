"""What a compiled policy reaches for: builtins outside the vocabulary, and data that no pack brings. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mintmark.pipelines.gate.build import VOCABULARY

OUR_DATA = "mintmark"


def outside(module: Any) -> list[str]:
    """
    Return the names that a module uses and may not, in order; nothing for a module of a sound pack.

    `module` is the syntax tree of a policy that OPA has compiled, as `GET /v1/policies/{id}` shows it: there every
    call names its builtin, and every function of the policy begins with `data`.
    """
    found = {_name(operator) for operator in _operators(module) if not _is_allowed(operator)}
    found |= {_name(path) for path in _references(module) if path[0] == "data" and path[1:2] != [OUR_DATA]}
    return sorted(found)


def _operators(module: Any) -> Iterator[list[str]]:
    """The paths of what is called: first in an expression's terms, or in a call that is itself a term."""
    for node in _nodes(module):
        calls = (node.get("terms"), node.get("value") if node.get("type") == "call" else None)
        for terms in calls:
            if isinstance(terms, list) and terms:
                yield _path(terms[0])


def _references(module: Any) -> Iterator[list[str]]:
    for node in _nodes(module):
        if node.get("type") == "ref":
            yield _path(node)


def _is_allowed(operator: list[str]) -> bool:
    return operator[:2] == ["data", OUR_DATA] or _name(operator) in VOCABULARY


def _path(term: Any) -> list[str]:
    """A term that is no reference has no name, and is not allowed where a name must stand."""
    parts = term.get("value") if isinstance(term, dict) and term.get("type") == "ref" else None
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts) or not parts:
        return ["?"]
    return [str(part.get("value")) for part in parts]


def _name(path: list[str]) -> str:
    return ".".join(path)


def _nodes(root: Any) -> Iterator[dict[str, Any]]:
    """Every object of the tree, without recursion: a tree may be deep."""
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield node
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
