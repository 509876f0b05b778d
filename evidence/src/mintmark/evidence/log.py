"""The log, open for writing: verified at ingest, one transaction a batch, signed after commit, archived before told."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text

from mintmark.evidence.archive import Archive
from mintmark.evidence.bundle import MEDIA_TYPE
from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.errors import EvidenceError, FormatError, IngestRefused, LogRefused
from mintmark.evidence.ingest import Accepted, accept
from mintmark.evidence.leaf import SALT_SIZE, Leaf, check_id, check_refs, commit, timestamp, uuid7
from mintmark.evidence.note import NoteSigner
from mintmark.evidence.publisher import Endorser, Publisher
from mintmark.evidence.reader import LogReader
from mintmark.evidence.statement import KINDS, STATEMENT_V1
from mintmark.evidence.store.interface import NewEntry, Placed, Waiting
from mintmark.evidence.store.open import open_store
from mintmark.evidence.store.sql_store import SqlStore
from mintmark.evidence.trust import TrustPolicy

MAX_BATCH = 1_000
TAKEN = "taken"


class StatementSigner(Protocol):
    """Signs what the log itself has to say, such as that it refused something."""

    def sign(self, statement: bytes) -> bytes:
        """Return a bundle around exactly these bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A signed bundle to record; `id` makes a second submission of the same bytes return the first entry."""

    bundle: bytes
    controls: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Durable, signed and archived: `EvidenceLog.receipt` proves it."""

    id: str
    index: int
    kind: str
    leaf_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What came of a round over the inbox."""

    recorded: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A submission that did not hold, and the entry that says so."""

    error: EvidenceError
    record: NewEntry


