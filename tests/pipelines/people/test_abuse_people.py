"""Attacks on who may approve, over the real policy: each refused by its reason, and beside it the honest approval."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.pipelines.people.builders import HOUR, NOW, OTHER_WHEEL, REPOSITORY, WHEEL, Town

from mintmark.pipelines.gate.decide import Decision, Gate
from mintmark.pipelines.gate.document import build_input
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.people.break_glass import approve_break_glass, request_break_glass

RULES = {"review.approved", "review.independent", "review.current", "break_glass.invalid"}

pytestmark = pytest.mark.skipif(
    not set(PolicyPack.locate().rules) >= RULES, reason="the policy of this checkout has no rules about people"
)


def judged(gate: Gate, place: Town, commit: str, **changes: Any) -> Decision:
    baseline = place.pack.baseline
    source = {**baseline["source"], "uri": REPOSITORY, "commit": commit}
    content = build_input(
        as_of=NOW,
        environment={"name": "production", "protected": True},
        subject=WHEEL,
        source=source,
        pack=place.pack,
        **{name: baseline[name] for name in ("manifest", "scans", "sbom", "provenance")},
        **place.facts(commit, **changes).to_gate(),
    )
    assert json.loads(content)["environment"]["name"] == "production"
    return gate.judge(content)


def told(decision: Decision) -> set[tuple[str, object]]:
    """What the rules about people say against it."""
    return {(found.id, found.facts.get("reason")) for found in decision.reasons if found.id in RULES}


def test_an_independent_approval_of_this_release_is_accepted(gate: Gate, place: Town) -> None:
    """The control of all attacks below."""
    base = place.head()
    commit = place.commit(code="2")
    place.approve("ben", commit)

    decision = judged(gate, place, commit, base=base)

    assert told(decision) == set()
    assert set(decision.satisfied) >= RULES


@pytest.mark.parametrize(
    ("author", "committer", "message", "requester"),
    [
        ("ben@example.com", "ana@example.com", "x", "ana"),
        ("Ben+alias@Example.com", "ana@example.com", "x", "ana"),
        ("1+ben-login@users.noreply.github.com", "ana@example.com", "x", "ana"),
        ("ana@example.com", "ben@example.com", "x", "ana"),
        ("ana@example.com", "ana@example.com", "x\n\nCo-authored-by: B <ben@example.com>", "ana"),
        ("ana@example.com", "ana@example.com", "x", "BEN-login"),
    ],
)
def test_who_had_a_hand_in_it_does_not_approve_it(
    author: str, committer: str, message: str, requester: str, gate: Gate, place: Town
) -> None:
    base = place.head()
    (place.repository / "code.txt").write_text("2", encoding="utf-8")
    commit = place.commit_all(by=author, committer=committer, message=message)
    place.approve("ben", commit)

    assert ("review.independent", "sod") in told(judged(gate, place, commit, base=base, requester=requester))
    assert place.log.search(kind="approval") != []  # the attempt is on record


def test_a_bot_does_not_approve(gate: Gate, place: Town) -> None:
    place.approve("robot", place.head())

    assert ("review.independent", "sod") in told(judged(gate, place, place.head()))


def test_an_author_whom_nobody_knows_is_nobody_elses_to_approve(gate: Gate, place: Town) -> None:
    base = place.head()
    commit = place.commit(code="2", by="b\u0435n@example.com")
    place.approve("ben", commit)

    assert ("review.independent", "unknown_person") in told(judged(gate, place, commit, base=base))


def test_a_push_after_the_approval_makes_it_stale(gate: Gate, place: Town) -> None:
    base = place.head()
    before = place.commit(code="2")
    place.approve("ben", before, subject=OTHER_WHEEL)
    commit = place.commit(code="3")

    assert ("review.current", "approval_stale") in told(judged(gate, place, commit, base=base))


def test_the_same_artefact_of_another_commit_was_not_approved(gate: Gate, place: Town) -> None:
    before = place.head()
    place.approve("ben", before)
    commit = place.commit(code="2")

    assert ("review.current", "approval_stale") in told(judged(gate, place, commit, base=before))


def test_an_approval_that_was_given_for_another_repository_does_not_count(gate: Gate, place: Town) -> None:
    place.approve("ben", place.head(), repository="git+https://example.com/other")

    decision = told(judged(gate, place, place.head()))

    assert ("review.current", "approval_scope") in decision


def test_an_approval_that_was_given_for_another_environment_does_not_count(gate: Gate, place: Town) -> None:
    place.approve("ben", place.head(), environment="staging")

    decision = judged(gate, place, place.head())

    assert {reason for _, reason in told(decision)} & {"approval_scope", "awaiting_approval"}
    assert "review.approved" not in decision.satisfied


def test_an_approver_who_left_the_group_does_not_count(gate: Gate, place: Town) -> None:
    place.approve("eve", place.head(), now=NOW - timedelta(days=1))

    assert ("review.current", "approver_revoked") in told(judged(gate, place, place.head()))


def test_a_rejection_after_an_approval_refuses(gate: Gate, place: Town) -> None:
    place.approve("ben", place.head(), now=NOW - 2 * HOUR)
    place.approve("ben", place.head(), verdict="reject")

    assert ("review.approved", "rejected") in told(judged(gate, place, place.head()))


@pytest.mark.parametrize(
    ("people", "expires", "reason"),
    [
        (("cleo", "dag"), NOW + HOUR, None),
        (("cleo",), NOW + HOUR, "second_person"),
        (("cleo", "dag"), NOW, "expired"),
    ],
)
def test_a_break_glass_counts_with_two_people_and_until_it_ends(
    people: tuple[str, ...], expires: Any, reason: str | None, gate: Gate, place: Town
) -> None:
    identity, _ = request_break_glass(
        place.log,
        place.keys["ben"],
        subject=WHEEL,
        environment="production",
        reason="Payments stand still.",
        person="ben",
        expires=expires,
        now=NOW - HOUR,
        pack=place.pack,
    )
    for person in people:
        approve_break_glass(place.log, place.keys[person], place.listener, identity, person=person, now=NOW - HOUR / 2)

    decision = judged(gate, place, place.head())

    problems = {found for found in told(decision) if found[0] == "break_glass.invalid"}
    assert problems == ({("break_glass.invalid", reason)} if reason else set())
    assert bool(decision.bypassed) is (reason is None)
