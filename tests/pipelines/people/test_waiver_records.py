"""A recorded waiver is what one person asked for and another approved, word for word, by their keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.pipelines.people.builders import HOUR, NOW, REPOSITORY, Town
from tests.policies.builders import gate_input

from mintmark.pipelines.errors import PipelineError, UsageError
from mintmark.pipelines.gate.decide import Decision, Gate
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.people.directory import Directory
from mintmark.pipelines.people.waiver_records import (
    approve_waiver,
    pending,
    request_waiver,
    resolved,
    terms_digest,
    waiver_record_facts,
)
from mintmark.pipelines.proof import prove
from mintmark.pipelines.sign import statements
from mintmark.pipelines.waivers import check_object, standing

RULE = "code.dangerous_finding"
FINGERPRINT = "00000000000000000000000000000001"  # of the finding in the baseline, which the tests make critical
END = NOW + timedelta(days=5)


def requested(place: Town, person: str = "ana", **changes: Any) -> str:
    asked: dict[str, Any] = {
        "rule": RULE,
        "fingerprint": FINGERPRINT,
        "environment": "local",
        "reason": "Not reachable.",
        "repository": REPOSITORY,
        "expires": END,
        "now": NOW - HOUR,
    } | changes
    identity, _ = request_waiver(place.log, place.keys[person], person=person, **asked)
    return identity


def approved(place: Town, identity: str, person: str = "ben", **changes: Any) -> None:
    said: dict[str, Any] = {"person": person, "repository": REPOSITORY, "now": NOW - HOUR / 2} | changes
    approve_waiver(place.log, place.keys[person], place.listener, identity, **said)


def forged(place: Town, index: int, person: str, **changes: Any) -> None:
    """Sign a waiver's statement past every check of ours."""
    waived = prove(place.log, index).predicate | changes
    bundle = place.keys[person].sign(statements.waiver(terms_digest(waived), waived, repository=REPOSITORY))
    place.log.record(bundle, now=NOW)


def facts(place: Town, **changes: Any) -> tuple[list[dict[str, Any]], list[str]]:
    asked: dict[str, Any] = {"environment": "local", "repository": REPOSITORY, "as_of": NOW} | changes
    found, not_counted = waiver_record_facts(place.listener, **asked)
    return found, [failure.reason for failure in not_counted]


def judged(gate: Gate, pack: PolicyPack, place: Town, *, as_of: int = 0) -> Decision:
    """The real gate, over the collected waivers and a finding that it refuses without one."""
    moment = as_of or int(NOW.timestamp())
    found, _ = facts(place, as_of=NOW.fromtimestamp(moment, NOW.tzinfo))
    return gate.judge(
        gate_input(
            pack,
            [
                *_shifted(pack, moment),
                {"op": "replace", "path": "/scans/0/findings/0/severity", "value": "critical"},
                {"op": "replace", "path": "/waivers", "value": found},
            ],
        )
    )


def _shifted(pack: PolicyPack, moment: int) -> list[dict[str, Any]]:
    """The baseline's story, at another moment."""
    by = moment - pack.baseline["as_of_epoch"]
    as_of = NOW.fromtimestamp(moment, NOW.tzinfo).strftime("%Y-%m-%dT%H:%M:%SZ")
    replaced: dict[str, Any] = {"/as_of": as_of, "/as_of_epoch": moment}
    for at, scan in enumerate(pack.baseline["scans"]):
        replaced |= {f"/scans/{at}/{name}": scan[name] + by for name in ("started_at", "finished_at")}
        if scan["data"]:
            replaced[f"/scans/{at}/data/as_of"] = scan["data"]["as_of"] + by
    for at, test in enumerate(pack.baseline["tests"]):
        replaced[f"/tests/{at}/finished_at"] = test["finished_at"] + by
    return [{"op": "replace", "path": path, "value": value} for path, value in replaced.items()]


def reasons(decision: Decision) -> set[tuple[str, object]]:
    return {(found.id, found.facts.get("reason")) for found in decision.reasons}


