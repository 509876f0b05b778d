"""What a scan says: the files it read, the files it did not, and what it found. It never says pass or fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

Sha256Hex = NewType("Sha256Hex", str)
Fingerprint = NewType("Fingerprint", str)

Json = Mapping[str, object]


class Status(StrEnum):
    """How far a scan came. Only `COMPLETE` says that everything given was read."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    SKIPPED = "skipped"


class Category(StrEnum):
    CODE = "code"
    SECRET = "secret"  # noqa: S105 - the name of a category, not a secret
    IAC = "iac"
    DEPENDENCY = "dependency"
    CONFIGURATION = "configuration"
    SUPPLY_CHAIN = "supply_chain"
    LICENCE = "licence"
    WORKFLOW = "workflow"


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Confidence(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Isolation(StrEnum):
    """Whether the scanner's process could reach a network while it ran."""

    NAMESPACE = "namespace"  # a network namespace of its own, with at most its own loopback
    NONE = "none"  # the platform did not allow one, or the adapter needs the network


class Means(StrEnum):
    """How a report came to be: by a tool that we ran, or as a file that somebody else's run left."""

    RUN = "run"
    IMPORT = "import"


class Cached(StrEnum):
    """Where results came from that were not made in this run. `LOCAL` caches belong to whoever runs the scan."""

    NO = "no"
    LOCAL = "local"
    SHARED = "shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Who silenced a finding in the source: a pseudonymous id, and the commit that wrote the line (git blame)."""

    author: str
    commit: str
    at_epoch: int

    def to_json(self) -> dict[str, object]:
        return {"author": self.author, "commit": self.commit, "at_epoch": self.at_epoch}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    One thing that one tool saw, in one place.

    `fingerprint` stays the same while the flagged text does: an edit elsewhere in the file does not change it. That of
    a secret is of its place and not of its text.
    No field ever holds a secret's text. `first_seen_epoch` is when the log first heard of the fingerprint, 0 for never;
    `new` says that the last release which was allowed there did not have it.
    """

    tool: str
    rule: str
    title: str
    category: Category
    severity: Severity
    severity_origin: str
    confidence: Confidence
    fingerprint: Fingerprint
    message: str
    cwe: tuple[str, ...] = ()
    path: str = ""
    line: int = 0
    end_line: int = 0
    resource: str = ""
    package: str = ""
    version: str = ""
    fixed_in: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    suppressed_inline: bool = False
    suppressed_by: Suppression | None = None
    first_seen_epoch: int = 0
    new: bool = True

    def to_json(self) -> dict[str, object]:
        return {
            "tool": self.tool,
            "rule": self.rule,
            "title": self.title,
            "category": self.category.value,
            "severity": self.severity.value,
            "severity_origin": self.severity_origin,
            "confidence": self.confidence.value,
            "cwe": list(self.cwe),
            "path": self.path,
            "line": self.line,
            "end_line": self.end_line,
            "resource": self.resource,
            "package": self.package,
            "version": self.version,
            "fixed_in": list(self.fixed_in),
            "aliases": list(self.aliases),
            "fingerprint": self.fingerprint,
            "suppressed_inline": self.suppressed_inline,
            "suppressed_by": None if self.suppressed_by is None else self.suppressed_by.to_json(),
            "first_seen_epoch": self.first_seen_epoch,
            "new": self.new,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Unread:
    """Something that a scanner was given and did not read: a path (or a pin, as `name==version`) and why."""

    path: str
    reason: str

    def to_json(self) -> dict[str, object]:
        return {"path": self.path, "reason": self.reason}


class AdvisorySource(StrEnum):
    SNAPSHOT = "snapshot"  # the partial one that ships with the product
    OSV_EXPORT = "osv-export"  # a whole ecosystem, from a file
    ONLINE = "online"  # whatever the service knew at that moment


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisoryFacts:
    """Which advisories a dependency scan was matched against. `as_of` is the newest change among them, in epoch s."""

    source: AdvisorySource
    as_of: int
    complete: bool
    records: int
    digest: Sha256Hex

    def to_json(self) -> dict[str, object]:
        return {
            "source": self.source.value,
            "as_of": self.as_of,
            "complete": self.complete,
            "records": self.records,
            "digest": f"sha256:{self.digest}",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """
    One tool's account of one tree: an element of the gate's input, and the predicate of a scan statement.

    `given` and `read` count files (for dependencies: pins). `present` counts what the whole tree holds of this tool's
    kind, whatever the scope says: a scan that was skipped is only right where there is nothing. Times are epoch
    seconds, UTC.
    """

    tool: str
    tool_version: str
    expected_version: str
    status: Status
    reason: str
    rules: int
    rules_digest: Sha256Hex
    given: int
    read: int
    present: int
    unread: tuple[Unread, ...]
    started_at: int
    finished_at: int
    tree_digest: Sha256Hex
    report_digest: Sha256Hex
    data: AdvisoryFacts | None
    findings: tuple[Finding, ...]
    isolation: Isolation
    means: Means = Means.RUN
    cached: Cached = Cached.NO

    def to_json(self) -> dict[str, object]:
        return {
            "tool": self.tool,
            "tool_version": self.tool_version,
            "expected_version": self.expected_version,
            "status": self.status.value,
            "reason": self.reason,
            "rules": self.rules,
            "rules_digest": f"sha256:{self.rules_digest}",
            "given": self.given,
            "read": self.read,
            "present": self.present,
            "unread": [unread.to_json() for unread in self.unread],
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "tree_digest": f"sha256:{self.tree_digest}",
            "report_digest": f"sha256:{self.report_digest}",
            "data": None if self.data is None else self.data.to_json(),
            "findings": [finding.to_json() for finding in self.findings],
            "means": self.means.value,
            "cached": self.cached.value,
        }
