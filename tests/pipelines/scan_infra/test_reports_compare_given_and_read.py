"""The runner compares what a scanner says it read with what it was given, and no failure of one loses another."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.pipelines.scan.builders import clock, tree
from tests.pipelines.scan_infra.builders import ProbeScanner, advisory, osv_zip

from mintmark.pipelines.scan.advisories import Advisories, open_advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.export import CONFIGURATION_FILES, Tree
from mintmark.pipelines.scan.interface import Failure, ScannerFailed, ScanScope, Workbench
from mintmark.pipelines.scan.model import ScanReport, Status, Unread
from mintmark.pipelines.scan.run import scan_release

FILES: Mapping[str, str] = {"a.py": "x = 1\n", "b.py": "y = 2\n"}


def _advisories(folder: Path) -> Advisories:
    return open_advisories(str(osv_zip(folder / "all.zip", advisory("A-1", "shop"))), cache=folder)


def _scan(folder: Path, *scanners: ProbeScanner, files: Mapping[str, str] = FILES) -> dict[str, ScanReport]:
    environments = ToolEnvironments(root=folder / "tools", versions={"probe": "1.0", "other": "1.0"})
    reports = scan_release(
        tree(folder, files),
        ScanScope(),
        environments,
        _advisories(folder),
        folder / "reports",
        clock,
        scanners=scanners,
    )
    return {report.tool: report for report in reports}


def test_a_scanner_that_read_all_it_was_given_is_complete(tmp_path: Path) -> None:
    report = _scan(tmp_path, ProbeScanner())["probe"]
    kept = (tmp_path / "reports/probe.json").read_bytes()

    assert (report.status, report.reason) == (Status.COMPLETE, "")
    assert (report.given, report.read, report.unread) == (2, 2, ())
    assert report.report_digest == hashlib.sha256(kept).hexdigest()
    assert report.started_at == report.finished_at == int(clock().timestamp())


@pytest.mark.parametrize(
    ("scanner", "read", "unread"),
    [
        (ProbeScanner(silent=frozenset({"b.py"})), 1, [("b.py", "not mentioned in the report")]),
        (ProbeScanner(unread=(Unread(path="b.py", reason="syntax"),)), 1, [("b.py", "syntax")]),
        (ProbeScanner(unread=(Unread(path="elsewhere", reason="lost"),)), 2, [("elsewhere", "lost")]),
        (ProbeScanner(rules=0), 2, []),
    ],
    ids=["never mentioned", "complained of", "complained of and never given", "no rule"],
)
def test_a_scanner_that_did_not_read_all_is_incomplete(
    tmp_path: Path, scanner: ProbeScanner, read: int, unread: list[tuple[str, str]]
) -> None:
    report = _scan(tmp_path, scanner)["probe"]

    assert report.status is Status.INCOMPLETE
    assert report.reason
    assert (report.given, report.read) == (2, read)
    assert [(item.path, item.reason) for item in report.unread] == unread


def test_nothing_for_a_scanner_is_skipped_and_nothing_where_something_must_be_is_incomplete(tmp_path: Path) -> None:
    skipping, missing = ProbeScanner(choose=lambda _: None), ProbeScanner(name="other", choose=lambda _: ())
    reports = _scan(tmp_path, skipping, missing)

    assert reports["probe"].status is Status.SKIPPED
    assert reports["other"].status is Status.INCOMPLETE
    assert reports["other"].reason.startswith("nothing_given")


def _break(_: object) -> None:
    raise RuntimeError("a bug of the adapter")


def _break_choosing(_: Tree) -> tuple[str, ...]:
    raise RuntimeError("a bug of the adapter")


def _give_up(_: Workbench) -> None:
    raise ScannerFailed("probe", Failure.TIMEOUT, "not finished after 1 s")


@pytest.mark.parametrize(
    ("scanner", "failure"),
    [
        (ProbeScanner(then=_break), Failure.CRASHED),
        (ProbeScanner(choose=_break_choosing), Failure.CRASHED),
        (ProbeScanner(then=_give_up), Failure.TIMEOUT),
    ],
    ids=["while it scans", "while it chooses its files", "in its own words"],
)
def test_a_scanner_that_fails_says_so_and_loses_no_other(
    tmp_path: Path, scanner: ProbeScanner, failure: Failure
) -> None:
    reports = _scan(tmp_path, scanner, ProbeScanner(name="other"))

    assert reports["probe"].status is Status.FAILED
    assert reports["probe"].reason.startswith(f"{failure.value}: ")
    assert (reports["probe"].read, reports["probe"].findings) == (0, ())
    assert reports["other"].status is Status.COMPLETE


def test_a_scanner_sees_a_copy_of_exactly_the_files_that_it_is_given(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def look_and_write(bench: Workbench) -> None:
        seen.append(sorted(path.name for path in bench.view.rglob("*")))
        (bench.view / "a.py").write_text("changed\n", encoding="utf-8")

    reports = _scan(tmp_path, ProbeScanner(choose=lambda _: ("a.py",), then=look_and_write))

    assert seen == [["a.py"]]
    assert reports["probe"].status is Status.COMPLETE
    assert (tmp_path / "tree/a.py").read_text(encoding="utf-8") == "x = 1\n"


def test_our_own_look_at_the_tree_is_a_report_like_the_others(tmp_path: Path) -> None:
    report = _scan(tmp_path, ProbeScanner(), files={**FILES, ".bandit": "[bandit]\nskips: B101\n"})["mintmark"]

    assert report.status is Status.COMPLETE
    assert [finding.path for finding in report.findings] == [".bandit"]
    assert (report.given, report.read, report.rules) == (3, 3, len(CONFIGURATION_FILES))