def test_a_waiver_that_another_person_approved_lets_its_finding_through(
    place: Town, gate: Gate, pack: PolicyPack
) -> None:
    identity = requested(place)
    approved(place, identity)

    assert facts(place) == (
        [
            {
                "id": identity,
                "rule": RULE,
                "fingerprint": FINGERPRINT,
                "environment": "local",
                "reason": "Not reachable.",
                "requested_by": "ana",
                "approved_by": ["ben"],
                "requested_epoch": int((NOW - HOUR).timestamp()),
                "expires_epoch": int(END.timestamp()),
                "means": "record",
                "status": "approved",
                "origin": "local",
            }
        ],
        [],
    )
    decision = judged(gate, pack, place)
    assert (decision.answer.value, [waived.waiver for waived in decision.waived]) == ("ALLOW", [identity])


def test_a_waiver_counts_until_its_last_second_and_not_one_longer(place: Town, gate: Gate, pack: PolicyPack) -> None:
    approved(place, requested(place))

    assert judged(gate, pack, place, as_of=int(END.timestamp()) - 1).answer.value == "ALLOW"
    late = judged(gate, pack, place, as_of=int(END.timestamp()) + 1)

    assert late.answer.value == "DENY"
    assert ("waiver.invalid", "expired") in reasons(late)


@pytest.mark.parametrize("other", [{"environment": "production"}, {"fingerprint": "f" * 32}])
def test_a_waiver_for_something_else_is_refused_by_its_scope(
    other: dict[str, str], place: Town, gate: Gate, pack: PolicyPack
) -> None:
    approved(place, requested(place, **other))

    decision = judged(gate, pack, place)

    assert decision.answer.value == "DENY"
    assert ("waiver.invalid", "scope") in reasons(decision)
    assert RULE in {found.id for found in decision.violations}


def test_nobody_approves_what_they_asked_for(place: Town, gate: Gate, pack: PolicyPack) -> None:
    """Neither by the command nor by a statement that they sign past it."""
    identity = requested(place)
    with pytest.raises(UsageError) as refused:
        approved(place, identity, person="ana")
    assert refused.value.reason == "sod"
    forged(place, 0, "ana", approved_by=["ana"], status="approved")

    decision = judged(gate, pack, place)

    assert ("waiver.invalid", "sod") in reasons(decision)
    approved(place, identity)
    assert judged(gate, pack, place).answer.value == "ALLOW"


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_epoch": int(END.timestamp()) + 86400},
        {"environment": "production"},
        {"rule": "deps.known_vulnerability"},
        {"fingerprint": "f" * 32},
        {"reason": "Another reason."},
        {"requested_by": "dag"},
        {"id": "W-1"},
    ],
)
def test_an_approval_of_other_terms_does_not_count(changes: dict[str, Any], place: Town) -> None:
    requested(place)
    forged(place, 0, "ben", approved_by=["ben"], status="approved", **changes)

    assert facts(place) == ([], ["waiver_text_mismatch"])


def test_an_approval_under_another_name_does_not_count(place: Town) -> None:
    requested(place)
    forged(place, 0, "dag", approved_by=["ben"], status="approved")
    forged(place, 0, "dag", approved_by=["ben", "dag"], status="approved")

    assert facts(place) == ([], ["person_mismatch", "person_mismatch"])


def test_a_request_under_another_name_is_nobodys(place: Town) -> None:
    requested(place, person="ana")
    forged(place, 0, "dag", reason="Other.")

    assert facts(place)[1] == ["person_mismatch"]


def test_a_request_that_nobody_approved_is_no_waiver_yet(place: Town, gate: Gate, pack: PolicyPack) -> None:
    identity = requested(place)

    decision = judged(gate, pack, place)

    assert {found.id for found in decision.violations} == {RULE}
    assert [fact["id"] for fact in pending(place.listener, repository=REPOSITORY)] == [identity]


def test_a_waiver_of_another_repository_is_not_seen(place: Town) -> None:
    approved(
        place, requested(place, repository="git+https://example.com/other"), repository="git+https://example.com/other"
    )

    assert facts(place) == ([], [])


def test_what_ended_long_ago_or_was_never_sound_elsewhere_is_left_out(place: Town) -> None:
    approved(place, requested(place))
    requested(place, environment="production")
    forged(place, 2, "ana", approved_by=["ana"], status="approved")

    assert len(facts(place)[0]) == 1
    assert facts(place, as_of=END + timedelta(days=31))[0] == []
    assert len(facts(place, as_of=END + timedelta(days=29))[0]) == 1


def test_an_unknown_or_ended_request_cannot_be_approved(place: Town) -> None:
    identity = requested(place)
    with pytest.raises(UsageError) as unknown:
        approved(place, "W-0")
    with pytest.raises(UsageError) as ended:
        approved(place, identity, now=END)

    assert (unknown.value.reason, ended.value.reason) == ("no_waiver", "waiver_expired")


