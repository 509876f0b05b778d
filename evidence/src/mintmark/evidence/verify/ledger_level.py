"""L4: the journal entries that the log's batches bind are the ledger, no more, no fewer and no others."""

from __future__ import annotations

from collections.abc import Sequence

from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.ledger.batch import parse_batch
from mintmark.evidence.ledger.interface import LedgerSource
from mintmark.evidence.ledger.verification import BoundBatch, verify_ledger
from mintmark.evidence.statement import Statement
from mintmark.evidence.verify.report import Findings

# A batch as it was found: the index of its entry, and what was signed.
Found = tuple[int, Statement]


def check_ledger(found: Sequence[Found], source: LedgerSource, findings: Findings) -> str:
    """Compare a ledger with every batch that the log has, and return what was counted."""
    batches = parse_batches(found, findings)
    names = {item.batch.ledger for item in batches}
    if len(names) != 1:
        reason = f"the log binds {', '.join(sorted(names))}" if names else "the log binds no ledger"
        findings.lack("L4", "ledger", f"{reason}: which one this is cannot be told")
        return reason
    report = verify_ledger(batches, source, ledger=names.pop())
    for problem in report.problems:
        findings.fail("L4", problem.place, f"{problem.reason}: {problem.detail}", index=problem.index)
    if report.unread is not None:
        findings.lack("L4", "ledger", report.unread)
        return "the ledger cannot be read"
    since = min((item.queued_at for item in report.pending), default=None)
    waiting = (
        f", {len(report.pending)} wait for the next batch, the oldest since {since:%Y-%m-%dT%H:%M:%SZ}" if since else ""
    )
    return f"{report.bound} of {report.entries} journal entries are bound by {report.batches} batches{waiting}"


def parse_batches(found: Sequence[Found], findings: Findings) -> list[BoundBatch]:
    batches = []
    for index, statement in found:
        try:
            batches.append(BoundBatch(index=index, batch=parse_batch(statement)))
        except EvidenceError as cause:
            findings.fail("L4", "ledger-batch", str(cause), index=index)
    return batches
