"""Asks the witnesses what they have seen: an old copy of everything is sound in itself, and they remember."""

from __future__ import annotations

from mintmark.evidence.checkpoint import Checkpoint, open_checkpoint
from mintmark.evidence.errors import EvidenceError, LogRefused
from mintmark.evidence.log_policy import LogPolicy
from mintmark.evidence.note import VerifierKey
from mintmark.evidence.verify.interface import LogSource
from mintmark.evidence.verify.report import Findings
from mintmark.evidence.witness.client import WitnessClient


def ask_witnesses(source: LogSource, policy: LogPolicy, log_key: VerifierKey, findings: Findings) -> str:
    """
    Compare the newest published checkpoint with what each witness says to have seen, and return who said what.

    Nothing changes at a witness. Who has seen more, or other entries, speaks against the log (`rollback`, `fork`).
    """
    newest = _newest(source, log_key)
    if newest is None:
        findings.lack("L2", "witnesses", "there is no published checkpoint to ask about")
        return "nothing was asked"
    checkpoint, note = newest
    try:
        surveyed = WitnessClient(policy=policy).survey(note, checkpoint)
    except LogRefused as cause:
        findings.fail("L2", "witnesses", f"{cause.reason}: {cause}", index=checkpoint.size)
        return f"the log has {checkpoint.size} entries; {cause}"
    for failure in surveyed.failures:
        findings.lack("L2", "witnesses", f"{failure.witness} did not say: {failure.why} ({failure.detail})")
    said = ", ".join(f"{name} has seen {size}" for name, size in sorted(surveyed.sizes.items()))
    return f"the log has {checkpoint.size} entries; {said or 'nobody said anything'}"


def _newest(source: LogSource, log_key: VerifierKey) -> tuple[Checkpoint, bytes] | None:
    found: list[tuple[Checkpoint, bytes]] = []
    with source.snapshot() as snapshot:
        for note in snapshot.published():
            try:
                found.append((open_checkpoint(note.content, log_key), note.content))
            except EvidenceError:
                continue  # verification names it
    return max(found, key=lambda item: item[0].size, default=None)
