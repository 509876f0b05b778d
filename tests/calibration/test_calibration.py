"""The scanners find of the labelled cases what docs/calibration.md says, and no less than the floor below."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.calibration.classes import CLASSES
from tests.calibration.measure import CASES, ROOT, Measurement, labelled, measure
from tests.calibration.page import render
from tests.pipelines.scan.builders import clock, tree

from mintmark.pipelines.scan.advisories import open_advisories
from mintmark.pipelines.scan.bandit import BanditScanner
from mintmark.pipelines.scan.environments import install_tools
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import Status
from mintmark.pipelines.scan.rules import semgrep_rules
from mintmark.pipelines.scan.run import scan_release
from mintmark.pipelines.scan.semgrep import SemgrepScanner

PAGE = ROOT / "docs" / "calibration.md"


@pytest.fixture(scope="module")
def measurement(tmp_path_factory: pytest.TempPathFactory) -> Measurement:
    folder = tmp_path_factory.mktemp("calibration")
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(CASES.glob("*.py"))}
    reports = scan_release(
        tree(folder, files),
        ScanScope(code=["."]),
        install_tools(print),
        open_advisories("snapshot", cache=folder / "advisories"),
        folder / "reports",
        clock,
        scanners=[SemgrepScanner(), BanditScanner()],
    )
    assert {report.status for report in reports} == {Status.COMPLETE}
    return measure(reports)


def test_the_page_says_what_was_measured(measurement: Measurement) -> None:
    page = render(measurement)
    if os.environ.get("MINTMARK_WRITE_DOCS"):
        PAGE.write_text(page, encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == page


def test_every_class_has_cases_of_both_labels_and_every_file_a_class() -> None:
    cases = {kind.name: labelled(kind) for kind in CLASSES}

    assert {path.stem for path in CASES.glob("*.py")} == cases.keys()
    assert sum(map(len, cases.values())) >= 120
    assert [name for name, found in cases.items() if sum(case.vulnerable for case in found) < 5] == []
    assert [name for name, found in cases.items() if sum(not case.vulnerable for case in found) < 5] == []
    assert [name for name, found in cases.items() if len({case.name for case in found}) != len(found)] == []


def test_a_label_without_a_function_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asserts.py").write_text("# vulnerable: nothing follows\n\n\ndef read():\n    pass\n", encoding="utf-8")
    monkeypatch.setattr("tests.calibration.measure.CASES", tmp_path)

    with pytest.raises(ValueError, match="above no function"):
        labelled(CLASSES[-1])


def test_every_rule_that_a_class_counts_is_one_of_ours() -> None:
    counted = {rule for kind in CLASSES for rule in kind.semgrep}

    assert counted - {str(rule["id"]) for rule in semgrep_rules()} == set()


def test_both_together_find_more_than_either_alone(measurement: Measurement) -> None:
    either = measurement.count(measurement.by_any)

    assert either.found > measurement.count(measurement.by("semgrep")).found
    assert either.found > measurement.count(measurement.by("bandit")).found


def test_the_set_is_hard_enough_to_show_where_both_end(measurement: Measurement) -> None:
    """A set on which everything is found, and nothing is said without cause, would measure itself."""
    either = measurement.count(measurement.by_any)

    assert either.missed >= 15
    assert either.alarms >= 5


def test_our_rules_have_not_become_worse(measurement: Measurement) -> None:
    count = measurement.count(measurement.by("semgrep"))

    assert count.recall >= 0.6
    assert (count.precision or 0) >= 0.9
