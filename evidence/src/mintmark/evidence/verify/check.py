"""The order of the checks: what was archived, one pass over the entries, and then what must agree with it."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import DatabaseError

from mintmark.evidence.checkpoint import Checkpoint, open_checkpoint
from mintmark.evidence.errors import EvidenceError, FormatError, LogRefused
from mintmark.evidence.note import VerifierKey
from mintmark.evidence.trust import TrustPolicy
from mintmark.evidence.verify import hashing
from mintmark.evidence.verify.exported import ExportedSnapshot
from mintmark.evidence.verify.interface import LogSource, Note, Snapshot
from mintmark.evidence.verify.report import Findings, Level, VerificationReport
from mintmark.evidence.verify.walk import HASHED, Walk, Walked

ALL_LEVELS = frozenset(Level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the auditor brings: the log's key, and who may write what."""

    log_key: VerifierKey
    policy: TrustPolicy


@dataclass(slots=True)
class _Known:
    """Checkpoints whose signatures hold, by place."""

    archived: dict[str, Checkpoint] = field(default_factory=dict)
    published: dict[str, Checkpoint] = field(default_factory=dict)

    def sizes(self) -> set[int]:
        return {checkpoint.size for checkpoint in (*self.archived.values(), *self.published.values())}


def verify_log(source: LogSource, trust: Trust, *, levels: Collection[Level] = ALL_LEVELS) -> VerificationReport:
    """
    Check a log without writing a byte and without believing its store.

    FAILED when anything does not hold. NOT_VERIFIABLE when all holds and no archived checkpoint says how long the log
    was: a prefix of a valid log is itself a valid log. Raises `NotFound` where there is no log.
    """
    findings, wanted = Findings(), frozenset(levels) | {Level.L1}
    known = _Known(archived=_opened(source.archived(), trust, findings))
    walked = Walked()
    try:
        with source.snapshot() as snapshot:
            known.published = _opened(snapshot.published(), trust, findings)
            walked = _walk(snapshot, findings, wanted, trust, known)
            for place, what in snapshot.own_state(walked.size, walked.root, trust.log_key.name):
                findings.fail("L1", place, what)
    except (DatabaseError, OverflowError, LogRefused, FormatError) as cause:
        findings.fail("L1", "store", f"it cannot be read: {cause}")
    if Level.L2 in wanted:
        _check_consistent(walked, known, findings)
    return _report(findings, walked, known, trust, wanted)


def _opened(notes: list[Note], trust: Trust, findings: Findings) -> dict[str, Checkpoint]:
    opened = {}
    for note in notes:
        try:
            checkpoint = open_checkpoint(note.content, trust.log_key)
        except EvidenceError as cause:
            findings.fail("L2", note.place, str(cause))
            continue
        opened[note.place] = checkpoint
        if note.size is not None and note.size != checkpoint.size:
            findings.fail("L2", "checkpoint.size", f"{note.size} is not {checkpoint.size}, which was signed")
    return opened


def _walk(snapshot: Snapshot, findings: Findings, levels: frozenset[Level], trust: Trust, known: _Known) -> Walked:
    if isinstance(snapshot, ExportedSnapshot) and levels <= HASHED and snapshot.size >= hashing.LEAST:
        hashed = hashing.hash_export(snapshot, known.sizes())
        if hashed is not None:
            return hashed
    batches = dict(snapshot.batches())
    walk = Walk(
        snapshot=snapshot, findings=findings, levels=levels, trust=trust.policy, trusted_time=lambda _: _no_time()
    )
    walked = walk.run(known.sizes() | {size for size in batches if isinstance(size, int)})
    for size, root in batches.items():
        if walked.roots.get(size) != root:
            findings.fail("L1", "integrated", f"the batch that ended at {size!r} had another root", index=_before(size))
    return walked


def _no_time() -> datetime | None:
    return None


def _check_consistent(walked: Walked, known: _Known, findings: Findings) -> None:
    """L2: what was signed then is a prefix of what is there now."""
    good = 0
    for place, checkpoint in sorted(
        (known.archived | known.published).items(), key=lambda item: (item[1].size, item[0])
    ):
        if checkpoint.size > walked.size:
            reason = (
                f"the tail is gone: a checkpoint over {checkpoint.size} entries was signed, {walked.size} are there"
            )
            findings.fail("L2", f"entry ({place})", reason, index=walked.size)
        elif checkpoint.size and walked.roots.get(checkpoint.size) != checkpoint.root:
            reason = f"the first {checkpoint.size} entries are not those that were signed"
            findings.fail("L2", f"entry ({place})", reason, index=good)
        else:
            good = checkpoint.size
    if not known.archived:
        findings.lack("L2", "archive", "no checkpoint is archived: a log that was cut short would look like this")


def _before(size: object) -> int | None:
    return max(size - 1, 0) if isinstance(size, int) else None


def _report(
    findings: Findings, walked: Walked, known: _Known, trust: Trust, levels: frozenset[Level]
) -> VerificationReport:
    checked = {"L1": f"{walked.size} entries hash to the tiles and the root"}
    if Level.L2 in levels:
        checked["L2"] = f"{len(known.archived)} archived checkpoints are signed by the log and consistent"
    if Level.L3 in levels:
        checked["L3"] = "the query tables are what the entries say"
    if Level.L5 in levels:
        checked["L5"] = f"{walked.opened} payloads open their commitments, and their signatures hold"
        with suppress(IndexError):
            checked["L5"] += f"; {len(walked.erased)} erased (first: entry {walked.erased[0]})"
    return VerificationReport(
        answer=findings.answer(),
        origin=trust.log_key.name,
        size=walked.size,
        checkpoints=len(known.archived),
        checked=checked,
        broken=tuple(findings.broken),
        missing=tuple(findings.missing),
        warnings=tuple(findings.warnings),
    )
