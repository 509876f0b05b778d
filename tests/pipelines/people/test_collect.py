"""All that the gate hears about people, in one document that the gate reads, out of one real repository and log."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.people.builders import GROUPS, HOUR, NOW, OTHER_WHEEL, REPOSITORY, WHEEL, Town, deployed, town

from mintmark.evidence.leaf import timestamp
from mintmark.pipelines.errors import PipelineError
from mintmark.pipelines.gate.document import build_input
from mintmark.pipelines.people.break_glass import request_break_glass
from mintmark.pipelines.people.waiver_records import approve_waiver, request_waiver
from mintmark.pipelines.sign import statements


def document(place: Town, commit: str, **changes: Any) -> dict[str, Any]:
    """The gate's input, which is refused unless it is of its schema."""
    collected = place.facts(commit, **changes)
    baseline = place.pack.baseline
    given = {name: baseline[name] for name in ("manifest", "scans", "sbom", "provenance")}
    content = build_input(
        as_of=NOW,
        environment={"name": "production", "protected": True},
        subject=WHEEL,
        source={**baseline["source"], "uri": REPOSITORY, "commit": commit},
        pack=place.pack,
        **given,
        **collected.to_gate(),
    )
    parsed: dict[str, Any] = json.loads(content)
    return parsed


def allowed(place: Town, commit: str, *, decision: str = "ALLOW", number: int = 1, **changes: Any) -> None:
    """Record a verdict on a commit, as the pipeline does."""
    as_of = NOW - timedelta(days=2)
    predicate = {
        "id": f"d-{number}",
        "decision": decision,
        "reason": "",
        "problem": "",
        "exit_code": 0 if decision == "ALLOW" else 1,
        "as_of": timestamp(as_of),
        "as_of_epoch": int(as_of.timestamp()),
        "environment": "production",
        "protected": True,
        "subject": WHEEL,
        "source": {"uri": REPOSITORY, "commit": commit, "tree_digest": "sha256:" + "1" * 64},
        "manifest": {"digest": "sha256:" + "1" * 64, "files": 1},
        "policy_digest": "sha256:" + "1" * 64,
        "input_digest": "sha256:" + "1" * 64,
        "engine": {"name": "wasm", "version": "1"},
        "satisfied": ["sbom.matches"],
        "violations": [] if decision == "ALLOW" else [{"id": "sbom.matches", "facts": {}, "fingerprint": ""}],
        **{name: [] for name in ("incomplete", "waived", "bypassed", "warnings")},
        "origin": "local",
    } | changes
    bundle = place.machine.sign(statements.statement([WHEEL], statements.DECISION, predicate))
    place.log.record(bundle, now=NOW, refs=("environment:production",))


def test_an_empty_log_and_no_directory_are_facts_too(place: Town) -> None:
    (place.repository / "people.toml").unlink()
    commit = place.commit_all()

    found = document(place, commit)

    assert (found["people"], found["approvals"], found["waivers"], found["open_reviews"]) == ([], [], [], [])
    assert found["break_glass"] == {"present": False}
    assert found["change"]["author"] == "unknown"
    assert found["clocks"] == [{"timezone": "Europe/Berlin", "date": "2026-11-24", "weekday": 2, "minute": 780}]


def test_everything_together_is_what_the_gate_reads_and_has_no_address_in_it(place: Town) -> None:
    base = place.head()
    commit = place.commit(code="2", message="x\n\nCo-authored-by: Dag <dag@example.com>")
    place.approve("ben", commit)
    request_break_glass(
        place.log,
        place.keys["ana"],
        subject=WHEEL,
        environment="production",
        reason="ops@example.com knows.",
        person="ana",
        expires=NOW + HOUR,
        now=NOW - HOUR,
        pack=place.pack,
    )
    deployed(place, environment="staging", started=NOW - HOUR)

    found = document(place, commit, base=base)

    assert found["change"]["contributors"] == ["ana", "dag"]
    assert [(fact["person"], fact["commit"]) for fact in found["approvals"]] == [("ben", commit)]
    assert found["promotions"] == [
        {
            "environment": "staging",
            "sha256": "ab" * 32,
            "decision_id": "d-1",
            "deployed_epoch": int((NOW - HOUR).timestamp()),
        }
    ]
    assert [person["id"] for person in found["people"]] == sorted(GROUPS)
    assert 'example.com"' not in json.dumps({k: v for k, v in found.items() if k in ("people", "change", "approvals")})
    assert found["break_glass"]["reason"] == "[redacted:e-mail] knows."


