"""Names that look like a popular package's and are not: what a slip of the finger, or of the eye, would install."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

SHORTEST = 5  # below that, one letter more or less makes another honest word
_LOOKALIKES = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PopularNames:
    """
    Canonical names (PEP 503). `popular` are worth imitating; `known` look like one of them and are well known too.

    `text` is the file that they come from, for the digest of the rules.
    """

    popular: frozenset[str]
    known: frozenset[str]
    text: bytes

    def imitated_by(self, name: str) -> str:
        """Return the popular package that this canonical name could be taken for, or an empty string."""
        if name in self.popular or name in self.known:
            return ""
        return min((popular for popular in self.popular if look_alike(name, popular)), default="")


@cache
def popular_names() -> PopularNames:
    """Read the list that ships with us; its head says where it comes from."""
    text = (files("mintmark.pipelines.scan") / "data" / "popular-pypi.txt").read_bytes()
    sections: dict[str, set[str]] = {"[popular]": set(), "[known]": set()}
    section: set[str] = set()
    for line in text.decode("ascii").splitlines():
        if line in sections:
            section = sections[line]
        elif line and not line.startswith("#"):
            section.add(line)
    return PopularNames(popular=frozenset(sections["[popular]"]), known=frozenset(sections["[known]"]), text=text)


def look_alike(one: str, other: str) -> bool:
    """Tell whether two canonical names differ by one edit, by two neighbours swapped, or only to the eye."""
    if one == other:
        return False
    if skeleton(one) == skeleton(other) or sorted(one.split("-")) == sorted(other.split("-")):
        return True
    return min(len(one), len(other)) >= SHORTEST and _one_edit(one, other)


@lru_cache(maxsize=100_000)
def skeleton(name: str) -> str:
    """The name as a hurried reader sees it: without separators, and look-alike letters made one."""
    plain = name.replace("-", "")
    for seen, meant in _LOOKALIKES:
        plain = plain.replace(seen, meant)
    return plain


def _one_edit(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 1:
        return False
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) == len(longer):
        differ = [at for at in range(len(one)) if one[at] != other[at]]
        swapped = len(differ) == 2 and one[differ[0] : differ[1] + 1] == other[differ[0] : differ[1] + 1][::-1]
        return len(differ) == 1 or (swapped and differ[1] == differ[0] + 1)
    return any(longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer)))
