"""What may go wrong in the pipeline, and the exit code that says so."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """The same for every verb; a pipeline may branch on them."""

    OK = 0  # allowed, verified, or the query ran
    DENIED = 1  # the policy was evaluated and said no
    USAGE = 2  # usage or configuration error
    INCOMPLETE = 3  # evidence missing or stale, a scanner did not run, not verifiable
    INTEGRITY = 4  # a signature, digest, proof or sequence is broken
    INFRASTRUCTURE = 5  # store, policy engine or service unreachable; retryable
    PENDING = 6  # waiting for an approval or a window


class PipelineError(Exception):
    """
    The root of every error that the pipeline raises for its user to read.

    `reason` is the stable code that tests and machines read; `remedy` says what to do about it.
    """

    exit_code: ExitCode = ExitCode.INFRASTRUCTURE

    def __init__(self, message: str, *, reason: str, remedy: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.remedy = remedy


class UsageError(PipelineError):
    """The command line or the configuration cannot be used as it stands."""

    exit_code = ExitCode.USAGE


class IntegrityError(PipelineError):
    """Bytes, a signature or a proof are not what the record says."""

    exit_code = ExitCode.INTEGRITY


class InfrastructureError(PipelineError):
    """Something that the pipeline stands on could not be reached or did not work; a later try may succeed."""

    exit_code = ExitCode.INFRASTRUCTURE


class IncompleteError(PipelineError):
    """Something that must be there to decide or to verify is missing."""

    exit_code = ExitCode.INCOMPLETE


def nearest(word: str, valid: Iterable[str]) -> str:
    """The end of a sentence about a word that is none of the valid ones: which of them was probably meant."""
    close = difflib.get_close_matches(word, list(valid), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
