"""A test report says which suite ran, and how it ended: what is counted is what is there."""

from __future__ import annotations

import pytest
from tests.pipelines.imports.builders import VECTORS

from mintmark.pipelines.scan.imports import Background, ReportRefused, read_report
from mintmark.pipelines.scan.imports.interface import Result, SuiteResult
from mintmark.pipelines.scan.model import Means

COMMIT = "a" * 40


def results(text: str) -> tuple[SuiteResult, ...]:
    found = read_report("junit", text.encode(), Background(commit=COMMIT))
    assert found.reports == ()
    return found.tests


def suite(*cases: str, said: str = "", name: str = "unit") -> str:
    return f'<testsuite name="{name}" {said}>{"".join(cases)}</testsuite>'


def case(inside: str = "", said: str = "") -> str:
    return f'<testcase name="t" {said}>{inside}</testcase>'


def test_pytests_own_report_is_read() -> None:
    (found,) = read_report("junit", (VECTORS / "pytest-9.2.0.xml").read_bytes(), Background(commit=COMMIT)).tests

    assert found == SuiteResult(
        suite="unit",
        result=Result.FAILED,
        passed=1,
        failed=1,
        skipped=1,
        finished_at=1795531054,
        commit=COMMIT,
        means=Means.IMPORT,
    )


@pytest.mark.parametrize(
    ("cases", "said", "expected"),
    [
        ([case()], "", (Result.PASSED, 1, 0, 0)),
        ([case(), case("<skipped/>")], "", (Result.PASSED, 1, 0, 1)),
        ([case(), case("<failure/>")], "", (Result.FAILED, 1, 1, 0)),
        ([case(), case("<error/>")], "", (Result.FAILED, 1, 1, 0)),
        ([case(), case("<skipped/><error/>")], "", (Result.FAILED, 1, 1, 0)),
        ([case(), case("<flakyFailure/>")], "", (Result.WARNED, 2, 0, 0)),
        ([case(), case("<failure/><rerunFailure/>")], "", (Result.FAILED, 1, 1, 0)),
        ([case(), case("<system-out><![CDATA[ <failure/> ]]></system-out>")], "", (Result.PASSED, 2, 0, 0)),
        ([case(), case("<properties><property><failure/></property></properties>")], "", (Result.PASSED, 2, 0, 0)),
        ([case(), case("", 'status="notrun"')], "", (Result.PASSED, 1, 0, 1)),
        ([case()], 'tests="1" failures="0" errors="1"', (Result.FAILED, 1, 1, 0)),
        ([case()], 'tests="1" failures="2"', (Result.FAILED, 1, 2, 0)),
        ([case("<skipped/>")], 'tests="1"', (Result.FAILED, 0, 0, 1)),
        ([], 'tests="0"', (Result.FAILED, 0, 0, 0)),
    ],
)
def test_a_suite_passes_where_a_test_passed_and_none_failed(
    cases: list[str], said: str, expected: tuple[Result, int, int, int]
) -> None:
    (found,) = results(suite(*cases, said=said))

    assert (found.result, found.passed, found.failed, found.skipped) == expected
    assert found.ran == bool(expected[1] + expected[2])


def test_suites_inside_a_suite_are_part_of_it() -> None:
    inner = suite(case(), case("<failure/>"), name="inner")
    (found,) = results(suite(inner, case(), said='tests="3" failures="1"', name="outer"))

    assert (found.suite, found.passed, found.failed) == ("outer", 2, 1)


def test_each_top_level_suite_is_a_result() -> None:
    found = results(f"<testsuites>{suite(case())}{suite(case('<error/>'), name='slow')}</testsuites>")

    assert [(item.suite, item.result) for item in found] == [("unit", Result.PASSED), ("slow", Result.FAILED)]


@pytest.mark.parametrize(
    "text",
    [
        suite(case(), said='tests="2"'),
        suite(suite(case(), said='tests="2"'), said='tests="1"'),
        suite(case(), said='tests="many"'),
        suite(case(), said='failures="-1"'),
        "<testsuites/>",
        f"<testsuites>{case()}</testsuites>",
        "<checkstyle/>",
        f"<testsuites>{suite(case())}",
        "<x>" + suite(case()) + "</x>",
    ],
)
def test_a_report_that_was_cut_short_is_malformed(text: str) -> None:
    with pytest.raises(ReportRefused) as refused:
        results(text)

    assert refused.value.reason == "malformed"


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ('timestamp="2026-01-02T03:04:05Z"', 1767323045),
        ('timestamp="2026-01-02T03:04:05+01:00" time="60.5"', 1767323045 - 3600 + 60),
        ('timestamp="2026-01-02T03:04:05Z" time="1,000.5"', 1767323045 + 1000),
        ('timestamp="2026-01-02T03:04:05"', 1767323045 - 14 * 3600),  # the earliest that it can mean
        ('timestamp="2026-01-02T03:04:05Z" time="-1e99"', 1767323045),
        ('timestamp="yesterday"', 0),
        ("", 0),
    ],
)
def test_no_report_looks_younger_than_it_is(said: str, moment: int) -> None:
    (found,) = results(suite(case(), said=said))

    assert found.finished_at == moment


def test_a_secret_in_the_name_of_a_suite_is_not_kept() -> None:
    secret = "ghp_" + "0aB1" * 9
    (found,) = results(suite(case(), name=secret))

    assert secret not in found.suite
