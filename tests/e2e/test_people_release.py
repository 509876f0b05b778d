"""A release that needs people: it waits for another's approval, hears a no, carries a waiver, and breaks the glass."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import ROOT, Place, committed_clone
from tests.policies.builders import opa_or_skip

from mintmark.pipelines.gate import canonical
from mintmark.pipelines.gate.archive import load_input
from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.wasm import WasmEngine

pytestmark = pytest.mark.e2e

ENVIRONMENT = """
[environments.preview]
driver = "local"
protected = false
advisories = "snapshot"
"""
# One finding of bandit, B104: it listens to everybody.
RECEIPTS = '''"""Where receipts are printed."""

PRINTER_HOST = "0.0.0.0"
'''
GROUPS = {
    "ana": ["developers"],
    "ben": ["release-approvers"],
    "cleo": ["release-approvers", "incident-commanders"],
    "dag": ["incident-commanders"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Team(Place):
    """People who share a checkout and a log, each with a key of their own."""

    outcomes: dict[str, Any] = field(default_factory=dict)

    def ship(self, name: str, *words: str) -> dict[str, Any]:
        """Ship HEAD on Ana's request, and keep what came of it under a name."""
        report = self.checkout.parent / f"{name}.json"
        done = self.mintmark(
            *("ship", "--env", "preview", "--requester", "ana", "-o", "human", "-o", f"json={report}", *words)
        )
        assert report.exists(), done.stderr
        document = json.loads(report.read_text(encoding="utf-8"))
        self.outcomes[name] = document | {"exit": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
        return self.outcomes[name]  # type: ignore[no-any-return]

    def says(self, person: str, *words: str) -> str:
        done = self.mintmark(*words, "--key", str(self.key(person)))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def key(self, person: str) -> Path:
        return self.checkout.parent / f"{person}.key"

    def commit(self, message: str = "Change Florin") -> str:
        who = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com", "-c", "commit.gpgsign=false"]
        git = ["git", "-C", str(self.checkout)]
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, *who, "commit", "--quiet", "--message", message], check=True)
        return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()

    def edit(self, text: str) -> str:
        """Change what Florin says of itself, and so its bytes."""
        with (self.checkout / "service/src/florin/__init__.py").open("a", encoding="utf-8") as file:
            file.write(f"\n# {text}\n")
        return self.commit()


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Told once: every test below looks at one part of it."""
    opa_or_skip()
    folder = tmp_path_factory.mktemp("people")
    team = Team(
        checkout=committed_clone(ROOT, folder / "mintmark"),
        environment=os.environ
        | {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state"), "NO_COLOR": "1"},
    )
    try:
        base = set_up(team)
        approve_one(team, base)
        waive_one(team)
        break_one(team)
        yield team
    finally:
        team.mintmark("env", "stop", "preview")


def set_up(team: Team) -> str:
    """An environment that wants an approval, a pack that knows it, four people with keys; return the commit of that."""
    parameters = json.loads((ROOT / "policies/gates/data.json").read_bytes())["mintmark"]["params"]["environments"]
    preview = parameters["rehearsal"] | {"promoted_from": []}
    overlay = team.checkout.parent / "ours" / "gates" / "data.json"
    overlay.parent.mkdir(parents=True)
    overlay.write_text(json.dumps({"mintmark": {"params": {"environments": {"preview": preview}}}}), encoding="utf-8")
    built = team.mintmark("policy", "build", "--with", str(overlay.parents[1]), "-o", "pack")
    assert built.returncode == 0, built.stderr
    configuration = team.checkout / "mintmark.toml"
    text = configuration.read_text(encoding="utf-8").replace("[gate]\n", '[gate]\npack = "pack"\n')
    configuration.write_text(text + ENVIRONMENT, encoding="utf-8")
    team.mintmark("store", "drain")  # makes the log
    for person, groups in GROUPS.items():
        hire(team, person, groups)
    return team.commit("Set up")


def hire(team: Team, person: str, groups: list[str]) -> None:
    """Make a key by the command, and review what it prints into both files."""
    trust, people = team.says(person, "approve", "--init-key").split("# people.toml")
    with (team.checkout / ".mintmark/evidence/trust.toml").open("a", encoding="utf-8") as file:
        file.write(trust)
    entry = people.partition("\n")[2].replace("your-id", person).replace("your@address", f"{person}@example.com")
    with (team.checkout / "people.toml").open("a", encoding="utf-8") as file:
        file.write(entry.replace("your-login", f"{person}-login"))
        for group in groups:
            file.write(f'[[people.groups]]\nname = "{group}"\nfrom = 2020-01-01\nuntil = 2100-01-01\n')


def approve_one(team: Team, base: str) -> None:
    team.edit("one")
    waiting = team.ship("waiting", "--base", base)
    team.says("ana", "approve", waiting["digest"], "--env", "preview")
    team.ship("own", "--base", base)
    team.says("ben", "approve", waiting["digest"], "--env", "preview")
    team.edit("two")
    stale = team.ship("stale", "--base", base)
    team.says("ben", "approve", stale["digest"], "--env", "preview")
    team.ship("approved", "--base", base)


def waive_one(team: Team) -> None:
    source = team.checkout / "service/src/florin/receipts.py"
    source.write_text(RECEIPTS, encoding="utf-8")
    team.commit()
    denied = team.ship("denied")
    (found,) = [item for item in denied["decision"]["violations"] if item["id"] == "code.dangerous_finding"]
    words = ("--fingerprint", found["fingerprint"], "--environment", "preview", "--for", "7d", "--record")
    asked = team.says(
        "ana", "waiver", "new", found["id"], *words, "--reason", "The printer is in a network of its own."
    )
    team.outcomes["waiver"] = asked.partition(":")[0]
    team.says("cleo", "waiver", "approve", team.outcomes["waiver"], "--record")
    team.says("ben", "approve", denied["digest"], "--env", "preview")
    team.says("cleo", "reject", denied["digest"], "--env", "preview")
    team.ship("rejected")
    team.says("cleo", "approve", denied["digest"], "--env", "preview")
    team.ship("waived")


def break_one(team: Team) -> None:
    source = team.checkout / "service/src/florin/receipts.py"
    source.rename(source.with_name("receipt_files.py"))
    team.commit()
    denied = team.ship("emergency")
    asked = team.says(
        "ana", "break-glass", "request", denied["digest"], "--env", "preview", "--for", "2h", "--reason", "No payments."
    )
    team.outcomes["break-glass"] = identity = asked.partition(":")[0]
    for person in ("cleo", "dag"):
        team.says(person, "break-glass", "approve", identity)
    team.ship("broken")
    team.outcomes["reviews"] = [team.mintmark("review", "list", "-o", "json")]
    (review,) = json.loads(team.outcomes["reviews"][0].stdout)
    closing = ("review", "close", review["id"], "--finding", "A key had run out.")
    team.outcomes["own review"] = team.mintmark(*closing, "--key", str(team.key("ana")))
    team.says("ben", *closing)
    team.outcomes["reviews"].append(team.mintmark("review", "list", "-o", "json"))


def reasons(outcome: dict[str, Any]) -> set[tuple[str, str]]:
    decision = outcome["decision"]
    return {
        (item["id"], item["facts"].get("reason", "")) for item in (*decision["violations"], *decision["incomplete"])
    }


def test_a_release_waits_for_an_approval_and_says_how_to_give_it(team: Team) -> None:
    waiting = team.outcomes["waiting"]

    assert (waiting["exit"], waiting["running"]) == (6, None)
    assert reasons(waiting) == {("review.approved", "awaiting_approval")}
    assert f"     next  mintmark approve {waiting['digest']} --env preview" in waiting["stdout"]
    assert "     then  mintmark ship --env preview" in waiting["stdout"]


def test_its_author_does_not_approve_it(team: Team) -> None:
    own = team.outcomes["own"]

    assert (own["exit"], own["running"]) == (1, None)
    assert ("review.independent", "sod") in reasons(own)


def test_an_approval_does_not_reach_the_next_commit(team: Team) -> None:
    stale = team.outcomes["stale"]

    assert (stale["exit"], stale["running"]) == (1, None)
    assert ("review.current", "approval_stale") in reasons(stale)


def test_approved_by_somebody_else_it_is_deployed_and_traced(team: Team) -> None:
    approved = team.outcomes["approved"]

    assert (approved["exit"], approved["decision"]["decision"]) == (0, "ALLOW"), approved["stdout"]
    assert approved["running"]["digest"] == approved["digest"].removeprefix("sha256:")
    assert approved["payment"]["posting_id"] in approved["stdout"]
    assert "every entry above verified to its signed checkpoint" in approved["stdout"]
    assert re.search(r"^ledger +bound batch \d+ leaf \d+ of \d+ → entry \d+ → .* ✓$", approved["stdout"], re.MULTILINE)


def test_a_rejection_stands_until_the_same_person_approves(team: Team) -> None:
    rejected = team.outcomes["rejected"]

    assert (rejected["exit"], rejected["running"]) == (1, None)
    assert reasons(rejected) == {("review.approved", "rejected")}


def test_a_recorded_waiver_lets_its_finding_through_and_ends(team: Team) -> None:
    """What was kept of the decision is judged again a second before the waiver's end, and at it."""
    denied, waived = team.outcomes["denied"], team.outcomes["waived"]
    pack = PolicyPack.load(team.checkout / "pack")
    gate = Gate.open(pack, WasmEngine(pack))
    document = json.loads(load_input(team.checkout / ".mintmark/decisions", waived["decision"]["input_digest"]))
    (waiver,) = document["waivers"]
    ends = waiver["expires_epoch"]

    before, after = (gate.judge(at(document, moment)) for moment in (ends - 1, ends))

    assert denied["exit"] == 1
    assert (waived["exit"], [item["waiver"] for item in waived["decision"]["waived"]]) == (0, [team.outcomes["waiver"]])
    assert waived["running"]["digest"] == waived["digest"].removeprefix("sha256:")
    assert [item.waiver for item in before.waived] == [team.outcomes["waiver"]]
    assert after.waived == ()
    assert {("waiver.invalid", "expired"), ("code.dangerous_finding", "finding")} <= {
        (item.id, item.facts["reason"]) for item in after.violations
    }


