"""What others say of a log (L2): cosignatures, timestamps, and the times that they prove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mintmark.evidence.archive import name_of
from mintmark.evidence.checkpoint import Checkpoint, cosigners
from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.log_policy import NONE, LogPolicy
from mintmark.evidence.timestamps import TimestampsUnsupported, verify_timestamp
from mintmark.evidence.verify.interface import Note, Timestamp
from mintmark.evidence.verify.report import Findings


@dataclass(slots=True)
class Heard:
    """`times` are (size, moment): a tree of that size certainly existed then. `witnessed` had a quorum."""

    times: list[tuple[int, datetime]] = field(default_factory=list)
    witnessed: int = 0
    cosignatures: set[tuple[int, str]] = field(default_factory=set)
    timestamps: int = 0

    def trusted_time(self, index: int) -> datetime | None:
        """The earliest moment at which the entry certainly existed."""
        return min((moment for size, moment in self.times if size > index), default=None)


def hear(
    notes: Sequence[tuple[Note, Checkpoint]],
    timestamps: Sequence[Timestamp],
    *,
    policy: LogPolicy | None,
    roots: Sequence[bytes],
    findings: Findings,
) -> Heard:
    """Every cosignature and every timestamp that is there must hold; whether they are enough is judged afterwards."""
    heard = Heard()
    for note, checkpoint in notes:
        if policy is not None:
            _hear_witnesses(note, checkpoint, policy, heard, findings)
    texts = {name_of(checkpoint).removesuffix(".note"): checkpoint for _, checkpoint in notes}
    for timestamp in timestamps:
        _hear_authority(timestamp, texts.get(timestamp.stem), roots, heard, findings)
    if timestamps and not roots:
        findings.warnings.append(f"{len(timestamps)} timestamps were not checked: no authority's certificate was given")
    return heard


def judge_quorum(heard: Heard, policy: LogPolicy | None, size: int, findings: Findings) -> None:
    """Where witnesses are asked for, what no quorum of them has seen is not verifiable."""
    if policy is None or policy.quorum == NONE:
        findings.warnings.append(
            "no witness is asked for: whoever holds the log's key and its archive can rewrite it unseen"
        )
    elif heard.witnessed < size:
        findings.lack(
            "L2", "witnesses", "no quorum of witnesses has cosigned a checkpoint over this entry", index=heard.witnessed
        )


def _hear_witnesses(note: Note, checkpoint: Checkpoint, policy: LogPolicy, heard: Heard, findings: Findings) -> None:
    try:
        signed = cosigners(note.content, policy)
    except EvidenceError as cause:
        findings.fail("L2", note.place, str(cause))
        return
    heard.cosignatures |= {(checkpoint.size, one.name) for one in signed}
    heard.times += [(checkpoint.size, datetime.fromtimestamp(one.time_s, UTC)) for one in signed if one.time_s]
    if policy.quorum != NONE and policy.satisfied_by(one.key for one in signed):
        heard.witnessed = max(heard.witnessed, checkpoint.size)


def _hear_authority(
    timestamp: Timestamp, checkpoint: Checkpoint | None, roots: Sequence[bytes], heard: Heard, findings: Findings
) -> None:
    if checkpoint is None:
        findings.fail("L2", timestamp.place, "it stamps no checkpoint that is archived")
        return
    if not roots:
        return
    try:
        moment = verify_timestamp(timestamp.content, checkpoint.text().encode(), roots)
    except TimestampsUnsupported as cause:
        findings.lack("L2", timestamp.place, str(cause))
        return
    except EvidenceError as cause:
        findings.fail("L2", timestamp.place, str(cause))
        return
    heard.timestamps += 1
    heard.times.append((checkpoint.size, moment))
