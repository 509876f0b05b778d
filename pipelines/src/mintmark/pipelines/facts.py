"""Facts for the gate, each read from a signed statement that was verified first: nothing travels as trusted data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mintmark.evidence.errors import IngestRefused
from mintmark.evidence.ingest import Accepted, accept, expect
from mintmark.evidence.schemas import PredicateSchemas
from mintmark.evidence.statement import Run
from mintmark.evidence.trust import TrustPolicy
from mintmark.pipelines.errors import IntegrityError

LOCK = "uv.lock"
_OF_A_RUN = ("provenance", "scan", "test-result")


class FactRefused(IntegrityError):
    """A statement that must not count: unsigned, of another producer, of another artefact, run or kind."""

    def __init__(self, cause: IngestRefused) -> None:
        # The trust policy says who may write which facts: the job that builds does not scan.
        reason = "producer_mismatch" if cause.reason == "kind_not_allowed" else cause.reason
        super().__init__(f"a fact is refused: {cause}", reason=reason, remedy=cause.remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Verified facts about one artefact, as the members of the gate's input have them."""

    scans: tuple[dict[str, Any], ...]
    tests: tuple[dict[str, Any], ...]
    sbom: dict[str, Any] | None
    provenance: dict[str, Any] | None

    def to_gate(self) -> dict[str, Any]:
        """Keyword arguments of `build_input`."""
        return {"scans": self.scans, "tests": self.tests, "sbom": self.sbom, "provenance": self.provenance}


def read_facts(
    bundles: Sequence[bytes],
    trust: TrustPolicy,
    *,
    schemas: PredicateSchemas,
    subject_sha256: str,
    run: Run,
    at: datetime,
) -> Facts:
    """
    Verify signed statements about one artefact, made by one run, and read the facts in them.

    Raises `FactRefused`: `producer_mismatch` for a fact of somebody who may not write its kind; `subject_mismatch`;
    `run_mismatch`; `type_mismatch` for two that cannot both be; and whatever the signature is refused with.
    """
    try:
        accepted = [accept(bundle, trust, at=at, schemas=schemas) for bundle in bundles]
        for item in accepted:
            kind = item.statement.kind
            expect(item.statement, digest=subject_sha256, run=_expected(kind, run))
    except IngestRefused as cause:
        raise FactRefused(cause) from cause
    provenance = _only(accepted, "provenance")
    return Facts(
        scans=tuple(_presented(item) for item in accepted if item.statement.kind == "scan"),
        tests=tuple(_test(item) for item in accepted if item.statement.kind == "test-result"),
        sbom=_sbom(_only(accepted, "sbom"), provenance, subject_sha256),
        provenance=None if provenance is None else _provenance(provenance, subject_sha256),
    )


def _expected(kind: str, run: Run) -> Run | None:
    if kind not in _OF_A_RUN:
        return None
    return Run(id=run.id, commit=run.commit if kind == "provenance" else None)


def _only(accepted: Sequence[Accepted], kind: str) -> Accepted | None:
    found = [item for item in accepted if item.statement.kind == kind]
    if len(found) > 1:
        raise FactRefused(
            IngestRefused(
                f"there are {len(found)} statements of kind {kind}", reason="type_mismatch", remedy="give one"
            )
        )
    return found[0] if found else None


def _producer(item: Accepted) -> dict[str, str]:
    """By the signature that holds, and by nothing that the statement claims."""
    return {"id": item.producer.id, "origin": item.producer.origin or "local"}


def _presented(item: Accepted) -> dict[str, Any]:
    scan = {name: value for name, value in item.statement.predicate.items() if name not in {"origin", "invocation"}}
    return {**scan, "producer": _producer(item)}


def _test(item: Accepted) -> dict[str, Any]:
    predicate = item.statement.predicate
    counts: Mapping[str, int] = predicate.get("counts", {"passed": 0, "failed": 0, "skipped": 0})
    return {
        "suite": predicate.get("suite", "unnamed"),
        "result": predicate["result"],
        **{name: counts[name] for name in ("passed", "failed", "skipped")},
        "finished_at": predicate.get("finished_at", 0),
        "commit": predicate.get("commit", "0" * 40),
        "means": predicate.get("means", "import"),
        "producer": _producer(item),
    }


def _provenance(item: Accepted, subject_sha256: str) -> dict[str, Any]:
    definition = item.statement.predicate["buildDefinition"]
    return {
        "present": True,
        "builder": item.statement.predicate["runDetails"]["builder"]["id"],
        "subject_sha256": subject_sha256,
        "commit": definition["externalParameters"]["source"]["commit"],
        "origin": _producer(item)["origin"],
        "cache": definition.get("internalParameters", {}).get("cache", "unverified"),
    }


def _sbom(item: Accepted | None, provenance: Accepted | None, subject_sha256: str) -> dict[str, Any] | None:
    """The lock that a bill was made from is the one that the build resolved; without provenance there is none."""
    if item is None:
        return None
    document = item.statement.predicate
    return {
        "present": True,
        "format": str(document["bomFormat"]),
        "spec_version": str(document["specVersion"]),
        "components": len(document.get("components", [])),
        "subject_sha256": subject_sha256,
        "lock_digest": f"sha256:{_lock_digest(provenance)}",
    }


def _lock_digest(provenance: Accepted | None) -> str:
    if provenance is None:
        return "0" * 64
    resolved = provenance.statement.predicate["buildDefinition"].get("resolvedDependencies", [])
    return next((str(item["digest"]["sha256"]) for item in resolved if item.get("name") == LOCK), "0" * 64)
