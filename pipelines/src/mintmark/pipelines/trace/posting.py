"""From a posting to the deployment, digest, commit, verdict and scans behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from mintmark.evidence.log import EvidenceLog
from mintmark.pipelines.deploy.local import LocalDriver
from mintmark.pipelines.deploy.service_client import FlorinClient, ServiceUnreachable
from mintmark.pipelines.errors import IncompleteError, IntegrityError
from mintmark.pipelines.locations import Locations
from mintmark.pipelines.proof import ProvenStatement, prove


def trace_posting(log: EvidenceLog, posting_id: str, locations: Locations) -> Iterator[str]:
    """
    Yield one line a step, each verified before it is yielded.

    Raises `IncompleteError` where the trail ends (no deployment on record), `IntegrityError` where it breaks.
    """
    posting = ledger_of(locations).posting(posting_id)
    yield _posting_line(posting_id, posting)
    yield _leaf_line(posting["entry"])
    deployment_id = str(posting["entry"]["deployment_id"])
    deployment = _one(log, "deployment", f"urn:uuid:{deployment_id}", missing=f"deployment {deployment_id}")
    facts = deployment.predicate
    _require(facts["deployment_id"] == deployment_id, deployment.index, "names another deployment")
    yield f"deployment {deployment_id} in {facts['environment']} since {facts['started_at']}   {_where(deployment)}"
    digest = str(facts["digest"]).removeprefix("sha256:")
    _require(digest in deployment.subjects, deployment.index, "is signed for another artefact")
    yield f"digest     sha256:{digest}"
    yield from _build_lines(log, digest, str(facts["decision_id"]))


def _build_lines(log: EvidenceLog, digest: str, decision_id: str) -> Iterator[str]:
    ref = f"decision:{decision_id}"
    provenance = _one(log, "provenance", ref, missing=f"the provenance of sha256:{digest}")
    _require(digest in provenance.subjects, provenance.index, "is signed for another artefact")
    build = provenance.predicate["buildDefinition"]["externalParameters"]
    yield f"commit     {build['source']['commit']} of {build['source']['uri']}   {_where(provenance)}"
    decision = _one(log, "decision", ref, missing=f"decision {decision_id}")
    verdict = decision.predicate
    _require(digest in decision.subjects, decision.index, "is signed for another artefact")
    _require(verdict["id"] == decision_id, decision.index, "is another decision")
    waived = f", {len(verdict['waived'])} waived" if verdict.get("waived") else ""
    yield (
        f"verdict    {verdict['decision']} {decision_id} at {verdict['as_of']} under policy "
        f"{verdict['policy_digest']}{waived}   {_where(decision)}"
    )
    for row in sorted(log.search(kind="scan", ref=ref), key=lambda row: row.index):
        scan = prove(log, row.index)
        _require(digest in scan.subjects, scan.index, "is signed for another artefact")
        report = scan.predicate
        yield (
            f"scan       {report['tool']} {report['tool_version']}: {report['status']}, {report['read']} of "
            f"{report['given']} read, {len(report['findings'])} findings   {_where(scan)}"
        )
    sbom = _one(log, "sbom", ref, missing=f"the SBOM of sha256:{digest}")
    _require(digest in sbom.subjects, sbom.index, "is signed for another artefact")
    yield f"sbom       CycloneDX, {len(sbom.predicate.get('components', []))} components   {_where(sbom)}"
    yield f"log        {log.origin}, size {decision.tree_size}, every entry above verified to its signed checkpoint"


def ledger_of(locations: Locations) -> FlorinClient:
    """The running Florin of the local environment, which answers for its ledger over HTTP."""
    running = LocalDriver(environment="local", folder=locations.environment("local")).current()
    if running is None:
        raise ServiceUnreachable("Florin", cause="nothing was deployed to the local environment")
    return FlorinClient(url=running.url)


def _posting_line(posting_id: str, posting: dict[str, Any]) -> str:
    return (
        f"posting    {posting_id}: {posting['amount_minor']:+d} {posting['currency']} minor units on "
        f"{posting['account']}, entry {posting['entry']['id']} at {posting['entry']['created_at']}"
    )


def _leaf_line(entry: dict[str, Any]) -> str:
    """RFC 6962 leaf hash, computed here from the entry's canonical text and compared with the ledger's own."""
    computed = hashlib.sha256(b"\x00" + str(entry["canonical"]).encode()).hexdigest()
    if computed != entry["leaf_hash"]:
        raise IntegrityError(
            f"entry {entry['id']}: its leaf hash is {entry['leaf_hash']}, its text hashes to {computed}",
            reason="leaf_mismatch",
            remedy="the ledger was changed after the posting; compare it with a backup",
        )
    return f"leaf       {computed}   recomputed from the entry's canonical text"


def _one(log: EvidenceLog, kind: str, ref: str, *, missing: str) -> ProvenStatement:
    rows = log.search(kind=kind, ref=ref)
    if not rows:
        raise IncompleteError(
            f"{missing} is not in the evidence log",
            reason="not_recorded",
            remedy="was this posting made by a Florin that Mintmark did not deploy, or is this another log?",
        )
    return prove(log, max(row.index for row in rows))


def _require(holds: bool, index: int, what: str) -> None:  # noqa: FBT001  an assertion reads so
    if not holds:
        raise IntegrityError(
            f"entry {index} {what} than the trail leads to",
            reason="subject_mismatch",
            remedy="run `mintmark verify`: the query table does not say what the signed statement says",
        )


def _where(proven: ProvenStatement) -> str:
    return f"entry {proven.index} ✓"
