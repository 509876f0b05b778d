"""From a build to every sum that it posted, over all its deployments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from mintmark.evidence.ledger.journal import JournalEntry
from mintmark.evidence.ledger.verification import BoundBatch
from mintmark.evidence.reader import LogReader
from mintmark.pipelines.errors import IncompleteError, IntegrityError
from mintmark.pipelines.locations import Locations
from mintmark.pipelines.proof import ProvenStatement, prove
from mintmark.pipelines.trace.ledger import LedgerProver
from mintmark.pipelines.trace.posting import prover_of


def trace_build(log: LogReader, digest: str, locations: Locations) -> Iterator[str]:
    """Yield each verdict, each deployment with what it posted, and the sums by currency (minor units)."""
    rows = log.search(subject=digest)
    if not rows:
        raise IncompleteError(
            f"sha256:{digest} is not in the evidence log",
            reason="not_recorded",
            remedy="compare the digest; `mintmark evidence search --kind decision` lists those on record",
        )
    yield f"digest     sha256:{digest}"
    for row in sorted((row for row in rows if row.kind == "decision"), key=lambda row: row.index):
        judged = prove(log, row.index, kind="decision")
        _require_subject(judged, digest)
        verdict = judged.predicate
        yield f"verdict    {verdict['decision']} {verdict['id']} for {verdict['environment']}   entry {row.index} ✓"
    deployments = sorted((row for row in rows if row.kind == "deployment"), key=lambda row: row.index)
    if not deployments:
        yield "deployed   never"
        return
    provers: dict[str, LedgerProver] = {}
    posted = _Posted()
    for row in deployments:
        proven = prove(log, row.index, kind="deployment")
        _require_subject(proven, digest)
        deployment_id = str(proven.predicate["deployment_id"])
        place = str(proven.predicate["environment"])
        if place not in provers:
            provers[place] = prover_of(log, locations, place)
        before = posted.entries, posted.postings
        posted.add(provers[place], deployment_id)
        counted = f"{posted.entries - before[0]} entries, {posted.postings - before[1]} postings"
        yield f"deployment {deployment_id}: {counted}   entry {row.index} ✓"
    yield f"posted     {posted.entries} entries, {posted.postings} postings"
    yield f"ledger     {posted.bound} of them bound in {len(posted.batches)} batches ✓, {posted.waiting} not bound yet"
    for currency, total in sorted(posted.sums.items()):
        yield f"sum        {total} {currency} (minor units, debits)"


def _require_subject(proven: ProvenStatement, digest: str) -> None:
    if digest not in proven.subjects:
        raise IntegrityError(
            f"entry {proven.index} is signed for another artefact than sha256:{digest}",
            reason="subject_mismatch",
            remedy="run `mintmark verify`: the query table does not say what the signed statement says",
        )


@dataclass(slots=True)
class _Posted:
    """Sums over entries whose text a batch in the log binds, or that wait for one; each is read and not believed."""

    entries: int = 0
    postings: int = 0
    waiting: int = 0
    sums: Counter[str] = field(default_factory=Counter)
    batches: set[tuple[str, int]] = field(default_factory=set)

    @property
    def bound(self) -> int:
        return self.entries - self.waiting

    def add(self, prover: LedgerProver, deployment_id: str) -> None:
        """Whether Florin left entries out is for `mintmark verify` to find: it reads the whole ledger."""
        after = 0
        while page := prover.client.entries(deployment_id, after=after):
            for answer in page:
                wanted = int(answer.get("id", 0))
                entry, bound = prover.bound_by(answer, wanted=wanted)
                if wanted <= after or entry.deployment != deployment_id:
                    raise IntegrityError(
                        f"Florin's entry {wanted} is out of order, or not of deployment {deployment_id}",
                        reason="id_mismatch",
                        remedy="the ledger does not say what was posted: run `mintmark verify`",
                    )
                after = wanted
                self._count(entry, bound, ledger=prover.ledger)

    def _count(self, entry: JournalEntry, bound: BoundBatch | None, *, ledger: str) -> None:
        self.entries += 1
        self.postings += len(entry.postings)
        for posting in entry.postings:
            self.sums[posting.currency] += max(-posting.amount_minor, 0)
        if bound is None:
            self.waiting += 1
        else:
            self.batches.add((ledger, bound.batch.batch))