@pytest.mark.parametrize(
    ("by", "message", "role"),
    [
        ("ben@example.com", "x", "author"),
        ("BEN+work@Example.com", "x", "author"),
        ("7+ben-login@users.noreply.github.com", "x", "author"),
        ("ana@example.com", "x\n\nCo-authored-by: B <ben@example.com>", "co_authors"),
        ("ana@example.com", "x\n\nSigned-off-by: B <ben@example.com>", "contributors"),
    ],
)
def test_an_approver_who_wrote_any_of_it_has_one_id_in_both_places(
    by: str, message: str, role: str, place: Town
) -> None:
    """What the policy refuses as `sod`, by comparing ids alone."""
    base = place.head()
    commit = place.commit(code="2", by=by, message=message)
    place.approve("ben", commit)

    found = document(place, commit, base=base)

    assert "ben" in ([found["change"][role]] if role == "author" else found["change"][role])
    assert "ben" in found["change"]["contributors"]
    assert [fact["person"] for fact in found["approvals"]] == ["ben"]


def test_who_committed_what_another_wrote_and_who_asked_for_the_release_are_known(place: Town) -> None:
    base = place.head()
    (place.repository / "code.txt").write_text("2", encoding="utf-8")
    commit = place.commit_all(by="ana@example.com", committer="ben@example.com")

    change = document(place, commit, base=base, requester="CLEO-login")["change"]

    assert (change["author"], change["committer"], change["requester"]) == ("ana", "ben", "cleo")


def test_a_bot_is_told_to_be_one(place: Town) -> None:
    place.approve("robot", place.head())

    found = document(place, place.head())

    assert [fact["person"] for fact in found["approvals"]] == ["robot"]
    assert [person["bot"] for person in found["people"] if person["id"] == "robot"] == [True]


def test_an_approval_of_the_push_before_shows_its_own_digest_and_commit(place: Town) -> None:
    """What the policy refuses as `approval_stale`."""
    base = place.head()
    before = place.commit(code="2")
    place.approve("ben", before, subject=OTHER_WHEEL)
    commit = place.commit(code="3")

    found = document(place, commit, base=base)
    place.approve("cleo", commit)

    assert [(fact["person"], fact["sha256"], fact["commit"]) for fact in found["approvals"]] == [
        ("ben", "cd" * 32, before)
    ]
    assert {fact["commit"] for fact in document(place, commit, base=base)["approvals"]} == {before, commit}


def test_an_approval_for_another_place_shows_which(place: Town) -> None:
    """What the policy refuses as `approval_scope`."""
    place.approve("ben", place.head(), environment="staging")
    place.approve("cleo", place.head(), repository="git+https://example.com/other")
    place.approve("eve", place.head())

    found = {
        fact["person"]: (fact["environment"], fact["repository"]) for fact in document(place, place.head())["approvals"]
    }

    assert found == {
        "ben": ("staging", REPOSITORY),
        "cleo": ("production", "git+https://example.com/other"),
        "eve": ("production", REPOSITORY),
    }


def test_an_approver_who_left_is_told_with_the_day(place: Town) -> None:
    """What the policy refuses as `approver_revoked`: Eve approved as a member, and is none any more."""
    place.approve("eve", place.head(), now=NOW - timedelta(days=1))
    place.approve("ben", place.head())

    people = {person["id"]: person["groups"] for person in document(place, place.head())["people"]}

    assert people["eve"][0]["until_epoch"] == int(NOW.replace(hour=0).timestamp()) <= int(NOW.timestamp())
    assert people["ben"][0]["until_epoch"] > int(NOW.timestamp())


def test_an_approver_who_is_no_longer_listed_says_nothing(place: Town) -> None:
    base = place.head()
    place.approve("ben", base)
    gone = {person: groups for person, groups in GROUPS.items() if person != "ben"}
    (place.repository / "people.toml").write_text(place.people_toml(gone), encoding="utf-8")
    commit = place.commit_all()

    collected = place.facts(commit, base=base)

    assert collected.approvals == []
    assert [failure.reason for failure in collected.not_counted] == ["person_unknown"]


def test_a_change_that_hands_a_key_to_somebody_else_gives_nobody_an_approval(place: Town) -> None:
    """Ana writes a change in which her own key is Zed's, who wrote nothing and may approve."""
    base = place.head()
    entry = place.people_toml({"ana": []}).replace('id = "ana"', 'id = "zed"').replace("ana", "zed")
    groups = '[[people.groups]]\nname = "release-approvers"\nfrom = 2026-01-01\nuntil = 2027-01-01\n'
    others = {person: item for person, item in GROUPS.items() if person != "ana"}
    (place.repository / "people.toml").write_text(entry + groups + place.people_toml(others), encoding="utf-8")
    commit = place.commit_all()
    place.approve("zed", commit, signer=place.keys["ana"])

    collected = place.facts(commit, base=base)

    assert collected.approvals == []
    assert [failure.reason for failure in collected.not_counted] == ["person_unknown"]
    assert collected.change["author"] == "ana"


