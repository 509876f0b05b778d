"""What others say of a log (L2): cosignatures, timestamps, and the times that they prove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mintmark.evidence.checkpoint import Checkpoint, cosigners, quorum_time
from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.log_policy import NONE, LogPolicy
from mintmark.evidence.note import MAX_TIME_S, Signed, VerifierKey
from mintmark.evidence.timestamps import TimestampsUnsupported, verify_timestamp
from mintmark.evidence.verify.interface import Note, Timestamp
from mintmark.evidence.verify.report import Findings

CLOCK_SKEW_S = 300


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
    now: datetime,
    findings: Findings,
) -> Heard:
    """Every cosignature and every timestamp that is there must hold; whether they are enough is judged afterwards."""
    heard, seen = Heard(), dict[Checkpoint, dict[VerifierKey, Signed]]()
    if policy is not None:
        for note, checkpoint in notes:
            for one in _cosigners(note, policy, now, findings):
                known = seen.setdefault(checkpoint, {})
                known[one.key] = min(one, known.get(one.key, one), key=lambda each: each.time_s or MAX_TIME_S)
        for checkpoint, signed in seen.items():
            _hear_witnesses(checkpoint, tuple(signed.values()), policy, heard)
    texts = {note.name.removesuffix(".note"): checkpoint for note, checkpoint in notes if note.name is not None}
    for timestamp in timestamps:
        _hear_authority(timestamp, texts.get(timestamp.stem), roots, heard, findings)
    return heard


def judge_timestamps(found: int, roots: Sequence[bytes], findings: Findings) -> None:
    """What was stamped must be checked, and who brings an authority's certificate asks for its timestamps."""
    if found and not roots:
        reason = f"no_tsa_roots: {found} timestamps were not checked, for no authority's certificate was given"
        findings.lack("L2", "timestamp", reason)
    elif roots and not found:
        findings.lack("L2", "timestamp", "no_trusted_time: an authority is trusted, and there is no timestamp")


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


def _cosigners(note: Note, policy: LogPolicy, now: datetime, findings: Findings) -> list[Signed]:
    try:
        signed = cosigners(note.content, policy)
    except EvidenceError as cause:
        findings.fail("L2", note.place, str(cause))
        return []
    latest = now.timestamp() + CLOCK_SKEW_S
    for one in signed:
        if (one.time_s or 0) > latest:
            findings.fail("L2", note.place, f"future: the witness {one.name} cosigned it at a time that is yet to come")
    return [one for one in signed if (one.time_s or 0) <= latest]


def _hear_witnesses(checkpoint: Checkpoint, signed: Sequence[Signed], policy: LogPolicy, heard: Heard) -> None:
    heard.cosignatures |= {(checkpoint.size, one.name) for one in signed}
    if policy.quorum != NONE and policy.satisfied_by(one.key for one in signed):
        heard.witnessed = max(heard.witnessed, checkpoint.size)
    moment = quorum_time(signed, policy)
    if moment is not None:
        heard.times.append((checkpoint.size, moment))


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
