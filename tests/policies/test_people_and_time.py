"""Who may say yes, and when: waiting is told apart from refusing, and no list of people has an order that matters."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.policies.builders import Case, corpus, gate_input

from mintmark.pipelines.errors import ExitCode
from mintmark.pipelines.gate import canonical, patch
from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.opa_server import OpaServerEngine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.wasm import WasmEngine

SHA256, COMMIT, REPOSITORY = "a" * 64, "c" * 40, "https://example.com/florin.git"
AS_OF = 1_790_000_000


@pytest.mark.parametrize(
    ("topic", "name", "code"),
    [
        ("review.approved", "nobody approved yet", ExitCode.PENDING),
        ("freeze.window", "Saturday", ExitCode.PENDING),
        ("freeze.window", "no clock of the freeze's time zone", ExitCode.INCOMPLETE),
        ("review.independent", "nobody knows a contributor", ExitCode.INCOMPLETE),
        ("review.current", "an approval of the commit before is stale", ExitCode.DENIED),
        ("review.approved", "one approval is enough where one is asked for", ExitCode.OK),
    ],
)
def test_waiting_for_a_person_or_a_moment_has_an_exit_code_of_its_own(
    topic: str, name: str, code: ExitCode, gate: Gate
) -> None:
    decision = gate.judge(gate_input(gate.pack, _case(topic, name).patch))

    assert decision.exit_code is code


def test_a_used_break_glass_is_told_with_all_that_it_let_through(gate: Gate) -> None:
    case = _case("break_glass.invalid", "a sound one lets a release in without approval, promotion and in a freeze")

    decision = gate.judge(gate_input(gate.pack, case.patch))

    assert {entry.id for entry in decision.bypassed} == {"freeze.window", "promotion.order", "review.approved"}
    assert {entry.facts["reason"] for entry in decision.warnings} == {"break_glass_used"}


def test_what_a_break_glass_passes_is_the_same_for_people_and_for_the_policy(pack: PolicyPack) -> None:
    parameters = json.loads(pack.data)["mintmark"]["params"]

    assert {rule.id for rule in pack.rules.values() if rule.bypassable} == set(parameters["bypassable_rules"])


def test_the_environment_of_the_canaries_opens_no_other(pack: PolicyPack) -> None:
    """It trusts what a developer's machine makes, so nothing that asks for a pipeline's evidence may rest on it."""
    environments = json.loads(pack.data)["mintmark"]["params"]["environments"]

    assert environments["rehearsal"]["protected"] is False
    assert environments["rehearsal"]["trusted_origins"] == ["local"]
    assert not any("rehearsal" in settings["promoted_from"] for settings in environments.values())


YES = {
    "person": "cleo",
    "verdict": "approve",
    "sha256": SHA256,
    "commit": COMMIT,
    "environment": "rehearsal",
    "repository": REPOSITORY,
    "at_epoch": AS_OF - 40,
    "expires_epoch": AS_OF + 9,
    "means": "record",
    "origin": "local",
}
# A sound release, and what may happen to it on its way.
SOUND = [
    ("replace", "/environment/name", "rehearsal"),
    ("replace", "/approvals/0/environment", "rehearsal"),
    (
        "add",
        "/promotions/-",
        {"environment": "staging", "sha256": SHA256, "decision_id": "D-1", "deployed_epoch": AS_OF - 9},
    ),
]
CHANGES: list[tuple[str, str, Any]] = [
    *(("replace", f"/change/{part}", "ben") for part in ("author", "committer", "requester")),
    *(("add", f"/change/{part}/-", who) for part in ("co_authors", "contributors") for who in ("ben", "unknown")),
    *(("add", "/change/files/-", file) for file in ("b.py", "mintmark.toml", "policies/gates/data.json")),
    *(("add", "/approvals/-", {**YES, "id": f"{who}-{n}", "person": who, **other})
      for who in ("ana", "cleo", "dag", "unknown")
      for n, other in enumerate([{}, {"verdict": "reject"}, {"commit": "b" * 40}, {"environment": "local"}])),
    ("replace", "/approvals/0/commit", "b" * 40),
    ("replace", "/approvals/0/sha256", "b" * 64),
    ("replace", "/approvals/0/person", "dag"),
    ("replace", "/approvals/0/means", "file"),
    ("replace", "/approvals/0/expires_epoch", AS_OF),
    ("replace", "/people/1/bot", True),
    ("replace", "/people/1/groups/0/from_epoch", AS_OF + 1),
    ("replace", "/people/1/groups/0/until_epoch", AS_OF),
    ("replace", "/people/1/groups", []),
    ("replace", "/clocks/0/weekday", 6),
]  # fmt: skip
HISTORY = st.lists(st.sampled_from(CHANGES), max_size=4, unique_by=str)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORY)
def test_engines_agree_on_people_and_nobody_gets_in_without_an_independent_yes(
    history: list[tuple[str, str, Any]], pack: PolicyPack, wasm: WasmEngine, published: OpaServerEngine
) -> None:
    document = _release(pack, history)

    answer = wasm.evaluate(canonical.encode(document))

    assert published.evaluate(canonical.encode(document)) == answer
    assert json.loads(answer)["decision"] != "ALLOW" or _somebody_else_said_yes(document)


def test_what_needs_no_second_look_gets_in(pack: PolicyPack, wasm: WasmEngine) -> None:
    """Beside the property above, which a policy that refuses everything would have."""
    single = [json.loads(wasm.evaluate(canonical.encode(_release(pack, [change]))))["decision"] for change in CHANGES]

    assert single.count("ALLOW") >= 10
    assert single.count("DENY") >= 15


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORY, randomness=st.randoms(use_true_random=False))
def test_the_order_of_approvals_people_and_files_does_not_matter(
    history: list[tuple[str, str, Any]], randomness: random.Random, pack: PolicyPack, wasm: WasmEngine
) -> None:
    document = _release(pack, history)
    shuffled = json.loads(json.dumps(document))
    lists = (shuffled["approvals"], shuffled["people"], shuffled["change"]["files"], shuffled["change"]["contributors"])
    for members in lists:
        randomness.shuffle(members)

    assert wasm.evaluate(canonical.encode(shuffled)) == wasm.evaluate(canonical.encode(document))


def _release(pack: PolicyPack, history: list[tuple[str, str, Any]]) -> dict[str, Any]:
    operations = [{"op": op, "path": path, "value": value} for op, path, value in [*SOUND, *history]]
    try:
        return patch.apply(pack.baseline, operations)
    except ValueError:  # a change of what another change took away
        return patch.apply(pack.baseline, operations[: len(SOUND)])


def _somebody_else_said_yes(document: dict[str, Any]) -> bool:
    """The same question, asked in another language."""
    change = document["change"]
    hands = {change["author"], change["committer"], change["requester"], *change["contributors"], *change["co_authors"]}
    may = {
        person["id"]
        for person in document["people"]
        if not person["bot"]
        for group in person["groups"]
        if group["name"] == "release-approvers" and group["from_epoch"] <= AS_OF < group["until_epoch"]
    }
    wanted = ("approve", SHA256, COMMIT, "rehearsal", "record")
    return any(
        approval["person"] in may - hands
        and wanted == tuple(approval[key] for key in ("verdict", "sha256", "commit", "environment", "means"))
        and approval["expires_epoch"] > AS_OF
        for approval in document["approvals"]
    )


def _case(topic: str, name: str) -> Case:
    (found,) = [case for case in corpus() if (case.topic, case.name) == (topic, name)]
    return found
