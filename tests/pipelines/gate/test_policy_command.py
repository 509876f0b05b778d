"""`mintmark policy` from the command line: decisions of a real log replayed, and tests that fail."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.test_store_command import Desk
from tests.policies.builders import POLICIES, gate_input

from mintmark.pipelines.gate import archive
from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.sign.local_key import local_signer
from mintmark.pipelines.sign.statements import DECISION, statement
from mintmark.pipelines.workshop import open_evidence


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(folder=tmp_path)


def record(desk: Desk, gate: Gate, *, rule: str = "code.dangerous_finding", **changes: Any) -> str:
    """A decision in a log, its input and its pack in the archive."""
    content = gate_input(gate.pack, gate.pack.canaries[rule]["patch"])
    folder = desk.locations.state / "decisions"
    archive.keep_input(folder, content)
    archive.keep_pack(folder, gate.pack)
    decision = gate.judge(content)
    log = open_evidence(desk.locations)
    signed = local_signer(desk.locations.keys).sign(
        statement([dict(decision.subject)], DECISION, {**decision.predicate(), "origin": "local", **changes})
    )
    log.record(signed, now=datetime(2026, 10, 1, tzinfo=UTC), refs=(f"decision:{decision.id}",))
    return decision.id


def test_a_recorded_decision_comes_out_again(desk: Desk, gate: Gate) -> None:
    decision = record(desk, gate)

    done = desk.mintmark("policy", "replay", decision, "--times", "5", "-o", "json")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["identical"], found["times"], found["found"]["decision"]) == (True, 5, "DENY")
    assert found["policy_digest"] == f"sha256:{gate.pack.digest}"


def test_a_record_that_the_policy_never_made_is_told(desk: Desk, gate: Gate) -> None:
    """Signed and in the log, by somebody who could write there: the policy says otherwise."""
    decision = record(desk, gate, decision="ALLOW", exit_code=0, violations=[])

    done = desk.mintmark("policy", "replay", decision)

    assert (done.returncode, "DIFFERENT" in done.stdout) == (4, True)
    assert "decision, exit_code, violations" in done.stdout


@pytest.mark.parametrize("lost", ["inputs", "packs"])
def test_what_is_not_at_hand_is_incomplete_until_it_is_named(lost: str, desk: Desk, gate: Gate) -> None:
    decision = record(desk, gate)
    (desk.locations.state / "decisions" / lost).rename(desk.folder / "kept-elsewhere")
    named = {
        "inputs": ("--input", *map(str, (desk.folder / "kept-elsewhere").glob("*.json"))),
        "packs": ("--pack", str(POLICIES)),
    }

    assert desk.mintmark("policy", "replay", decision).returncode == 3
    assert desk.mintmark("policy", "replay", decision, *named[lost]).returncode == 0


def test_an_edited_input_is_an_integrity_failure(desk: Desk, gate: Gate) -> None:
    decision = record(desk, gate)
    file = next((desk.locations.state / "decisions/inputs").glob("*.json"))
    file.write_bytes(file.read_bytes().replace(b"B608", b"B609"))

    done = desk.mintmark("policy", "replay", decision)

    assert (done.returncode, "input_tampered" in done.stderr) == (4, True)


def test_a_decision_that_nobody_recorded_is_unknown(desk: Desk, gate: Gate) -> None:
    record(desk, gate)

    done = desk.mintmark("policy", "replay", "no-such-decision")

    assert (done.returncode, "unknown" in done.stderr) == (2, True)


def test_the_archive_says_which_decisions_another_pack_would_change(desk: Desk, gate: Gate) -> None:
    record(desk, gate)

    done = desk.mintmark("policy", "diff", f"sha256:{gate.pack.digest}", str(POLICIES), "-o", "json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["compared"] == len(gate.pack.rules) + 2


def test_a_pack_that_loosens_a_threshold_says_so_when_it_is_checked(opa: Path, desk: Desk) -> None:
    (desk.folder / "acme/gates").mkdir(parents=True)
    loose = {"environments": {"production": {"thresholds": {"secret": "critical"}}}}
    (desk.folder / "acme/gates/data.json").write_text(json.dumps({"mintmark": {"params": loose}}))
    built = desk.mintmark("policy", "build", "--with", "acme", "-o", "pack")
    assert built.returncode == 0, built.stderr

    done = desk.mintmark("policy", "check", "--pack", "pack")
    ours = desk.mintmark("policy", "check", "--pack", str(POLICIES))

    where = "parameter /mintmark/params/environments/production/thresholds/secret"
    assert (done.returncode, ours.returncode) == (0, 0)
    assert f'{where}: "low" → "critical"' in done.stderr
    assert "compiled  from the Rego that is in the pack" in done.stdout
    assert "differs" not in ours.stderr


def test_a_pack_whose_webassembly_is_of_other_rego_is_not_passed(opa: Path, desk: Desk) -> None:
    shutil.copytree(POLICIES, desk.folder / "pack")
    wasm = desk.folder / "pack/bundle/policy.wasm"
    wasm.write_bytes(wasm.read_bytes() + b"\x00\x04\x03abc")  # an empty section: it runs, and is another module
    manifest = json.loads((desk.folder / "pack/bundle/manifest.json").read_bytes())
    manifest["files"]["bundle/policy.wasm"] = hashlib.sha256(wasm.read_bytes()).hexdigest()
    (desk.folder / "pack/bundle/manifest.json").write_text(json.dumps(manifest))

    done = desk.mintmark("policy", "check", "--pack", "pack")

    assert (done.returncode, "policy_tampered" in done.stderr) == (4, True)


def test_a_failing_test_of_a_rule_is_exit_1(opa: Path, desk: Desk) -> None:
    shutil.copytree(POLICIES, desk.folder / "policies")
    test = desk.folder / "policies/gates/sbom/matches_test.rego"
    test.write_text(test.read_text() + "\ntest_that_fails if 1 == 2\n")

    done = desk.mintmark("policy", "test", "--pack", "policies")

    assert (done.returncode, "FAILED   data.mintmark.gates.sbom.matches_test.test_that_fails" in done.stdout) == (
        1,
        True,
    )


def test_a_pack_without_any_test_has_not_passed(opa: Path, desk: Desk) -> None:
    shutil.copytree(POLICIES, desk.folder / "policies")
    for test in (desk.folder / "policies/gates").rglob("*_test.rego"):
        test.unlink()

    done = desk.mintmark("policy", "test", "--pack", "policies")

    assert (done.returncode, "0 passed" in done.stdout) == (1, True)


def test_without_opa_the_tests_name_how_to_install_it(desk: Desk) -> None:
    done = desk.mintmark("policy", "test", "--pack", str(POLICIES), PATH="/usr/bin", HOME="/nowhere", GOPATH="/nowhere")

    assert (done.returncode, "go install github.com/open-policy-agent/opa@v" in done.stderr) == (5, True)
    assert "opa_missing" in done.stderr


def test_check_tells_what_the_signatures_are_worth(desk: Desk, gate: Gate) -> None:
    record(desk, gate)

    done = desk.mintmark("policy", "check", "--pack", str(POLICIES))

    assert done.returncode == 0
    assert "WARNING   policy pack: nobody vouches for" in done.stdout
