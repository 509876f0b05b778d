"""A break-glass is asked for and approved by different people, on record, and is looked at afterwards."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.people.builders import HOUR, NOW, OTHER_WHEEL, REPOSITORY, WHEEL, Town
from tests.policies.builders import POLICIES, gate_input

from mintmark.evidence.errors import EvidenceError
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.people.break_glass import approve_break_glass, break_glass_facts, request_break_glass
from mintmark.pipelines.people.reviews import close_review, open_items, owed_review
from mintmark.pipelines.proof import prove
from mintmark.pipelines.sign import statements


def requested(place: Town, person: str = "ana", **changes: Any) -> str:
    asked: dict[str, Any] = {
        "subject": WHEEL,
        "environment": "production",
        "reason": "Payments stand still.",
        "expires": NOW + HOUR,
        "now": NOW - HOUR,
        "pack": place.pack,
    } | changes
    identity, _ = request_break_glass(place.log, place.keys[person], person=person, **asked)
    return identity


def approved(place: Town, identity: str, *people: str, now: Any = NOW - HOUR / 2) -> None:
    for person in people:
        approve_break_glass(place.log, place.keys[person], place.listener, identity, person=person, now=now)


def forged(place: Town, index: int, person: str, **changes: Any) -> None:
    """Sign a statement past every check of ours."""
    said = prove(place.log, index).predicate | {"person": person} | changes
    place.log.record(place.keys[person].sign(statements.break_glass(changes.pop("subject", WHEEL), said)), now=NOW)


def facts(place: Town, **changes: Any) -> tuple[dict[str, Any] | None, list[str]]:
    asked: dict[str, Any] = {"subject_sha256": "ab" * 32, "environment": "production", "as_of": NOW} | changes
    found, not_counted = break_glass_facts(place.listener, **asked)
    return found, [failure.reason for failure in not_counted]


def problem(place: Town, opa: Path, **changes: Any) -> str:
    """What the policy itself finds wrong with it; empty for a sound one."""
    found, _ = facts(place, **changes)
    as_of = int(changes.get("as_of", NOW).timestamp())
    replaced = {
        "/as_of_epoch": as_of,
        "/environment/name": "production",
        "/subject/digest/sha256": "ab" * 32,
        "/people": place.directory.to_gate(),
        "/break_glass": found or {"present": False},
        "/change/contributors": ["ana"],
        "/change/requester": "ana",
    }
    operations = [{"op": "replace", "path": path, "value": value} for path, value in replaced.items()]
    query = ["--ignore", "*_test.rego", "{p | p := data.mintmark.lib.break_glass.problem}"]
    done = subprocess.run(
        [opa, "eval", "--data", "gates/lib", "--data", "gates/data.json", "--stdin-input", "--format", "json", *query],
        input=gate_input(place.pack, operations),
        cwd=POLICIES,
        capture_output=True,
        check=True,
    )
    problems: list[str] = json.loads(done.stdout)["result"][0]["expressions"][0]["value"]
    return "".join(problems)


def test_two_commanders_let_it_through(place: Town, opa: Path) -> None:
    identity = requested(place)
    approved(place, identity, "cleo", "dag")

    assert facts(place) == (
        {
            "present": True,
            "id": identity,
            "environment": "production",
            "sha256": "ab" * 32,
            "reason": "Payments stand still.",
            "requested_by": "ana",
            "approved_by": ["cleo", "dag"],
            "at_epoch": int((NOW - HOUR).timestamp()),
            "expires_epoch": int((NOW + HOUR).timestamp()),
            "origin": "local",
        },
        [],
    )
    assert problem(place, opa) == ""


def test_it_ends_by_itself(place: Town, opa: Path) -> None:
    approved(place, requested(place), "cleo", "dag")

    assert problem(place, opa, as_of=NOW + HOUR - timedelta(seconds=1)) == ""
    assert problem(place, opa, as_of=NOW + HOUR) == "expired"


@pytest.mark.parametrize("people", [(), ("cleo",), ("cleo", "ben")])
def test_without_two_people_of_the_group_it_does_nothing(people: tuple[str, ...], place: Town, opa: Path) -> None:
    approved(place, requested(place), *people)

    assert problem(place, opa) == "second_person"


def test_who_asked_is_no_second_person(place: Town, opa: Path) -> None:
    """Neither by the command nor by a statement signed past it."""
    identity = requested(place, "cleo")
    with pytest.raises(UsageError) as refused:
        approved(place, identity, "cleo")
    assert refused.value.reason == "sod"
    forged(place, 0, "cleo", stage="approved")
    approved(place, identity, "dag")

    assert problem(place, opa) == "second_person"


def test_one_person_twice_is_one(place: Town, opa: Path) -> None:
    identity = requested(place)
    approved(place, identity, "cleo")
    approved(place, identity, "cleo", now=NOW - HOUR / 4)

    assert problem(place, opa) == "second_person"


def test_without_a_reason_or_for_too_long_it_is_not_asked_for(place: Town) -> None:
    with pytest.raises(UsageError) as silent:
        requested(place, reason=" ")
    with pytest.raises(UsageError) as long:
        requested(place, now=NOW, expires=NOW + timedelta(hours=4, seconds=1))
    assert place.log.search() == []
    requested(place, now=NOW, expires=NOW + timedelta(hours=4))

    assert (silent.value.reason, long.value.reason) == ("no_reason", "too_long")


def test_a_reason_of_spaces_that_is_signed_past_the_command_is_refused(place: Town, opa: Path) -> None:
    from mintmark.pipelines.people import break_glass

    requested(place)
    said = prove(place.log, 0).predicate | {"reason": " "}
    said["id"] = break_glass._id(said, "ab" * 32)
    bundle = place.keys["ana"].sign(statements.break_glass(WHEEL, said))
    place.log.record(bundle, now=NOW, refs=(f"break-glass:{said['id']}",))
    approved(place, said["id"], "cleo", "dag")

    assert problem(place, opa) == "no_reason"


def test_one_for_another_environment_is_refused_by_its_scope(place: Town, opa: Path) -> None:
    approved(place, requested(place, environment="staging"), "cleo", "dag")

    assert problem(place, opa) == "scope"


def test_one_for_another_artefact_is_none(place: Town) -> None:
    approved(place, requested(place, subject=OTHER_WHEEL), "cleo", "dag")

    assert facts(place) == (None, [])


@pytest.mark.parametrize(
    "changes", [{"expires": "2026-11-24T15:00:00.000Z"}, {"environment": "staging"}, {"reason": "x"}, {"id": "BG-1"}]
)
def test_an_approval_of_other_terms_does_not_count(changes: dict[str, Any], place: Town) -> None:
    requested(place)
    forged(place, 0, "cleo", stage="approved", **changes)

    found, not_counted = facts(place)

    assert found is not None
    assert (found["approved_by"], not_counted) == ([], ["break_glass_text_mismatch"])


def test_a_request_with_terms_that_are_not_its_names_is_none(place: Town) -> None:
    requested(place)
    forged(place, 0, "ana", expires="2026-11-24T23:00:00.000Z")

    found, _ = facts(place)

    assert found is not None
    assert found["expires_epoch"] == int((NOW + HOUR).timestamp())


def test_a_second_request_in_a_hurry_hides_none_that_was_approved(place: Town, opa: Path) -> None:
    approved(place, requested(place), "cleo", "dag")
    requested(place, "ben", now=NOW, expires=NOW + 2 * HOUR)
    requested(place, "ben", environment="staging")

    assert problem(place, opa) == ""


def test_an_unknown_or_ended_one_cannot_be_approved(place: Town) -> None:
    identity = requested(place)
    with pytest.raises(UsageError) as unknown:
        approved(place, "BG-0", "cleo")
    with pytest.raises(UsageError) as ended:
        approved(place, identity, "cleo", now=NOW + HOUR)

    assert (unknown.value.reason, ended.value.reason) == ("no_break_glass", "break_glass_expired")


def test_a_store_that_is_down_gives_no_facts_and_takes_no_request(place: Town) -> None:
    identity = requested(place)
    approved(place, identity, "cleo", "dag")
    Path(place.store_url.removeprefix("sqlite:///")).write_bytes(b"not a database at all, and long enough to be read")

    with pytest.raises(EvidenceError) as collecting:
        place.facts(place.head())
    with pytest.raises(EvidenceError) as asking:
        requested(place, "ben")

    assert (collecting.value.reason, asking.value.reason) == ("store_malformed", "store_malformed")


def used(place: Town, decision: str = "d-1", **changes: Any) -> str:
    """Open the review that a used break-glass leaves, and return its id."""
    found, _ = facts(place)
    assert found is not None
    before: set[str] = {item.id for item in reviews(place)}
    asked: dict[str, Any] = {
        "subject": WHEEL,
        "environment": "production",
        "repository": REPOSITORY,
        "used": found,
        "decision_id": decision,
        "pack": place.pack,
        "now": NOW,
    } | changes
    place.log.record_all([owed_review(place.machine, **asked)], now=NOW)
    (opened,) = {str(item.id) for item in reviews(place)} - before
    return opened


def closed(place: Town, identity: str, person: str, finding: str = "A key had run out.") -> None:
    close_review(
        place.log,
        place.keys[person],
        place.listener,
        identity,
        finding=finding,
        person=person,
        repository=REPOSITORY,
        now=NOW + HOUR,
    )


def reviews(place: Town) -> list[Any]:
    return open_items(place.listener, repository=REPOSITORY)[0]


def test_a_used_one_opens_a_review_that_another_person_closes(place: Town) -> None:
    approved(place, requested(place), "cleo", "dag")
    identity = used(place)

    assert [item.to_gate() for item in reviews(place)] == [
        {
            "id": identity,
            "environment": "production",
            "opened_epoch": int(NOW.timestamp()),
            "due_epoch": int(NOW.timestamp()) + 259200,
        }
    ]
    closed(place, identity, "ben")
    assert reviews(place) == []


def test_who_asked_does_not_close_its_review(place: Town) -> None:
    """By the command, and by a statement signed past it; what the opening says of the requester is not asked."""
    approved(place, requested(place), "cleo", "dag")
    found, _ = facts(place)
    identity = used(place, used={**(found or {}), "requested_by": "ben"})
    with pytest.raises(UsageError) as refused:
        closed(place, identity, "ana")
    opened = place.log.search(kind="review-item")[0].index
    item = prove(place.log, opened).predicate | {"state": "closed", "person": "ana", "finding": "fine"}
    place.log.record(place.keys["ana"].sign(statements.review_item(item, repository=REPOSITORY)), now=NOW)

    items, not_counted = open_items(place.listener, repository=REPOSITORY)

    assert refused.value.reason == "sod"
    assert [item.id for item in items] == [identity]
    assert [failure.reason for failure in not_counted] == ["sod"]


@pytest.mark.parametrize("changes", [{"due": "2027-11-24T12:00:00Z"}, {"environment": "staging"}, {"id": "RV-1"}])
def test_a_closing_of_something_else_closes_nothing(changes: dict[str, Any], place: Town) -> None:
    approved(place, requested(place), "cleo", "dag")
    identity = used(place)
    opened = place.log.search(kind="review-item")[0].index
    item = prove(place.log, opened).predicate | {"state": "closed", "person": "ben", "finding": "fine"} | changes
    place.log.record(place.keys["ben"].sign(statements.review_item(item, repository=REPOSITORY)), now=NOW)

    items, not_counted = open_items(place.listener, repository=REPOSITORY)

    assert [item.id for item in items] == [identity]
    assert [failure.reason for failure in not_counted] == ["no_review"]


def test_used_again_it_is_looked_at_again(place: Town) -> None:
    approved(place, requested(place), "cleo", "dag")
    closed(place, used(place), "ben")

    again = used(place, decision="d-2")

    assert [item.id for item in reviews(place)] == [again]


def test_a_review_finds_something_and_is_open(place: Town) -> None:
    approved(place, requested(place), "cleo", "dag")
    identity = used(place)
    with pytest.raises(UsageError) as silent:
        closed(place, identity, "ben", finding=" ")
    with pytest.raises(UsageError) as unknown:
        closed(place, "RV-0", "ben")

    assert (silent.value.reason, unknown.value.reason) == ("no_finding", "no_review")


def test_an_unlisted_environment_lets_nobody_break_anything(place: Town) -> None:
    with pytest.raises(UsageError) as refused:
        requested(place, environment="elsewhere", pack=PolicyPack.locate())

    assert refused.value.reason == "too_long"
