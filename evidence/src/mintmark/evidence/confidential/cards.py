"""What a card number looks like: the ranges of the issuers, and the Luhn check (ISO/IEC 7812-1). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SHORTEST, _LONGEST = 12, 19
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_RUN = re.compile(rf"[0-9](?:[ -]?[0-9]){{{_SHORTEST - 1},}}")
# One table turns every digit into 0 and all else into x: what has no twelve in a row is passed over ten times as fast.
_SHAPE = bytes(0x30 if chr(code).isdigit() and code < 128 else 0x78 for code in range(256))
_TWELVE = b"0" * _SHORTEST
_LETTER = re.compile(r"[A-Za-z]")
_GROUPS = re.compile(
    r"(?<![0-9])(?=((?:[0-9]{12,19}|(?:[0-9]{4}[ -]){3}[0-9]{4}|[0-9]{4}[ -][0-9]{6}[ -][0-9]{5})(?![0-9])))"
)
# Issuer ranges with the lengths that they use. Without them one number in ten of those that pass by would be a card:
# of what counts bytes, moments (1…, 20…) and builds, none begins like this and has this length.
_ISSUED = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{17,18})"  # Visa
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|(?:30[0-5]|309|36|38|39)[0-9]{11,17}"  # Diners Club
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"  # JCB
    r"|(?:60|62|64[4-9]|65|81|82)[0-9]{13,17}"  # Discover, UnionPay, RuPay
    r"|220[0-4][0-9]{12,15}"  # Mir
    r"|(?:50|5[678]|6[0-9])[0-9]{10,17}"  # Maestro
    r"|9792[0-9]{12}"  # Troy
)


def card_numbers(text: str) -> Iterator[tuple[int, int]]:
    """
    The places of 12 to 19 digits that stand by themselves, single spaces and dashes aside, and could be a card.

    A UUID is none, though its groups may pass. Beside the run as a whole, each of its groups is looked at, and each
    four that a card would be printed in: a number before or after a card does not hide it.
    """
    if _TWELVE not in text.encode("utf-8", "replace").translate(_SHAPE, b" -"):
        return
    uuids: list[tuple[int, int]] | None = None
    for run in _RUN.finditer(text):
        for first, end in _candidates(text, *run.span()):
            digits = text[first:end].replace(" ", "").replace("-", "")
            if not _ISSUED.fullmatch(digits) or not passes_luhn(digits):
                continue
            if uuids is None:
                uuids = [found.span() for found in _UUID.finditer(text)]
            if not any(low < end and first < high for low, high in uuids):
                yield first, end


def _candidates(text: str, first: int, end: int) -> Iterator[tuple[int, int]]:
    """A group that touches a letter is part of a word, and the rest of the run is not."""
    if _LETTER.fullmatch(text[first - 1 : first]):
        first = min((at for mark in " -" if (at := text.find(mark, first, end)) >= 0), default=end) + 1
    if _LETTER.fullmatch(text[end : end + 1]):
        end = max(text.rfind(mark, first, end) for mark in " -")
    if end - first <= 2 * _LONGEST:
        yield first, end
    if end - first > _SHORTEST:
        for group in _GROUPS.finditer(text, max(first, 0), max(end, 0)):
            yield group.span(1)


def passes_luhn(digits: str) -> bool:
    doubled = sum(int("0246813579"[int(digit)]) for digit in digits[-2::-2])
    return (doubled + sum(map(int, digits[-1::-2]))) % 10 == 0
