"""
One byte string for one JSON document: RFC 8785 for the documents that we allow.

Keys are ASCII and numbers are integers below 2**53, so that sorted keys without spaces in UTF-8 are already canonical.
"""

from __future__ import annotations

import hashlib
from typing import NewType

import orjson

Sha256Hex = NewType("Sha256Hex", str)

MAX_INTEGER = 2**53 - 1


class NotCanonical(ValueError):
    """The bytes or the value have no canonical form here. `where` is a JSON pointer."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where or '/'}: {problem}")
        self.where, self.problem = where, problem


def encode(value: object) -> bytes:
    """Return the canonical bytes, or raise `NotCanonical` for a float, a huge integer or a key outside ASCII."""
    _refuse_ambiguity(value)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:  # a lone surrogate, or a type that JSON does not have
        raise NotCanonical("", str(error)) from error


def decode(data: bytes) -> object:
    """
    Return the value of canonical bytes.

    Bytes that only mean the same (other spacing, a key twice) are refused: two readers could differ about them.
    """
    try:
        value: object = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise NotCanonical("", f"not JSON: {error}") from error
    if encode(value) != data:
        raise NotCanonical("", "valid JSON, but not in canonical form (sorted keys, no spaces, no key twice)")
    return value


def ordered(answer: object) -> object:
    """
    Return a verdict document with its lists in the order of their members' canonical bytes.

    The policy answers with sets, and engines list a set in orders of their own. Lists inside a member keep theirs.
    """
    if not isinstance(answer, dict):
        return answer
    return {name: sorted(field, key=encode) if isinstance(field, list) else field for name, field in answer.items()}


def sha256(data: bytes) -> Sha256Hex:
    return Sha256Hex(hashlib.sha256(data).hexdigest())


def _refuse_ambiguity(root: object) -> None:
    pending: list[tuple[str, object]] = [("", root)]
    while pending:
        where, value = pending.pop()
        match value:
            case dict():
                for key, member in value.items():
                    if not (isinstance(key, str) and key.isascii()):
                        raise NotCanonical(where, "a key is not ASCII text")
                    pending.append((f"{where}/{key}", member))
            case list() | tuple():
                pending.extend((f"{where}/{index}", member) for index, member in enumerate(value))
            case float():
                raise NotCanonical(where, "a number with a fraction or an exponent")
            case int() if abs(value) > MAX_INTEGER:
                raise NotCanonical(where, "an integer beyond 2**53 - 1, which readers round differently")
            case _:
                pass
