"""One scale, and the worst reading where there is a doubt."""

import pytest

from mintmark.pipelines.scan.model import Severity
from mintmark.pipelines.scan.severity import (
    cvss3_base,
    of_advisory,
    of_checkov,
    of_hadolint,
    of_secret_detector,
    of_word,
)


@pytest.mark.parametrize(
    ("vector", "score"),
    [  # the base scores that NVD publishes for these
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),  # CVE-2021-44228
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", 7.5),  # CVE-2023-46136
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5),  # CVE-2014-0160
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),  # CVE-2024-22195
        ("CVSS:3.1/AV:A/AC:H/PR:H/UI:N/S:U/C:H/I:N/A:N", 4.2),  # CVE-2023-45803
        ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:N", 0.0),
    ],
)
def test_a_cvss_vector_is_scored_as_the_specification_says(vector: str, score: float) -> None:
    assert cvss3_base(vector) == score


@pytest.mark.parametrize(
    "vector", ["", "7.5", "CVSS:4.0/AV:N", "CVSS:3.1/AV:N", "CVSS:3.1/AV:?/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"]
)
def test_what_is_no_cvss3_vector_has_no_score(vector: str) -> None:
    assert cvss3_base(vector) is None


@pytest.mark.parametrize(
    ("document", "severity"),
    [
        ({}, Severity.HIGH),
        ({"severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N"}]}, Severity.HIGH),
        ({"severity": [{"score": "CVSS:3.1/AV:A/AC:H/PR:H/UI:N/S:U/C:H/I:N/A:N"}]}, Severity.MEDIUM),
        ({"database_specific": {"severity": "LOW"}}, Severity.LOW),
        ({"database_specific": {"severity": "who knows"}}, Severity.HIGH),
        (
            {
                "severity": [{"score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"}],
                "database_specific": {"severity": "LOW"},
            },
            Severity.CRITICAL,
        ),
    ],
)
def test_an_advisory_is_as_severe_as_the_worst_that_is_said_of_it(
    document: dict[str, object], severity: Severity
) -> None:
    assert of_advisory(document)[0] is severity


def test_an_unknown_word_and_an_unlisted_check_are_high() -> None:
    assert of_word("apocalyptic") is Severity.HIGH
    assert of_word("") is Severity.HIGH
    assert of_checkov("CKV_NOBODY_1") is Severity.HIGH


def test_known_words_and_listed_checks_keep_their_place() -> None:
    assert (of_word("LOW"), of_word("Warning")) == (Severity.LOW, Severity.MEDIUM)
    assert of_checkov("CKV_K8S_11") is Severity.LOW


@pytest.mark.parametrize(
    ("word", "severity"),
    [("Informational", Severity.INFO), ("Low", Severity.LOW), ("High", Severity.HIGH), ("Unknown", Severity.HIGH)],
)
def test_what_zizmor_cannot_grade_is_high(word: str, severity: Severity) -> None:
    assert of_word(word) is severity


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("error", Severity.HIGH),
        ("warning", Severity.MEDIUM),
        ("info", Severity.LOW),
        ("style", Severity.INFO),
        ("ignore", Severity.HIGH),
        ("", Severity.HIGH),
    ],
)
def test_a_level_of_hadolint_that_is_not_listed_is_high(level: str, severity: Severity) -> None:
    assert of_hadolint(level) is severity


def test_a_detector_that_guesses_is_less_severe_than_one_that_knows_a_form() -> None:
    assert of_secret_detector("KeywordDetector") is Severity.MEDIUM
    assert of_secret_detector("AWSKeyDetector") is Severity.HIGH
    assert of_secret_detector("NobodyKnowsDetector") is Severity.HIGH