def at(document: dict[str, Any], epoch: int) -> bytes:
    moment = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return canonical.encode(document | {"as_of_epoch": epoch, "as_of": moment})


def test_a_break_glass_lets_a_denied_release_through_loudly(team: Team) -> None:
    emergency, broken = team.outcomes["emergency"], team.outcomes["broken"]
    bypassed = {item["id"] for item in broken["decision"]["bypassed"]}

    assert (emergency["exit"], emergency["running"]) == (1, None)
    assert broken["exit"] == 0, broken["stdout"]
    assert {"code.dangerous_finding", "review.approved"} <= bypassed
    assert f" !! BREAK-GLASS {team.outcomes['break-glass']} let this release past" in broken["stdout"]
    assert broken["running"]["digest"] == broken["digest"].removeprefix("sha256:")


def test_what_it_let_through_is_reviewed_by_somebody_else(team: Team) -> None:
    before, after = (json.loads(listed.stdout) for listed in team.outcomes["reviews"])
    own = team.outcomes["own review"]
    decision = team.outcomes["broken"]["decision"]["id"]

    assert [item["about"] for item in before] == [f"break-glass:{team.outcomes['break-glass']}/decision:{decision}"]
    assert (own.returncode, "reason  sod" in own.stderr) == (2, True), own.stderr
    assert after == []
    recorded = [entry["kind"] for entry in team.outcomes["broken"]["entries"]]
    assert recorded[-1] == "review-item"


@pytest.mark.parametrize("name", ["waiting", "own", "waived", "broken"])
def test_every_decision_is_made_again_byte_for_byte(name: str, team: Team) -> None:
    done = team.mintmark("policy", "replay", team.outcomes[name]["decision"]["id"], "-o", "json")

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_protected_environment_takes_nothing_without_a_token(team: Team) -> None:
    done = team.mintmark("deploy", team.outcomes["approved"]["digest"], "--env", "production")

    assert (done.returncode, "reason  token_missing" in done.stderr) == (1, True), done.stderr
