"""semgrep with our own rules, merged into one file; nothing in the tree can ignore or configure it."""

from __future__ import annotations

import hashlib
import json
import re
from functools import partial
from typing import Any

from mintmark.pipelines.scan import fingerprint, severity
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.flagged import Flagged, Look, flagged_lines
from mintmark.pipelines.scan.interface import Failure, Observation, ScannerFailed, ScanScope, Workbench
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Fingerprint, Sha256Hex, Unread
from mintmark.pipelines.scan.rules import semgrep_configuration, semgrep_rules
from mintmark.pipelines.scan.sandbox import parse_json
from mintmark.pipelines.scan.scope import python_files

TIMEOUT_S = 180
_NOSEM = re.compile(r"\bnosem(grep)?\b", re.IGNORECASE)
_NOSEM_ABOVE = re.compile(r"^\s*#.*\bnosem(grep)?\b", re.IGNORECASE)  # it counts for the next line when it stands alone


class SemgrepScanner:
    name = "semgrep"

    def files(self, tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:
        return python_files(tree, scope)

    def scan(self, bench: Workbench) -> Observation:
        """Findings that carry `# nosem` are found all the same, and marked."""
        rules = semgrep_rules()
        content = semgrep_configuration(rules)
        config, report = bench.sandbox.scratch / "rules.json", bench.sandbox.scratch / "report.json"
        config.write_bytes(content)
        outcome = bench.sandbox.run(
            [
                str(bench.sandbox.tool("semgrep")),
                "scan",
                f"--config={config}",
                "--metrics=off",
                "--no-git-ignore",
                "--x-ignore-semgrepignore-files",
                "--disable-nosem",
                "--max-target-bytes=0",
                "--timeout=60",
                "--jobs=1",
                "--quiet",
                "--json",
                f"--json-output={report}",
                ".",
            ],
            cwd=bench.view,
            timeout_s=TIMEOUT_S,
            environment={"SEMGREP_ENABLE_VERSION_CHECK": "0", "SEMGREP_SEND_METRICS": "off"},
        )
        document = parse_json(self.name, bench.sandbox.read_report(report))
        try:
            return Observation(
                tool_version=str(document["version"]),
                rules=len(rules),
                rules_digest=Sha256Hex(hashlib.sha256(content).hexdigest()),
                given=bench.given,
                read=frozenset(_path(path) for path in document["paths"]["scanned"]),
                unread=_unread(document),
                findings=findings(document["results"], partial(flagged_lines, bench)),
                isolation=outcome.isolation,
                raw=_redacted(document),
            )
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as cause:
            raise ScannerFailed(self.name, Failure.REPORT_INVALID, f"not of semgrep's schema: {cause!r}") from cause


def _unread(document: dict[str, Any]) -> tuple[Unread, ...]:
    """Whatever semgrep complains of about a file means that it was not read as a whole."""
    return tuple(
        Unread(path=_path(str(error.get("path") or "")) or "semgrep's rules", reason=reason(error))
        for error in document["errors"]
    )


def reason(error: dict[str, Any]) -> str:
    """Of the kind and the place alone: semgrep's message quotes the source, which may hold a secret."""
    kind = error["type"][0] if isinstance(error["type"], list) else error["type"]
    lines = ", ".join(f"{span['start']['line']}-{span['end']['line']}" for span in error.get("spans") or [])
    return f"{kind}, lines {lines}" if lines else str(kind)


def findings(results: list[dict[str, Any]], look: Look) -> tuple[Finding, ...]:
    """Read the results of a semgrep report by rules with metadata as ours have. `look` sees the flagged lines."""
    occurrences = fingerprint.Occurrences()
    ordered = sorted(results, key=lambda item: (item["path"], item["start"]["offset"], item["check_id"]))
    return tuple(_finding(result, look, occurrences) for result in ordered)


def _finding(result: dict[str, Any], look: Look, occurrences: fingerprint.Occurrences) -> Finding:
    extra, path = result["extra"], _path(result["path"])
    metadata, rule = extra["metadata"], str(result["check_id"]).rpartition(".")[2]
    first, last = int(result["start"]["line"]), int(result["end"]["line"])
    flagged = look(path, first, last)
    category = Category(metadata["category"])
    mark = _mark(rule, path, flagged, occurrences, hidden=category is Category.SECRET)
    return Finding(
        tool="semgrep",
        rule=rule,
        title=str(metadata["title"]),
        category=category,
        severity=severity.of_word(str(metadata["severity"])),
        severity_origin=severity.TABLE,
        confidence=Confidence(str(metadata["confidence"]).lower()),
        fingerprint=mark,
        message=fingerprint.collapse(str(metadata["title"] if category is Category.SECRET else extra["message"])),
        cwe=tuple(metadata["cwe"]),
        path=path,
        line=first,
        end_line=last,
        suppressed_inline=_suppressed(flagged) or extra.get("is_ignored") is True,
    )


def _suppressed(flagged: Flagged) -> bool:
    return flagged.matches(_NOSEM) or _NOSEM_ABOVE.search(flagged.above) is not None


def _mark(rule: str, path: str, flagged: Flagged, occurrences: fingerprint.Occurrences, *, hidden: bool) -> Fingerprint:
    if hidden:
        number = occurrences.next(rule, path, flagged.structure)
        return fingerprint.secret(rule, path, flagged.structure, number)
    number = occurrences.next(rule, path, fingerprint.collapse(flagged.text))
    return fingerprint.code("semgrep", rule, path, flagged.text, number)


def _path(path: str) -> str:
    return path.removeprefix("./")


_KEPT_METADATA = ("title", "category", "severity", "confidence", "cwe")


def _redacted(document: dict[str, Any]) -> bytes:
    """What is on the list, and no source text: what was flagged may be a secret, and evidence is for ever."""
    kept = {
        "version": document["version"],
        "results": [_kept_result(result) for result in document["results"]],
        "errors": [{"path": error.get("path"), "reason": reason(error)} for error in document["errors"]],
        "paths": {"scanned": document["paths"]["scanned"]},
    }
    return json.dumps(kept, sort_keys=True).encode()


def _kept_result(result: dict[str, Any]) -> dict[str, Any]:
    extra = result["extra"]
    metadata = {key: extra["metadata"].get(key) for key in _KEPT_METADATA}
    hidden = metadata["category"] == Category.SECRET  # a message may quote what it matched
    return {
        "check_id": result["check_id"],
        "path": result["path"],
        "start": {"line": result["start"]["line"]},
        "end": {"line": result["end"]["line"]},
        "extra": {"metadata": metadata, "message": metadata["title"] if hidden else extra["message"]},
    }
