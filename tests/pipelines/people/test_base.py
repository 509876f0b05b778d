"""What was released before is the log's to say: by naming a base nobody shrinks a change or chooses who approves it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.pipelines.people.builders import GROUPS, HOUR, NOW, Town
from tests.pipelines.people.test_collect import allowed

from mintmark.evidence.leaf import timestamp
from mintmark.evidence.trust import TrustPolicy
from mintmark.pipelines.errors import ExitCode, PipelineError


def refusal(place: Town, commit: str, base: str | None) -> str:
    with pytest.raises(PipelineError) as refused:
        place.facts(commit, base=base)
    return refused.value.reason


def test_a_base_that_the_log_contradicts_is_refused_and_its_own_is_not(place: Town) -> None:
    released = place.head()
    theirs = place.commit(code="2", by="dag@example.com")
    commit = place.commit(code="3")
    allowed(place, released)

    assert refusal(place, commit, theirs) == "base_mismatch"
    assert refusal(place, commit, "") == "base_mismatch"
    assert place.facts(commit, base=released).change["contributors"] == ["ana", "dag"]


def test_a_base_that_does_not_come_before_leaves_nobody_out(place: Town) -> None:
    first = place.head()
    commit = place.commit(code="2", by="dag@example.com")
    later = place.commit(code="3")

    assert [refusal(place, commit, base) for base in (commit, later)] == ["base_mismatch", "base_mismatch"]
    assert place.facts(commit, base=first).change["contributors"] == ["dag"]


def test_an_old_release_that_is_recorded_once_more_brings_back_nobody(place: Town) -> None:
    """Ben left with the newer release; a copy of the older verdict must not make his key count again."""
    old = place.head()
    (place.repository / "people.toml").write_text(
        place.people_toml({name: GROUPS[name] for name in GROUPS if name != "ben"}), encoding="utf-8"
    )
    new = place.commit_all()
    (place.repository / "people.toml").write_text(place.people_toml(), encoding="utf-8")
    commit = place.commit_all(by="cleo@example.com")
    for number, (released, age) in enumerate(((old, timedelta(days=3)), (new, timedelta(days=1)))):
        moment = NOW - age
        allowed(place, released, number=number, as_of=timestamp(moment), as_of_epoch=int(moment.timestamp()))
    place.approve("ben", commit)
    place.log.record(place.log.bundle(0), now=NOW, refs=("environment:production",))

    collected = place.facts(commit, base=None)

    assert collected.change["base"] == new
    assert collected.approvals == []


def test_after_a_key_was_revoked_the_base_is_asked_for_and_not_left_out(place: Town) -> None:
    released = place.head()
    commit = place.commit(code="2")
    allowed(place, released)
    revoked = replace(place, log=replace(place.log, trust=TrustPolicy()))

    with pytest.raises(PipelineError) as refused:
        revoked.facts(commit, base=None)

    assert (refused.value.reason, refused.value.exit_code) == ("base_unknown", ExitCode.INCOMPLETE)
    assert refusal(revoked, commit, "") == "base_unknown"
    assert revoked.facts(commit, base=released).change["base"] == released


def test_the_directory_is_that_of_the_commit_and_not_of_a_later_one(place: Town) -> None:
    """A commit that comes while a release is being scanned appoints nobody for it."""
    commit = place.head()
    (place.repository / "people.toml").write_text(
        place.people_toml({"ana": GROUPS["ana"], "dag": GROUPS["ben"]}), encoding="utf-8"
    )
    place.commit_all()

    assert {person["id"] for person in place.facts(commit).people} == set(GROUPS)


def test_an_approval_dated_next_year_hides_no_rejection(place: Town) -> None:
    place.approve("ben", place.head(), now=NOW + timedelta(days=365))
    place.approve("ben", place.head(), verdict="reject", now=NOW - HOUR)

    verdicts = [fact["verdict"] for fact in place.facts(place.head()).approvals]

    assert sorted(verdicts) == ["approve", "reject"]
