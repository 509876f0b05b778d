"""RFC 8785 (JCS), restricted so that a fast serialiser gives the same bytes as the reference one. Pure."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import orjson

from mintmark.evidence.errors import FormatError

MAX_SAFE_INTEGER = 2**53 - 1
MAX_DEPTH = 64
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
MAX_TOKENS = 1_000_000  # Python spends 60 times the bytes of `{},{},…` on it: bytes alone do not bound memory


def canonical(document: Mapping[str, Any]) -> bytes:
    """
    Serialise: sorted ASCII keys, NFC text, integers within ±(2^53 - 1), no floats.

    With ASCII keys the order by code points is JCS's order by UTF-16 units, and without floats number formatting is
    plain, which is why orjson may do the work.
    """
    _check(document, depth=0)
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def parse_strict(content: bytes, *, what: str, limit: int = MAX_DOCUMENT_BYTES) -> dict[str, Any]:
    """
    Parse a JSON object in linear time and bounded memory.

    Refused: over `limit` bytes, nested deeper than `MAX_DEPTH`, over `MAX_TOKENS` strings, brackets and commas, a key
    that stands twice, and what cannot be stored or written again exactly: bad UTF-8, a lone surrogate, NUL, NaN and
    infinite numbers.
    """
    if len(content) > limit:
        raise FormatError(what, why=f"{len(content)} bytes, over {limit}")
    _check_shape(content, what)
    try:
        document = json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
        )
    except (UnicodeDecodeError, ValueError, RecursionError) as cause:
        raise FormatError(what, why=f"not strict JSON: {cause}") from cause
    if not isinstance(document, dict):
        raise FormatError(what, why="not a JSON object")
    if b"\\u" in content or b"\x00" in content:  # only an escape can smuggle these past the decoder
        _check_texts(document, what)
    return document


def _check_shape(content: bytes, what: str) -> None:
    """Bound depth and number of values without a parser that could be made to recurse or to allocate."""
    opened = content.count(b"[") + content.count(b"{")
    if opened <= MAX_DEPTH and opened + sum(map(content.count, _ENDS)) <= MAX_TOKENS:
        return  # even if none of them stood within a string
    depth = 0
    for tokens, token in enumerate(_STRING_OR_STRUCTURE.finditer(content), 1):
        match content[token.start()]:
            case 0x5B | 0x7B:  # [ {
                depth += 1
            case 0x5D | 0x7D:  # ] }
                depth -= 1
        if depth > MAX_DEPTH:
            raise FormatError(what, why=f"nested deeper than {MAX_DEPTH}")
        if tokens > MAX_TOKENS:
            raise FormatError(what, why=f"more than {MAX_TOKENS} strings, brackets and commas")


_ENDS = (b"]", b"}", b",", b'"')
# Possessive, with the closing quote optional: an unclosed string of escapes must not be tried again from each of them.
_STRING_OR_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:20]} is not a finite number")
    return number


def _check_texts(document: dict[str, Any], what: str) -> None:
    pending: list[Any] = [document]
    while pending:
        match pending.pop():
            case str() as text if _UNSTORABLE.search(text):
                raise FormatError(what, why="a NUL character or a lone surrogate")
            case list() as items:
                pending += items
            case dict() as members:
                pending += members.keys()
                pending += members.values()


_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def _check(value: Any, *, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise FormatError("canonical JSON", why=f"nested deeper than {MAX_DEPTH}")
    match value:
        case str():
            _check_text(value)
        case None | bool():
            return
        case int() if abs(value) <= MAX_SAFE_INTEGER:
            return
        case list() | tuple():
            for item in value:
                _check(item, depth=depth + 1)
        case dict() | Mapping():
            for key, item in value.items():
                if not isinstance(key, str) or not key.isascii():
                    raise FormatError("canonical JSON", why=f"key {key!r} is not ASCII")
                _check(item, depth=depth + 1)
        case _:
            raise FormatError("canonical JSON", why=f"{type(value).__name__} {value!r} cannot be written exactly")


def _check_text(text: str) -> None:
    if text.isascii():
        return
    if _SURROGATE.search(text):
        raise FormatError("canonical JSON", why="a lone surrogate")
    if not unicodedata.is_normalized("NFC", text):
        raise FormatError("canonical JSON", why="text that is not NFC")


_SURROGATE = re.compile(r"[\ud800-\udfff]")
