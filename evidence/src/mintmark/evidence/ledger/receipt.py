"""The receipt of a posting: its path in the batch, and the batch's entry in the log as a C2SP tlog-proof. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.errors import FormatError, ProofError
from mintmark.evidence.leaf import parse_leaf
from mintmark.evidence.ledger.batch import KIND, MAX_BATCH_LEAVES, LedgerBatch, check_ledger_name
from mintmark.evidence.ledger.journal import MAX_TEXT_BYTES, JournalEntry, parse_journal_entry
from mintmark.evidence.receipt import parse_hash, parse_receipt, verify_receipt
from mintmark.evidence.tree import inclusion_proof, leaf_hash, root_of, verify_inclusion

HEADER = "mintmark.dev/ledger-receipt@v1"
MEDIA_SUFFIX = ".ledger-receipt"
_MAX_BYTES = MAX_TEXT_BYTES + 1_300_000
_NUMBER = r"(0|[1-9][0-9]{0,15})"
_MAX_HASHES = MAX_BATCH_LEAVES.bit_length()


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerReceipt:
    """`text` is the journal entry's canonical text, `entry` the log's entry of the batch; both are verbatim."""

    ledger: str
    batch: int
    index: int
    size: int
    path: tuple[bytes, ...]
    text: bytes
    entry: bytes
    proof: bytes

    def encode(self) -> bytes:
        """Four parts with a blank line between: the path, the text, the log's entry, and a whole `.tlog-proof`."""
        head = f"{HEADER}\nledger {self.ledger}\nbatch {self.batch}\nindex {self.index}\nsize {self.size}\n"
        hashes = "".join(f"{base64.b64encode(value).decode()}\n" for value in self.path)
        return f"{head}{hashes}\n".encode() + self.text + b"\n" + self.entry + b"\n\n" + self.proof


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedLedgerReceipt:
    """That this journal entry is in a batch, and that batch in the log. `producer` is the key that signed the batch."""

    journal_entry: JournalEntry
    ledger: str
    batch: int
    index: int
    size: int
    evidence_index: int
    producer: str
    checkpoint: Checkpoint

    def describe(self) -> str:
        return (
            f"bound batch {self.batch} leaf {self.index} of {self.size} → entry {self.evidence_index} → "
            f"checkpoint size {self.checkpoint.size}"
        )


def make_receipt(
    batch: LedgerBatch, leaves: Sequence[bytes], *, text: bytes, entry: bytes, proof: bytes
) -> LedgerReceipt:
    """
    Build the receipt of the journal entry `text` from all leaf hashes of its batch; nobody need be believed for them.

    Raises `ProofError` when the leaves are not those of the batch, or the entry is none of them.
    """
    index = batch.position(parse_journal_entry(text).id)
    if index is None or len(leaves) != batch.count or root_of(leaves).hex() != batch.root:
        raise ProofError(f"these are not the leaves of batch {batch.batch}, or the entry is none of them")
    if leaves[index] != leaf_hash(text):
        raise ProofError(f"leaf {index} of batch {batch.batch} is the hash of another text")
    path = inclusion_proof(index, batch.count, lambda low, high: root_of(leaves[low:high]))
    return LedgerReceipt(
        ledger=batch.ledger,
        batch=batch.batch,
        index=index,
        size=batch.count,
        path=tuple(path),
        text=text,
        entry=entry,
        proof=proof,
    )


def parse_ledger_receipt(content: bytes) -> LedgerReceipt:
    """Read a receipt strictly; nothing is verified yet. Raises `FormatError`."""
    if len(content) > _MAX_BYTES:
        raise FormatError("ledger receipt", why=f"{len(content)} bytes, over {_MAX_BYTES}")
    parts = content.split(b"\n\n", 3)
    if len(parts) != 4:
        raise FormatError("ledger receipt", why="not four parts with a blank line between")
    try:
        lines = parts[0].decode("ascii").split("\n")
    except UnicodeDecodeError as cause:
        raise FormatError("ledger receipt", why="its head is not ASCII") from cause
    pattern = rf"{re.escape(HEADER)}\nledger (\S+)\nbatch {_NUMBER}\nindex {_NUMBER}\nsize {_NUMBER}"
    match = re.fullmatch(pattern, "\n".join(lines[:5]))
    if match is None or len(lines) - 5 > _MAX_HASHES:
        raise FormatError("ledger receipt", why=f"its head is not {HEADER}, or has too many hashes")
    parse_receipt(parts[3])
    return LedgerReceipt(
        ledger=check_ledger_name(match[1]),
        batch=int(match[2]),
        index=int(match[3]),
        size=int(match[4]),
        path=tuple(parse_hash(line, what="ledger receipt") for line in lines[5:]),
        text=parts[1] + b"\n",
        entry=parts[2],
        proof=parts[3],
    )


def verify_ledger_receipt(content: bytes, *, log_vkey: str) -> VerifiedLedgerReceipt:
    """
    Prove a posting offline, from the receipt and the log's verifier key alone.

    The root of the batch is the digest of the log entry's subject. Raises `FormatError`, `NoteError`, `ProofError`.
    """
    receipt = parse_ledger_receipt(content)
    verified = verify_receipt(receipt.proof, entry=receipt.entry, log_vkey=log_vkey)  # 1. the entry is in the log
    leaf = parse_leaf(receipt.entry)
    named = f"{receipt.ledger}/batch/{receipt.batch}"
    if leaf.kind != KIND or [subject.name for subject in leaf.subjects] != [named]:  # 2. it is of this batch
        raise FormatError("ledger receipt", why=f"the log's entry is not that of {named}", reason="subject_mismatch")
    root = bytes.fromhex(leaf.subjects[0].digest)
    verify_inclusion(receipt.index, receipt.size, leaf_hash(receipt.text), receipt.path, root)  # 3. which has the leaf
    return VerifiedLedgerReceipt(
        journal_entry=parse_journal_entry(receipt.text),
        ledger=receipt.ledger,
        batch=receipt.batch,
        index=receipt.index,
        size=receipt.size,
        evidence_index=verified.index,
        producer=leaf.producer,
        checkpoint=verified.checkpoint,
    )
