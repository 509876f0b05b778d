"""The real pip-audit over the pins of a lock: what is vulnerable is found, and what is clean is not."""

from pathlib import Path

import pytest
from tests.pipelines.scan.builders import clock, lock, tree
from tests.pipelines.scan_infra.builders import advisory, osv_zip

from mintmark.pipelines.scan.advisories import Advisories, open_advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import ScanReport, Severity, Status
from mintmark.pipelines.scan.pip_audit import PipAuditScanner
from mintmark.pipelines.scan.run import scan_release

CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def _audit(folder: Path, environments: ToolEnvironments, advisories: Advisories, *pins: str) -> ScanReport:
    reports = scan_release(
        tree(folder, lock(*pins)),
        ScanScope(lock_package="shop"),
        environments,
        advisories,
        folder / "reports",
        clock,
        scanners=(PipAuditScanner(),),
    )
    return next(report for report in reports if report.tool == "pip-audit")


def test_a_vulnerable_pin_is_found_in_an_export_and_the_clean_one_beside_it_is_not(
    tmp_path: Path, environments: ToolEnvironments
) -> None:
    document = advisory(
        "GHSA-1",
        "Jinja2",
        {"introduced": "0"},
        {"fixed": "3.1.4"},
        aliases=["CVE-2024-1"],
        severity=[{"type": "CVSS_V3", "score": CRITICAL}],
    )
    advisories = open_advisories(str(osv_zip(tmp_path / "all.zip", document)), cache=tmp_path)
    report = _audit(tmp_path, environments, advisories, "jinja2==3.1.2", "idna==3.10")
    (finding,) = report.findings

    assert (report.status, report.given, report.read) == (Status.COMPLETE, 2, 2), report.reason
    assert (finding.package, finding.version, finding.fixed_in) == ("jinja2", "3.1.2", ("3.1.4",))
    assert (finding.rule, finding.aliases) == ("CVE-2024-1", ("CVE-2024-1", "GHSA-1"))
    assert finding.severity is Severity.CRITICAL
    assert (tmp_path / "tree/uv.lock").read_text(encoding="utf-8").splitlines()[finding.line - 1] == 'name = "jinja2"'
    assert report.data == advisories.facts


def test_the_fixed_release_is_clean(tmp_path: Path, environments: ToolEnvironments) -> None:
    document = advisory("GHSA-1", "jinja2", {"introduced": "0"}, {"fixed": "3.1.4"})
    advisories = open_advisories(str(osv_zip(tmp_path / "all.zip", document)), cache=tmp_path)
    report = _audit(tmp_path, environments, advisories, "jinja2==3.1.4")

    assert (report.status, report.findings) == (Status.COMPLETE, ()), report.reason


def test_a_bump_that_does_not_fix_keeps_the_fingerprint(tmp_path: Path, environments: ToolEnvironments) -> None:
    document = advisory("GHSA-1", "jinja2", {"introduced": "0"}, {"fixed": "3.1.4"})
    advisories = open_advisories(str(osv_zip(tmp_path / "all.zip", document)), cache=tmp_path)
    old, new = (
        _audit(tmp_path / version, environments, advisories, f"jinja2=={version}").findings[0]
        for version in ("3.1.2", "3.1.3")
    )

    assert old.fingerprint == new.fingerprint


@pytest.mark.parametrize("content", ["", "version = 1\n", "not a lock"])
def test_a_lock_that_cannot_be_read_never_passes(tmp_path: Path, environments: ToolEnvironments, content: str) -> None:
    advisories = open_advisories("snapshot", cache=tmp_path)
    exported = tree(tmp_path, {**lock("idna==3.10"), "uv.lock": content})
    scope = ScanScope(lock_package="shop")
    reports = scan_release(
        exported, scope, environments, advisories, tmp_path / "reports", clock, scanners=(PipAuditScanner(),)
    )
    (report,) = [report for report in reports if report.tool == "pip-audit"]

    assert report.status is Status.FAILED
    assert report.findings == ()
