"""pip-audit over the pins of the lock, against advisories that were chosen and are named in the report."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from typing import Any

from mintmark.pipelines.scan import fingerprint, severity
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.interface import Failure, Observation, ScannerFailed, ScanScope, Workbench
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Severity, Sha256Hex, Unread
from mintmark.pipelines.scan.pins import Pin, export_pins
from mintmark.pipelines.scan.sandbox import parse_json

TIMEOUT_S = 180


class PipAuditScanner:
    name = "pip-audit"

    def files(self, tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:
        present = "uv.lock" in tree.files
        return ("uv.lock",) if scope.lock_package and present else () if scope.lock_package else None

    def scan(self, bench: Workbench) -> Observation:
        """What is given and read are pins. A pin that pip-audit skipped, or says nothing of, was not read."""
        pins = export_pins(bench.tree.root, bench.scope.lock_package)
        report, listed = bench.sandbox.scratch / "report.json", bench.sandbox.scratch / "pins.txt"
        listed.write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8")
        program = str(bench.sandbox.tool("pip-audit"))
        version = bench.sandbox.run([program, "--version"], cwd=bench.sandbox.scratch, timeout_s=60).stdout.decode()
        offline = bench.advisories.database is not None
        with bench.advisories.served() if offline else nullcontext("") as url:
            outcome = bench.sandbox.run(
                [
                    program,
                    "--requirement",
                    str(listed),
                    "--vulnerability-service",
                    "osv",
                    *(["--osv-url", url] if offline else []),
                    "--no-deps",
                    "--disable-pip",
                    "--progress-spinner=off",
                    "--format",
                    "json",
                    "--output",
                    str(report),
                ],
                cwd=bench.sandbox.scratch,
                timeout_s=TIMEOUT_S,
                network=True,  # loopback only, but a network namespace of its own would not reach our server
            )
        document = parse_json(self.name, bench.sandbox.read_report(report))
        try:
            audited = {str(item["name"]): item for item in document["dependencies"]}
            unread = tuple(_unread(pin, audited) for pin in pins if "vulns" not in audited.get(pin.name, {}))
            left = {item.path for item in unread}
            return Observation(
                tool_version=version.split()[-1],
                rules=max(bench.advisories.facts.records, 1 if not offline else 0),
                rules_digest=Sha256Hex(bench.advisories.facts.digest),
                given=tuple(str(pin) for pin in pins),
                read=frozenset(str(pin) for pin in pins if str(pin) not in left),
                unread=unread,
                findings=_findings(pins, audited, bench),
                isolation=outcome.isolation,
                raw=json.dumps(document, sort_keys=True).encode(),
                data=bench.advisories.facts,
            )
        except (KeyError, TypeError, AttributeError) as cause:
            raise ScannerFailed(self.name, Failure.REPORT_INVALID, f"not of pip-audit's schema: {cause!r}") from cause


def _unread(pin: Pin, audited: dict[str, Any]) -> Unread:
    reason = audited.get(pin.name, {}).get("skip_reason", "pip-audit says nothing of it")
    return Unread(path=str(pin), reason=fingerprint.collapse(str(reason))[:200])


def _findings(pins: list[Pin], audited: dict[str, Any], bench: Workbench) -> tuple[Finding, ...]:
    found: dict[str, Finding] = {}
    for pin in pins:
        for vulnerability in audited.get(pin.name, {}).get("vulns", []):
            finding = _finding(pin, vulnerability, bench)
            found.setdefault(finding.fingerprint, finding)
    return tuple(sorted(found.values(), key=lambda item: (item.package, item.rule)))


def _finding(pin: Pin, vulnerability: dict[str, Any], bench: Workbench) -> Finding:
    aliases = sorted({str(vulnerability["id"]), *map(str, vulnerability.get("aliases", []))})
    document = bench.advisories.document(str(vulnerability["id"])) or {}
    graded, origin = _worst(document, aliases, bench)
    shown = next((alias for alias in aliases if alias.startswith("CVE-")), aliases[0])
    summary = str(document.get("summary") or vulnerability.get("description") or "")
    return Finding(
        tool="pip-audit",
        rule=shown,
        title=fingerprint.collapse(summary)[:200] or shown,
        category=Category.DEPENDENCY,
        severity=graded,
        severity_origin=origin,
        confidence=Confidence.HIGH,
        fingerprint=fingerprint.dependency("pypi", pin.name, aliases),
        message=fingerprint.collapse(summary)[:300],
        cwe=tuple(re.findall(r"CWE-\d+", json.dumps(document.get("database_specific") or {}))),
        path="uv.lock",
        line=pin.line,
        end_line=pin.line,
        package=pin.name,
        version=pin.version,
        fixed_in=tuple(map(str, vulnerability.get("fix_versions", []))),
        aliases=tuple(aliases),
    )


def _worst(document: dict[str, Any], aliases: list[str], bench: Workbench) -> tuple[Severity, str]:
    """One record of the alias set may grade what another does not."""
    known = [document, *(found for alias in aliases if (found := bench.advisories.document(alias)))]
    graded = [severity.of_advisory(item) for item in known if item]
    told = [item for item in graded if item[1] != severity.TABLE]
    order = list(Severity)
    return min(told or graded or [(Severity.HIGH, severity.TABLE)], key=lambda item: order.index(item[0]))
