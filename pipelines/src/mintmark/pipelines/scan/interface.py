"""The door between the pipeline and its scanners: what one is given, what it answers, and how it fails."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mintmark.pipelines.scan.model import AdvisoryFacts, Finding, Isolation, ScanReport, Sha256Hex, Unread

if TYPE_CHECKING:
    from mintmark.pipelines.scan.advisories import Advisories
    from mintmark.pipelines.scan.export import Tree
    from mintmark.pipelines.scan.sandbox import Sandbox

__all__ = [
    "Failure",
    "Observation",
    "ScanError",
    "ScanReport",
    "ScanScope",
    "Scanner",
    "ScannerFailed",
    "Workbench",
]


class Failure(StrEnum):
    """Why a scanner's answer cannot be used at all."""

    TOOL_MISSING = "tool_missing"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    NO_REPORT = "no_report"
    REPORT_TOO_LARGE = "report_too_large"
    REPORT_INVALID = "report_invalid"
    WRONG_VERSION = "wrong_version"


class ScanError(Exception):
    """The root of what this part raises."""


class ScannerFailed(ScanError):
    """A scanner gave no usable answer. The runner turns this into a report with status `failed`."""

    def __init__(self, scanner: str, failure: Failure, detail: str) -> None:
        super().__init__(f"{scanner}: {failure.value}: {detail}")
        self.scanner, self.failure, self.detail = scanner, failure, detail


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanScope:
    """
    Where to look, as path prefixes in the tree, and which package's pins to audit.

    An empty `code`, `iac` or `workflows`, or an empty `lock_package`, says that there is none, and its scanners report
    `skipped`. A prefix that names no file is not the same: its scanners report `incomplete`. `internal_packages` are
    names that must never come from a public index; `trusted_indexes` are those that a lock may name.
    """

    code: Sequence[str] = ()
    iac: Sequence[str] = ()
    workflows: Sequence[str] = ()
    images: Sequence[str] = ()  # OCI layouts or archives, as paths
    lock_package: str = ""
    internal_packages: Sequence[str] = ()
    trusted_indexes: Sequence[str] = ("https://pypi.org/simple",)


EVERYTHING = ("code", "iac", "workflows")


def whole_tree(scope: ScanScope) -> ScanScope:
    """The same scope without its limits: what there would be to read."""
    return replace(scope, **dict.fromkeys(EVERYTHING, (".",)), lock_package=scope.lock_package or "*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """What one scanner works with: its own copy of the files that it must read, and a sandbox to run its tool in."""

    tree: "Tree"
    scope: ScanScope
    view: Path  # holds exactly `given`, at their paths in the tree
    given: tuple[str, ...]
    sandbox: "Sandbox"
    advisories: "Advisories"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """
    What a tool's own report says, before anybody compares it with what the tool was given.

    `raw` is the report to keep as evidence, already without source lines and secrets.
    """

    tool_version: str
    rules: int
    rules_digest: Sha256Hex
    given: tuple[str, ...]
    read: frozenset[str]
    unread: tuple[Unread, ...]
    findings: tuple[Finding, ...]
    isolation: Isolation
    raw: bytes
    data: AdvisoryFacts | None = None


class Scanner(Protocol):
    """Reads a source tree with one tool. It never decides: deciding is the gate's work."""

    @property
    def name(self) -> str: ...

    def files(self, tree: "Tree", scope: ScanScope) -> tuple[str, ...] | None:
        """Return the paths that this scanner must read, or None where the scope holds nothing for it."""
        ...

    def scan(self, bench: Workbench) -> Observation:
        """Run the tool over `bench.view` and return what its report says, or raise `ScannerFailed`."""
        ...
