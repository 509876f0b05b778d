"""No card number ever: what looks like one is refused before it is stored or logged."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"\d{12,19}")


def looks_like_pan(text: str) -> bool:
    """Whether 12 to 19 digits, spaces and dashes aside, pass the Luhn check (ISO/IEC 7812-1)."""
    digits = re.sub(r"[ -]", "", text)
    if not _DIGITS.fullmatch(digits):
        return False
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
