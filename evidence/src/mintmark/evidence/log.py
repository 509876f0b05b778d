"""The log, open for writing: verified at ingest, one transaction a batch, signed after commit, archived before told."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mintmark.evidence.archive import Archive
from mintmark.evidence.bundle import MEDIA_TYPE
from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.clerk import NOT_TRUSTED, Said, StatementSigner, epoch, erasure, gap, refusal
from mintmark.evidence.confidential import check as check_confidential
from mintmark.evidence.errors import EvidenceError, FormatError, IngestRefused, LogRefused
from mintmark.evidence.inbox import Submission, submission_of
from mintmark.evidence.ingest import Accepted, accept
from mintmark.evidence.leaf import SALT_SIZE, Leaf, check_id, check_refs, commit, timestamp, uuid7
from mintmark.evidence.log_policy import LogPolicy
from mintmark.evidence.note import NoteSigner
from mintmark.evidence.publisher import Endorser, Publisher
from mintmark.evidence.reader import LogReader
from mintmark.evidence.schemas import PredicateSchemas
from mintmark.evidence.store.interface import NewEntry, Placed
from mintmark.evidence.store.open import open_store
from mintmark.evidence.trust import TrustPolicy

MAX_BATCH = 1_000
TAKEN = "taken"


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
    schemas: PredicateSchemas | None = None
    endorsers: tuple[Endorser, ...] = ()
    _open_gaps: dict[str, datetime] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def open(
        cls,
        store_url: str,
        *,
        archive: Path,
        signer: NoteSigner,
        trust: TrustPolicy,
        clerk: StatementSigner,
        schemas: PredicateSchemas | None = None,
        endorsers: tuple[Endorser, ...] = (),
        witnesses: LogPolicy | None = None,
    ) -> EvidenceLog:
        """
        Open the log; on SQLite it is made on first use, on PostgreSQL it was migrated before.

        With `schemas`, predicates are held to them; without, only to the marks of their kinds.

        Raises `LogRefused`: `origin_mismatch`; `rollback` when the store is behind the archived checkpoints or behind
        a witness; `fork` when it contradicts them; `root_mismatch` when its entries do not lead to its head.
        """
        store = open_store(store_url, origin=signer.name)
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
            schemas=schemas,
            endorsers=endorsers,
            witnesses=witnesses,
        )
        publisher = log._publisher()
        publisher.survey()  # behind the mark or a witness, nothing is opened
        publisher.publish()  # a crash between commit and signature is mended here
        return log

    def publish(self) -> Checkpoint | None:
        """Sign and archive the head as committed, and return its checkpoint."""
        return self._publisher().publish().checkpoint

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
            self._append([item.record for item in refused], now)
            raise refused[0].error
        outcomes = self._append([item for item in prepared if isinstance(item, NewEntry)], now, whole=True)
        for outcome in outcomes:
            if isinstance(outcome, EvidenceError):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, Recorded)]

    def record_each(self, submissions: Sequence[Submission], *, now: datetime) -> list[Outcome]:
        """One batch of strangers: what is refused is refused alone, and all is recorded in one transaction."""
        return self.record_prepared(self.prepare(submissions, now=now), now=now)

    def prepare(self, submissions: Sequence[Submission], *, now: datetime) -> list[Prepared]:
        """Verify a batch without touching the store: what will be recorded of each, be it that it was refused."""
        _check_count(submissions)
        return [self._prepare_or_refuse(submission, now) for submission in submissions]

    def record_prepared(self, prepared: Sequence[Prepared], *, now: datetime) -> list[Outcome]:
        """Record what `prepare` made, refusals with the rest in one transaction."""
        outcomes = self._append(list(map(_entry_for, prepared)), now)
        return [
            item.error if isinstance(item, Refused) and isinstance(outcome, Recorded) else outcome
            for item, outcome in zip(prepared, outcomes, strict=True)
        ]

    def drain(self, *, now: datetime, limit: int = MAX_BATCH) -> Drained:
        """
        Record what waits in the inbox, in one transaction that also takes it out.

        Of what does not hold the refusal is recorded in its place: a round that fails after that records it once.
        """
        waiting = self.store.waiting(limit)
        prepared = [self._prepare_or_refuse(submission_of(item), now) for item in waiting]
        outcomes = self._append(list(map(_entry_for, prepared)), now, taking=[item.id for item in waiting])
        conflicts = [
            (item.id, self._own(refusal(item.bundle, outcome.reason), now))
            for item, outcome in zip(waiting, outcomes, strict=True)
            if isinstance(outcome, EvidenceError) and outcome.reason != TAKEN
        ]
        refusals = self._append([record for _, record in conflicts], now, taking=[name for name, _ in conflicts])
        done = [item for item, outcome in zip(prepared, outcomes, strict=True) if isinstance(outcome, Recorded)]
        refused = sum(isinstance(item, Refused) for item in done)
        conflicting = sum(isinstance(outcome, Recorded) for outcome in refusals)
        return Drained(recorded=len(done) - refused, refused=refused + conflicting)

    def erase(self, index: int, *, basis: str, now: datetime) -> Recorded:
        """
        Erase the payload of an entry with its salt, after recording that this is done.

        `basis` is an id, such as `gdpr-17`. Not one byte of the log changes, and verification lists the entry apart.
        """
        commitment = self.entry(index).commitment
        recorded = self._say(erasure(index, commitment, basis=basis), now)
        self.store.erase(commitment)
        return recorded

    def report_gap(self, what: str, *, since: datetime, until: datetime | None = None, now: datetime) -> Recorded:
        """Record that something that should have been recorded or witnessed was not, from a moment on."""
        return self._say(gap(what, since=since, until=until), now)

    def go_on_from(self, closed: Checkpoint, note: bytes, *, reason: str, now: datetime) -> Recorded:
        """Record the last checkpoint of the log that this one goes on from; `note` is verbatim, `reason` an id."""
        return self._say(epoch(closed, note, reason=reason), now)

    def _say(self, said: Said, now: datetime) -> Recorded:
        """Record a statement of the log's own."""
        outcome = self._append([self._own(said, now)], now)[0]
        if isinstance(outcome, EvidenceError):
            raise outcome
        return outcome

    def _own(self, said: Said, now: datetime) -> NewEntry:
        try:
            return self._prepare(Submission(bundle=self.clerk.sign(said.statement), refs=said.refs), now)
        except IngestRefused as cause:
            if cause.reason not in NOT_TRUSTED:
                raise  # what was to be said is wrong, not who says it
            raise LogRefused(
                f"the log could not record its own {said.kind}: {cause}",
                reason="clerk_not_trusted",
                remedy=f"let the log's own key write the kind {said.kind} in the trust policy",
            ) from cause

    def _prepare_or_refuse(self, submission: Submission, now: datetime) -> Prepared:
        """The attempt itself leaves evidence: what was refused, by its digest, and why."""
        try:
            return self._prepare(submission, now)
        except (IngestRefused, FormatError) as cause:
            return Refused(error=cause, record=self._own(refusal(submission.bundle, cause.reason), now))

    def _prepare(self, submission: Submission, now: datetime) -> NewEntry:
        """Verify, look for what must not be kept for ever, and commit to the payload."""
        accepted = accept(submission.bundle, self.trust, at=now, schemas=self.schemas, alone=False)
        check_confidential(
            accepted.statement_bytes, identity=submission.id, controls=submission.controls, refs=submission.refs
        )
        salt = os.urandom(SALT_SIZE)
        leaf = _leaf(submission, accepted, now, commitment=commit(submission.bundle, salt))
        return NewEntry.of(leaf, salt=salt, payload=submission.bundle, may_be_known=submission.id is not None)

    def _append(
        self, entries: Sequence[NewEntry], now: datetime, *, taking: Sequence[str] | None = None, whole: bool = False
    ) -> list[Outcome]:
        if not entries:
            return []
        appended = self.store.append(entries, taking=taking, whole=whole)
        published = self._publisher().publish(appended)
        self._record_gaps(published.gaps, now)
        return [_outcome(entry, placed) for entry, placed in zip(entries, appended.placed, strict=True)]

    def _record_gaps(self, gaps: Sequence[str], now: datetime) -> None:
        """
        Once when a gap opens and once when it is closed, as this process sees it.

        What is to be recorded is noted first, for recording it publishes too; where that fails, the next round does it.
        """
        for what in gaps:
            if what not in self._open_gaps:
                self._open_gaps[what] = now
                try:
                    self.report_gap(what, since=now, now=now)
                except EvidenceError:
                    self._open_gaps.pop(what, None)
                    raise
        for what in self._open_gaps.keys() - set(gaps):
            since = self._open_gaps.pop(what, None)  # recording one may have closed the other
            if since is not None:
                try:
                    self.report_gap(what, since=since, until=now, now=now)
                except EvidenceError:
                    self._open_gaps[what] = since
                    raise

    def _publisher(self) -> Publisher:
        return Publisher(
            store=self.store,
            archive=self.archive,
            signer=self.signer,
            read_tile=self.read_tile,
            endorsers=self.endorsers,
        )


def _entry_for(prepared: Prepared) -> NewEntry:
    return prepared.record if isinstance(prepared, Refused) else prepared


def _check_count(submissions: Sequence[Submission]) -> None:
    if not 0 < len(submissions) <= MAX_BATCH:
        raise ValueError(f"a batch has 1 to {MAX_BATCH} submissions, not {len(submissions)}")


def _leaf(submission: Submission, accepted: Accepted, now: datetime, *, commitment: str) -> Leaf:
    return Leaf(
        id=check_id(submission.id or uuid7(now, os.urandom(10))),
        kind=accepted.statement.kind,
        at=timestamp(now),
        producer=accepted.producer.id,
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
