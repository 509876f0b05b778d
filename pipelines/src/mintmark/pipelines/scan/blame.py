"""Who silenced a finding in the source, and with which commit: a fact for the gate, which decides what it is worth."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from mintmark.pipelines.scan.model import Finding, ScanReport, Suppression

UNKNOWN = Suppression(author="unknown", commit="", at_epoch=0)
TIMEOUT_S = 60
# The words by which each tool is silenced: those of another on the same line are not to blame.
_MARKS = {
    "bandit": r"nosec",
    "checkov": r"checkov:skip|checkov\.io/skip",
    "detect-secrets": r"pragma:\s*(allow|white)list",
    "hadolint": r"#\s*(hadolint|shellcheck)\b",
    "semgrep": r"nosem",
    "zizmor": r"zizmor:\s*ignore",
}
_ANY = "|".join(_MARKS.values())
_FAR = {"checkov", "hadolint", "zizmor"}  # these obey a comment elsewhere in the file as well


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    commit: str
    text: str


def name_suppressors(
    reports: Iterable[ScanReport], checkout: Path, commit: str, person_of: Callable[[str], str]
) -> list[ScanReport]:
    """
    The same reports, with every suppressed finding naming who wrote the comment, by git blame as of `commit`.

    `person_of` gives the pseudonymous id of a commit's e-mail, which itself goes nowhere. What git cannot tell (a
    shallow clone, a file that came by a link, a finding without a comment in its file) is `unknown`: whoever wrote the
    flagged code has not silenced it.
    """

    @cache
    def author(identity: str) -> Suppression:
        # %ae and not %aE: a .mailmap in the repository under test could name somebody else
        said = _git(checkout, "show", "-s", "--no-mailmap", "--format=%ae%x00%ct", "--end-of-options", identity)
        email, _, moment = said.strip().partition("\0")
        if not moment.isdigit():
            return UNKNOWN
        return Suppression(author=person_of(email), commit=identity, at_epoch=int(moment))

    def named(finding: Finding) -> Finding:
        if not finding.suppressed_inline or not finding.path or finding.line < 1:
            return finding
        who = max(
            (author(line.commit) for line in _marks(checkout, commit, finding)),
            key=lambda found: found.at_epoch,
            default=UNKNOWN,
        )
        return replace(finding, suppressed_by=who)

    return [replace(report, findings=tuple(map(named, report.findings))) for report in reports]


def _marks(checkout: Path, commit: str, finding: Finding) -> list[_Line]:
    """The comments that may have silenced it: those that name its rule, else those beside it, else all in the file."""
    mark = re.compile(_MARKS.get(finding.tool, _ANY), re.IGNORECASE)
    span = f"{max(finding.line - 1, 1)},{max(finding.end_line, finding.line)}"
    near = [line for line in _blamed(checkout, commit, finding.path, "-L", span) if mark.search(line.text)]
    whole = _blamed(checkout, commit, finding.path) if finding.tool in _FAR else near
    everywhere = [line for line in whole if mark.search(line.text)]
    return [line for line in everywhere if finding.rule.lower() in line.text.lower()] or near or everywhere


def _blamed(checkout: Path, commit: str, path: str, *span: str) -> list[_Line]:
    """Lines of a file, each with the commit that wrote it."""
    told = _git(checkout, *("-c", "blame.ignoreRevsFile=", "blame", "--line-porcelain", *span), *(commit, "--", path))
    lines: list[_Line] = []
    identity = ""
    for line in told.split("\n"):
        if line.startswith("\t"):
            lines.append(_Line(commit=identity, text=line[1:]))
        elif found := re.match(r"([0-9a-f]{40}) \d+ \d+", line):
            identity = found[1]
    return lines


def _git(checkout: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "--no-replace-objects", "--literal-pathspecs", "-C", str(checkout), *arguments],
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.decode("utf-8", errors="replace") if done.returncode == 0 else ""
