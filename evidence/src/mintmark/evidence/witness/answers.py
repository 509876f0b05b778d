"""What a witness answered, and what that means for the log. Pure; nothing is believed that was not verified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.errors import FormatError, LogRefused, NoteError
from mintmark.evidence.log_policy import PolicyWitness
from mintmark.evidence.note import Signed, open_note, parse_note, parse_signature_lines
from mintmark.evidence.witness.protocol import SIZE_TYPE, Answer, parse_size
from mintmark.evidence.witness.transport import HttpAnswer


class Why(StrEnum):
    """Why a witness did not cosign."""

    NO_URL = "no_url"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    NO_COSIGNATURE = "no_cosignature"
    SIGNATURE_INVALID = "signature_invalid"
    BEHIND_A_NEWER_ONE = "superseded"
    ROLLBACK = "rollback"
    FORK = "fork"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A witness that did not cosign; `size` is what it has seen, where it said so. `detail` is for people."""

    witness: str
    why: Why
    detail: str
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """It has seen this size, and asks for a proof from there."""

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A cosignature that holds, as a line of a note."""

    line: str
    signed: Signed


Outcome = Conflict | Line | Failure


def read_answer(witness: PolicyWitness, answer: HttpAnswer, note: bytes) -> Outcome:
    def failure(why: Why, detail: str) -> Failure:
        return Failure(witness=witness.name, why=why, detail=detail)

    try:
        if answer.status == 200:
            return _cosignature(witness, answer.body, note)
        if answer.status == Answer.CONFLICT and answer.media_type == SIZE_TYPE:
            return Conflict(size=parse_size(answer.body))
    except (FormatError, NoteError, UnicodeDecodeError) as cause:
        return failure(Why.REFUSED, f"its answer cannot be read: {cause}")
    if answer.status == Answer.INCONSISTENT:
        return failure(Why.FORK, "it has seen a tree that this one does not extend")
    if answer.status == Answer.CONFLICT:
        # before 2026 the protocol had this for a root that differs: it is no conflict of sizes, for it has no size
        return failure(Why.FORK, "it has seen another root at this size")
    said = answer.body[:200].decode("utf-8", "replace").strip()
    return failure(Why.REFUSED, f"HTTP {answer.status} {''.join(filter(str.isprintable, said))}".rstrip())


def _cosignature(witness: PolicyWitness, body: bytes, note: bytes) -> Outcome:
    """The one line that is of this witness's key, verified; other lines may stand beside it and are left out."""
    for line in parse_signature_lines(body.decode("utf-8")):
        if (line.name, line.key_id) != (witness.key.name, witness.key.id):
            continue
        text, _ = parse_note(note)
        if not witness.key.verifies(text, line.signature):
            detail = "its cosignature does not hold"
            return Failure(witness=witness.name, why=Why.SIGNATURE_INVALID, detail=detail)
        encoded = line.encode()
        _, signed = open_note(f"{text}\n{encoded}".encode(), [witness.key])
        return Line(line=encoded, signed=signed[0])
    return Failure(witness=witness.name, why=Why.NO_COSIGNATURE, detail="its answer has no cosignature of its key")


def conflicted(
    witness: PolicyWitness, size: int, old: int, checkpoint: Checkpoint, newest: Callable[[], int] | None
) -> Failure:
    """What a size means from which no proof is made, or not again."""
    if size == old == checkpoint.size:
        why, detail = Why.FORK, "it has seen another root at this size"
    elif size == old:
        why, detail = Why.REFUSED, f"it asks to prove from {size}, as was done"
    elif size <= checkpoint.size:
        why, detail = Why.REFUSED, f"it asks to prove from another size each time, now from {size}"
    elif newest is not None and size <= newest():
        why, detail = Why.BEHIND_A_NEWER_ONE, f"it has cosigned {size} entries already"
    else:
        why, detail = Why.ROLLBACK, f"it has seen {size} entries, and this checkpoint has {checkpoint.size}"
    return Failure(witness=witness.name, why=why, detail=detail, size=size)


def refuse_contradictions(failures: Sequence[Failure], checkpoint: Checkpoint) -> None:
    """Raises `LogRefused`: `rollback` or `fork` when a witness has seen what this log does not have."""
    for why, remedy in (
        (Why.ROLLBACK, "the store was restored or its tail deleted: bring back the newer one, or close the epoch"),
        (Why.FORK, "run `mintmark verify` to see where; nothing is signed until this is resolved"),
    ):
        said = [f"{one.witness}: {one.detail}" for one in failures if one.why is why]
        if said:
            raise LogRefused(
                f"a witness contradicts {checkpoint.origin} at size {checkpoint.size}: {'; '.join(said)}",
                reason=why.value,
                remedy=remedy,
            )
