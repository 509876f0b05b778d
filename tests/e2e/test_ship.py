"""The main job on real input: Florin is built, judged, recorded, deployed, paid with and traced."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import ROOT, Place

pytestmark = pytest.mark.e2e


def test_a_good_release_is_allowed_deployed_and_traced(shipped: dict[str, Any]) -> None:
    assert shipped["decision"]["decision"] == "ALLOW"
    assert shipped["running"]["digest"] == shipped["digest"].removeprefix("sha256:")
    assert shipped["payment"]["posting_id"] in shipped["stdout"]
    assert "every entry above verified to its signed checkpoint" in shipped["stdout"]
    assert re.search(r"^ledger +bound batch \d+ leaf \d+ of \d+ → entry \d+ → .* ✓$", shipped["stdout"], re.MULTILINE)


def test_the_partial_advisories_are_warned_of(shipped: dict[str, Any]) -> None:
    assert "WARNING  advisories are a partial snapshot" in shipped["stderr"]


def test_a_posting_leads_to_its_scans_and_a_build_to_its_sums(place: Place, shipped: dict[str, Any]) -> None:
    posting = place.mintmark("trace", "posting", shipped["payment"]["posting_id"])
    build = place.mintmark("trace", "build", shipped["digest"])

    assert posting.returncode == build.returncode == 0, posting.stderr + build.stderr
    for tool in ("bandit", "checkov", "pip-audit", "semgrep"):
        assert re.search(rf"^scan +{tool} .*complete.*entry \d+ ✓$", posting.stdout, re.MULTILINE)
    assert shipped["digest"] in posting.stdout
    assert re.search(r"^sum +\d+ EUR", build.stdout, re.MULTILINE)


def test_the_log_verifies_and_is_searched(place: Place, shipped: dict[str, Any]) -> None:
    found = place.mintmark("evidence", "search", "--kind", "decision", "--subject", shipped["digest"], "-o", "json")

    assert place.mintmark("verify").returncode == 0
    assert [row["kind"] for row in json.loads(found.stdout)] == ["decision"]


def test_the_ledger_is_compared_and_travels_with_the_log(place: Place, shipped: dict[str, Any], tmp_path: Path) -> None:
    """And an auditor verifies all of it with the one file that came along, which needs nothing of ours."""
    verified = place.mintmark("verify", "--ledger")
    exported = place.mintmark("export", str(tmp_path / "export"), "--ledger")
    trust = tmp_path / "export" / "trust"
    words = ("export/verify.py", "export", "--policy", str(trust / "log.policy"), "--trust", str(trust / "trust.toml"))
    alone = subprocess.run(
        [sys.executable, "-I", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    again = place.mintmark("verify", "--from", str(tmp_path / "export"))

    assert (verified.returncode, exported.returncode) == (0, 0), verified.stdout + exported.stderr
    assert re.search(r"✓ L4  \d+ of \d+ journal entries are bound by \d+ batches", verified.stdout)
    assert (again.returncode, "✓ L4" in again.stdout) == (0, True), again.stdout
    assert alone.returncode == 0, alone.stdout + alone.stderr
    assert "L4" in alone.stdout


def test_a_decision_and_a_rule_are_explained(place: Place, shipped: dict[str, Any]) -> None:
    decision = place.mintmark("explain", shipped["decision"]["id"])
    as_data = place.mintmark("explain", shipped["decision"]["id"], "-o", "json")

    assert (decision.returncode, decision.stdout.startswith("ALLOW ")) == (0, True)
    assert re.search(r"^ entry \d+, verified$", decision.stdout, re.MULTILINE)
    assert json.loads(as_data.stdout) == shipped["decision"] | {"explained": []}
    assert place.mintmark("explain", "deps.known_vulnerability").returncode == 0
    assert place.mintmark("explain", "no.such_rule").returncode == 2


def test_the_same_release_twice_is_the_same_artefact(place: Place, shipped: dict[str, Any]) -> None:
    report = place.checkout / "again.json"
    done = place.mintmark("ship", "--env", "local", "--no-trace", "-o", f"json={report}")
    again = json.loads(report.read_text(encoding="utf-8"))

    assert done.returncode == 0, done.stderr
    assert again["digest"] == shipped["digest"]
    assert [f["fingerprint"] for f in again["findings"]] == [f["fingerprint"] for f in shipped["findings"]]


def test_a_protected_environment_takes_no_policy_that_nobody_signed(place: Place, shipped: dict[str, Any]) -> None:
    """The gate does not open; that it takes no local key and no snapshot either, the policy's own cases show."""
    done = place.mintmark("ship", "--env", "production", "-o", "json")

    assert done.returncode == 4
    assert "policy_unsigned" in done.stderr
    assert done.stdout == ""


