"""What the log itself has to say: what it refused, erased, went without, or goes on from. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.leaf import timestamp
from mintmark.evidence.statement import KINDS, STATEMENT_V1

# Reasons of a refusal that speak of who signs, and not of what is said.
NOT_TRUSTED = frozenset({"key_unknown", "key_revoked", "key_not_valid", "kind_not_allowed", "origin_mismatch"})


class StatementSigner(Protocol):
    """Signs what the log itself has to say."""

    def sign(self, statement: bytes) -> bytes:
        """Return a bundle around exactly these bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A statement to sign and record, and the references under which its entry is found."""

    kind: str
    statement: bytes
    refs: tuple[str, ...]


def refusal(bundle: bytes, reason: str) -> Said:
    """The digest and size of what was offered, never its bytes."""
    digest = hashlib.sha256(bundle).hexdigest()
    predicate = {"reason": reason, "size": len(bundle), "sha256": digest}
    return _said("refusal", "refused-bundle", digest, predicate, ref=f"refused:{reason}")


def erasure(index: int, commitment: str, *, basis: str) -> Said:
    predicate = {"index": index, "commitment": commitment, "basis": basis}
    return _said("erasure", f"entry/{index}", commitment, predicate, ref=f"erased:{commitment}")


def gap(what: str, *, since: datetime, until: datetime | None) -> Said:
    predicate = {"what": what, "since": timestamp(since)}
    if until is not None:
        predicate["until"] = timestamp(until)
    digest = hashlib.sha256(f"{what}\n{timestamp(since)}".encode()).hexdigest()
    return _said("gap", f"gap/{what}", digest, predicate, ref=f"gap:{what}")


def epoch(closed: Checkpoint, note: bytes, *, reason: str) -> Said:
    """The last checkpoint of a closed log, verbatim with its cosignatures."""
    root = closed.root.hex()
    predicate = {
        "log": closed.origin,
        "size": closed.size,
        "root": root,
        "checkpoint": base64.b64encode(note).decode(),
        "reason": reason,
    }
    return _said("epoch", f"log/{closed.origin}", root, predicate, ref=f"closed:{closed.origin}")


def _said(kind: str, subject: str, digest: str, predicate: Mapping[str, object], *, ref: str) -> Said:
    document = {
        "_type": STATEMENT_V1,
        "subject": [{"name": subject, "digest": {"sha256": digest}}],
        "predicateType": KINDS[kind],
        "predicate": predicate,
    }
    statement = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    return Said(kind=kind, statement=statement, refs=(ref,))
