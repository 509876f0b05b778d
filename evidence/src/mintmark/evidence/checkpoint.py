"""A checkpoint: origin, size and root of the tree, as a signed note (C2SP tlog-checkpoint). Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from mintmark.evidence.errors import NoteError
from mintmark.evidence.log_policy import NONE, LogPolicy
from mintmark.evidence.note import MAX_DATE_S, NoteSigner, Signed, VerifierKey, open_note, parse_note
from mintmark.evidence.tree import HASH_SIZE

MAX_SIZE = 2**63 - 1  # what databases and other people's verifiers can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """`size` counts leaves; `root` is 32 bytes."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, signer: NoteSigner) -> bytes:
        if signer.name != self.origin:
            raise NoteError(f"{signer.name} does not sign for {self.origin}", reason="origin_mismatch")
        return signer.sign(self.text()).encode()


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint. Extension lines are refused: we make none, and would not know what they say."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise NoteError("a checkpoint is origin, size and root, a line each", reason="checkpoint_malformed")
    origin, size, encoded = lines[:3]
    if not origin or not re.fullmatch(r"0|[1-9][0-9]{0,18}", size) or int(size) > MAX_SIZE:
        raise NoteError("a checkpoint needs an origin and a decimal size", reason="checkpoint_malformed")
    try:
        root = base64.b64decode(encoded, validate=True)
    except ValueError as cause:
        raise NoteError("a checkpoint's root is base64", reason="checkpoint_malformed") from cause
    if len(root) != HASH_SIZE or base64.b64encode(root).decode() != encoded:
        raise NoteError("a checkpoint's root is 32 bytes", reason="checkpoint_malformed")
    return Checkpoint(origin=origin, size=int(size), root=root)


def open_checkpoint(note: bytes, log_key: VerifierKey) -> Checkpoint:
    """Verify the log's signature and return what it signed; the origin must be the log's own name."""
    text, _ = open_note(note, [log_key])
    checkpoint = parse_checkpoint(text)
    if checkpoint.origin != log_key.name:
        raise NoteError(f"a checkpoint of {checkpoint.origin}, not of {log_key.name}", reason="origin_mismatch")
    return checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """A checkpoint that its log signed, the witnesses of the policy that cosigned it, and whether they are enough."""

    checkpoint: Checkpoint
    signed: tuple[Signed, ...]
    quorum: bool


def open_witnessed(note: bytes, policy: LogPolicy) -> Witnessed:
    """
    Verify a checkpoint under a policy: its log's signature, and every cosignature of the policy's witnesses.

    Raises `NoteError` where the log is not the policy's (`origin_mismatch`), did not sign (`unsigned`, which no number
    of witnesses makes up for), or where a known signature does not hold. A missing quorum is for the caller to judge.
    """
    checkpoint = parse_checkpoint(parse_note(note)[0])
    keys = policy.log_keys(checkpoint.origin)
    if not keys:
        raise NoteError(f"{checkpoint.origin} is no log of the log policy", reason="origin_mismatch")
    open_note(note, keys)
    signed = cosigners(note, policy)
    return Witnessed(checkpoint=checkpoint, signed=tuple(signed), quorum=policy.satisfied_by(one.key for one in signed))


def cosigners(note: bytes, policy: LogPolicy) -> list[Signed]:
    """The witnesses of the policy whose cosignatures a note has; of the log's own signature this says nothing."""
    try:
        return open_note(note, policy.witness_keys)[1]
    except NoteError as cause:
        if cause.reason == "unsigned":
            return []
        raise


def quorum_time(signed: Iterable[Signed], policy: LogPolicy) -> datetime | None:
    """
    The moment by which a quorum of witnesses had cosigned one checkpoint: a single one may say any time.

    A cosignature without a time, or of one that no calendar has, says nothing of it; nor does anybody under `none`.
    """
    dated = [(one.time_s, one.key) for one in signed if one.time_s and one.time_s <= MAX_DATE_S]
    seen: list[VerifierKey] = []
    for time_s, key in sorted(dated, key=lambda item: item[0]):
        seen.append(key)
        if policy.quorum != NONE and policy.satisfied_by(seen):
            return datetime.fromtimestamp(time_s, UTC)
    return None
