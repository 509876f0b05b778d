"""Evidence of an earlier run about the same artefact is true, and is not followed into this decision's trail."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.builders import DIGEST, NOW, Bench, bench
from tests.evidence.stores import administrator

from mintmark.evidence.log import EvidenceLog
from mintmark.pipelines.cli import explain
from mintmark.pipelines.errors import IntegrityError
from mintmark.pipelines.locations import locate
from mintmark.pipelines.trace.build import trace_build
from mintmark.pipelines.trace.posting import _build_lines

OTHER = "e" * 64
SCAN = {"tool": "bandit", "tool_version": "1", "status": "complete", "read": 1, "given": 1, "findings": []}
SOURCE = {"externalParameters": {"source": {"uri": "git+https://example.com/x", "commit": "c1"}}}


def recorded(place: Bench, changed: Mapping[str, str]) -> EvidenceLog:
    """A release of run `two`, with one fact of it taken from run `one`."""
    log = place.open()
    run = {kind: changed.get(kind, "two") for kind in ("provenance", "scan", "decision")}
    facts: dict[str, dict[str, Any]] = {
        "provenance": {"buildDefinition": SOURCE, "runDetails": {"metadata": {"invocationId": run["provenance"]}}},
        "scan": SCAN | {"invocation": run["scan"]},
        "decision": {"id": run["decision"], "decision": "ALLOW", "as_of": "2026-11-24T12:00:00Z", "policy_digest": "p"},
        "sbom": {},
    }
    for kind, predicate in facts.items():
        log.record(place.bundle(kind, **predicate), now=NOW, refs=("decision:two",))
    return log


def test_the_facts_of_the_decisions_own_run_are_traced(tmp_path: Path) -> None:
    lines = list(_build_lines(recorded(bench(tmp_path), {}), DIGEST, "two"))

    assert [line.split()[0] for line in lines] == ["commit", "verdict", "scan", "sbom", "log"]


@pytest.mark.parametrize("kind", ["provenance", "scan", "decision"])
def test_a_fact_of_another_run_breaks_the_trail(kind: str, tmp_path: Path) -> None:
    log = recorded(bench(tmp_path), {kind: "one"})

    with pytest.raises(IntegrityError) as refused:
        list(_build_lines(log, DIGEST, "two"))

    assert refused.value.reason == "run_mismatch"


VERDICT = {"id": "one", "decision": "ALLOW", "environment": "local", "policy_digest": "p"}


def filed_as(place: Bench, change: str) -> None:
    """What an administrator writes into the tables that queries read."""
    with closing(administrator(place.url)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(change)


def build_lines(log: EvidenceLog, digest: str, folder: Path) -> list[str]:
    return list(trace_build(log, digest, locate(folder)))


def test_the_verdicts_of_a_build_are_traced(tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.open()
    log.record(place.bundle("decision", **VERDICT), now=NOW)

    assert build_lines(log, DIGEST, tmp_path)[1].startswith("verdict    ALLOW one for local")


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("decision", f"UPDATE view_subject SET digest = '{OTHER}'", "subject_mismatch"),
        ("scan", "UPDATE view_entry SET kind = 'decision'", "type_mismatch"),
    ],
)
def test_a_build_is_not_told_by_what_was_filed_under_it(kind: str, change: str, reason: str, tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.open()
    log.record(place.bundle(kind, **SCAN | VERDICT), now=NOW)
    filed_as(place, change)

    with pytest.raises(IntegrityError) as refused:
        build_lines(log, OTHER if kind == "decision" else DIGEST, tmp_path)

    assert refused.value.reason == reason


def test_a_decision_filed_under_another_is_not_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = bench(tmp_path)
    log = place.open()
    monkeypatch.setattr(explain, "open_reader", lambda _locations: log)
    log.record(place.bundle("decision", **VERDICT), now=NOW, refs=("decision:one",))
    log.record(place.bundle("decision", **VERDICT), now=NOW, refs=("decision:two",))

    with pytest.raises(IntegrityError) as refused:
        explain.run(["two"])

    assert refused.value.reason == "run_mismatch"
    assert explain.run(["one"]) == 0
    said = capsys.readouterr()
    assert "entry 0, verified" in said.out
    assert "shown as it was recorded" in said.err  # this one has less in it than a decision of today