def test_no_address_of_a_reason_is_recorded(place: Town) -> None:
    requested(place, reason="ana@example.com knows.")

    assert prove(place.log, 0).predicate["reason"] == "[redacted:e-mail] knows."


@pytest.mark.parametrize(
    ("rule", "fingerprint", "environment", "reason", "told"),
    [
        ("*", FINGERPRINT, "local", "wildcard", "rule"),
        (RULE, "0000*", "local", "wildcard", "fingerprint"),
        (RULE, "?", "local", "wildcard", "fingerprint"),
        (RULE, " ", "local", "wildcard", "fingerprint"),
        (RULE, FINGERPRINT, "*", "wildcard", "environment"),
        ("code.dangerous_findings", FINGERPRINT, "local", "unknown_rule", "did you mean 'code.dangerous_finding'?"),
        ("provenance.matches", FINGERPRINT, "local", "not_waivable", "cannot be waived"),
    ],
)
def test_what_no_waiver_can_be_for_is_refused_before_anybody_is_asked(
    rule: str, fingerprint: str, environment: str, reason: str, told: str
) -> None:
    with pytest.raises(UsageError) as refused:
        check_object(PolicyPack.locate(), rule=rule, fingerprint=fingerprint, environment=environment)

    assert refused.value.reason == reason
    assert told in str(refused.value)


def test_an_exact_waiver_may_be_asked_for() -> None:
    check_object(PolicyPack.locate(), rule=RULE, fingerprint=FINGERPRINT, environment="local")


def test_a_recorded_wildcard_is_refused_by_the_gate(place: Town, gate: Gate, pack: PolicyPack) -> None:
    approved(place, requested(place, fingerprint="*"))

    assert ("waiver.invalid", "wildcard") in reasons(judged(gate, pack, place))


def file_waiver(requested_by: str, *approved_by: str) -> dict[str, Any]:
    return {"id": "f", "requested_by": requested_by, "approved_by": list(approved_by)}


def test_a_file_waiver_that_its_requester_approved_under_an_alias_has_one_person(place: Town) -> None:
    (found,) = resolved(place.directory, [file_waiver("ana", "ana@example.com")])

    assert (found["requested_by"], found["approved_by"]) == ("ana", ["ana"])


def test_in_a_directory_strangers_approve_nothing_and_a_stranger_asks_for_nothing(place: Town) -> None:
    stranger, asked = resolved(place.directory, [file_waiver("ana", "nobody", "ben"), file_waiver("nobody", "ben")])

    assert stranger["approved_by"] == ["ben"]
    assert (asked["requested_by"], asked["approved_by"]) == ("unknown", [])


def test_without_a_directory_names_stand_and_addresses_do_not() -> None:
    plain, address = resolved(Directory(), [file_waiver("jo", "kim"), file_waiver("jo@example.com", "kim@example.com")])

    assert (plain["requested_by"], plain["approved_by"]) == ("jo", ["kim"])
    assert (address["requested_by"], address["approved_by"]) == ("unknown", [])


@pytest.mark.parametrize(
    ("changes", "present", "words"),
    [
        ({}, None, "in force"),
        ({}, {"a"}, "in force"),
        ({}, {"b"}, "covers nothing that was found last"),
        ({"expires_epoch": 1_000_100}, {"a"}, "ends soon"),
        ({"expires_epoch": 1_000_000}, {"a"}, "ended"),
        ({"approved_by": []}, None, "waits for another person's approval"),
        ({"approved_by": ["ana"]}, None, "waits for another person's approval"),
        ({"approved_by": [], "expires_epoch": 1}, None, "ended, never approved"),
    ],
)
def test_how_a_waiver_stands_is_said(changes: dict[str, Any], present: set[str] | None, words: str) -> None:
    waiver = {"fingerprint": "a", "requested_by": "ana", "approved_by": ["ben"], "expires_epoch": 2_000_000} | changes

    assert standing(waiver, as_of=NOW.fromtimestamp(1_000_000, NOW.tzinfo), warn_s=1000, present=present) == words


def test_a_waiver_whose_record_was_changed_stops_everything(place: Town) -> None:
    requested(place)
    place.tamper()

    with pytest.raises(PipelineError) as refused:
        facts(place)

    assert refused.value.reason == "commitment_mismatch"
