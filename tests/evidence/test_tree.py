"""The Merkle tree agrees with RFC 6962, and its proofs hold exactly when they should."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.evidence.errors import ProofError
from mintmark.evidence.tiles import Edge, decode_entries, encode_entries, tile_path
from mintmark.evidence.tree import (
    EMPTY_ROOT,
    SubtreeHash,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The inputs of Certificate Transparency's reference tree, and the roots over the first 1, 2, 3, 5, 7 and 8 of them.
REFERENCE_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
REFERENCE_ROOT_OF_8 = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"

Leaves = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


def hashes_of(leaves: list[bytes]) -> list[bytes]:
    return [leaf_hash(leaf) for leaf in leaves]


def subtree_of(hashes: list[bytes]) -> SubtreeHash:
    return lambda low, high: root_of(hashes[low:high])


def flipped(value: bytes, bit: int) -> bytes:
    number = bit % (len(value) * 8)
    changed = bytearray(value)
    changed[number // 8] ^= 1 << (number % 8)
    return bytes(changed)


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT == root_of([]) == Edge().root()


def test_leaf_and_node_have_different_prefixes() -> None:
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert node_hash(b"a" * 32, b"b" * 32) == hashlib.sha256(b"\x01" + b"a" * 32 + b"b" * 32).digest()


def test_the_reference_tree_has_the_reference_root() -> None:
    assert root_of(hashes_of(REFERENCE_LEAVES)).hex() == REFERENCE_ROOT_OF_8


@given(leaves=st.lists(st.binary(max_size=4), max_size=700), data=st.data())
def test_any_split_into_batches_gives_the_same_root(leaves: list[bytes], data: st.DataObject) -> None:
    hashes, edge, at = hashes_of(leaves), Edge(), 0
    while at < len(hashes):
        size = data.draw(st.integers(1, len(hashes) - at))
        edge.append(hashes[at : at + size])
        at += size

    assert edge.root() == root_of(hashes)
    assert edge.size == len(hashes)


@given(leaves=Leaves, data=st.data(), bit=st.integers(0, 10_000))
def test_every_inclusion_proof_holds_and_no_change_of_one_bit_does(
    leaves: list[bytes], data: st.DataObject, bit: int
) -> None:
    hashes = hashes_of(leaves)
    index = data.draw(st.integers(0, len(hashes) - 1))
    proof = inclusion_proof(index, len(hashes), subtree_of(hashes))
    root = root_of(hashes)

    verify_inclusion(index, len(hashes), hashes[index], proof, root)
    with pytest.raises(ProofError):
        verify_inclusion(index, len(hashes), flipped(hashes[index], bit), proof, root)
    with pytest.raises(ProofError):
        verify_inclusion(index, len(hashes), hashes[index], proof, flipped(root, bit))
    for at in range(len(proof)):
        with pytest.raises(ProofError):
            verify_inclusion(
                index, len(hashes), hashes[index], [*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]], root
            )
    for wrong in (proof[:-1] if proof else [root], [*proof, root]):
        with pytest.raises(ProofError):
            verify_inclusion(index, len(hashes), hashes[index], wrong, root)


@given(leaves=Leaves, data=st.data(), bit=st.integers(0, 10_000))
def test_every_consistency_proof_holds_and_no_change_of_one_bit_does(
    leaves: list[bytes], data: st.DataObject, bit: int
) -> None:
    hashes = hashes_of(leaves)
    old = data.draw(st.integers(1, len(hashes)))
    proof = consistency_proof(old, len(hashes), subtree_of(hashes))
    before, after = root_of(hashes[:old]), root_of(hashes)

    verify_consistency(old, len(hashes), before, after, proof)
    with pytest.raises(ProofError):
        verify_consistency(old, len(hashes), flipped(before, bit), after, proof)
    with pytest.raises(ProofError):
        verify_consistency(old, len(hashes), before, flipped(after, bit), proof)
    with pytest.raises(ProofError):
        verify_consistency(old, len(hashes), before, after, [*proof, before])


@pytest.mark.parametrize(
    ("old", "new", "proof"), [(0, 1, []), (0, 0, []), (2, 1, []), (1, 2, []), (1, 2, [b"short"]), (-1, 1, [])]
)
def test_impossible_consistency_proofs_are_errors(old: int, new: int, proof: list[bytes]) -> None:
    with pytest.raises(ProofError):
        verify_consistency(old, new, EMPTY_ROOT, EMPTY_ROOT, proof)


def test_equal_sizes_need_equal_roots_and_no_proof() -> None:
    root = leaf_hash(b"a")

    verify_consistency(1, 1, root, root, [])
    with pytest.raises(ProofError):
        verify_consistency(1, 1, root, EMPTY_ROOT, [])
    with pytest.raises(ProofError):
        verify_consistency(1, 1, root, root, [root])


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (1, 1), (0, 0)])
def test_an_index_outside_the_tree_is_an_error(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        verify_inclusion(index, size, leaf_hash(b"a"), [], leaf_hash(b"a"))


def test_tile_paths_follow_the_specification() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path("entries", 5, 7) == "tile/entries/005.p/7"


@given(entries=st.lists(st.binary(max_size=300), max_size=20))
def test_entry_bundles_come_back_as_they_went(entries: list[bytes]) -> None:
    assert decode_entries(encode_entries(entries)) == entries
