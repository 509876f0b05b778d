"""Reads the log: receipts, payloads, and entries that are proven before they are believed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from mintmark.evidence.checkpoint import cosigners, open_checkpoint, quorum_time
from mintmark.evidence.errors import EvidenceError, LogRefused, NotFound
from mintmark.evidence.ingest import accept
from mintmark.evidence.leaf import SALT_SIZE, Leaf, commit, parse_leaf
from mintmark.evidence.log_policy import LogPolicy
from mintmark.evidence.note import VerifierKey
from mintmark.evidence.query import EntryRow, Query, search
from mintmark.evidence.receipt import Receipt, verify_receipt
from mintmark.evidence.statement import parse_statement, parse_time
from mintmark.evidence.store import rows
from mintmark.evidence.store.interface import StoredEntry
from mintmark.evidence.store.sql_store import SqlStore
from mintmark.evidence.tiles import TiledTree
from mintmark.evidence.tree import inclusion_proof
from mintmark.evidence.trust import TrustPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """An entry whose receipt, commitment and signature were verified from stored bytes."""

    index: int
    tree_size: int
    kind: str
    key_id: str
    statement: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReader:
    """What is in a store, and the proof of it under the log's key."""

    store: SqlStore
    log_key: VerifierKey
    trust: TrustPolicy
    witnesses: LogPolicy | None = None

    @property
    def origin(self) -> str:
        return self.log_key.name

    def receipt(self, index: int) -> Receipt:
        """The proof of entry `index` under the newest published checkpoint."""
        return self.receipts([index])[0]

    def receipts(self, indexes: Sequence[int]) -> list[Receipt]:
        """Receipts under one checkpoint; the tiles are read once for all of them."""
        note = self.store.checkpoint()
        if note is None:
            raise NotFound("the log is empty", reason="no_checkpoint", remedy="record something first")
        checkpoint = open_checkpoint(note, self.log_key)
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
        return parse_leaf(self.stored(index).content)

    def stored(self, index: int) -> StoredEntry:
        found = self.store.entries(index, 1)
        if not found:
            raise NotFound(f"there is no entry {index}", reason="no_entry", remedy="search for it first")
        return found[0]

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
        """
        Verify one entry up to the signed checkpoint, and that enough others signed the same statement.

        Raises `EvidenceError`: with reason `threshold` where its kind asks for more signers than the log has.
        """
        proven = self._prove_one(index)
        wanted = self.trust.threshold(proven.kind)
        if wanted > 1:
            signers = self._signers(proven)
            if len(signers) < wanted:
                raise LogRefused(
                    f"{proven.kind} needs {wanted} different signers, and {len(signers)} signed entry {index}",
                    reason="threshold",
                    remedy="have the same statement signed with other keys, and record that too",
                )
        return proven

    def _signers(self, proven: Proven) -> set[str]:
        """Who signed this very statement, in whichever entries of its kind about its first subject."""
        subject = parse_statement(proven.statement).subjects[0].digest
        signers = {proven.key_id}
        for row in self.search(kind=proven.kind, subject=subject):
            with suppress(EvidenceError):  # an entry that does not hold is no signature
                other = self._prove_one(row.index)
                if other.statement == proven.statement:
                    signers.add(other.key_id)
        return signers

    def _prove_one(self, index: int) -> Proven:
        entry = self.stored(index)
        verified = verify_receipt(self.receipt(index).encode(), entry=entry.content, log_vkey=self.log_key.encode())
        leaf = parse_leaf(entry.content)
        accepted = accept(self.bundle(index), self.trust, at=parse_time(leaf.at, what="at"), alone=False)
        self._check_revoked(index, accepted.producer.id)
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

    def _check_revoked(self, index: int, producer: str) -> None:
        """Of a key that was revoked only what a witness saw before that is believed."""
        key = self.trust.key(producer)
        if key is None or key.validity.revoked_at is None:
            return
        seen = self.trusted_time(index)
        if seen is None or seen >= key.validity.revoked_at:
            raise LogRefused(
                f"the key of entry {index} was revoked, and no quorum of witnesses saw the entry before that",
                reason="no_trusted_time" if seen is None else "key_revoked",
                remedy="sign and record it again with a key that is not revoked",
            )

    def trusted_time(self, index: int) -> datetime | None:
        """By when a quorum of witnesses had cosigned a published checkpoint over this entry, where one has."""
        if self.witnesses is None:
            return None
        with self.store.reading() as connection:
            notes = rows.read_checkpoints_over(connection, index)
        times = [quorum_time(cosigners(note, self.witnesses), self.witnesses) for note in notes]
        return min((time for time in times if time is not None), default=None)

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

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """A full tile as stored; a partial one from what is below it."""
        with self.store.reading() as connection:
            return rows.derive_tile(connection, level, index, width)
