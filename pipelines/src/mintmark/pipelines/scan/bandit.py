"""bandit, with a configuration of ours and without heed of `# nosec`: suppressions are marked, never obeyed."""

from __future__ import annotations

import hashlib
import json
import re
from functools import partial
from pathlib import Path
from typing import Any

from mintmark.pipelines.scan import fingerprint, severity
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.flagged import Look, flagged_lines
from mintmark.pipelines.scan.interface import Failure, Observation, ScannerFailed, ScanScope, Workbench
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Sha256Hex, Unread
from mintmark.pipelines.scan.sandbox import Sandbox, parse_json
from mintmark.pipelines.scan.scope import python_files

TIMEOUT_S = 180
_SECRETS = frozenset({"B105", "B106", "B107"})  # hard-coded passwords
_NOSEC = re.compile(r"#\s*nosec", re.IGNORECASE)


class BanditScanner:
    name = "bandit"

    def files(self, tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:
        return python_files(tree, scope)

    def scan(self, bench: Workbench) -> Observation:
        sandbox = bench.sandbox
        report, settings = sandbox.scratch / "report.json", sandbox.scratch / "empty.ini"
        settings.write_text("[bandit]\n", encoding="utf-8")
        program = str(sandbox.tool("bandit"))
        version = _version(sandbox, program)
        outcome = sandbox.run(
            [
                program,
                *("-q", "-r", ".", "-f", "json", "-o", str(report), "--ini", str(settings), "--ignore-nosec"),
                *("-x", ""),  # of itself it passes over .tox, .eggs and their like
            ],
            cwd=bench.view,
            timeout_s=TIMEOUT_S,
        )
        document = parse_json(self.name, sandbox.read_report(report))
        tests = _tests(sandbox.environments.root / "bandit")
        try:
            unread = tuple(Unread(path=_path(item["filename"]), reason=item["reason"]) for item in document["errors"])
            seen = frozenset(_path(path) for path in document["metrics"] if path != "_totals")
            return Observation(
                tool_version=version,
                rules=len(tests),
                rules_digest=Sha256Hex(hashlib.sha256("\n".join(tests).encode()).hexdigest()),
                given=bench.given,
                read=seen - {item.path for item in unread},
                unread=unread,
                findings=findings(document["results"], partial(flagged_lines, bench)),
                isolation=outcome.isolation,
                raw=_redacted(document),
            )
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as cause:
            raise ScannerFailed(self.name, Failure.REPORT_INVALID, f"not of bandit's schema: {cause!r}") from cause


def _version(sandbox: Sandbox, program: str) -> str:
    said = sandbox.run([program, "--version"], cwd=sandbox.scratch, timeout_s=60).stdout.decode(errors="replace")
    match = re.match(r"bandit ([0-9][0-9A-Za-z.+-]*)\s", said)
    return match[1] if match else "unknown"


def _tests(environment: Path) -> list[str]:
    """The plugins that are installed, by their entry points: bandit has no flag that lists them for machines."""
    found = next(environment.glob("lib/python3.*/site-packages/bandit-*.dist-info/entry_points.txt"), None)
    if found is None:
        return []
    _, _, section = found.read_text(encoding="utf-8").partition("[bandit.plugins]")
    return sorted(line.partition("=")[0].strip() for line in section.split("[")[0].splitlines() if "=" in line)


def findings(results: list[dict[str, Any]], look: Look) -> tuple[Finding, ...]:
    """Read the results of a bandit report, of any version that has these fields. `look` sees the flagged lines."""
    occurrences = fingerprint.Occurrences()
    ordered = sorted(
        results, key=lambda item: (item["filename"], item["line_number"], item["col_offset"], item["test_id"])
    )
    return tuple(_finding(result, look, occurrences) for result in ordered)


def _finding(result: dict[str, Any], look: Look, occurrences: fingerprint.Occurrences) -> Finding:
    path, rule = _path(result["filename"]), str(result["test_id"])
    first, last = int(result["line_range"][0]), int(result["line_range"][-1])
    flagged, hidden = look(path, first, last), rule in _SECRETS
    number = occurrences.next(rule, path, flagged.structure if hidden else fingerprint.collapse(flagged.text))
    mark = (
        fingerprint.secret(rule, path, flagged.structure, number)
        if hidden
        else fingerprint.code("bandit", rule, path, flagged.text, number)
    )
    cwe = (result.get("issue_cwe") or {}).get("id")
    return Finding(
        tool="bandit",
        rule=rule,
        title=str(result["test_name"]),
        category=Category.SECRET if hidden else Category.CODE,
        severity=severity.of_word(result["issue_severity"]),
        severity_origin=severity.TABLE,
        confidence=Confidence(str(result["issue_confidence"]).lower()),
        fingerprint=mark,
        message="a password stands in the source" if hidden else fingerprint.collapse(str(result["issue_text"])),
        cwe=(f"CWE-{cwe}",) if cwe else (),
        path=path,
        line=int(result["line_number"]),
        end_line=last,
        suppressed_inline=flagged.matches(_NOSEC),
    )


def _path(path: str) -> str:
    return path.removeprefix("./")


_KEPT = ("filename", "test_id", "test_name", "line_number", "issue_severity", "issue_confidence")


def _redacted(document: dict[str, Any]) -> bytes:
    """What is on the list: no source lines, and not the text of what bandit takes for a password."""
    results = [
        {key: result.get(key) for key in _KEPT}
        | {"line_range": [result["line_range"][0], result["line_range"][-1]]}
        | {"cwe": (result.get("issue_cwe") or {}).get("id")}
        | {"issue_text": "" if result["test_id"] in _SECRETS else result["issue_text"]}
        for result in document["results"]
    ]
    errors = [{"filename": item["filename"], "reason": item["reason"]} for item in document["errors"]]
    read = sorted(path for path in document["metrics"] if path != "_totals")
    return json.dumps({"results": results, "errors": errors, "read": read}, sort_keys=True).encode()
