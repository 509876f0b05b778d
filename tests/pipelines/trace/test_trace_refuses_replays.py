"""Evidence of an earlier run about the same artefact is true, and is not followed into this decision's trail."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.builders import DIGEST, NOW, Bench, bench

from mintmark.evidence.log import EvidenceLog
from mintmark.pipelines.errors import IntegrityError
from mintmark.pipelines.trace.posting import _build_lines

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
