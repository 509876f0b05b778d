"""RFC 8785 (JCS), restricted so that a fast serialiser gives the same bytes as the reference one. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import orjson

from mintmark.evidence.errors import FormatError

MAX_SAFE_INTEGER = 2**53 - 1
MAX_DEPTH = 64
MAX_DOCUMENT_BYTES = 32 * 1024 * 1024


def canonical(document: Mapping[str, Any]) -> bytes:
    """
    Serialise: sorted ASCII keys, NFC text, integers within ±(2^53 - 1), no floats.

    With ASCII keys the order by code points is JCS's order by UTF-16 units, and without floats number formatting is
    plain, which is why orjson may do the work.
    """
    _check(document, depth=0)
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def parse_strict(content: bytes, *, what: str, limit: int = MAX_DOCUMENT_BYTES) -> dict[str, Any]:
    """Parse a JSON object; refuse bad UTF-8, NUL, duplicate keys, depth over 64 and anything over `limit` bytes."""
    if len(content) > limit:
        raise FormatError(what, why=f"{len(content)} bytes, over {limit}")
    if _depth(content) > MAX_DEPTH:
        raise FormatError(what, why=f"nested deeper than {MAX_DEPTH}")
    try:
        document = json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (UnicodeDecodeError, ValueError, RecursionError) as cause:
        raise FormatError(what, why=f"not strict JSON: {cause}") from cause
    if not isinstance(document, dict):
        raise FormatError(what, why="not a JSON object")
    return document


def _depth(content: bytes) -> int:
    """How deep the brackets nest, without a parser that could be made to recurse."""
    deepest = depth = 0
    for byte in _STRING.sub(b"", content).translate(None, delete=_NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            break
    return deepest


_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    if any("\x00" in key for key in found) or any(isinstance(v, str) and "\x00" in v for v in found.values()):
        raise ValueError("a NUL character")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _check(value: Any, *, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise FormatError("canonical JSON", why=f"nested deeper than {MAX_DEPTH}")
    match value:
        case None | bool():
            return
        case int() if abs(value) <= MAX_SAFE_INTEGER:
            return
        case str():
            _check_text(value)
        case list() | tuple():
            for item in value:
                _check(item, depth=depth + 1)
        case Mapping():
            for key, item in value.items():
                if not isinstance(key, str) or not key.isascii():
                    raise FormatError("canonical JSON", why=f"key {key!r} is not ASCII")
                _check(item, depth=depth + 1)
        case _:
            raise FormatError("canonical JSON", why=f"{type(value).__name__} {value!r} cannot be written exactly")


def _check_text(text: str) -> None:
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise FormatError("canonical JSON", why="a lone surrogate")
    if not unicodedata.is_normalized("NFC", text):
        raise FormatError("canonical JSON", why="text that is not NFC")
