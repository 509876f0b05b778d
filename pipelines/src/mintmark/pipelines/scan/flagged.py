"""The lines that a report flags, read from the scanner's own copy and from nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mintmark.pipelines.scan.interface import Workbench
from mintmark.pipelines.scan.structure import structure_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """
    `text` is the flagged lines, `above` the one before them, `structure` what stands there without any value.

    The first two may hold a secret, which no hash of them hides: only `structure` may go into evidence in any form.
    """

    text: str
    above: str
    structure: str

    def matches(self, pattern: re.Pattern[str]) -> bool:
        return any(pattern.search(line) for line in self.text.split("\n"))


Look = Callable[[str, int, int], Flagged]  # of a path, from a first to a last line; `ValueError` where there are none


def flagged_lines(bench: Workbench, path: str, first: int, last: int) -> Flagged:
    """Raise `ValueError` for a path that the scanner was not given, or lines that the file does not have."""
    require_given(bench, path)
    # Only what ends a line for a parser ends one here: `splitlines` would also count form feeds and their like.
    source = (bench.view / path).read_text(encoding="utf-8", errors="replace")
    return flagged_in(source, source.split("\n"), first, last)


def flagged_in(source: str, lines: Sequence[str], first: int, last: int) -> Flagged:
    """`lines` are those of `source`. Raise `ValueError` for lines that it does not have."""
    if not 1 <= first <= last <= len(lines):
        raise ValueError(f"lines {first} to {last} of a file that has {len(lines)}")
    return Flagged(
        text="\n".join(lines[first - 1 : last]),
        above=lines[first - 2] if first > 1 else "",
        structure=structure_of(source, first, last),
    )


def require_given(bench: Workbench, path: str) -> None:
    """A report that speaks of other files is not of this scan."""
    if path not in bench.given:
        raise ValueError(f"a finding in a file that was not given: {path[:200]!r}")
