"""What may be wrong with evidence. `reason` is the stable code, `remedy` says what to do about it."""

from __future__ import annotations

INTEGRITY = 4
INCOMPLETE = 3
INFRASTRUCTURE = 5


class EvidenceError(Exception):
    """The root of this part's errors; `exit_code` is what a command line ends with."""

    exit_code = INTEGRITY

    def __init__(self, message: str, *, reason: str, remedy: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.remedy = remedy


class ProofError(EvidenceError):
    """A Merkle proof does not hold."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="proof_invalid", remedy="get the receipt again from the log")


class NoteError(EvidenceError):
    """A signed note, a checkpoint or a key is malformed, or its signature does not hold."""

    def __init__(self, message: str, *, reason: str = "note_malformed") -> None:
        super().__init__(message, reason=reason, remedy="get the checkpoint again from the log, and check its key")


class FormatError(EvidenceError):
    """Bytes are not in the format that they claim."""

    def __init__(self, what: str, *, why: str, reason: str = "malformed") -> None:
        super().__init__(f"{what}: {why}", reason=reason, remedy="make it again with its producer")


class IngestRefused(EvidenceError):
    """A bundle did not hold, and was not stored as evidence."""

    def __init__(self, why: str, *, reason: str, remedy: str) -> None:
        super().__init__(f"the bundle was refused: {why}", reason=reason, remedy=remedy)


class LogRefused(EvidenceError):
    """The log will not open or go on, for what it would sign next could contradict what it signed before."""


class NotFound(EvidenceError):
    """There is no such entry."""

    exit_code = INCOMPLETE


class ExportRefused(EvidenceError):
    """The directory to export to holds something else."""

    exit_code = 2


class StoreUnavailable(EvidenceError):
    """The store could not be opened, or is held by another writer for too long."""

    exit_code = INFRASTRUCTURE
