"""What verification answers: three answers, three exit codes, and the place of each thing that does not hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Answer(StrEnum):
    VERIFIED = "verified"
    FAILED = "failed"
    NOT_VERIFIABLE = "not verifiable"


class Level(StrEnum):
    """What is checked; docs/verification.md says what each catches."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"
    L5 = "L5"


EXIT_CODES = {Answer.VERIFIED: 0, Answer.FAILED: 4, Answer.NOT_VERIFIABLE: 3}
MAX_SHOWN = 20
MAX_BROKEN = 10_000  # a log that is wrong everywhere is not listed everywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One thing that does not hold: `place` is a table and column, or a file; `index` an entry, where there is one."""

    level: str
    place: str
    index: int | None
    reason: str

    def to_json(self) -> dict[str, object]:
        return {"level": self.level, "place": self.place, "index": self.index, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """
    `broken` is in the order of the checks; its first element is the first thing that does not hold.

    `checked` says of each level that was checked what was counted; `missing` why something could not be verified.
    """

    answer: Answer
    origin: str
    size: int
    checkpoints: int
    checked: dict[str, str]
    broken: tuple[Broken, ...] = ()
    missing: tuple[Broken, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.answer]

    @property
    def first_bad_index(self) -> int | None:
        return min((item.index for item in self.broken if item.index is not None), default=None)

    def describe(self) -> str:
        head = (
            f"{self.answer.value.upper()}  {self.origin}  {self.size} entries, {self.checkpoints} archived checkpoints"
        )
        failed = {item.level for item in self.broken}
        unknown = {item.level for item in self.missing}
        lines = [
            f"  {'✗' if level in failed else '?' if level in unknown else '✓'} {level}  {text}"
            for level, text in sorted(self.checked.items())
        ]
        lines += [_line("✗", item) for item in self.broken[:MAX_SHOWN]]
        if len(self.broken) > MAX_SHOWN:
            lines.append(f"  and {len(self.broken) - MAX_SHOWN} more")
        lines += [_line("?", item) for item in self.missing[:MAX_SHOWN]]
        if self.first_bad_index is not None:
            lines.append(f"  first bad index {self.first_bad_index}")
        return "\n".join([head, *lines, *(printable(f"  ! {warning}") for warning in self.warnings)])

    def to_json(self) -> dict[str, object]:
        return {
            "answer": self.answer.value,
            "origin": self.origin,
            "size": self.size,
            "archived_checkpoints": self.checkpoints,
            "first_bad_index": self.first_bad_index,
            "checked": self.checked,
            "broken": [item.to_json() for item in self.broken],
            "missing": [item.to_json() for item in self.missing],
            "warnings": list(self.warnings),
        }


def _line(mark: str, item: Broken) -> str:
    place = item.place if item.index is None else f"{item.place}, entry {item.index}"
    return printable(f"  {mark} {item.level}  {place}: {item.reason}")


def printable(text: str) -> str:
    """Names of files and words of an export are its maker's: none may steer a terminal, start a line or break one."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


@dataclass(slots=True)
class Findings:
    """What the checks gather."""

    broken: list[Broken] = field(default_factory=list)
    missing: list[Broken] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def fail(self, level: str, place: str, reason: str, *, index: int | None = None) -> None:
        if len(self.broken) < MAX_BROKEN:
            self.broken.append(Broken(level=level, place=place, index=index, reason=reason))

    def lack(self, level: str, place: str, reason: str, *, index: int | None = None) -> None:
        if len(self.missing) < MAX_BROKEN:
            self.missing.append(Broken(level=level, place=place, index=index, reason=reason))

    def first_within(self, low: int, high: int) -> int:
        """The first bad index that is known in [low, high), or else `low`: hashes alone say no more than the range."""
        return min(
            (item.index for item in self.broken if item.index is not None and low <= item.index < high), default=low
        )

    def answer(self) -> Answer:
        if self.broken:
            return Answer.FAILED
        return Answer.NOT_VERIFIABLE if self.missing else Answer.VERIFIED

    def of(self, level: str) -> Sequence[Broken]:
        return [item for item in self.broken if item.level == level]
