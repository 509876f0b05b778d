"""Every column of every table is attacked, on both backends, and what verification says is in docs/tamper-matrix.md."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.evidence.postgres import Server
from tests.evidence.tamper.attacks import live_tables
from tests.evidence.tamper.logs import Victim, attacked
from tests.evidence.tamper.matrix import Outcome, outcomes
from tests.evidence.tamper.page import harmless, page
from tests.evidence.tamper.whole import DEFENCES, Judged, judge, ruins

from mintmark.evidence.verify.report import Answer

PAGE = Path(__file__).parents[3] / "docs" / "tamper-matrix.md"
ALONE, KEPT, WITNESSED = DEFENCES


@pytest.fixture(scope="session")
def found(victims: dict[str, Victim]) -> dict[str, list[Outcome]]:
    return {name: outcomes(subject) for name, subject in victims.items()}


@pytest.fixture(scope="session")
def judged(
    victims: dict[str, Victim], postgres: Server, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Judged]]:
    folder = tmp_path_factory.mktemp("whole")
    new_stores = {
        "sqlite": lambda name: f"sqlite:///{folder / name}.sqlite3",
        "postgresql": lambda _: postgres.database(),
    }
    made = {}
    for name, subject in victims.items():
        (folder / name).mkdir()
        made[name] = [judge(subject, ruin) for ruin in ruins(subject, folder / name, new_stores[name])]
    return made


def test_both_backends_have_the_same_tables_and_columns(victims: dict[str, Victim]) -> None:
    schemas = []
    for subject in victims.values():
        with attacked(subject) as (connection, _):
            schemas.append({table.name: set(table.columns) for table in live_tables(connection)})

    assert schemas[0] == schemas[1]
    assert {"entry", "tile", "payload", "log_head", "mintmark_schema_version"} <= set(schemas[0])


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_every_attack_fails_verification_or_is_known_to_be_harmless(
    backend: str, found: dict[str, list[Outcome]]
) -> None:
    undetected = [outcome.case for outcome in found[backend] if not outcome.detected and harmless(outcome) is None]

    assert undetected == []


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_what_is_called_harmless_is_not_failed_on(backend: str, found: dict[str, list[Outcome]]) -> None:
    """And a checkpoint that is gone from the store is at least spoken of."""
    spared = [outcome for outcome in found[backend] if harmless(outcome) is not None]

    assert [outcome.case for outcome in spared if outcome.detected] == []
    for outcome in spared:
        warned = outcome.report is not None and any("not in the store" in text for text in outcome.report.warnings)
        assert warned == (outcome.case.table == "checkpoint"), outcome.case


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_the_first_bad_index_is_the_one_that_was_attacked(backend: str, found: dict[str, list[Outcome]]) -> None:
    wrong = [
        (outcome.case, outcome.report.first_bad_index)
        for outcome in found[backend]
        if outcome.report is not None
        and outcome.case.bad is not None
        and outcome.report.first_bad_index != outcome.case.bad
    ]

    assert wrong == []


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_who_has_key_and_archive_is_only_found_by_a_checkpoint_that_was_kept_elsewhere(
    backend: str, judged: dict[str, list[Judged]]
) -> None:
    """Not detectable without a witness: the log's own word is consistent."""
    by_title = {each.ruin.title: each.reports for each in judged[backend]}

    for title in ("store and archive are old copies", "all rows are made anew and signed, the archive too"):
        assert by_title[title][ALONE].answer is Answer.VERIFIED
        assert by_title[title][KEPT].answer is Answer.FAILED
        assert {item.level for item in by_title[title][KEPT].broken} == {"L2"}
    control = by_title["nothing (the control)"]
    assert {control[name].answer for name in (ALONE, KEPT, WITNESSED)} == {Answer.VERIFIED}


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_witness_finds_what_the_log_says_of_itself_consistently(
    backend: str, judged: dict[str, list[Judged]]
) -> None:
    by_title = {each.ruin.title: each for each in judged[backend]}
    forged = by_title["all rows are made anew and signed, the archive too"]
    restored = by_title["store and archive are old copies"]

    assert forged.reports[WITNESSED].answer is Answer.NOT_VERIFIABLE
    assert forged.openings == ("opens", "refused: `fork`")
    assert restored.openings == ("opens", "refused: `rollback`")
    assert by_title["nothing (the control)"].openings == ("opens", "opens")


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_without_the_archive_nobody_rewrites_the_log(backend: str, judged: dict[str, list[Judged]]) -> None:
    by_title = {each.ruin.title: each for each in judged[backend]}
    expected = {
        "the store is an old copy": "refused: `rollback`",
        "all rows are made anew, unsigned": "refused: `fork`",
        "all rows are made anew and signed": "refused: `fork`",
    }

    for title, opening in expected.items():
        assert by_title[title].reports[ALONE].answer is Answer.FAILED
        assert by_title[title].opening == opening


def test_the_page_says_what_happened(found: dict[str, list[Outcome]], judged: dict[str, list[Judged]]) -> None:
    """Write it again with MINTMARK_WRITE_DOCS=1."""
    wholes = [(name, each) for name, several in judged.items() for each in several]
    answers = [[(each.reports[ALONE].answer, each.openings) for each in several] for several in judged.values()]
    made = page(found["sqlite"], found["postgresql"], wholes)
    if os.environ.get("MINTMARK_WRITE_DOCS"):
        PAGE.write_text(made, encoding="utf-8")

    assert answers[0] == answers[1]
    assert PAGE.read_text(encoding="utf-8") == made
