"""An approval is one person's word on one artefact, by the key that signed it, and the last one counts."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from tests.pipelines.people.builders import HOUR, NOW, OTHER_WHEEL, REPOSITORY, WHEEL, Town, town

from mintmark.evidence.errors import IngestRefused
from mintmark.pipelines.errors import ExitCode, PipelineError
from mintmark.pipelines.people import words
from mintmark.pipelines.people.approvals import approval_facts
from mintmark.pipelines.people.change import Base
from mintmark.pipelines.proof import ProofFailed
from mintmark.pipelines.sign import statements

COMMIT = "c" * 40


def heard(place: Town) -> tuple[list[tuple[str, str]], list[str]]:
    """Who says what, and why the rest does not count."""
    facts, not_counted = approval_facts(
        place.listener, subject_sha256="ab" * 32, repository=REPOSITORY, base=Base(), as_of=NOW
    )
    return [(fact["person"], fact["verdict"]) for fact in facts], [failure.reason for failure in not_counted]


def test_an_approval_comes_back_as_the_gate_wants_it(place: Town) -> None:
    place.approve("ben", COMMIT, comment="Looks right.")

    (fact,), not_counted = approval_facts(
        place.listener, subject_sha256="ab" * 32, repository=REPOSITORY, base=Base(), as_of=NOW
    )

    assert not_counted == []
    assert fact["id"].startswith("A-")
    assert {name: value for name, value in fact.items() if name != "id"} == {
        "person": "ben",
        "verdict": "approve",
        "sha256": "ab" * 32,
        "commit": COMMIT,
        "environment": "production",
        "repository": REPOSITORY,
        "at_epoch": int((NOW - HOUR).timestamp()),
        "expires_epoch": int((NOW - HOUR).timestamp()) + 7 * 86400,
        "means": "record",
        "origin": "local",
    }


def test_a_key_speaks_for_its_person_whatever_it_claims(place: Town) -> None:
    """Dag signs as Ben: the entry is named, and it does not count."""
    index = place.approve("ben", COMMIT, signer=place.keys["dag"])
    place.approve("cleo", COMMIT)

    facts, not_counted = approval_facts(
        place.listener, subject_sha256="ab" * 32, repository=REPOSITORY, base=Base(), as_of=NOW
    )

    assert [fact["person"] for fact in facts] == ["cleo"]
    assert [(failure.reason, failure.index) for failure in not_counted] == [("person_mismatch", index)]
    assert f"entry {index}" in str(not_counted[0])
    assert "dag" in str(not_counted[0])


def test_the_pipeline_may_sign_everything_and_is_nobody(place: Town) -> None:
    place.approve("ben", COMMIT, signer=place.machine)

    assert heard(place) == ([], ["person_unknown"])


def test_a_key_that_may_not_approve_is_refused_when_it_records(tmp_path: Path) -> None:
    place = town(tmp_path, kinds=("waiver",))

    with pytest.raises(IngestRefused) as refused:
        place.approve("ben", COMMIT)

    assert refused.value.reason == "kind_not_allowed"
    assert [row.kind for row in place.log.search()] == ["refusal"]


def test_a_stranger_is_refused_and_that_is_recorded(place: Town) -> None:
    with pytest.raises(IngestRefused) as refused:
        place.approve("ben", COMMIT, signer=place.keys["stranger"])

    assert refused.value.reason == "key_unknown"
    assert [row.kind for row in place.log.search()] == ["refusal"]


def test_a_rejection_takes_an_approval_back_and_the_reverse(place: Town) -> None:
    place.approve("ben", COMMIT, now=NOW - 3 * HOUR)
    place.approve("ben", COMMIT, now=NOW - 2 * HOUR, verdict="reject")
    place.approve("cleo", COMMIT, now=NOW - 3 * HOUR, verdict="reject")
    place.approve("cleo", COMMIT, now=NOW - 2 * HOUR)

    assert sorted(heard(place)[0]) == [("ben", "reject"), ("cleo", "approve")]


def test_a_copy_of_an_approval_behind_a_rejection_stays_as_old_as_it_is(place: Town) -> None:
    index = place.approve("ben", COMMIT, now=NOW - 3 * HOUR)
    place.approve("ben", COMMIT, now=NOW - 2 * HOUR, verdict="reject")
    place.log.record(place.log.bundle(index), now=NOW)

    assert heard(place)[0] == [("ben", "reject")]


def test_of_two_words_of_one_moment_the_rejection_counts(place: Town) -> None:
    for verdict in ("reject", "approve"):
        place.approve("ben", COMMIT, verdict=verdict)

    assert heard(place)[0] == [("ben", "reject")]


def test_words_on_another_place_or_artefact_are_words_of_their_own(place: Town) -> None:
    place.approve("ben", COMMIT, now=NOW - 3 * HOUR)
    place.approve("ben", COMMIT, environment="staging", verdict="reject")
    place.approve("ben", COMMIT, repository="git+https://example.com/other", verdict="reject")
    place.approve("ben", COMMIT, subject=OTHER_WHEEL, verdict="reject")

    assert sorted(heard(place)[0]) == [("ben", "approve"), ("ben", "reject"), ("ben", "reject"), ("ben", "reject")]


@pytest.mark.parametrize(
    ("base", "shown"),
    [
        (Base(), 1),
        (Base(commit="1" * 40, epoch=int((NOW - 2 * HOUR).timestamp())), 1),  # approved since
        (Base(commit="1" * 40, epoch=int(NOW.timestamp())), 0),  # before that release, and done with
        (Base(commit=COMMIT, epoch=int((NOW - 2 * HOUR).timestamp())), 0),  # that release itself
    ],
)
def test_an_approval_of_another_artefact_is_shown_where_it_was_for_a_push_since(
    base: Base, shown: int, place: Town
) -> None:
    place.approve("ben", COMMIT, subject=OTHER_WHEEL, now=NOW - HOUR)

    facts, _ = approval_facts(place.listener, subject_sha256="ab" * 32, repository=REPOSITORY, base=base, as_of=NOW)

    assert len(facts) == shown


def test_one_who_approves_many_artefacts_at_once_approves_none(place: Town) -> None:
    index = place.approve("ben", COMMIT)
    predicate = words_of(place, index)
    both = statements.statement([WHEEL, OTHER_WHEEL], statements.APPROVAL, predicate | {"comment": "both"})
    place.log.record(place.keys["ben"].sign(both), now=NOW)

    assert heard(place) == ([("ben", "approve")], ["subject_mismatch"])


def words_of(place: Town, index: int) -> dict[str, object]:
    from mintmark.pipelines.proof import prove

    return prove(place.log, index).predicate


def test_no_address_is_recorded_or_told(place: Town) -> None:
    index = place.approve("ben", COMMIT, comment="Ask ana@example.com about it.")

    assert words_of(place, index)["comment"] == "Ask [redacted:e-mail] about it."


def test_an_entry_that_was_changed_stops_everything(place: Town) -> None:
    """It may have been the rejection."""
    place.approve("ben", COMMIT, verdict="reject")
    place.tamper()

    with pytest.raises(ProofFailed):
        heard(place)


def test_more_words_than_are_read_are_refused(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    place.approve("ben", COMMIT)
    monkeypatch.setattr(words, "MAX_ENTRIES", 1)

    with pytest.raises(PipelineError) as refused:
        heard(place)

    assert (refused.value.reason, refused.value.exit_code) == ("too_many_entries", ExitCode.INCOMPLETE)


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_the_log_changes_nothing(seed: int, tmp_path: Path) -> None:
    """The same signed words, recorded in another order, are the same facts."""
    one = town(tmp_path / "one")
    said = [
        {"person": person, "verdict": verdict, "now": NOW - timedelta(minutes=at)}
        for at, (person, verdict) in enumerate(
            [("ben", "approve"), ("ben", "reject"), ("cleo", "approve"), ("eve", "approve"), ("dag", "reject")], 1
        )
    ]
    for word in said:
        one.approve(commit=COMMIT, **word)  # type: ignore[arg-type]
    bundles = [one.log.bundle(index) for index in range(len(said))]
    random.Random(seed).shuffle(bundles)  # noqa: S311 - an order, and no secret
    other = town(tmp_path / "other", keys=one.keys)
    for bundle in bundles:
        other.log.record(bundle, now=NOW, refs=())

    assert approval_facts(
        other.listener, subject_sha256="ab" * 32, repository=REPOSITORY, base=Base(), as_of=NOW
    ) == approval_facts(one.listener, subject_sha256="ab" * 32, repository=REPOSITORY, base=Base(), as_of=NOW)
