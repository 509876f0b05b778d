"""JSON Patch (RFC 6902), the three operations that canaries and test cases need: add, replace and remove."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any


def apply(document: Mapping[str, Any], operations: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a patched copy. A target that is not there, or another operation, is a `ValueError`."""
    patched: dict[str, Any] = copy.deepcopy(dict(document))
    for operation in operations:
        _apply_one(patched, operation)
    return patched


def _apply_one(document: dict[str, Any], operation: Mapping[str, Any]) -> None:
    *parents, last = _tokens(str(operation["path"]))
    parent: Any = document
    try:
        for token in parents:
            parent = parent[_key(parent, token)]
        match operation["op"]:
            case "add":
                _add(parent, last, copy.deepcopy(operation["value"]))
            case "replace":
                parent[_key(parent, last)]  # must be there (RFC 6902, section 4.3)
                parent[_key(parent, last)] = copy.deepcopy(operation["value"])
            case "remove":
                del parent[_key(parent, last)]
            case other:
                raise ValueError(f"JSON Patch operation {other!r} is not supported")
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"JSON Patch: nothing at {operation.get('path')!r}") from error


def _tokens(pointer: str) -> list[str]:
    """RFC 6901: `~1` is a slash and `~0` a tilde, decoded in this order."""
    if not pointer.startswith("/"):
        raise ValueError(f"JSON Patch: {pointer!r} does not point at a member")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


def _key(parent: object, token: str) -> Any:
    return int(token) if isinstance(parent, list) else token


def _add(parent: Any, token: str, value: object) -> None:
    if isinstance(parent, list):
        parent.insert(len(parent) if token == "-" else int(token), value)  # noqa: S105 - a JSON Pointer token
    else:
        parent[token] = value
