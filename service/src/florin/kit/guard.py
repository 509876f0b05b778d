"""No card number ever: what looks like one is refused before it is stored or logged."""

from __future__ import annotations

import re

_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_RUN = re.compile(r"(?<![0-9A-Za-z])[0-9](?:[ -]?[0-9])*(?![0-9A-Za-z])")
_SHORTEST, _LONGEST = 12, 19  # digits of a card number, ISO/IEC 7812-1


def looks_like_pan(text: str) -> bool:
    """
    Whether a run of 12 to 19 digits that stands by itself, single spaces and dashes aside, passes the Luhn check.

    UUIDs are none, though one in some thousand would pass. `platform.looks_like_pan` says the same in SQL.
    """
    runs = (re.sub("[ -]", "", run) for run in _RUN.findall(_UUID.sub(".", text)))
    return any(_SHORTEST <= len(digits) <= _LONGEST and _passes_luhn(digits) for digits in runs)


def _passes_luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
