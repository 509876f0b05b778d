"""The door for reports made elsewhere: what is known of one beside its bytes, what it gives, and how it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mintmark.pipelines.errors import IncompleteError
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.model import Means, ScanReport


class ReportRefused(IncompleteError):
    """
    A report cannot be used: not of its format, or larger than its limits.

    `reason` is `malformed` or `report_too_large`. Nothing of such a report is believed, its good parts neither.
    """

    def __init__(self, name: str, *, reason: str, detail: str) -> None:
        super().__init__(
            f"{name}: {detail}",
            reason=reason,
            remedy="make it again with its tool; the format is named before the `=`, and --root says where its absolute"
            " paths begin"
            if reason == "malformed"
            else "split it, or have the tool report less",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """
    What is known of a report beside its bytes.

    `tree` is the source that it speaks of, where that is at hand; `root` is the folder that absolute paths in it begin
    with; `commit` is the commit that it must be of, or empty.
    """

    tree: Tree | None = None
    root: str = ""
    commit: str = ""


class Result(StrEnum):
    """Of the in-toto predicate https://in-toto.io/attestation/test-result/v0.1."""

    PASSED = "PASSED"
    WARNED = "WARNED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteResult:
    """What one suite gave. `finished_at` is in epoch seconds, 0 where it is not told; `commit` may be empty."""

    suite: str
    result: Result
    passed: int
    failed: int
    skipped: int
    finished_at: int
    commit: str
    means: Means = Means.IMPORT

    @property
    def ran(self) -> bool:
        return self.passed + self.failed > 0

    def to_json(self) -> dict[str, object]:
        return {
            "suite": self.suite,
            "result": self.result.value,
            "passed": self.passed,
            "failed": self.failed,
            "skipped": self.skipped,
            "finished_at": self.finished_at,
            "commit": self.commit,
            "means": self.means.value,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What one file gave: a report for each tool's run in it, and a result for each test suite."""

    reports: tuple[ScanReport, ...] = ()
    tests: tuple[SuiteResult, ...] = ()


class Reader(Protocol):
    """Reads one format."""

    def __call__(self, raw: bytes, background: Background) -> Imported:
        """Return what the bytes say, or raise `ValueError` or a `LookupError` where they are not of the format."""
        ...
