"""detect-secrets over all text that is shipped, with detectors of our choice; its pragmas are marked, never obeyed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from mintmark.pipelines.scan import fingerprint, severity
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.flagged import flagged_lines
from mintmark.pipelines.scan.interface import Failure, Observation, ScannerFailed, ScanScope, Workbench
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Sha256Hex, Unread
from mintmark.pipelines.scan.sandbox import parse_json
from mintmark.pipelines.scan.scope import below

TIMEOUT_S = 180
_DRIVER = Path(__file__).parent / "toolchain" / "detect_secrets_reading.py"
_GUESSES = {"Base64HighEntropyString": Confidence.LOW, "KeywordDetector": Confidence.MEDIUM}


class DetectSecretsScanner:
    name = "detect-secrets"

    def files(self, tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:
        prefixes = (*scope.code, *scope.iac, *scope.workflows)
        return below(tree, prefixes, lambda _: True) if prefixes else None

    def scan(self, bench: Workbench) -> Observation:
        """What is read is told by our driver: the tool's own report names a file only where it found something."""
        sandbox, report = bench.sandbox, bench.sandbox.scratch / "reading.json"
        outcome = sandbox.run(
            [
                str(sandbox.tool("detect-secrets").parent / "python"),
                *("-I", str(_DRIVER), str(report), str(bench.view)),
            ],
            cwd=sandbox.scratch,
            timeout_s=TIMEOUT_S,
        )
        document = parse_json(self.name, sandbox.read_report(report))
        try:
            rules = [str(name) for name in document["plugins"]]
            named = "\n".join([*rules, *map(str, document["filters"])])
            unread = tuple(Unread(path=str(item["path"]), reason=str(item["reason"])) for item in document["unread"])
            return Observation(
                tool_version=str(document["version"]),
                rules=len(rules),
                rules_digest=Sha256Hex(hashlib.sha256(named.encode()).hexdigest()),
                given=bench.given,
                read=frozenset(map(str, document["read"])),
                unread=unread,
                findings=_findings(document["found"], bench),
                isolation=outcome.isolation,
                raw=_kept(document),
            )
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as cause:
            raise ScannerFailed(self.name, Failure.REPORT_INVALID, f"not of our driver's schema: {cause!r}") from cause


def _findings(found: list[dict[str, Any]], bench: Workbench) -> tuple[Finding, ...]:
    occurrences = fingerprint.Occurrences()
    ordered = sorted(found, key=lambda item: (item["path"], item["line"], item["detector"]))
    return tuple(_finding(item, bench, occurrences) for item in ordered)


def _finding(item: dict[str, Any], bench: Workbench, occurrences: fingerprint.Occurrences) -> Finding:
    rule, path, line = str(item["detector"]), str(item["path"]), int(item["line"])
    kind, suppressed = str(item["kind"]), item["allowlisted"]
    if not isinstance(suppressed, bool):
        raise TypeError("allowlisted is yes or no")
    structure = flagged_lines(bench, path, line, line).structure
    # What is not Python may happen to read like it: in `PASSWORD=correct-horse` the secret would be two of its names.
    place = structure if path.endswith(".py") else str(item["name"])
    return Finding(
        tool="detect-secrets",
        rule=rule,
        title=kind,
        category=Category.SECRET,
        severity=severity.of_secret_detector(rule),
        severity_origin=severity.TABLE,
        confidence=_GUESSES.get(rule, Confidence.HIGH),
        fingerprint=fingerprint.secret(rule, path, place, occurrences.next(rule, path, place)),
        message=f"{kind} stands in the source",
        cwe=("CWE-798",),
        path=path,
        line=line,
        end_line=line,
        suppressed_inline=suppressed,
    )


def _kept(document: dict[str, Any]) -> bytes:
    """What is on the list; the driver tells neither secrets nor hashes of them, and what else it told is dropped."""
    found = [
        {key: item[key] for key in ("path", "line", "detector", "kind", "allowlisted")} for item in document["found"]
    ]
    unread = [{key: item[key] for key in ("path", "reason")} for item in document["unread"]]
    kept = {"version": document["version"], "read": document["read"], "unread": unread, "found": found}
    return json.dumps(kept, sort_keys=True).encode()
