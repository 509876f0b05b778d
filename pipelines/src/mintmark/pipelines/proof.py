"""Proves one entry of the evidence log before anybody believes it: receipt, commitment, signature, statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mintmark.evidence.clerk import NOT_TRUSTED
from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.reader import LogReader
from mintmark.evidence.statement import Run, parse_statement, run_of
from mintmark.pipelines.errors import IntegrityError

# Whoever signed may not say this, or may not any more: what they said does not count. Anything else that is wrong with
# an entry is a log that was tampered with, and stops whoever decides from it.
NOT_COUNTED = NOT_TRUSTED | {"no_trusted_time", "threshold"}


class ProofFailed(IntegrityError):
    """An entry of the log does not hold; nothing may be decided from it."""

    def __init__(self, index: int, *, cause: EvidenceError) -> None:
        super().__init__(
            f"entry {index} of the evidence log does not hold: {cause}",
            reason=getattr(cause, "reason", "entry_broken"),
            remedy="run `mintmark verify` to see what else was changed",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenStatement:
    """A signed statement whose place in the log was verified; `subjects` are SHA-256 digests (hex)."""

    index: int
    tree_size: int
    kind: str
    signer: str
    subjects: tuple[str, ...]
    predicate_type: str
    predicate: dict[str, Any]
    run: Run


class WrongKind(IntegrityError):
    """An entry that was looked up as one kind of evidence is signed as another."""

    def __init__(self, index: int, *, found: str, wanted: str) -> None:
        super().__init__(
            f"entry {index} is {found}, and was looked up as {wanted}",
            reason="type_mismatch",
            remedy="run `mintmark verify`: the query table does not say what the signed statement says",
        )


def prove(log: LogReader, index: int, *, kind: str | None = None) -> ProvenStatement:
    """
    Verify entry `index` from its stored bytes, up to the signed checkpoint.

    Whoever found it by its kind asks for that `kind` again: the query read an editable column, and a predicate may have
    the members of two kinds. Raises `ProofFailed`, `WrongKind`.
    """
    try:
        proven = log.prove(index)
    except EvidenceError as cause:
        raise ProofFailed(index, cause=cause) from cause
    if kind is not None and proven.kind != kind:
        raise WrongKind(index, found=proven.kind, wanted=kind)
    statement = parse_statement(proven.statement)
    return ProvenStatement(
        index=index,
        tree_size=proven.tree_size,
        kind=proven.kind,
        signer=proven.key_id,
        subjects=tuple(subject.digest for subject in statement.subjects),
        predicate_type=statement.predicate_type,
        predicate=statement.predicate,
        run=run_of(statement),
    )


def prove_if_trusted(log: LogReader, index: int, *, kind: str) -> ProvenStatement | None:
    """
    As `prove`, with nothing for an entry that holds and that nobody trusted signed, as after a key was revoked.

    For what only adds to a decision. Where a statement that is left out could have been the one that says no, `prove`.
    """
    try:
        return prove(log, index, kind=kind)
    except ProofFailed as failure:
        if failure.reason in NOT_COUNTED:
            return None
        raise