def test_one_byte_of_the_wheel_changed_after_the_verdict_is_refused(place: Place, shipped: dict[str, Any]) -> None:
    digest = shipped["digest"].removeprefix("sha256:")
    wheel = next((place.checkout / ".mintmark" / "releases" / digest).glob("*.whl"))
    original = wheel.read_bytes()
    wheel.write_bytes(original[:100] + bytes([original[100] ^ 1]) + original[101:])
    refused = place.mintmark("deploy", shipped["digest"], "--env", "local")
    wheel.write_bytes(original)
    allowed = place.mintmark("deploy", shipped["digest"], "--env", "local")

    assert (refused.returncode, "digest_mismatch" in refused.stderr) == (4, True)
    assert allowed.returncode == 0, allowed.stderr


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("deploy", "florin:latest", "--env", "local"), 2, "mutable_ref"),
        (("deploy", "sha256:" + "0" * 64, "--env", "local"), 3, "no_decision"),
        (("deploy", "sha256:" + "0" * 64, "--env", "locale"), 2, "unknown_environment"),
        (("trace", "posting", "999999.1"), 5, "service_refused"),
        (("trace", "build", "0" * 64), 3, "not_recorded"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason(
    words: tuple[str, ...], code: int, reason: str, place: Place, shipped: dict[str, Any]
) -> None:
    done = place.mintmark(*words)

    assert (done.returncode, f"reason  {reason}" in done.stderr) == (code, True), done.stderr


def test_an_edited_store_fails_and_says_where(place: Place, shipped: dict[str, Any], tmp_path: Path) -> None:
    state = tmp_path / "state"
    shutil.copytree(place.checkout / ".mintmark" / "evidence", state / "evidence")
    with sqlite3.connect(state / "evidence" / "log.sqlite3") as connection:
        connection.execute("DROP TRIGGER view_entry_no_update")
        connection.execute("UPDATE view_entry SET kind = 'sbom' WHERE idx = 2")
    moved = Place(checkout=place.checkout, environment=place.environment | {"MINTMARK_STATE": str(state)})

    done = moved.mintmark("verify")

    assert done.returncode == 4
    assert "view_entry, entry 2" in done.stdout


def test_all_five_bad_releases_are_refused_by_the_right_rule(place: Place, shipped: dict[str, Any]) -> None:
    done = subprocess.run(
        [sys.executable, "scripts/ship_bad.py"],
        cwd=place.checkout,
        env=place.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert done.stdout.count("refused, nothing deployed") == 5


def test_the_readme_shows_commands_that_exist() -> None:
    from mintmark.pipelines.cli.main import COMMANDS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\$ mintmark ([a-z]+)", readme, re.MULTILINE))

    assert shown
    assert shown <= set(COMMANDS)


def test_the_readme_commands_run(place: Place, shipped: dict[str, Any]) -> None:
    """Every `$ mintmark …` line of the README, with the digest and ids of this run put in, exits as it says."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for line in re.findall(r"^\$ mintmark (.+)$", readme, re.MULTILINE):
        if line.startswith("ship"):
            continue  # the shipment above is this command
        words = [
            word.replace("POSTING", shipped["payment"]["posting_id"])
            .replace("DIGEST", shipped["digest"])
            .replace("DECISION", shipped["decision"]["id"])
            for word in line.split()
        ]
        assert place.mintmark(*words).returncode == 0, line
