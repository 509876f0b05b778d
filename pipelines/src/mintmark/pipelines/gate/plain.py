"""Hostile text made harmless: facts come from source under test, and are shown in terminals and on web pages."""

from __future__ import annotations

import unicodedata

MAX_SHOWN = 300

# Cc control, Cf format (direction overrides, zero width), Cs surrogates, Co private use, Zl and Zp separators.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str, *, limit: int = MAX_SHOWN) -> str:
    """Return one line in which what cannot be seen is spelled out (`\\x1b`), and what is too long is cut."""
    shown = "".join(_spelled(character) for character in text[: limit + 1])
    return shown if len(text) <= limit else f"{shown[:limit]}…"


def _spelled(character: str) -> str:
    if unicodedata.category(character) not in UNSEEN:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def code_span(text: str) -> str:
    """
    Return text as a Markdown code span: no markup, HTML, link or mention comes alive in it.

    A backtick cannot be escaped inside a span (CommonMark 0.31, section 6.1), so it is replaced by an apostrophe.
    """
    return f"`{visible(text).replace('`', chr(39)).strip() or ' '}`"
