"""A scan says how old its advisories are, and the gate refuses a release that was matched against old ones."""

from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.scan.builders import clock, lock, tree
from tests.pipelines.scan_infra.builders import advisory, osv_zip
from tests.policies import builders

from mintmark.pipelines.gate.decide import Decision, Gate
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.verdict import Answer
from mintmark.pipelines.gate.wasm import WasmEngine
from mintmark.pipelines.scan.advisories import open_advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import AdvisorySource, ScanReport
from mintmark.pipelines.scan.pip_audit import PipAuditScanner
from mintmark.pipelines.scan.run import scan_release


@pytest.fixture(scope="module")
def gate() -> Gate:
    pack = PolicyPack.load(builders.POLICIES)
    return Gate.open(pack, WasmEngine(pack))


def audited(folder: Path, environments: ToolEnvironments, changed: str) -> ScanReport:
    """With the real pip-audit, against an export whose newest advisory changed then."""
    document: dict[str, Any] = advisory("GHSA-1", "till", {"introduced": "0"}) | {"modified": changed}
    opened = open_advisories(str(osv_zip(folder / "all.zip", document)), cache=folder / "cache")
    reports = scan_release(
        tree(folder, lock("idna==3.10")),
        ScanScope(lock_package="shop"),
        environments,
        opened,
        folder / "reports",
        clock,
        scanners=(PipAuditScanner(),),
    )
    return next(report for report in reports if report.tool == "pip-audit")


def judged(gate: Gate, report: ScanReport) -> Decision:
    """The baseline, whose moment of decision is 2026-09-21, with what this scan says of its advisories."""
    baseline: dict[str, Any] = gate.pack.baseline
    number = next(at for at, scan in enumerate(baseline["scans"]) if scan["tool"] == "pip-audit")
    operation = {"op": "replace", "path": f"/scans/{number}/data", "value": report.to_json()["data"]}
    return gate.judge(builders.gate_input(gate.pack, [operation]))


def test_advisories_older_than_the_environment_allows_are_db_stale(
    tmp_path: Path, environments: ToolEnvironments, gate: Gate
) -> None:
    report = audited(tmp_path, environments, "2015-06-01T00:00:00Z")
    decision = judged(gate, report)

    assert report.data is not None
    assert (report.data.source, report.data.as_of) == (AdvisorySource.OSV_EXPORT, 1433116800)
    assert decision.answer is Answer.DENY
    assert [(item.id, item.facts["reason"]) for item in decision.violations] == [("advisories.source", "db_stale")]


def test_recent_advisories_are_allowed(tmp_path: Path, environments: ToolEnvironments, gate: Gate) -> None:
    decision = judged(gate, audited(tmp_path, environments, "2026-09-20T00:00:00Z"))

    assert decision.answer is Answer.ALLOW, decision.violations
