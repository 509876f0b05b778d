"""What earlier runs found: since when each finding is known, and which ones the last allowed release already had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from mintmark.evidence.reader import LogReader
from mintmark.pipelines.proof import ProvenStatement, prove_if_trusted
from mintmark.pipelines.scan.model import Finding, ScanReport

MAX_RUNS = 50  # of other repositories in the same log, or refused ones, before looking stops


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """
    `known` are the fingerprints of the last allowed release, and `base` is its commit, empty where there was none.

    `first_seen` maps a fingerprint to epoch seconds.
    """

    known: frozenset[str] = frozenset()
    first_seen: Mapping[str, int] = field(default_factory=dict)
    base: str = ""

    def date(self, reports: Iterable[ScanReport], *, now: int) -> list[ScanReport]:
        """The same reports, with each finding saying since when it is known and whether it is new."""

        def dated(finding: Finding) -> Finding:
            return replace(
                finding,
                first_seen_epoch=self.first_seen.get(finding.fingerprint, now),
                new=finding.fingerprint not in self.known,
            )

        return [replace(report, findings=tuple(map(dated, report.findings))) for report in reports]


def read_known(log: LogReader, *, environment: str, repository: str) -> Known:
    """
    Read the scans behind the newest verdict, and those behind the newest ALLOW, on a repository for an environment.

    Each is proven before it is believed: to have been known before lowers what a finding weighs. What only a waiver or
    a break-glass let through is not known by that: it would weigh less once the exception ended. Verdicts of keys that
    are trusted no more say nothing. Raises `ProofFailed`.
    """
    runs = _decisions(log, environment=environment, repository=repository)
    if not runs:
        return Known()
    allowed = next((run for run in runs if run.predicate["decision"] == "ALLOW"), None)
    last = _findings(log, runs[0])
    shipped = last if allowed is runs[0] else _findings(log, allowed) if allowed is not None else {}
    first_seen = {**shipped, **last}
    for fingerprint, moment in shipped.items():
        first_seen[fingerprint] = min(moment, first_seen[fingerprint])
    base = "" if allowed is None else str(allowed.predicate["source"]["commit"])
    excepted = set() if allowed is None else _excepted(allowed)
    return Known(known=frozenset(shipped) - excepted, first_seen=first_seen, base=base)


def _excepted(run: ProvenStatement) -> set[str]:
    entries = (*run.predicate.get("waived", ()), *run.predicate.get("bypassed", ()))
    return {str(entry.get("fingerprint", "")) for entry in entries}


def _decisions(log: LogReader, *, environment: str, repository: str) -> list[ProvenStatement]:
    """
    The newest verdicts first.

    Which is newest is said by the times that were signed: whoever has a copy of an old one can record it once more.
    """
    rows = log.search(kind="decision", ref=f"environment:{environment}", limit=MAX_RUNS)
    runs = (prove_if_trusted(log, row.index, kind="decision") for row in rows)
    own = [
        run
        for run in runs
        if run is not None
        and run.predicate["environment"] == environment
        and run.predicate["source"]["uri"] == repository
    ]
    return sorted(own, key=lambda run: (run.predicate["as_of_epoch"], run.index), reverse=True)


def _findings(log: LogReader, run: ProvenStatement) -> dict[str, int]:
    """Fingerprint → when it was first seen, as the scans of that very run signed it."""
    found: dict[str, int] = {}
    for row in log.search(kind="scan", ref=f"decision:{run.run.id}"):
        scan = prove_if_trusted(log, row.index, kind="scan")
        if scan is None or scan.run.id != run.run.id or not set(scan.subjects) & set(run.subjects):
            continue  # filed under this run, and not of it
        for finding in scan.predicate["findings"]:
            moment = int(finding.get("first_seen_epoch") or scan.predicate["started_at"])
            found[finding["fingerprint"]] = min(moment, found.get(finding["fingerprint"], moment))
    return found
