"""The last look at what scanners say, before it is hashed, judged, signed or written to a file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from mintmark.evidence.confidential import is_secret_under, redact
from mintmark.pipelines.scan.model import Finding, ScanReport, Unread

MAX_TEXT = 500
MAX_WHOLE_TEXT = 1_000_000
_HOME = re.compile(r"(?<![\w.~-])(?:(?:/home/|/Users/|[A-Za-z]:\\\\?Users\\\\?)[^/\\\s:\"']{1,64}|/root(?![\w.-]))")


def redact_text(text: str, *, limit: int = MAX_TEXT) -> str:
    """
    Free text without secrets, card numbers, logins in addresses and the names of people's home folders.

    It is cut only after that: half a secret is still one, and no detector knows it.
    """
    return _HOME.sub("~", redact_quoted(text))[:limit]


def redact_quoted(text: str) -> str:
    """
    Text without secrets, nor anything in quotes behind a name of one, as in `password 'x'`.

    That is wider than what evidence is refused for: here a mistake costs a word of a message.
    """
    return redact(_QUOTED.sub(r"\1[redacted:quoted-value]", text))


_QUOTED = re.compile(
    r"(?i)((?:pass|pwd|secret|token|key|cred|auth|login)[\w-]{0,40}[\"'\]]{0,2}\s?(?::=|[:=]{1,2}|,)?\s?[bfru]{0,2})"
    r"(?:\"[^\"]{1,400}\"|'[^']{1,400}')"
)


def redact_report(report: ScanReport) -> ScanReport:
    """Only listed fields are in a report; this is for those of them that hold a tool's or a repository's words."""
    return replace(
        report,
        tool_version=redact_text(report.tool_version, limit=100),
        reason=redact_text(report.reason),
        unread=tuple(Unread(path=redact_text(item.path), reason=redact_text(item.reason)) for item in report.unread),
        findings=redact_findings(report.findings),
    )


def redact_json(content: bytes) -> bytes:
    """A raw report with every text in it redacted."""
    return json.dumps(redact_document(json.loads(content), _whole_text), sort_keys=True).encode()


def redact_document(value: Any, text: Callable[[str], str] = redact) -> Any:
    """The same document, with `text` done to every name and text in it, and what stands under a secret's name gone."""
    match value:
        case str():
            return text(value)
        case list():
            return [redact_document(item, text) for item in value]
        case dict():
            return {text(name): _member(value, name, text) for name in value}
        case int() | float() if redact(str(value)) != str(value):
            return 0
        case _:
            return value


def _whole_text(text: str) -> str:
    return redact_text(text, limit=MAX_WHOLE_TEXT)


def _member(members: dict[str, Any], name: str, text: Callable[[str], str]) -> Any:
    value = members[name]
    described = str(members.get("name", "")) if name == "value" else name
    match value:
        case str():
            return _under(described, value, text)
        case list():
            return [
                _under(described, item, text) if isinstance(item, str) else redact_document(item, text)
                for item in value
            ]
        case int() if is_secret_under(described, str(value)):
            return 0
        case _:
            return redact_document(value, text)


def _under(name: str, value: str, text: Callable[[str], str]) -> str:
    return "[redacted:named-secret]" if is_secret_under(name, value) else text(value)


def redact_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings share most of their texts, and each is looked at once."""
    known = {"": ""}

    def once(text: str) -> str:
        if text not in known:
            known[text] = _whole_text(text)
        return known[text]

    return tuple(_finding(finding, once) for finding in findings)


def _finding(finding: Finding, once: Callable[[str], str]) -> Finding:
    def short(text: str) -> str:
        return once(text)[:MAX_TEXT]

    return replace(
        finding,
        rule=short(finding.rule),
        title=short(finding.title),
        message=short(finding.message),
        path=once(finding.path),
        resource=short(finding.resource),
        package=short(finding.package),
        version=short(finding.version),
        fixed_in=tuple(map(short, finding.fixed_in)),
        aliases=tuple(map(short, finding.aliases)),
        cwe=tuple(map(short, finding.cwe)),
    )
