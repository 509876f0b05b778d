"""A fact counts only as a signed statement of somebody who may write it, about this artefact, made by this run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.builders import DIGEST, NOW, Bench, bench, signed, statement
from tests.policies.builders import POLICIES

from mintmark.evidence.schemas import PredicateSchemas
from mintmark.evidence.statement import Run
from mintmark.pipelines.facts import FactRefused, Facts, read_facts
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.workshop import predicate_schemas

COMMIT = "c" * 40
RUN = Run(id="run-1", commit=COMMIT)


@pytest.fixture(scope="module")
def schemas() -> PredicateSchemas:
    return predicate_schemas(PolicyPack.load(POLICIES))


@pytest.fixture(scope="module")
def baseline() -> dict[str, Any]:
    return PolicyPack.load(POLICIES).baseline


@pytest.fixture
def scanner(tmp_path: Path) -> Bench:
    (tmp_path / "scanner").mkdir()
    return bench(tmp_path / "scanner")


@pytest.fixture
def builder(tmp_path: Path) -> Bench:
    """A build step: it may say what it built, and nothing about what scanners found."""
    (tmp_path / "builder").mkdir()
    return bench(tmp_path / "builder", kinds=("provenance", "sbom"))


def fact(place: Bench, kind: str, predicate: dict[str, Any], digest: str = DIGEST) -> bytes:
    named = [{"name": "florin.whl", "digest": {"sha256": digest}}]
    return signed(place.key, statement(kind, {"origin": "local", **predicate}, subject=named))


def scan(baseline: dict[str, Any], **changes: Any) -> dict[str, Any]:
    predicate = {name: value for name, value in baseline["scans"][0].items() if name != "producer"}
    times = {"started_at": int(NOW.timestamp()) - 9, "finished_at": int(NOW.timestamp()) - 5}
    return {**predicate, **times, "invocation": "run-1", **changes}


def provenance(**changes: Any) -> dict[str, Any]:
    return {
        "buildDefinition": {
            "buildType": "https://mintmark.dev/build/python-wheel/v1",
            "externalParameters": {
                "package": "florin",
                "source": {"uri": "git+https://example.com/florin", "commit": changes.get("commit", COMMIT)},
            },
            "internalParameters": {"origin": "local", "tree_digest": "sha256:x", "cache": "verified"},
            "resolvedDependencies": [{"name": "uv.lock", "digest": {"sha256": "1" * 64}}],
        },
        "runDetails": {
            "builder": {"id": "https://mintmark.dev/builders/local"},
            "metadata": {
                "invocationId": changes.get("run", "run-1"),
                "startedOn": "2026-11-24T11:59:00Z",
                "finishedOn": "2026-11-24T11:59:30Z",
            },
        },
    }


def read(place: Bench, schemas: PredicateSchemas, *bundles: bytes) -> Facts:
    return read_facts(bundles, place.trust, schemas=schemas, subject_sha256=DIGEST, run=RUN, at=NOW)


def test_facts_of_this_run_are_read_with_who_signed_them(
    scanner: Bench, schemas: PredicateSchemas, baseline: dict[str, Any]
) -> None:
    sbom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"name": "idna"}]}
    facts = read(
        scanner,
        schemas,
        fact(scanner, "scan", scan(baseline)),
        fact(scanner, "provenance", provenance()),
        fact(scanner, "sbom", sbom),
    )

    assert facts.scans[0]["producer"] == {"id": scanner.trust.keys[0].id, "origin": "local"}
    assert facts.scans[0]["tool"] == "bandit"
    assert facts.provenance is not None
    assert (facts.provenance["commit"], facts.provenance["cache"]) == (COMMIT, "verified")
    assert facts.sbom is not None
    assert (facts.sbom["components"], facts.sbom["lock_digest"]) == (1, "sha256:" + "1" * 64)


def test_a_scan_with_no_findings_that_the_build_step_signed_is_refused(
    scanner: Bench, builder: Bench, schemas: PredicateSchemas, baseline: dict[str, Any]
) -> None:
    """Whoever builds could otherwise write the report that lets the build through."""
    forged = fact(builder, "scan", scan(baseline, findings=[]))

    with pytest.raises(FactRefused) as refused:
        read(builder, schemas, forged)

    assert refused.value.reason == "producer_mismatch"
    assert read(scanner, schemas, fact(scanner, "scan", scan(baseline, findings=[]))).scans


@pytest.mark.parametrize(
    ("reason", "kind", "changes"),
    [
        ("run_mismatch", "scan", {"invocation": "run-0"}),
        ("origin_mismatch", "scan", {"origin": "ci"}),
        ("schema_invalid", "scan", {"status": "fine"}),
        ("future", "scan", {"finished_at": int((NOW + timedelta(hours=1)).timestamp())}),
    ],
)
def test_a_scan_of_another_run_or_origin_or_shape_is_refused(
    reason: str, kind: str, changes: dict[str, Any], scanner: Bench, schemas: PredicateSchemas, baseline: dict[str, Any]
) -> None:
    with pytest.raises(FactRefused) as refused:
        read(scanner, schemas, fact(scanner, kind, scan(baseline, **changes)))

    assert refused.value.reason == reason


def test_a_fact_about_another_artefact_is_refused(
    scanner: Bench, schemas: PredicateSchemas, baseline: dict[str, Any]
) -> None:
    with pytest.raises(FactRefused) as refused:
        read(scanner, schemas, fact(scanner, "scan", scan(baseline), digest="e" * 64))

    assert refused.value.reason == "subject_mismatch"


@pytest.mark.parametrize("changes", [{"commit": "d" * 40}, {"run": "run-0"}])
def test_the_provenance_of_another_commit_or_run_is_refused(
    changes: dict[str, str], scanner: Bench, schemas: PredicateSchemas
) -> None:
    with pytest.raises(FactRefused) as refused:
        read(scanner, schemas, fact(scanner, "provenance", provenance(**changes)))

    assert refused.value.reason == "run_mismatch"


def test_two_accounts_of_one_build_are_refused(scanner: Bench, schemas: PredicateSchemas) -> None:
    with pytest.raises(FactRefused) as refused:
        read(scanner, schemas, *[fact(scanner, "provenance", provenance())] * 2)

    assert refused.value.reason == "type_mismatch"


def test_an_unsigned_fact_is_refused(scanner: Bench, schemas: PredicateSchemas, baseline: dict[str, Any]) -> None:
    import json

    bundle = json.loads(fact(scanner, "scan", scan(baseline)))
    bundle["dsseEnvelope"]["signatures"] = []

    with pytest.raises(FactRefused) as refused:
        read(scanner, schemas, json.dumps(bundle).encode())

    assert refused.value.reason == "unsigned"


def test_what_is_not_there_is_said_not_to_be_there(scanner: Bench, schemas: PredicateSchemas) -> None:
    assert read(scanner, schemas).to_gate() == {"scans": (), "tests": (), "sbom": None, "provenance": None}
