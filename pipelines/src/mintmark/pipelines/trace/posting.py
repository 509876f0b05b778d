"""From a posting to the deployment, digest, commit, verdict and scans behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mintmark.evidence.ledger.journal import JournalEntry
from mintmark.evidence.reader import LogReader
from mintmark.pipelines.deploy.ledger_binding import LOCAL, ledger_name
from mintmark.pipelines.deploy.local import LocalDriver
from mintmark.pipelines.deploy.service_client import FlorinClient, ServiceUnreachable
from mintmark.pipelines.errors import IncompleteError, IntegrityError, UsageError
from mintmark.pipelines.locations import Locations
from mintmark.pipelines.proof import ProvenStatement, prove
from mintmark.pipelines.trace.ledger import LedgerProver, ProvenEntry


def trace_posting(
    log: LogReader,
    posting_id: str,
    locations: Locations,
    *,
    environment: str = LOCAL,
    receipt: Path | None = None,
) -> Iterator[str]:
    """
    Yield one line a step, each verified before it is yielded; write the receipt to a file where one is wanted.

    What the lines say of the posting is read from the text that a batch in the log binds. While none does, a line says
    so. Raises `IncompleteError` where the trail ends (no deployment on record), `IntegrityError` where it breaks.
    """
    prover = prover_of(log, locations, environment)
    entry_id, leg = _parts(posting_id)
    answer = prover.client.posting(posting_id).get("entry", {})
    proven = prover.prove(answer, wanted=entry_id)
    yield _posting_line(proven.entry, leg)
    yield f"leaf       {proven.entry.leaf_hash.hex()}   recomputed from the entry's canonical text"
    yield _bound_line(proven, answer)
    if receipt is not None:
        yield _written(proven, receipt)
    deployment_id = proven.entry.deployment
    deployment = _one(log, "deployment", f"urn:uuid:{deployment_id}", missing=f"deployment {deployment_id}")
    facts = deployment.predicate
    _require(facts["deployment_id"] == deployment_id, deployment.index, "names another deployment")
    yield f"deployment {deployment_id} in {facts['environment']} since {facts['started_at']}   {_where(deployment)}"
    digest = str(facts["digest"]).removeprefix("sha256:")
    _require(digest in deployment.subjects, deployment.index, "is signed for another artefact")
    yield f"digest     sha256:{digest}"
    yield from _build_lines(log, digest, str(facts["decision_id"]))


def _build_lines(log: LogReader, digest: str, decision_id: str) -> Iterator[str]:
    ref = f"decision:{decision_id}"
    provenance = _one(log, "provenance", ref, missing=f"the provenance of sha256:{digest}")
    _require(digest in provenance.subjects, provenance.index, "is signed for another artefact")
    _require_run(provenance, decision_id)
    build = provenance.predicate["buildDefinition"]["externalParameters"]
    yield f"commit     {build['source']['commit']} of {build['source']['uri']}   {_where(provenance)}"
    decision = _one(log, "decision", ref, missing=f"decision {decision_id}")
    verdict = decision.predicate
    _require(digest in decision.subjects, decision.index, "is signed for another artefact")
    _require_run(decision, decision_id)
    waived = f", {len(verdict['waived'])} waived" if verdict.get("waived") else ""
    yield (
        f"verdict    {verdict['decision']} {decision_id} at {verdict['as_of']} under policy "
        f"{verdict['policy_digest']}{waived}   {_where(decision)}"
    )
    for row in sorted(log.search(kind="scan", ref=ref), key=lambda row: row.index):
        scan = prove(log, row.index, kind="scan")
        _require(digest in scan.subjects, scan.index, "is signed for another artefact")
        _require_run(scan, decision_id)
        report = scan.predicate
        yield (
            f"scan       {report['tool']} {report['tool_version']}: {report['status']}, {report['read']} of "
            f"{report['given']} read, {len(report['findings'])} findings   {_where(scan)}"
        )
    sbom = _one(log, "sbom", ref, missing=f"the SBOM of sha256:{digest}")
    _require(digest in sbom.subjects, sbom.index, "is signed for another artefact")
    yield f"sbom       CycloneDX, {len(sbom.predicate.get('components', []))} components   {_where(sbom)}"
    yield f"log        {log.origin}, size {decision.tree_size}, every entry above verified to its signed checkpoint"


def prover_of(log: LogReader, locations: Locations, environment: str) -> LedgerProver:
    """Of the ledger of the Florin that runs in an environment, which answers for it over HTTP."""
    running = LocalDriver(environment=environment, folder=locations.environment(environment)).current()
    if running is None:
        raise ServiceUnreachable("Florin", cause=f"nothing runs in the environment {environment}")
    return LedgerProver(log=log, client=FlorinClient(url=running.url), ledger=ledger_name(environment))


def _parts(posting_id: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9][0-9]{0,17})\.([1-9][0-9]{0,3})", posting_id)
    if match is None:
        raise UsageError(
            f"{posting_id!r} is not a posting's id", reason="malformed", remedy="give entry and leg, such as 42.1"
        )
    return int(match[1]), int(match[2])


def _posting_line(entry: JournalEntry, leg: int) -> str:
    posting = next((posting for posting in entry.postings if posting.leg == leg), None)
    if posting is None:
        raise IntegrityError(
            f"entry {entry.id} has no leg {leg} in its canonical text",
            reason="leaf_mismatch",
            remedy="Florin answered for a posting that its own entry does not have: run `mintmark verify`",
        )
    return (
        f"posting    {entry.id}.{leg}: {posting.amount_minor:+d} {posting.currency} minor units on "
        f"{posting.account}, entry {entry.id} at {entry.created_at}"
    )


def _bound_line(proven: ProvenEntry, answer: dict[str, Any]) -> str:
    if proven.verified is not None:
        return f"ledger     {proven.verified.describe()} ✓"
    queued = answer.get("queued_at")
    since = f", queued {_age_s(str(queued)):.1f} s ago" if queued else ", its batch is on its way"
    return f"ledger     not bound yet{since}: what is said of the posting rests on Florin's word alone"


def _age_s(moment: str) -> float:
    try:
        return max((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds(), 0.0)
    except (TypeError, ValueError) as cause:
        raise IntegrityError(
            f"Florin says that it was queued at {moment[:40]!r}", reason="malformed", remedy="read the service's log"
        ) from cause


def _written(proven: ProvenEntry, path: Path) -> str:
    if proven.receipt is None:
        raise IncompleteError(
            f"entry {proven.entry.id} has no receipt yet: no batch in the log binds it",
            reason="not_bound",
            remedy="run `mintmark bind-ledger`, then trace again",
        )
    path.write_bytes(proven.receipt)
    return f"receipt    {path}, {len(proven.receipt)} bytes"


def _one(log: LogReader, kind: str, ref: str, *, missing: str) -> ProvenStatement:
    rows = log.search(kind=kind, ref=ref)
    if not rows:
        raise IncompleteError(
            f"{missing} is not in the evidence log",
            reason="not_recorded",
            remedy="was this posting made by a Florin that Mintmark did not deploy, or is this another log?",
        )
    return prove(log, max(row.index for row in rows), kind=kind)


def _require(holds: bool, index: int, what: str) -> None:  # noqa: FBT001  an assertion reads so
    if not holds:
        raise IntegrityError(
            f"entry {index} {what} than the trail leads to",
            reason="subject_mismatch",
            remedy="run `mintmark verify`: the query table does not say what the signed statement says",
        )


def _require_run(proven: ProvenStatement, decision_id: str) -> None:
    """Evidence of an earlier run about the same artefact is true, and says nothing about this decision."""
    if proven.run.id != decision_id:
        raise IntegrityError(
            f"entry {proven.index} is {proven.kind} of run {proven.run.id}, filed under decision {decision_id}",
            reason="run_mismatch",
            remedy="somebody recorded evidence of another run for this one: run `mintmark verify`, then ask who did",
        )


def _where(proven: ProvenStatement) -> str:
    return f"entry {proven.index} ✓"
