"""The sequencer: one transaction a batch under the head's lock, signed after commit, archived before it is believed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mintmark.evidence.archive import Archive
from mintmark.evidence.bundle import MEDIA_TYPE
from mintmark.evidence.checkpoint import Checkpoint, open_checkpoint
from mintmark.evidence.errors import LogRefused, NotFound
from mintmark.evidence.ingest import Accepted, accept
from mintmark.evidence.leaf import SALT_SIZE, Leaf, check_refs, commit, parse_leaf, timestamp, uuid7
from mintmark.evidence.note import NoteSigner
from mintmark.evidence.query import EntryRow, Query, search
from mintmark.evidence.receipt import Receipt, verify_receipt
from mintmark.evidence.statement import parse_time
from mintmark.evidence.store.interface import Batch, Head, NewEntry, Store, StoredEntry
from mintmark.evidence.store.sqlite import FILE_NAME, SqliteStore
from mintmark.evidence.tiles import WIDTH, Edge, TiledTree
from mintmark.evidence.tree import HASH_SIZE, inclusion_proof, leaf_hash, perfect_root
from mintmark.evidence.trust import TrustPolicy

MAX_BATCH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A signed bundle to record; `id` makes a second submission of the same bytes return the first entry."""

    bundle: bytes
    controls: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Durable, signed and archived."""

    id: str
    index: int
    kind: str
    leaf_hash: bytes
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """An entry whose receipt, commitment and signature were verified from stored bytes."""

    index: int
    tree_size: int
    kind: str
    key_id: str
    statement: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceLog:
    """A log that is open for writing. Its origin is its signer's name."""

    store: Store
    archive: Archive
    signer: NoteSigner
    trust: TrustPolicy

    @classmethod
    def open(cls, home: Path, *, archive: Path, signer: NoteSigner, trust: TrustPolicy) -> EvidenceLog:
        """
        Open the log at `home`, and make it on first use.

        Raises `LogRefused`: `origin_mismatch`; `rollback` when the store is behind the archived checkpoints; `fork`
        when it contradicts them; `root_mismatch` when its entries do not lead to its head.
        """
        store = SqliteStore(home / FILE_NAME, origin=signer.name)
        log = cls(store=store, archive=Archive(folder=archive), signer=signer, trust=trust)
        if store.head().origin != signer.name:
            raise LogRefused(
                f"{home} holds the log {store.head().origin}, and the key is {signer.name}'s",
                reason="origin_mismatch",
                remedy="use the key that belongs to this log",
            )
        log._publish()  # a crash between commit and signature is mended here
        return log

    @property
    def origin(self) -> str:
        return self.signer.name

    def record(
        self, bundle: bytes, *, now: datetime, controls: Sequence[str] = (), refs: Sequence[str] = ()
    ) -> Recorded:
        """Verify, append, sign and archive one bundle. Raises `IngestRefused`, `LogRefused`, `StoreUnavailable`."""
        return self.record_all([Submission(bundle=bundle, controls=tuple(controls), refs=tuple(refs))], now=now)[0]

    def record_all(self, submissions: Sequence[Submission], *, now: datetime) -> list[Recorded]:
        """One batch: all of it is recorded or nothing is."""
        if not 0 < len(submissions) <= MAX_BATCH:
            raise ValueError(f"a batch has 1 to {MAX_BATCH} submissions, not {len(submissions)}")
        prepared = [self._prepare(submission, now) for submission in submissions]
        self.store.append(lambda head, edge: _sequence(head, edge, self._new_ones(prepared)))
        self._publish()
        found = [self._stored(new.id) for new in prepared]
        receipts = self.receipts([entry.index for entry in found])
        return [
            Recorded(
                id=entry.id,
                index=entry.index,
                kind=parse_leaf(entry.content).kind,
                leaf_hash=entry.leaf_hash,
                receipt=receipt,
            )
            for entry, receipt in zip(found, receipts, strict=True)
        ]

    def receipt(self, index: int) -> Receipt:
        """The proof of entry `index` under the newest signed checkpoint."""
        return self.receipts([index])[0]

    def receipts(self, indexes: Sequence[int]) -> list[Receipt]:
        """Receipts under one checkpoint; the tiles are read once for all of them."""
        note = self.store.checkpoint()
        if note is None:
            raise NotFound("the log is empty", reason="no_checkpoint", remedy="record something first")
        checkpoint = open_checkpoint(note, self.signer.verifier)
        for index in indexes:
            if not 0 <= index < checkpoint.size:
                raise NotFound(
                    f"there is no entry {index}; the log has {checkpoint.size}",
                    reason="no_entry",
                    remedy="search for it with `mintmark evidence search`",
                )
        tree = TiledTree(self.read_tile, checkpoint.size)
        return [
            Receipt(index=index, proof=tuple(inclusion_proof(index, checkpoint.size, tree.subtree)), checkpoint=note)
            for index in indexes
        ]

    def entry(self, index: int) -> Leaf:
        return parse_leaf(self._entry(index).content)

    def bundle(self, index: int) -> bytes:
        """The payload of an entry, once its commitment opens."""
        leaf = self.entry(index)
        stored = self.store.payload(leaf.commitment)
        if stored is None:
            raise NotFound(
                f"the payload of entry {index} is not stored",
                reason="payload_missing",
                remedy="it was erased, or the store was changed: `mintmark verify` tells which",
            )
        salt, payload = stored
        if len(salt) != SALT_SIZE or commit(payload, salt) != leaf.commitment:
            raise LogRefused(
                f"the payload of entry {index} is not what the log commits to",
                reason="commitment_mismatch",
                remedy="run `mintmark verify`",
            )
        return payload

    def prove(self, index: int) -> Proven:
        """Verify one entry up to the signed checkpoint. Raises `EvidenceError`."""
        entry = self._entry(index)
        verified = verify_receipt(self.receipt(index).encode(), entry=entry.content, log_vkey=self.signer.vkey)
        leaf = parse_leaf(entry.content)
        accepted = accept(self.bundle(index), self.trust, at=parse_time(leaf.at, what="at"), alone=False)
        if (accepted.statement.kind, accepted.producer.id) != (leaf.kind, leaf.producer):
            raise LogRefused(
                f"entry {index} says {leaf.kind}, its payload is {accepted.statement.kind}",
                reason="kind_mismatch",
                remedy="run `mintmark verify`",
            )
        return Proven(
            index=index,
            tree_size=verified.checkpoint.size,
            kind=leaf.kind,
            key_id=accepted.producer.id,
            statement=accepted.statement_bytes,
        )

    def search(
        self,
        *,
        kind: str | None = None,
        subject: str | None = None,
        ref: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1_000,
    ) -> list[EntryRow]:
        query = Query(kind=kind, subject=subject, ref=ref, since=since, until=until, limit=limit)
        with self.store.reading() as connection:
            return search(connection, query)

    def _prepare(self, submission: Submission, now: datetime) -> NewEntry:
        accepted = accept(submission.bundle, self.trust, at=now, alone=False)
        salt = os.urandom(SALT_SIZE)
        leaf = _leaf(submission, accepted, now, commitment=commit(submission.bundle, salt))
        content = leaf.encode()
        return NewEntry(
            id=leaf.id,
            content=content,
            leaf_hash=leaf_hash(content),
            commitment=leaf.commitment,
            salt=salt,
            payload=submission.bundle,
        )

    def _new_ones(self, prepared: Sequence[NewEntry]) -> list[NewEntry]:
        """Leave out what is there already; refuse an id that is there with other bytes."""
        new = []
        for entry in prepared:
            known = self.store.entry_by_id(entry.id)
            if known is None:
                new.append(entry)
            elif self.bundle(known.index) != entry.payload:
                raise LogRefused(
                    f"id {entry.id} was recorded with other bytes in entry {known.index}",
                    reason="id_conflict",
                    remedy="use a new id",
                )
        return new

    def _publish(self) -> None:
        """Sign the head as committed; archive first, so that no signed checkpoint exists that a restore could hide."""
        head = self.store.head()
        mark = self.archive.newest(self.signer.verifier)
        if mark is not None:
            self._check_mark(head, mark)
        if head.size == 0:
            return
        checkpoint = Checkpoint(origin=self.origin, size=head.size, root=head.root)
        note = checkpoint.sign(self.signer)
        self.archive.keep(checkpoint, note)
        self.store.keep_checkpoint(head.size, note)

    def _check_mark(self, head: Head, mark: Checkpoint) -> None:
        if head.size < mark.size:
            raise LogRefused(
                f"the store has {head.size} entries, and a checkpoint over {mark.size} was signed",
                reason="rollback",
                remedy="the store was restored or its tail deleted: bring back the newer file, or close the epoch",
            )
        if TiledTree(self.read_tile, head.size).subtree(0, mark.size) != mark.root:
            raise LogRefused(
                f"the first {mark.size} entries are not those that were signed",
                reason="fork",
                remedy="run `mintmark verify` to see where; nothing is signed until this is resolved",
            )

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """A full tile as stored; a partial one from what is below it."""
        stored = self.store.tile(level, index)
        if stored is not None:
            return stored[: width * HASH_SIZE]
        if level == 0:
            return b"".join(entry.leaf_hash for entry in self.store.entries(index * WIDTH, width))
        return b"".join(self._tile_root(level - 1, at) for at in range(index * WIDTH, index * WIDTH + width))

    def _tile_root(self, level: int, index: int) -> bytes:
        content = self.store.tile(level, index)
        if content is None or len(content) != WIDTH * HASH_SIZE:
            raise LogRefused(
                f"tile {level}/{index} is missing or damaged", reason="tile_missing", remedy="run `mintmark verify`"
            )
        return perfect_root([content[at : at + HASH_SIZE] for at in range(0, len(content), HASH_SIZE)])

    def _entry(self, index: int) -> StoredEntry:
        found = self.store.entries(index, 1)
        if not found:
            raise NotFound(f"there is no entry {index}", reason="no_entry", remedy="search for it first")
        return found[0]

    def _stored(self, identity: str) -> StoredEntry:
        found = self.store.entry_by_id(identity)
        if found is None:
            raise NotFound(f"there is no entry {identity}", reason="no_entry", remedy="record it again")
        return found


def _leaf(submission: Submission, accepted: Accepted, now: datetime, *, commitment: str) -> Leaf:
    return Leaf(
        id=submission.id or uuid7(now, os.urandom(10)),
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


def _sequence(head: Head, edge: Edge, new: Sequence[NewEntry]) -> Batch | None:
    """Pure: the next batch on a copy of the edge."""
    if not new:
        return None
    grown = edge.copy()
    tiles = grown.append(entry.leaf_hash for entry in new)
    after = Head(origin=head.origin, size=grown.size, root=grown.root())
    return Batch(first=head.size, entries=new, tiles=tiles, head=after)
