"""What was known before is read from proven entries of this very repository and environment, and from no other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.builders import DIGEST, NOW, Bench, bench, signed, statement
from tests.pipelines.scan.test_suppressors import FINDING, report

from mintmark.evidence.log import EvidenceLog
from mintmark.pipelines.known import Known, read_known
from mintmark.pipelines.scan.model import Fingerprint

HERE = "git+https://example.com/florin"
A, B, C = ("a" * 32, "b" * 32, "c" * 32)


@pytest.fixture
def place(tmp_path: Path) -> Bench:
    return bench(tmp_path)


def run(
    place: Bench,
    log: EvidenceLog,
    name: str,
    decision: str,
    findings: dict[str, int],
    *,
    age: int = 0,
    **changes: Any,
) -> None:
    """Record a run's scan and verdict; `findings` maps fingerprints to when they were first seen."""
    moment = NOW - timedelta(seconds=age)
    scan = {
        "tool": "bandit",
        "status": "complete",
        "invocation": changes.pop("invocation", name),
        "started_at": int(moment.timestamp()),
        "findings": [{"fingerprint": mark, "first_seen_epoch": seen} for mark, seen in findings.items()],
        "origin": "local",
    }
    verdict = {
        "id": name,
        "decision": decision,
        "environment": "local",
        "source": {"uri": HERE, "commit": name[-1] * 40},
        "as_of": moment.isoformat(),
        "as_of_epoch": int(moment.timestamp()),
        "policy_digest": "sha256:" + "c" * 64,
        "origin": "local",
    } | changes
    refs = (f"decision:{name}", "environment:local")
    for kind, predicate in (("scan", scan), ("decision", verdict)):
        log.record(signed(place.key, statement(kind, predicate)), now=NOW, refs=refs)


def read(log: EvidenceLog) -> Known:
    return read_known(log, environment="local", repository=HERE)


def test_an_empty_log_knows_nothing(place: Bench) -> None:
    assert read(place.open()) == Known()


def test_what_the_last_allowed_release_had_is_known_and_the_rest_is_new(place: Bench) -> None:
    log = place.open()
    run(place, log, "run-1", "ALLOW", {A: 100, B: 200}, age=30)
    run(place, log, "run-2", "DENY", {B: 200, C: 300}, age=20)
    history = read(log)

    (dated,) = history.date([report(*(_finding(mark) for mark in (A, B, C, "d" * 32)))], now=900)

    assert [finding.new for finding in dated.findings] == [False, False, True, True]
    assert [finding.first_seen_epoch for finding in dated.findings] == [100, 200, 300, 900]
    assert history.base == "1" * 40


def _finding(mark: str) -> Any:
    from dataclasses import replace

    return replace(FINDING, fingerprint=Fingerprint(mark))


def test_an_allow_that_was_recorded_once_more_does_not_become_the_last(place: Bench) -> None:
    log = place.open()
    run(place, log, "run-1", "ALLOW", {A: 100}, age=30)
    run(place, log, "run-2", "ALLOW", {B: 200}, age=20)
    run(place, log, "run-1", "ALLOW", {A: 100}, age=30)

    assert read(log).known == {B}


@pytest.mark.parametrize(
    "changes",
    [
        {"source": {"uri": "git+https://example.com/other", "commit": "1" * 40}},
        {"environment": "production"},
        {"invocation": "run-0"},
    ],
)
def test_what_another_repository_environment_or_run_had_is_not_known(place: Bench, changes: dict[str, Any]) -> None:
    log = place.open()
    run(place, log, "run-1", "ALLOW", {A: 100}, **changes)

    assert read(log).known == frozenset()


def test_a_scan_of_another_artefact_filed_under_the_run_is_not_believed(place: Bench) -> None:
    log = place.open()
    run(place, log, "run-1", "ALLOW", {A: 100})
    scan = {"tool": "semgrep", "status": "complete", "invocation": "run-1", "started_at": 1, "origin": "local"}
    other = statement(
        "scan",
        {**scan, "findings": [{"fingerprint": B, "first_seen_epoch": 1}]},
        subject=[{"name": "b.whl", "digest": {"sha256": "e" * 64}}],
    )
    log.record(signed(place.key, other), now=NOW, refs=("decision:run-1",))

    assert read(log).known == {A}
    assert DIGEST != "e" * 64


def test_what_an_exception_let_through_is_not_known_once_the_exception_ends(place: Bench) -> None:
    """Or a waiver of a day would let a finding through for good."""
    log = place.open()
    waived = [{"id": "code.dangerous_finding", "fingerprint": A, "waiver": "W-1"}]
    bypassed = [{"id": "code.dangerous_finding", "fingerprint": B, "break_glass": "BG-1", "facts": {}}]
    run(place, log, "run-1", "ALLOW", {A: 100, B: 200, C: 300}, waived=waived, bypassed=bypassed)

    assert read(log).known == {C}
    assert set(read(log).first_seen) == {A, B, C}


def test_the_verdicts_of_a_key_that_was_revoked_say_nothing_and_stop_nothing(place: Bench) -> None:
    from dataclasses import replace

    from mintmark.evidence.trust import TrustPolicy

    log = place.open()
    run(place, log, "run-1", "ALLOW", {A: 100})

    assert read(log).known == {A}
    assert read(replace(log, trust=TrustPolicy())) == Known()
