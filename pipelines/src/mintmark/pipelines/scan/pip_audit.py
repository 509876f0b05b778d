"""pip-audit over the pins of the lock, against advisories that were chosen and are named in the report."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name

from mintmark.pipelines.scan import fingerprint, osv_client, severity
from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.interface import Failure, Observation, ScannerFailed, ScanScope, Workbench
from mintmark.pipelines.scan.model import AdvisorySource, Category, Confidence, Finding, Isolation, Unread
from mintmark.pipelines.scan.pins import Pin, export_pins, unlocked_requirements
from mintmark.pipelines.scan.sandbox import Outcome, parse_json

TIMEOUT_S = 180


class PipAuditScanner:
    name = "pip-audit"

    def files(self, tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:
        present = "uv.lock" in tree.files
        return ("uv.lock",) if scope.lock_package and present else () if scope.lock_package else None

    def scan(self, bench: Workbench) -> Observation:
        """What is given and read are pins. A pin that pip-audit skipped, or says nothing of, was not read."""
        sandbox = bench.sandbox
        pins = export_pins(bench.tree.root, bench.scope.lock_package)
        online = bench.advisories.facts.source is AdvisorySource.ONLINE
        if online:
            answered = osv_client.ask(bench.advisories, pins, scanner=self.name, folder=sandbox.scratch)
            bench = replace(bench, advisories=answered)
        program = str(sandbox.tool("pip-audit"))
        version = sandbox.run([program, "--version"], cwd=sandbox.scratch, timeout_s=60).stdout.decode().split()
        rounds = [_audit(bench, program, listed, number) for number, listed in enumerate(_rounds(pins))]
        audited = {key: item for _, document in rounds for key, item in _by_pin(self.name, document).items()}
        unread = tuple(_unread(pin, audited) for pin in pins if "vulns" not in audited.get(_key(pin), {}))
        left = {item.path for item in unread}
        facts = bench.advisories.facts
        try:
            return Observation(
                tool_version=version[-1] if version else "unknown",
                rules=facts.records,
                rules_digest=facts.digest,
                given=tuple(str(pin) for pin in pins),
                read=frozenset(str(pin) for pin in pins if str(pin) not in left),
                unread=(*unread, *_stale(bench)),
                findings=findings(pins, audited, bench.advisories),
                isolation=Isolation.NONE if online or not rounds else rounds[0][0].isolation,
                raw=_redacted([document for _, document in rounds]),
                data=facts,
            )
        except (KeyError, TypeError, AttributeError) as cause:
            raise ScannerFailed(self.name, Failure.REPORT_INVALID, f"not of pip-audit's schema: {cause!r}") from cause


def _rounds(pins: list[Pin]) -> list[list[Pin]]:
    """A lock may hold two versions of a package, for two platforms; pip-audit refuses to see a name twice."""
    rounds: list[list[Pin]] = []
    for pin in pins:
        free = next((listed for listed in rounds if pin.exact and all(item.name != pin.name for item in listed)), None)
        if free is not None:
            free.append(pin)
        elif pin.exact:
            rounds.append([pin])
    return rounds


def _audit(bench: Workbench, program: str, pins: list[Pin], number: int) -> tuple[Outcome, Any]:
    """pip-audit and its advisories share a network namespace of their own: online answers are here by now."""
    scratch, database = bench.sandbox.scratch, bench.advisories.database
    listed, report = scratch / f"pins-{number}.txt", scratch / f"report-{number}.json"
    listed.write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8")
    command = [
        program,
        *("--requirement", str(listed), "--no-deps", "--disable-pip"),
        *("--vulnerability-service", "osv", "--osv-url", "{url}"),
        *("--progress-spinner=off", "--format", "json", "--output", str(report)),
    ]
    outcome = bench.sandbox.run(
        [sys.executable, "-m", "mintmark.pipelines.scan.osv_service", str(database), *command],
        cwd=scratch,
        timeout_s=TIMEOUT_S,
        environment={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    return outcome, parse_json(bench.sandbox.scanner, bench.sandbox.read_report(report))


def _by_pin(scanner: str, document: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Name and version → what pip-audit says of it; a skipped one has no version."""
    try:
        return {
            (canonicalize_name(item["name"]), str(item.get("version", ""))): item for item in document["dependencies"]
        }
    except (KeyError, TypeError, AttributeError) as cause:
        raise ScannerFailed(scanner, Failure.REPORT_INVALID, f"not of pip-audit's schema: {cause!r}") from cause


def _key(pin: Pin) -> tuple[str, str]:
    return pin.name, pin.version


def _stale(bench: Workbench) -> tuple[Unread, ...]:
    """What the package asks for and its lock does not know cannot have been audited."""
    missing = unlocked_requirements(bench.tree.root, bench.scope.lock_package)
    return tuple(Unread(path=requirement, reason="uv.lock is older than this requirement") for requirement in missing)


def _unread(pin: Pin, audited: dict[tuple[str, str], dict[str, Any]]) -> Unread:
    if not pin.exact:
        return Unread(path=str(pin), reason="not a release of an index, so that no advisory can name it")
    skipped = audited.get((pin.name, ""), {}).get("skip_reason", "pip-audit says nothing of it")
    return Unread(path=str(pin), reason=fingerprint.collapse(str(skipped))[:200])


def findings(
    pins: list[Pin], audited: dict[tuple[str, str], dict[str, Any]], advisories: Advisories | None
) -> tuple[Finding, ...]:
    """What a pip-audit report says of these pins, graded by the advisories at hand; without any, each is high."""
    found: dict[str, Finding] = {}
    for pin in pins:
        for vulnerability in audited.get(_key(pin), {}).get("vulns", []):
            finding = _finding(pin, vulnerability, advisories)
            found.setdefault(finding.fingerprint, finding)
    return tuple(sorted(found.values(), key=lambda item: (item.package, item.rule)))


def _finding(pin: Pin, vulnerability: dict[str, Any], advisories: Advisories | None) -> Finding:
    told = [str(vulnerability["id"]), *map(str, vulnerability.get("aliases", []))]
    aliases = sorted(set(told) if advisories is None else advisories.same_as(told))
    known = {} if advisories is None else {name: advisories.document(name) for name in aliases}
    document = known.get(str(vulnerability["id"])) or {}
    graded, origin = severity.of_alias_set([document, *known.values()])
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


_KEPT = ("id", "aliases", "fix_versions")


def _redacted(rounds: list[dict[str, Any]]) -> bytes:
    """What is on the list; descriptions are the advisories' own, which the report names by id and digest."""
    kept = [
        {
            "name": item["name"],
            "version": item.get("version"),
            "skipped": "skip_reason" in item,
            "vulns": [{key: found.get(key) for key in _KEPT} for found in item.get("vulns", [])],
        }
        for document in rounds
        for item in document["dependencies"]
    ]
    return json.dumps(kept, sort_keys=True).encode()
