"""Who vouches for a checkpoint besides the log: a quorum of witnesses, and timestamp authorities."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mintmark.evidence.archive import Archive
from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.errors import StoreUnavailable
from mintmark.evidence.timestamps import TimestampAuthority, TimestampInvalid
from mintmark.evidence.witness.client import Prove, WitnessClient, require_quorum

QUORUM_GAP = "witness-quorum"
TIMESTAMP_GAP = "timestamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endorsed:
    """The note with what was gained, and the names of what was asked for and is missing."""

    note: bytes
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessQuorum:
    """
    Asks the witnesses of a policy. `required` is fail-closed: without a quorum nothing is published.

    Where it is not, the log goes on and records the gap.
    """

    client: WitnessClient
    required: bool = True

    def survey(self, note: bytes, checkpoint: Checkpoint, newest: Callable[[], int]) -> None:
        """Ask what the witnesses have seen, before anything is written. Raises `LogRefused`: `rollback`, `fork`."""
        self.client.survey(note, checkpoint, newest=newest)

    def endorse(self, note: bytes, checkpoint: Checkpoint, prove: Prove, newest: Callable[[], int]) -> Endorsed:
        """Raises `LogRefused` where a witness contradicts the log, `QuorumMissing` where a quorum is required."""
        cosigned = self.client.cosign(note, checkpoint, prove, newest=newest)
        if self.required:
            return Endorsed(note=require_quorum(cosigned))
        return Endorsed(note=cosigned.note, gaps=() if cosigned.quorum else (QUORUM_GAP,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timestamping:
    """Has a checkpoint stamped by every authority, at most once in `every_s` seconds, and archives the responses."""

    authorities: Sequence[TimestampAuthority]
    archive: Archive
    every_s: float
    required: bool = True

    def survey(self, note: bytes, checkpoint: Checkpoint, newest: Callable[[], int]) -> None:
        """An authority remembers nothing."""

    def endorse(self, note: bytes, checkpoint: Checkpoint, prove: Prove, newest: Callable[[], int]) -> Endorsed:  # noqa: ARG002  as every endorser
        """Raises `StoreUnavailable`, `TimestampInvalid` where they are required and an authority gives none."""
        if self.archive.newest_timestamp() > time.time() - self.every_s:
            return Endorsed(note=note)
        try:
            # all before any is kept: what is kept says for `every_s` that nothing is missing
            responses = [authority.stamp(checkpoint.text().encode()) for authority in self.authorities]
        except (StoreUnavailable, TimestampInvalid):
            if self.required:
                raise
            return Endorsed(note=note, gaps=(TIMESTAMP_GAP,))
        for response in responses:
            self.archive.add_timestamp(checkpoint, response)
        return Endorsed(note=note)
