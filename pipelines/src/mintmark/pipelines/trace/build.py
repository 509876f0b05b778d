"""From a build to every sum that it posted, over all its deployments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mintmark.evidence.log import EvidenceLog
from mintmark.pipelines.errors import IncompleteError, IntegrityError
from mintmark.pipelines.locations import Locations
from mintmark.pipelines.proof import prove
from mintmark.pipelines.trace.posting import ledger_of


def trace_build(log: EvidenceLog, digest: str, locations: Locations) -> Iterator[str]:
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
        verdict = prove(log, row.index).predicate
        yield f"verdict    {verdict['decision']} {verdict['id']} for {verdict['environment']}   entry {row.index} ✓"
    deployments = sorted((row for row in rows if row.kind == "deployment"), key=lambda row: row.index)
    if not deployments:
        yield "deployed   never"
        return
    ledger = ledger_of(locations)
    sums: Counter[str] = Counter()
    entries = postings = 0
    for row in deployments:
        proven = prove(log, row.index)
        if digest not in proven.subjects:
            raise IntegrityError(
                f"entry {row.index} is signed for another artefact than sha256:{digest}",
                reason="subject_mismatch",
                remedy="run `mintmark verify`: the query table does not say what the signed statement says",
            )
        deployment_id = str(proven.predicate["deployment_id"])
        totals = ledger.deployment_totals(deployment_id)
        entries += int(totals["entries"])
        postings += int(totals["postings"])
        sums.update({item["currency"]: int(item["debit_minor"]) for item in totals["totals"]})
        counted = f"{totals['entries']} entries, {totals['postings']} postings"
        yield f"deployment {deployment_id}: {counted}   entry {row.index} ✓"
    yield f"posted     {entries} entries, {postings} postings"
    for currency, total in sorted(sums.items()):
        yield f"sum        {total} {currency} (minor units, debits)"
