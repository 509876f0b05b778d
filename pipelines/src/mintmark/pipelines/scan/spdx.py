"""SPDX licence expressions (SPDX 2.3, annex D): their one spelling, and which of them simply permit use."""

from __future__ import annotations

import re

MAX_EXPRESSION = 500

# May be used in a service that is run for others, whatever else it is made of.
PERMISSIVE = frozenset(
    {
        "MIT",
        "MIT-0",
        "Apache-2.0",
        "ISC",
        "PSF-2.0",
        "Python-2.0",
        "Python-2.0.1",
        "CNRI-Python",
        "MPL-2.0",
        "0BSD",
        "Unlicense",
        "Zlib",
        "HPND",
        "LicenseRef-BSD",  # metadata of old say "BSD" and not which; each of them permits this
    }
)
_BSD = re.compile(r"BSD-[1-4]-Clause(-[A-Za-z0-9-]+)?")
_GNU = re.compile(r"\b([AL]?GPL-\d\.\d)(\+?)(?![\w.+-])")


def canonical_expression(text: str) -> str | None:
    """
    The expression as SPDX spells it, or None for what is none.

    The GNU identifiers of old are spelled out (`AGPL-3.0` is `AGPL-3.0-only`), so that a list of licences need name
    each of them once.
    """
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    if not text or len(text) > MAX_EXPRESSION:
        return None
    try:
        expression = str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return None
    return _GNU.sub(lambda found: f"{found[1]}-{'or-later' if found[2] else 'only'}", expression)


def is_permissive(expression: str) -> bool:
    """
    Tell whether this canonical expression leaves a way to use the component under permissive licences alone.

    OR leaves the choice to us, AND does not; an exception (WITH) permits more than its licence does.
    """
    tokens = re.findall(r"[()]|[^\s()]+", expression)
    allowed, rest = _any(tokens)
    if rest:
        raise ValueError(f"not a canonical expression: {expression!r}")
    return allowed


def _any(tokens: list[str]) -> tuple[bool, list[str]]:
    allowed, rest = _all(tokens)
    while rest and rest[0] == "OR":
        other, rest = _all(rest[1:])
        allowed = allowed or other
    return allowed, rest


def _all(tokens: list[str]) -> tuple[bool, list[str]]:
    allowed, rest = _one(tokens)
    while rest and rest[0] == "AND":
        other, rest = _one(rest[1:])
        allowed = allowed and other
    return allowed, rest


def _one(tokens: list[str]) -> tuple[bool, list[str]]:
    if not tokens:
        raise ValueError("an expression that ends too early")
    head, *rest = tokens
    if head == "(":
        allowed, rest = _any(rest)
        if rest[:1] != [")"]:
            raise ValueError("a bracket that is not closed")
        return allowed, rest[1:]
    if rest[:1] == ["WITH"]:
        rest = rest[2:]
    return head in PERMISSIVE or _BSD.fullmatch(head) is not None, rest
