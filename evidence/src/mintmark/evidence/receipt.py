"""A receipt: the proof that an entry is in the log, as a C2SP tlog-proof. Pure."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from mintmark.evidence.checkpoint import Checkpoint, open_checkpoint
from mintmark.evidence.errors import FormatError
from mintmark.evidence.note import VerifierKey
from mintmark.evidence.tree import HASH_SIZE, leaf_hash, verify_inclusion

_HEADER = "c2sp.org/tlog-proof@v1"
_MAX_BYTES = 1_100_000
_MAX_HASHES = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """`checkpoint` is the signed note, verbatim."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def encode(self) -> bytes:
        hashes = "".join(f"{base64.b64encode(value).decode()}\n" for value in self.proof)
        return f"{_HEADER}\nindex {self.index}\n{hashes}\n".encode() + self.checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReceipt:
    """That entry `index` is in the tree of `checkpoint`, whose signature holds."""

    index: int
    checkpoint: Checkpoint


def parse_receipt(content: bytes) -> Receipt:
    if len(content) > _MAX_BYTES:
        raise FormatError("receipt", why=f"{len(content)} bytes, over {_MAX_BYTES}")
    head, separator, checkpoint = content.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as cause:
        raise FormatError("receipt", why="its head is not ASCII") from cause
    if not separator or lines[0] != _HEADER:
        raise FormatError("receipt", why=f"does not start with {_HEADER}")
    rest = lines[2:] if lines[1:2] and lines[1].startswith("extra ") else lines[1:]
    match = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", rest[0]) if rest else None
    if match is None or len(rest) - 1 > _MAX_HASHES:
        raise FormatError("receipt", why="no index, or too many hashes")
    return Receipt(
        index=int(match[1]), proof=tuple(parse_hash(line, what="receipt") for line in rest[1:]), checkpoint=checkpoint
    )


def verify_receipt(content: bytes, *, entry: bytes, log_vkey: str) -> VerifiedReceipt:
    """L0: the checkpoint's signature holds, and the entry's leaf leads to its root."""
    receipt = parse_receipt(content)
    checkpoint = open_checkpoint(receipt.checkpoint, VerifierKey.decode(log_vkey))
    verify_inclusion(receipt.index, checkpoint.size, leaf_hash(entry), receipt.proof, checkpoint.root)
    return VerifiedReceipt(index=receipt.index, checkpoint=checkpoint)


def parse_hash(line: str, *, what: str) -> bytes:
    """A hash as the lines of C2SP formats have it: canonical base64 of 32 bytes."""
    try:
        value = base64.b64decode(line, validate=True)
    except ValueError as cause:
        raise FormatError(what, why="a hash is not base64") from cause
    if len(value) != HASH_SIZE or base64.b64encode(value).decode() != line:
        raise FormatError(what, why="a hash is not 32 bytes")
    return value
