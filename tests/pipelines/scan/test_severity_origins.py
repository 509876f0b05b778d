"""Where a severity comes from is said with it; the vectors are the examples of the CVSS specification (FIRST)."""

from typing import Any

import pytest

from mintmark.pipelines.scan import severity
from mintmark.pipelines.scan.model import Severity


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        # https://www.first.org/cvss/v3.1/examples
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
        ("CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
        ("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9),
        ("CVSS:3.0/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 4.2),
        ("CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 6.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        # temporal metrics do not count
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H/E:P/RL:O", 7.5),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
    ],
)
def test_a_vector_has_the_score_that_its_publishers_give(vector: str, score: float) -> None:
    assert severity.cvss3_base(vector) == score


@pytest.mark.parametrize(
    "vector",
    [
        "",
        "CVSS:2.0/AV:N",
        "AV:N/AC:L/Au:N/C:P/I:P/A:P",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H",
        "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    ],
)
def test_what_is_no_whole_v3_vector_has_no_score(vector: str) -> None:
    assert severity.cvss3_base(vector) is None


@pytest.mark.parametrize(
    ("document", "expected", "origin"),
    [
        (
            {"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]},
            Severity.CRITICAL,
            "CVSS 9.8",
        ),
        ({"database_specific": {"severity": "MODERATE"}}, Severity.MEDIUM, "GHSA"),
        (
            {
                "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N"}],
                "database_specific": {"severity": "HIGH"},
            },
            Severity.HIGH,
            "GHSA",
        ),
        ({"severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N"}]}, Severity.HIGH, severity.TABLE),
        ({"database_specific": {"severity": "whatever"}}, Severity.HIGH, severity.TABLE),
        ({}, Severity.HIGH, severity.TABLE),
        ({"severity": None, "database_specific": None}, Severity.HIGH, severity.TABLE),
    ],
)
def test_an_advisory_is_as_severe_as_the_worst_that_is_said_of_it(
    document: dict[str, Any], expected: Severity, origin: str
) -> None:
    assert severity.of_advisory(document) == (expected, origin)
