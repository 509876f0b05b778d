"""Debian's order of versions (deb-version(7)): epoch, upstream version, revision."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

_VALID = re.compile(r"(?:(\d+):)?([0-9][A-Za-z0-9.+:~-]*)")


class NotADebianVersion(ValueError):
    """A text that dpkg would not order."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class DebianVersion:
    """A version as dpkg compares it: `~` sorts before the end, letters before other signs, numbers as numbers."""

    text: str

    def __post_init__(self) -> None:
        if _VALID.fullmatch(self.text) is None:
            raise NotADebianVersion(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DebianVersion) and _compare(self, other) == 0

    def __lt__(self, other: DebianVersion) -> bool:
        return _compare(self, other) < 0

    def __hash__(self) -> int:
        raise TypeError("equal versions are written in many ways")

    @property
    def parts(self) -> tuple[int, str, str]:
        epoch, rest = self.text.split(":", 1) if ":" in self.text else ("0", self.text)
        upstream, dash, revision = rest.rpartition("-")
        return int(epoch), upstream if dash else rest, revision if dash else "0"


def _compare(one: DebianVersion, other: DebianVersion) -> int:
    (epoch, upstream, revision), (other_epoch, other_upstream, other_revision) = one.parts, other.parts
    if epoch != other_epoch:
        return -1 if epoch < other_epoch else 1
    return _compare_text(upstream, other_upstream) or _compare_text(revision, other_revision)


def _compare_text(one: str, other: str) -> int:
    """Runs of other signs and runs of digits by turns; the first difference decides."""
    ours, theirs = re.findall(r"(\D*)(\d*)", one), re.findall(r"(\D*)(\d*)", other)
    for number in range(max(len(ours), len(theirs))):
        signs, digits = ours[number] if number < len(ours) else ("", "")
        other_signs, other_digits = theirs[number] if number < len(theirs) else ("", "")
        left, right = _order(signs), _order(other_signs)
        if left != right:
            return -1 if left < right else 1
        if int(digits or 0) != int(other_digits or 0):
            return -1 if int(digits or 0) < int(other_digits or 0) else 1
    return 0


def _order(signs: str) -> list[int]:
    """`~` is before the end of the text, which is before letters, which are before all else."""
    return [*(-1 if sign == "~" else ord(sign) + (0 if sign.isalpha() else 256) for sign in signs), 0]
