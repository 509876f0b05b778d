"""The `add-checkpoint` call of C2SP tlog-witness: its bytes, and what a witness answers to it. Pure."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from enum import IntEnum

from mintmark.evidence.checkpoint import MAX_SIZE, Checkpoint, parse_checkpoint
from mintmark.evidence.errors import EvidenceError, FormatError, NoteError, ProofError
from mintmark.evidence.log_policy import LogPolicy
from mintmark.evidence.note import open_note, parse_note
from mintmark.evidence.receipt import parse_hash
from mintmark.evidence.tree import EMPTY_ROOT, verify_consistency

PATH = "add-checkpoint"
MAX_REQUEST_BYTES = 256 * 1024
MAX_HASHES = 63
SIZE_TYPE = "text/x.tlog.size"
_SIZE = "(0|[1-9][0-9]{0,18})"


class Answer(IntEnum):
    """HTTP statuses; each is an answer of the protocol."""

    MALFORMED = 400
    UNSIGNED = 403
    UNKNOWN_LOG = 404
    CONFLICT = 409
    INCONSISTENT = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """`proof` shows that the tree of `old_size` is a prefix of the one in `note`, the signed checkpoint verbatim."""

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes

    def encode(self) -> bytes:
        hashes = "".join(f"{base64.b64encode(value).decode()}\n" for value in self.proof)
        return f"old {self.old_size}\n{hashes}\n".encode() + self.note


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The newest checkpoint of a log that a witness cosigned; the empty tree before the first."""

    size: int = 0
    root: bytes = EMPTY_ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A checkpoint whose log's signature holds. Whether it may be cosigned depends on what was seen before."""

    request: AddCheckpoint
    checkpoint: Checkpoint
    text: str


class WitnessRefused(EvidenceError):
    """A witness does not cosign; `answer` is the status, and `size` the one to prove from where that is the answer."""

    def __init__(self, why: str, *, answer: Answer, reason: str, size: int | None = None) -> None:
        super().__init__(why, reason=reason, remedy="send what C2SP tlog-witness asks for")
        self.answer = answer
        self.size = size


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Read a request; nothing is verified yet. Raises `FormatError` and `NoteError`."""
    if len(body) > MAX_REQUEST_BYTES:
        raise FormatError("add-checkpoint", why=f"over {MAX_REQUEST_BYTES} bytes")
    head, separator, note = body.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    match = re.fullmatch(f"old {_SIZE}", lines[0])
    if not separator or match is None or int(match[1]) > MAX_SIZE:
        raise FormatError("add-checkpoint", why="is not an old size, hashes, a blank line and a checkpoint")
    if len(lines) - 1 > MAX_HASHES:
        raise FormatError("add-checkpoint", why=f"over {MAX_HASHES} hashes")
    parse_note(note)
    return AddCheckpoint(
        old_size=int(match[1]), proof=tuple(parse_hash(line, what="add-checkpoint") for line in lines[1:]), note=note
    )


def parse_size(body: bytes) -> int:
    """Read the body of a conflict: the size to prove from."""
    match = re.fullmatch(f"{_SIZE}\n", body[:32].decode("ascii", "replace"))
    if match is None or int(match[1]) > MAX_SIZE:
        raise FormatError("conflict", why="is not a size")
    return int(match[1])


def admit(body: bytes, policy: LogPolicy) -> Candidate:
    """What can be checked without knowing what was seen: form, origin, signature, order of sizes."""
    try:
        request = parse_add_checkpoint(body)
        text, _ = parse_note(request.note)
    except (FormatError, NoteError) as cause:
        raise WitnessRefused(str(cause), answer=Answer.MALFORMED, reason="malformed") from cause
    origin = text.split("\n", 1)[0]
    keys = policy.log_keys(origin)
    if not keys:
        raise WitnessRefused("this log is not known here", answer=Answer.UNKNOWN_LOG, reason="unknown_log")
    try:
        open_note(request.note, keys)
    except NoteError as cause:
        raise WitnessRefused(str(cause), answer=Answer.UNSIGNED, reason=cause.reason) from cause
    try:
        checkpoint = parse_checkpoint(text)
    except NoteError as cause:
        raise WitnessRefused(str(cause), answer=Answer.MALFORMED, reason="malformed") from cause
    if request.old_size > checkpoint.size:
        raise WitnessRefused("the old size is over the new one", answer=Answer.MALFORMED, reason="malformed")
    return Candidate(request=request, checkpoint=checkpoint, text=text)


def extend(seen: Seen, candidate: Candidate) -> Seen:
    """What will have been seen once `candidate` is cosigned. Raises `WitnessRefused` when it does not extend `seen`."""
    request, checkpoint = candidate.request, candidate.checkpoint
    if request.old_size != seen.size:
        raise WitnessRefused(
            f"{seen.size} entries were seen, not {request.old_size}",
            answer=Answer.CONFLICT,
            reason="conflict",
            size=seen.size,
        )
    try:
        _check_growth(seen, checkpoint, request.proof)
    except ProofError as cause:
        raise WitnessRefused(str(cause), answer=Answer.INCONSISTENT, reason="fork") from cause
    return Seen(size=checkpoint.size, root=checkpoint.root)


def _check_growth(seen: Seen, checkpoint: Checkpoint, proof: tuple[bytes, ...]) -> None:
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise ProofError("an empty tree has one root only")
    if seen.size == 0:
        # every tree extends the empty one: there is nothing to prove, and no proof to be sent
        if proof:
            raise ProofError("there is no proof from an empty tree")
        return
    verify_consistency(seen.size, checkpoint.size, seen.root, checkpoint.root, proof)
