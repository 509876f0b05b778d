"""In-toto statements (Statement v1) and the kinds of evidence that their predicates make. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mintmark.evidence.canonical import parse_strict
from mintmark.evidence.errors import FormatError

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_V1 = "https://in-toto.io/Statement/v1"
_STATEMENT_V01 = "https://in-toto.io/Statement/v0.1"
MAX_SUBJECTS = 1_000
# A name goes into the log for ever: a file, an image, a package URL, and never a sentence.
_NAME = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,256}")

# kind → the predicate type that alone makes evidence of that kind
KINDS = {
    "provenance": "https://slsa.dev/provenance/v1",
    "sbom": "https://cyclonedx.org/bom",
    "vsa": "https://slsa.dev/verification_summary/v1",
    "scan": "https://mintmark.dev/scan/v1",
    "decision": "https://mintmark.dev/decision/v1",
    "deployment": "https://mintmark.dev/deployment/v1",
    "waiver": "https://mintmark.dev/waiver/v1",
    "refusal": "https://mintmark.dev/refusal/v1",
    "erasure": "https://mintmark.dev/erasure/v1",
    "epoch": "https://mintmark.dev/epoch/v1",
    "gap": "https://mintmark.dev/gap/v1",
    "ledger-batch": "https://mintmark.dev/ledger-batch/v1",
    "test-result": "https://in-toto.io/attestation/test-result/v0.1",
    "approval": "https://mintmark.dev/approval/v1",
    "break-glass": "https://mintmark.dev/break-glass/v1",
    "review-item": "https://mintmark.dev/review-item/v1",
    "policy": "https://mintmark.dev/policy/v1",
    "deploy-token": "https://mintmark.dev/deploy-token/v1",
}
# kind → the members without which a predicate is not of that kind, whatever its type says. Full schemas are the gate's.
MARKS = {
    "provenance": {"buildDefinition", "runDetails"},
    "sbom": {"bomFormat", "specVersion"},
    "vsa": {"verifier", "resourceUri", "verificationResult"},
    "scan": {"tool", "status"},
    "decision": {"decision"},
    "deployment": {"deployment_id"},
    "waiver": {"rule", "fingerprint", "environment"},
    "refusal": {"reason", "size"},
    "erasure": {"index", "commitment", "basis"},
    "epoch": {"log", "size", "root", "checkpoint"},
    "gap": {"what", "since"},
    "ledger-batch": {
        "ledger",
        "batch",
        "first",
        "last",
        "count",
        "root",
        "ranges",
        "trial_balance",
        "trial_balance_digest",
        "previous",
        "as_of",
    },
    "test-result": {"result", "configuration"},
    "approval": {"person", "verdict", "commit", "environment", "repository"},
    "break-glass": {"stage", "person", "environment", "reason", "expires"},
    "review-item": {"state", "about", "due"},
    "policy": {"serial", "previous", "author", "person"},
    "deploy-token": {"decision_id", "environment", "policy_digest", "expires"},
}
# kind → where its predicate states times: RFC 3339 with a time zone, or epoch seconds
TIMES = {
    "provenance": ("runDetails/metadata/startedOn", "runDetails/metadata/finishedOn"),
    "sbom": ("metadata/timestamp",),
    "vsa": ("timeVerified",),
    "scan": ("started_at", "finished_at", "data/as_of"),
    "decision": ("as_of", "as_of_epoch"),
    "deployment": ("started_at",),
    "gap": ("since", "until"),
    "ledger-batch": ("as_of",),
    "test-result": ("finished_at",),
    "approval": ("at",),
    "break-glass": ("at",),
    "review-item": ("at",),
    "policy": ("at",),
    "deploy-token": ("issued",),
}
_KIND_OF = {predicate_type: kind for kind, predicate_type in KINDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """`digest` is a SHA-256 in hex."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: dict[str, Any]

    @property
    def kind(self) -> str:
        return _KIND_OF[self.predicate_type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Which run of a pipeline a statement says that it is of; what it does not say is `None`."""

    id: str | None = None
    commit: str | None = None
    policy_digest: str | None = None


def run_of(statement: Statement) -> Run:
    """What a producer wrote about its run, which is part of what it signed."""
    match statement.predicate:
        case {
            "buildDefinition": {"externalParameters": {"source": {"commit": str() as commit}}},
            "runDetails": {"metadata": {"invocationId": str() as identity}},
        } if statement.kind == "provenance":
            return Run(id=identity, commit=commit)
        case {"invocation": str() as identity} if statement.kind in {"scan", "test-result"}:
            return Run(id=identity)
        case {"id": str() as identity, "policy_digest": str() as policy} if statement.kind == "decision":
            return Run(id=identity, policy_digest=policy.removeprefix("sha256:"))
        case {"decision_id": str() as identity} if statement.kind in {"deployment", "deploy-token"}:
            return Run(id=identity)
        case {"policy": {"digest": {"sha256": str() as policy}}} if statement.kind == "vsa":
            return Run(policy_digest=policy)
    return Run()


def parse_statement(content: bytes) -> Statement:
    """
    Read a Statement v1. v0.1 is refused: its predicates follow other rules, and producers of today make v1.

    Raises `FormatError` with reason `malformed`, `type_mismatch` (a predicate that is no evidence of ours, or is not
    what its type says: an SBOM under the type of a summary) or `weak_algorithm` (a subject without SHA-256).
    """
    document = parse_strict(content, what="statement")
    kind = document.get("_type")
    if kind == _STATEMENT_V01:
        raise FormatError("statement", why="Statement v0.1; write it as v1", reason="type_mismatch")
    if kind != STATEMENT_V1 or set(document) - {"_type", "subject", "predicateType", "predicate"}:
        raise FormatError("statement", why="not an in-toto Statement v1", reason="type_mismatch")
    predicate_type, predicate = document.get("predicateType"), document.get("predicate")
    if not isinstance(predicate_type, str) or predicate_type not in _KIND_OF:
        raise FormatError("statement", why=f"predicate type {predicate_type!r} is not known", reason="type_mismatch")
    if not isinstance(predicate, dict):
        raise FormatError("statement", why="the predicate is not an object")
    missing = MARKS[_KIND_OF[predicate_type]] - predicate.keys()
    if missing:
        raise FormatError(
            "statement",
            why=f"the predicate says {_KIND_OF[predicate_type]} and has no {', '.join(sorted(missing))}",
            reason="type_mismatch",
        )
    subjects = document.get("subject")
    if not isinstance(subjects, list) or not 0 < len(subjects) <= MAX_SUBJECTS:
        raise FormatError("statement", why=f"it needs 1 to {MAX_SUBJECTS} subjects")
    return Statement(
        subjects=tuple(_subject(subject) for subject in subjects), predicate_type=predicate_type, predicate=predicate
    )


def stated_times(statement: Statement) -> list[tuple[str, datetime]]:
    """Where the predicate states times, and which; what it leaves out is left out. Raises `FormatError`."""
    found = []
    for path in TIMES.get(statement.kind, ()):
        value: Any = statement.predicate
        for step in path.split("/"):
            value = value.get(step) if isinstance(value, dict) else None
        if value is not None:
            found.append((path, parse_time(value, what=path)))
    return found


def parse_time(value: object, *, what: str) -> datetime:
    """RFC 3339 with a time zone, or epoch seconds. Raises `FormatError`."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError) as cause:
        raise FormatError("statement", why=f"{what} is not a time: {str(value)[:40]!r}") from cause
    if moment is None or moment.tzinfo is None:
        raise FormatError("statement", why=f"{what} is not a time with a time zone: {str(value)[:40]!r}")
    return moment


def _subject(document: Any) -> Subject:
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise FormatError("statement", why="a subject has no name")
    digests = document.get("digest")
    return read_subject(document["name"], digests.get("sha256") if isinstance(digests, dict) else None)


def read_subject(name: str, digest: object) -> Subject:
    """Raises `FormatError` (`malformed`, `weak_algorithm`), and `TypeError` for a name that is no text."""
    if not _NAME.fullmatch(name) or not unicodedata.is_normalized("NFC", name):
        raise FormatError(
            "statement", why=f"subject {name[:80]!r} is not a name of 1 to 256 NFC characters without spaces"
        )
    if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise FormatError("statement", why=f"subject {name!r} has no SHA-256", reason="weak_algorithm")
    return Subject(name=name, digest=digest)
