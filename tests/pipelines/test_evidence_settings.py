"""What vouches for the log besides its key: witnesses in its policy, authorities in the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.evidence import timestamp_authority
from tests.evidence.witness.builders import serving, witness
from tests.pipelines.test_store_command import Desk

from mintmark.evidence.log_policy import parse_log_policy

PROJECT = """
[release]
package = "florin"
path = "service"
source_uri = "git+https://example.com/x"

[scan]
code = ["src"]

[environments.local]
driver = "local"

"""


@pytest.fixture
def running() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def configured(folder: Path, settings: str) -> Desk:
    (folder / "mintmark.toml").write_text(f"{PROJECT}[evidence]\n{settings}\n", encoding="utf-8")
    desk = Desk(folder=folder)
    desk.mintmark("store", "drain")  # makes the log and its policy
    return desk


def policy_file(desk: Desk) -> Path:
    return next(desk.locations.checkpoints.glob("*/log.policy"))


def ask_a_witness(desk: Desk, running: ExitStack) -> None:
    """What whoever runs the log does: write the witness into the policy."""
    path = policy_file(desk)
    served = witness(desk.folder / "witness", parse_log_policy(path.read_bytes()))
    url = running.enter_context(serving(served))
    log_line = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text(f"{log_line}\nwitness W {served.signer.vkey} {url}\nquorum W\n", encoding="utf-8")


def test_a_witness_in_the_policy_cosigns_what_is_recorded(tmp_path: Path, running: ExitStack) -> None:
    desk = configured(tmp_path, "")
    ask_a_witness(desk, running)
    added = desk.mintmark("evidence", "add", str(desk.bundle("one")))
    verified = desk.mintmark("verify", "--ask-witnesses")

    assert added.returncode == 0, added.stderr
    assert (verified.returncode, "1 cosignatures" in verified.stdout) == (0, True), verified.stdout
    assert "the log has 1 entries; W has seen 1" in verified.stdout


def test_a_witness_that_is_away_stops_the_log_unless_it_is_optional(tmp_path: Path, running: ExitStack) -> None:
    desk = configured(tmp_path, "")
    ask_a_witness(desk, running)
    desk.mintmark("evidence", "add", str(desk.bundle("one")))
    running.close()
    refused = desk.mintmark("evidence", "add", str(desk.bundle("two")))
    read = desk.mintmark("evidence", "search")
    unwitnessed = desk.mintmark("verify")
    configured(tmp_path, 'witnesses = "optional"')
    allowed = desk.mintmark("evidence", "add", str(desk.bundle("three")))
    gap = desk.mintmark("evidence", "search", "--kind", "gap")

    assert (refused.returncode, "reason  quorum_missing" in refused.stderr) == (5, True), refused.stderr
    assert read.returncode == 0
    assert (unwitnessed.returncode, "no quorum of witnesses" in unwitnessed.stdout) == (3, True), unwitnessed.stdout
    assert allowed.returncode == 0, allowed.stderr
    assert "gap/witness-quorum" in gap.stdout


def test_a_policy_without_the_logs_own_key_is_refused(tmp_path: Path) -> None:
    desk = configured(tmp_path, "")
    policy_file(desk).write_text("quorum none\n", encoding="utf-8")

    refused = desk.mintmark("evidence", "add", str(desk.bundle("one")))

    assert (refused.returncode, "reason  log_policy" in refused.stderr) == (2, True), refused.stderr


def test_checkpoints_are_stamped_by_the_authorities_that_are_configured(tmp_path: Path, running: ExitStack) -> None:
    made = timestamp_authority.local_authority(tmp_path / "authority")
    url = running.enter_context(timestamp_authority.serving(made))
    desk = configured(tmp_path, "")
    configured(tmp_path, f'timestamps = ["{url}"]')
    without = desk.mintmark("evidence", "add", str(desk.bundle("one")))
    (policy_file(desk).parent / "tsa.pem").write_bytes(made.root)
    added = desk.mintmark("evidence", "add", str(desk.bundle("two")))
    verified = desk.mintmark("verify")

    assert (without.returncode, "reason  no_trusted_time" in without.stderr) == (2, True), without.stderr
    assert added.returncode == 0, added.stderr
    assert re.search(r"L2 .* 1 timestamps", verified.stdout), verified.stdout


def test_a_mistyped_setting_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    desk = configured(tmp_path, 'witness = "optional"')

    refused = desk.mintmark("store", "drain")

    assert (refused.returncode, "did you mean 'witnesses'" in refused.stderr) == (2, True), refused.stderr
