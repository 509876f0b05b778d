"""Makes the report that goes on, of what a reader understood: bounded, redacted, and complete only where it says so."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from mintmark.pipelines.scan.imports.interface import Background
from mintmark.pipelines.scan.imports.reading import TooLarge
from mintmark.pipelines.scan.model import Finding, Isolation, Means, ScanReport, Sha256Hex, Status, Unread
from mintmark.pipelines.scan.redaction import redact_report

MAX_FINDINGS = 10_000
_MAX_TEXT = 10_000
_NOTHING = Sha256Hex(hashlib.sha256(b"").hexdigest())
_CWE = re.compile(r"CWE-\d{1,6}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """
    What one run of one tool says of itself, in a file.

    `rules` are ids, none where the report does not list them. `doubts` say why it does not count as complete. Times
    are epoch seconds, 0 where it says none.
    """

    tool: str
    version: str = ""
    rules: Sequence[str] = ()
    given: int = 0
    read: int = 0
    unread: Sequence[Unread] = ()
    doubts: Sequence[str] = ()
    started_at: int = 0
    finished_at: int = 0
    findings: Sequence[Finding] = ()


def make(understood: Understood, background: Background) -> ScanReport:
    """
    Return the report, `import` by its means.

    Where the tree is not at hand its digest is that of nothing, which no gate takes for the tree under test. The
    report's digest is of what was understood and redacted: read again, the same file gives the same.
    """
    doubts = list(dict.fromkeys(understood.doubts))
    report = ScanReport(
        tool=understood.tool,
        tool_version=understood.version or "unknown",
        expected_version="",
        status=Status.INCOMPLETE if doubts or understood.unread else Status.COMPLETE,
        reason="; ".join(doubts) or ("it left something unread" if understood.unread else ""),
        rules=len(set(understood.rules)),
        rules_digest=_digest(sorted(set(understood.rules))) if understood.rules else _NOTHING,
        given=understood.given,
        read=understood.read,
        present=understood.given,
        unread=tuple(sorted(set(understood.unread))),
        started_at=min(understood.started_at or understood.finished_at, understood.finished_at),
        finished_at=understood.finished_at,
        tree_digest=background.tree.digest if background.tree else _NOTHING,
        report_digest=_NOTHING,
        data=None,
        findings=tuple(map(_bounded, at_most(understood.findings))),
        isolation=Isolation.NONE,
        means=Means.IMPORT,
    )
    redacted = redact_report(report)
    redacted = replace(redacted, findings=tuple(map(_bounded, redacted.findings)))  # what is redacted may be longer
    document = redacted.to_json()
    json.dumps(document, ensure_ascii=False).encode("utf-8")  # halves of characters could not be written later
    return replace(redacted, report_digest=_digest(document))


def at_most(findings: Iterable[Finding]) -> list[Finding]:
    """Refuse more than there may be, without making them all."""
    kept = list(islice(findings, MAX_FINDINGS + 1))
    if len(kept) > MAX_FINDINGS:
        raise TooLarge(f"over {MAX_FINDINGS} findings")
    return kept


def tool_name(text: str) -> str:
    """A tool's name as evidence has it: `Semgrep OSS` is `semgrep-oss`."""
    name = re.sub(r"[^a-z0-9._-]+", "-", text.strip().lower()).strip("-._")[:64]
    if not name:
        raise ValueError(f"{text[:80]!r} is not the name of a tool")
    return name


def cwes(texts: Iterable[str]) -> tuple[str, ...]:
    """The weaknesses (https://cwe.mitre.org) that are named in these texts."""
    return tuple(sorted({found.upper() for text in texts for found in _CWE.findall(text)}))


def _digest(value: object) -> Sha256Hex:
    return Sha256Hex(hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest())


def _bounded(finding: Finding) -> Finding:
    """No longer than the schema of a scan allows, and far longer than what is kept of a text when it is redacted."""
    return replace(
        finding,
        title=finding.title[:_MAX_TEXT],
        message=finding.message[:_MAX_TEXT],
        resource=finding.resource[:_MAX_TEXT],
        rule=finding.rule[:200] or "unnamed",
        package=finding.package[:200],
        version=finding.version[:200],
        cwe=finding.cwe[:100],
        aliases=tuple(alias[:200] for alias in finding.aliases[:1000] if alias),
        fixed_in=tuple(version[:200] for version in finding.fixed_in[:1000] if version),
    )
