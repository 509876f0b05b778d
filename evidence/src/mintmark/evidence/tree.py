"""The Merkle tree of RFC 6962 §2.1, with proofs verified by RFC 9162 §2.1.3.2 and §2.1.4.2. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from mintmark.evidence.errors import ProofError

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

# (lo, hi) → the hash of the subtree over leaves [lo, hi)
SubtreeHash = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split_point(size: int) -> int:
    """The largest power of two smaller than `size` (> 1)."""
    return 1 << ((size - 1).bit_length() - 1)


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Root over a power-of-two number of hashes."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


class CompactRange:
    """The peaks of a growing tree: one leaf costs two hashes on average, a root as many as there are peaks."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        size = self.size
        while size & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            size >>= 1
        self._peaks.append(leaf)
        self.size += 1

    def root(self, *, after: Sequence[bytes] = ()) -> bytes:
        """The root over this range, and over smaller perfect subtrees that come `after` it."""
        every = [*self._peaks, *after]
        if not every:
            return EMPTY_ROOT
        root = every[-1]
        for peak in reversed(every[:-1]):
            root = node_hash(peak, root)
        return root


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Root over any number of leaf hashes."""
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    split = split_point(len(hashes))
    return node_hash(root_of(hashes[:split]), root_of(hashes[split:]))


def inclusion_proof(index: int, size: int, subtree: SubtreeHash) -> list[bytes]:
    """The audit path of leaf `index` in a tree of `size` leaves, from the leaf up."""
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of {size} leaves")
    proof: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + split_point(high - low)
        if index < middle:
            proof.append(subtree(middle, high))
            high = middle
        else:
            proof.append(subtree(low, middle))
            low = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, subtree: SubtreeHash) -> list[bytes]:
    """The proof that the tree of `old` leaves is a prefix of the tree of `new` leaves."""
    if not 0 < old <= new:
        raise ProofError(f"there is no consistency proof from {old} to {new} leaves")
    proof: list[bytes] = []
    low, high, whole = 0, new, True
    while old != high:
        middle = low + split_point(high - low)
        if old <= middle:
            proof.append(subtree(middle, high))
            high = middle
        else:
            proof.append(subtree(low, middle))
            low, whole = middle, False
    if not whole:
        proof.append(subtree(low, high))
    return proof[::-1]


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Recompute the root by RFC 9162 §2.1.3.2; too short and too long proofs are errors."""
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of {size} leaves")
    _check_hashes([leaf, *proof])
    first, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if first & 1 or first == last:
            root = node_hash(sibling, root)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        first, last = first >> 1, last >> 1
    if last:
        raise ProofError("the inclusion proof is too short")
    return root


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    _check_hashes([root])
    if root_from_inclusion(index, size, leaf, proof) != root:
        raise ProofError(f"leaf {index} does not lead to the root of {size} leaves")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """RFC 9162 §2.1.4.2. From size 0 nothing can be proven, and equal sizes need equal roots and no proof."""
    if not 0 < old <= new:
        raise ProofError(f"there is no consistency proof from {old} to {new} leaves")
    _check_hashes([old_root, new_root, *proof])
    if old == new:
        if proof or old_root != new_root:
            raise ProofError(f"two trees of {old} leaves differ")
        return
    if not proof:
        raise ProofError("the consistency proof is empty")
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    _climb_both(old - 1, new - 1, path, old_root, new_root)


def _climb_both(first: int, last: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    while first & 1:
        first, last = first >> 1, last >> 1
    old_hash = new_hash = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if first & 1 or first == last:
            old_hash, new_hash = node_hash(sibling, old_hash), node_hash(sibling, new_hash)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            new_hash = node_hash(new_hash, sibling)
        first, last = first >> 1, last >> 1
    if last:
        raise ProofError("the consistency proof is too short")
    if (old_hash, new_hash) != (old_root, new_root):
        raise ProofError("the smaller tree is not a prefix of the larger one")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(value) != HASH_SIZE for value in hashes):
        raise ProofError("a hash is not 32 bytes long")
