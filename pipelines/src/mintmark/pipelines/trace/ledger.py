"""What Florin says of a journal entry, proven by the log where a batch binds it: Florin is only asked for bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mintmark.evidence.binder import DEFAULT_LEDGER, claimed_batches, posting_receipt, prove_batch
from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.ledger.batch import KIND, batch_ref
from mintmark.evidence.ledger.journal import JournalEntry, parse_journal_entry
from mintmark.evidence.ledger.receipt import VerifiedLedgerReceipt, verify_ledger_receipt
from mintmark.evidence.ledger.verification import BoundBatch
from mintmark.evidence.reader import LogReader
from mintmark.evidence.tree import leaf_hash, root_of
from mintmark.pipelines.deploy.service_client import FlorinClient
from mintmark.pipelines.errors import IntegrityError

_REMEDY = "the ledger was changed after the posting: run `mintmark verify`, and compare it with a backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenEntry:
    """A journal entry and its receipt. There is none while no batch in the log binds it."""

    entry: JournalEntry
    receipt: bytes | None
    verified: VerifiedLedgerReceipt | None


@dataclass(slots=True)
class LedgerProver:
    """
    Each batch is proven, and its leaves are fetched and compared with its root, once.

    Make it before Florin is asked: what is bound in the log by then, Florin must know to be bound.
    """

    log: LogReader
    client: FlorinClient
    ledger: str = DEFAULT_LEDGER
    _size: int = field(init=False)
    _batches: dict[int, tuple[BoundBatch, list[bytes]] | None] = field(default_factory=dict)
    _claimed: list[BoundBatch] | None = None

    def __post_init__(self) -> None:
        self._size = self.log.store.head().size

    def prove(self, answer: dict[str, Any], *, wanted: int) -> ProvenEntry:
        """
        Prove the entry `wanted` out of an answer of Florin's that has `canonical`, `leaf_hash` and `batch`.

        Raises `IntegrityError`: `leaf_mismatch`, `root_mismatch`, `id_mismatch`, `bound_and_denied` or `malformed`.
        """
        entry = self.read(answer, wanted=wanted)
        text = entry.encode()
        batch = answer.get("batch")
        found = self._batch(batch) if isinstance(batch, int) else None
        if found is None:
            self._check_denial(entry)
            return ProvenEntry(entry=entry, receipt=None, verified=None)
        bound, leaves = found
        self._check_member(entry, bound, leaves)
        try:
            receipt = posting_receipt(self.log, bound, leaves, text=text).encode()
            verified = verify_ledger_receipt(receipt, log_vkey=self.log.log_key.encode())
        except EvidenceError as cause:
            raise IntegrityError(
                f"entry {entry.id} is not proven: {cause}", reason=cause.reason, remedy=_REMEDY
            ) from cause
        return ProvenEntry(entry=entry, receipt=receipt, verified=verified)

    def bound_by(self, answer: dict[str, Any], *, wanted: int) -> tuple[JournalEntry, BoundBatch | None]:
        """The same for many entries, without making a receipt of each."""
        entry = self.read(answer, wanted=wanted)
        batch = answer.get("batch")
        found = self._batch(batch) if isinstance(batch, int) else None
        if found is None:
            self._check_denial(entry)
            return entry, None
        self._check_member(entry, *found)
        return entry, found[0]

    def read(self, answer: dict[str, Any], *, wanted: int) -> JournalEntry:
        text = str(answer.get("canonical", "")).encode()
        try:
            entry = parse_journal_entry(text)
        except EvidenceError as cause:
            raise IntegrityError(f"Florin's entry {wanted}: {cause}", reason=cause.reason, remedy=_REMEDY) from cause
        if entry.id != wanted:
            raise IntegrityError(
                f"asked for entry {wanted}, Florin gave the text of entry {entry.id}",
                reason="id_mismatch",
                remedy=_REMEDY,
            )
        computed = leaf_hash(text).hex()
        if computed != answer.get("leaf_hash"):
            raise IntegrityError(
                f"entry {entry.id}: its leaf hash is {answer.get('leaf_hash')}, its text hashes to {computed}",
                reason="leaf_mismatch",
                remedy=_REMEDY,
            )
        return entry

    def _batch(self, number: int) -> tuple[BoundBatch, list[bytes]] | None:
        """A batch that the log has, with leaves that lead to its root; None while the log does not have it."""
        if number not in self._batches:
            rows = self.log.search(kind=KIND, ref=batch_ref(self.ledger, number))
            self._batches[number] = self._fetch(number, max(row.index for row in rows)) if rows else None
        return self._batches[number]

    def _fetch(self, number: int, index: int) -> tuple[BoundBatch, list[bytes]]:
        try:
            bound = prove_batch(self.log, index)
        except EvidenceError as cause:
            raise IntegrityError(
                f"entry {index} of the evidence log does not hold: {cause}",
                reason=cause.reason,
                remedy="run `mintmark verify` to see what else was changed",
            ) from cause
        try:
            answer = [
                (leaf["entry_id"], bytes.fromhex(leaf["leaf_hash"])) for leaf in self.client.batch(number)["leaves"]
            ]
        except (KeyError, TypeError, ValueError) as cause:
            raise IntegrityError(
                f"Florin's answer for batch {number} is no list of leaves", reason="malformed", remedy=_REMEDY
            ) from cause
        members, leaves = [entry_id for entry_id, _ in answer], [leaf for _, leaf in answer]
        named = (bound.batch.ledger, bound.batch.batch) == (self.ledger, number)
        if not named or members != list(bound.batch.members()) or root_of(leaves).hex() != bound.batch.root:
            raise IntegrityError(
                f"the leaves that Florin has for batch {number} are not those that entry {index} binds",
                reason="root_mismatch",
                remedy=_REMEDY,
            )
        return bound, leaves

    def _check_member(self, entry: JournalEntry, bound: BoundBatch, leaves: list[bytes]) -> None:
        position = bound.batch.position(entry.id)
        if position is None or leaves[position] != entry.leaf_hash:
            raise IntegrityError(
                f"entry {entry.id}: its text hashes to {entry.leaf_hash.hex()}, and batch {bound.batch.batch} binds "
                f"{'no such entry' if position is None else leaves[position].hex()}",
                reason="leaf_mismatch",
                remedy=_REMEDY,
            )

    def _check_denial(self, entry: JournalEntry) -> None:
        if self._claimed is None:
            self._claimed = [item for item in claimed_batches(self.log, self.ledger) if item.index < self._size]
        bound = next((item for item in self._claimed if item.batch.position(entry.id) is not None), None)
        if bound is not None:
            raise IntegrityError(
                f"Florin says that entry {entry.id} is not bound, and batch {bound.batch.batch} in entry {bound.index} "
                "of the evidence log binds it",
                reason="bound_and_denied",
                remedy=_REMEDY,
            )