def test_what_is_in_the_work_tree_only_is_not_the_directory(place: Town) -> None:
    (place.repository / "people.toml").write_text("not even TOML", encoding="utf-8")

    assert [person["id"] for person in place.facts(place.head()).people] == sorted(GROUPS)


def test_a_directory_that_is_a_link_is_refused(place: Town) -> None:
    (place.repository / "people.toml").unlink()
    (place.repository / "people.toml").symlink_to("code.txt")
    commit = place.commit_all()

    with pytest.raises(PipelineError) as refused:
        place.facts(commit)

    assert refused.value.reason == "no_regular_file"


def test_the_base_is_what_was_allowed_before_here(place: Town) -> None:
    first = place.head()
    denied = place.commit(code="2", by="dag@example.com")
    commit = place.commit(code="3")
    allowed(place, first)
    allowed(place, denied, decision="DENY", number=2)
    allowed(place, denied, environment="staging", number=3)
    allowed(place, denied, source={"uri": "other", "commit": denied, "tree_digest": "sha256:" + "1" * 64}, number=4)
    allowed(place, commit, number=5)

    change = place.facts(commit, base=None).change

    assert (change["base"], change["contributors"]) == (first, ["ana", "dag"])


def test_an_artefact_that_ran_elsewhere_is_no_promotion_of_this_one(place: Town) -> None:
    deployed(place, environment="staging", started=NOW - HOUR, subject=OTHER_WHEEL)
    deployed(place, environment="staging", started=NOW - HOUR / 2, decision="d-2")
    deployed(place, environment="staging", started=NOW - HOUR, decision="d-2")

    promotions = place.facts(place.head()).promotions

    assert [(fact["decision_id"], fact["deployed_epoch"]) for fact in promotions] == [
        ("d-2", int((NOW - HOUR).timestamp()))
    ]


def test_files_and_records_of_waivers_stand_together(place: Town) -> None:
    identity, _ = request_waiver(
        place.log,
        place.keys["ana"],
        rule="code.dangerous_finding",
        fingerprint="a" * 32,
        environment="production",
        reason="x",
        person="ana",
        repository=REPOSITORY,
        expires=NOW + HOUR,
        now=NOW - HOUR,
    )
    approve_waiver(
        place.log, place.keys["ben"], place.listener, identity, person="ben", repository=REPOSITORY, now=NOW - HOUR / 2
    )
    folder = place.repository / "waivers"
    folder.mkdir()
    (folder / "w.toml").write_text(
        'id = "F-1"\nrule = "code.dangerous_finding"\nfingerprint = "b"\nenvironment = "production"\nreason = "x"\n'
        'requested_by = "ana-login"\napproved_by = ["ben@example.com"]\n'
        "requested = 2026-11-01T00:00:00Z\nexpires = 2026-12-01T00:00:00Z\n",
        encoding="utf-8",
    )

    uncommitted = document(place, place.head())["waivers"]
    waivers = document(place, place.commit_all())["waivers"]

    assert [item["id"] for item in uncommitted] == [identity]
    assert [(item["id"], item["means"], item["requested_by"], item["approved_by"]) for item in waivers] == [
        ("F-1", "file", "ana", ["ben"]),
        (identity, "record", "ana", ["ben"]),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_log_changes_no_fact(seed: int, tmp_path: Path) -> None:
    one = town(tmp_path / "one")
    commit = one.head()
    for at, person in enumerate(("ben", "cleo", "eve", "robot", "dag"), 1):
        one.approve(person, commit, now=NOW - timedelta(minutes=at))
    request_break_glass(
        one.log,
        one.keys["ana"],
        subject=WHEEL,
        environment="production",
        reason="x",
        person="ana",
        expires=NOW + HOUR,
        now=NOW,
        pack=one.pack,
    )
    for number in range(3):
        deployed(one, environment="staging", started=NOW - number * HOUR, decision=f"d-{number}")
    bundles = [one.log.bundle(row.index) for row in one.log.search()]
    random.Random(seed).shuffle(bundles)  # noqa: S311 - an order, and no secret
    other = town(tmp_path / "other", keys=one.keys)
    for bundle in bundles:
        other.log.record(bundle, now=NOW)

    assert other.head() == commit
    assert other.facts(commit).to_gate() == one.facts(commit).to_gate()


def test_an_entry_that_was_changed_stops_the_gate(place: Town) -> None:
    place.approve("ben", place.head())
    place.tamper()

    with pytest.raises(PipelineError) as refused:
        place.facts(place.head())

    assert refused.value.reason == "commitment_mismatch"