Outcome = Recorded | EvidenceError
Prepared = NewEntry | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceLog(LogReader):
    """A log that is open for writing. Its origin is its signer's name."""

    archive: Archive
    signer: NoteSigner
    clerk: StatementSigner
    endorsers: tuple[Endorser, ...] = ()

    @classmethod
    def open(
        cls,
        store_url: str,
        *,
        archive: Path,
        signer: NoteSigner,
        trust: TrustPolicy,
        clerk: StatementSigner,
        endorsers: tuple[Endorser, ...] = (),
    ) -> EvidenceLog:
        """
        Open the log; on SQLite it is made on first use, on PostgreSQL it was migrated before.

        Raises `LogRefused`: `origin_mismatch`; `rollback` when the store is behind the archived checkpoints or behind
        a witness; `fork` when it contradicts them; `root_mismatch` when its entries do not lead to its head.
        """
        store = open_store(store_url, origin=signer.name)
        return cls.over(store, archive=archive, signer=signer, trust=trust, clerk=clerk, endorsers=endorsers)

    @classmethod
    def over(
        cls,
        store: SqlStore,
        *,
        archive: Path,
        signer: NoteSigner,
        trust: TrustPolicy,
        clerk: StatementSigner,
        endorsers: tuple[Endorser, ...] = (),
    ) -> EvidenceLog:
        """The same over a store that is open already."""
        origin = store.head().origin
        if origin != signer.name:
            raise LogRefused(
                f"the store holds the log {origin}, and the key is {signer.name}'s",
                reason="origin_mismatch",
                remedy="use the key that belongs to this log",
            )
        log = cls(
            store=store,
            log_key=signer.verifier,
            trust=trust,
            archive=Archive(folder=archive),
            signer=signer,
            clerk=clerk,
            endorsers=endorsers,
        )
        log.publish()  # a crash between commit and signature is mended here
        return log

    @property
    def origin(self) -> str:
        return self.signer.name

    def publish(self) -> Checkpoint | None:
        """Sign and archive the head as committed, and return its checkpoint."""
        return self._publisher().publish()

    def record(
        self, bundle: bytes, *, now: datetime, controls: Sequence[str] = (), refs: Sequence[str] = ()
    ) -> Recorded:
        """Verify, append, sign and archive one bundle. Raises `IngestRefused`, `LogRefused`, `StoreUnavailable`."""
        return self.record_all([Submission(bundle=bundle, controls=tuple(controls), refs=tuple(refs))], now=now)[0]

    def record_all(self, submissions: Sequence[Submission], *, now: datetime) -> list[Recorded]:
        """One batch: all of it is recorded or nothing is, but for the refusals themselves, which are."""
        prepared = self.prepare(submissions, now=now)
        refused = [item for item in prepared if isinstance(item, Refused)]
        if refused:
            self._append([item.record for item in refused])
            raise refused[0].error
        outcomes = self.record_prepared(prepared)
        for outcome in outcomes:
            if isinstance(outcome, EvidenceError):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, Recorded)]

    def record_each(self, submissions: Sequence[Submission], *, now: datetime) -> list[Outcome]:
        """One batch of strangers: what is refused is refused alone, and all is recorded in one transaction."""
        return self.record_prepared(self.prepare(submissions, now=now))

    def prepare(self, submissions: Sequence[Submission], *, now: datetime) -> list[Prepared]:
        """Verify a batch without touching the store: what will be recorded of each, be it that it was refused."""
        _check_count(submissions)
        return [self._prepare_or_refuse(submission, now) for submission in submissions]

    def record_prepared(self, prepared: Sequence[Prepared]) -> list[Outcome]:
        """Record what `prepare` made, refusals with the rest in one transaction."""
        outcomes = self._append([item.record if isinstance(item, Refused) else item for item in prepared])
        return [
            item.error if isinstance(item, Refused) and isinstance(outcome, Recorded) else outcome
            for item, outcome in zip(prepared, outcomes, strict=True)
        ]

    def drain(self, *, now: datetime, limit: int = MAX_BATCH) -> Drained:
        """
        Record what waits in the inbox, in one transaction that also takes it out.

        What does not hold is refused: the refusal is recorded, and then it is taken out.
        """
        submissions = [_submission(item) for item in self.store.waiting(limit)]
        prepared = [(item, self._prepare_or_refuse(item, now)) for item in submissions]
        sound = [(item, entry) for item, entry in prepared if isinstance(entry, NewEntry)]
        refused = [(item.id, entry.record) for item, entry in prepared if isinstance(entry, Refused)]
        outcomes = self._append([entry for _, entry in sound], from_inbox=True)
        recorded = 0
        for (item, _), outcome in zip(sound, outcomes, strict=True):
            if isinstance(outcome, Recorded):
                recorded += 1
            elif outcome.reason != TAKEN:
                refused.append((item.id, self._refusal(item.bundle, outcome.reason, now)))
        self._append([record for _, record in refused])
        self.store.discard([str(identity) for identity, _ in refused])
        return Drained(recorded=recorded, refused=len(refused))

    def erase(self, index: int, *, basis: str, now: datetime) -> Recorded:
        """
        Erase the payload of an entry with its salt, after recording that this is done.

        `basis` is an id, such as `gdpr-17`. Not one byte of the log changes, and verification lists the entry apart.
        """
        leaf = self.entry(index)
        predicate = {"index": index, "commitment": leaf.commitment, "basis": basis}
        subject = {"name": f"entry/{index}", "digest": leaf.commitment}
        recorded = self._say("erasure", subject, predicate, refs=(f"erased:{leaf.commitment}",), now=now)
        self.store.erase(leaf.commitment)
        return recorded

    def report_gap(self, what: str, *, since: datetime, now: datetime) -> Recorded:
        """Record that something that should have been recorded or witnessed since a moment was not."""
        digest = hashlib.sha256(f"{what}\n{timestamp(since)}".encode()).hexdigest()
        predicate = {"what": what, "since": timestamp(since), "until": timestamp(now)}
        return self._say("gap", {"name": f"gap/{what}", "digest": digest}, predicate, refs=(f"gap:{what}",), now=now)

    def _say(
        self,
        kind: str,
        subject: dict[str, str],
        predicate: Mapping[str, object],
        *,
        refs: tuple[str, ...],
        now: datetime,
    ) -> Recorded:
        """Record a statement of the log's own."""
        outcome = self._append([self._own(kind, subject, predicate, refs=refs, now=now)])[0]
        if isinstance(outcome, EvidenceError):
            raise outcome
        return outcome

    def _own(
        self,
        kind: str,
        subject: dict[str, str],
        predicate: Mapping[str, object],
        *,
        refs: tuple[str, ...],
        now: datetime,
    ) -> NewEntry:
        document = {
            "_type": STATEMENT_V1,
            "subject": [{"name": subject["name"], "digest": {"sha256": subject["digest"]}}],
            "predicateType": KINDS[kind],
            "predicate": predicate,
        }
        bundle = self.clerk.sign(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
        try:
            return self._prepare(Submission(bundle=bundle, refs=refs), now)
        except IngestRefused as cause:
            raise LogRefused(
                f"the log could not record its own {kind}: {cause}",
                reason="clerk_not_trusted",
                remedy=f"let the log's own key write the kind {kind} in the trust policy",
            ) from cause

    def _prepare_or_refuse(self, submission: Submission, now: datetime) -> Prepared:
        """The attempt itself leaves evidence: what was refused, by its digest, and why."""
        try:
            return self._prepare(submission, now)
        except (IngestRefused, FormatError) as refusal:
            return Refused(error=refusal, record=self._refusal(submission.bundle, refusal.reason, now))

    def _refusal(self, bundle: bytes, reason: str, now: datetime) -> NewEntry:
        digest = hashlib.sha256(bundle).hexdigest()
        predicate = {"reason": reason, "size": len(bundle), "sha256": digest}
        subject = {"name": "refused-bundle", "digest": digest}
        return self._own("refusal", subject, predicate, refs=(f"refused:{reason}",), now=now)

    def _prepare(self, submission: Submission, now: datetime) -> NewEntry:
        accepted = accept(submission.bundle, self.trust)
        salt = os.urandom(SALT_SIZE)
        leaf = _leaf(submission, accepted, now, commitment=commit(submission.bundle, salt))
        return NewEntry(leaf=leaf, content=leaf.encode(), salt=salt, payload=submission.bundle)

    def _append(self, entries: Sequence[NewEntry], *, from_inbox: bool = False) -> list[Outcome]:
        if not entries:
            return []
        appended = self.store.append(entries, from_inbox=from_inbox)
        self._publisher().publish(grown_from=appended.before)
        return [_outcome(entry, placed) for entry, placed in zip(entries, appended.placed, strict=True)]

    def _publisher(self) -> Publisher:
        return Publisher(
            store=self.store,
            archive=self.archive,
            signer=self.signer,
            read_tile=self.read_tile,
            endorsers=self.endorsers,
        )


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


def _submission(waiting: Waiting) -> Submission:
    """Lists that cannot be read become ones that are refused with their reason."""
    return Submission(
        bundle=waiting.bundle, controls=_names(waiting.controls), refs=_names(waiting.refs), id=waiting.id
    )


def _names(content: str) -> tuple[str, ...]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    return tuple(map(str, found)) if isinstance(found, list) else ("not a list of ids",)


def _check_count(submissions: Sequence[Submission]) -> None:
    if not 0 < len(submissions) <= MAX_BATCH:
        raise ValueError(f"a batch has 1 to {MAX_BATCH} submissions, not {len(submissions)}")


def _leaf(submission: Submission, accepted: Accepted, now: datetime, *, commitment: str) -> Leaf:
    return Leaf(
        id=check_id(submission.id or uuid7(now, os.urandom(10))),
        kind=accepted.statement.kind,
        at=timestamp(now),
        producer=accepted.key.id,
        subjects=accepted.statement.subjects,
        controls=check_refs(submission.controls),
        refs=check_refs(submission.refs),
        media_type=MEDIA_TYPE,
        size=len(submission.bundle),
        commitment=commitment,
    )


def _outcome(entry: NewEntry, placed: Placed) -> Outcome:
    if placed.taken:
        return LogRefused(f"{entry.id} was taken out of the inbox by another sequencer", reason=TAKEN)
    if placed.conflict:
        return LogRefused(
            f"id {entry.id} was recorded with other bytes in entry {placed.index}",
            reason="id_conflict",
            remedy="use a new id",
        )
    return Recorded(id=entry.id, index=placed.index, kind=entry.leaf.kind, leaf_hash=placed.leaf_hash)
