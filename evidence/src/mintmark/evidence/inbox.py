"""What is submitted to the log, and the inbox that takes it inside a writer's own transaction."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from mintmark.evidence.leaf import check_id, check_refs, uuid7
from mintmark.evidence.store.interface import Waiting

UNREADABLE = ("not a list of ids",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A signed bundle to record; `id` makes a second submission of the same bytes return the first entry."""

    bundle: bytes
    controls: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    id: str | None = None


def enqueue(connection: Connection, submission: Submission, *, now: datetime) -> str:
    """
    Put a bundle into the inbox inside the caller's own transaction, and return the id that its entry will have.

    A decision and its evidence are then committed together or not at all. Nothing is verified here: the sequencer
    verifies, and records a refusal where it must.
    """
    identity = check_id(submission.id or uuid7(now, os.urandom(10)))
    table = "mintmark.inbox" if connection.dialect.name == "postgresql" else "inbox"
    connection.execute(
        text(f"INSERT INTO {table} (id, bundle, controls, refs) VALUES (:id, :bundle, :controls, :refs)"),  # noqa: S608  a constant
        {
            "id": identity,
            "bundle": submission.bundle,
            "controls": json.dumps(list(check_refs(submission.controls))),
            "refs": json.dumps(list(check_refs(submission.refs))),
        },
    )
    return identity


def submission_of(waiting: Waiting) -> Submission:
    """Lists that cannot be read become ones that are refused with their reason."""
    return Submission(
        bundle=waiting.bundle, controls=_names(waiting.controls), refs=_names(waiting.refs), id=waiting.id
    )


def _names(content: str) -> tuple[str, ...]:
    try:
        found = json.loads(content)
        return tuple(map(str, found)) if isinstance(found, list) else UNREADABLE
    except (ValueError, RecursionError):
        return UNREADABLE
