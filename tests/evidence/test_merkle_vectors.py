"""The proofs of another implementation hold here, and whatever it refuses is refused here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mintmark.evidence.errors import ProofError
from mintmark.evidence.tree import verify_consistency, verify_inclusion

VECTORS = Path(__file__).parent / "vectors/merkle"


def cases(name: str) -> list[Any]:
    lines = (VECTORS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [pytest.param(json.loads(line), id=json.loads(line)["description"]) for line in lines]


def hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


@pytest.mark.parametrize("case", cases("inclusion"))
def test_an_inclusion_proof_holds_exactly_when_it_should(case: dict[str, Any]) -> None:
    leaf, root = hashes([case["leaf_hash"], case["root"]])

    if case["want_error"]:
        with pytest.raises(ProofError):
            verify_inclusion(case["index"], case["size"], leaf, hashes(case["proof"]), root)
    else:
        verify_inclusion(case["index"], case["size"], leaf, hashes(case["proof"]), root)


@pytest.mark.parametrize("case", cases("consistency"))
def test_a_consistency_proof_holds_exactly_when_it_should(case: dict[str, Any]) -> None:
    old, new = hashes([case["root1"], case["root2"]])

    if case["want_error"] or case["size1"] == 0:
        with pytest.raises(ProofError):
            verify_consistency(case["size1"], case["size2"], old, new, hashes(case["proof"]))
    else:
        verify_consistency(case["size1"], case["size2"], old, new, hashes(case["proof"]))


def test_both_answers_are_there() -> None:
    found = [(name, case.values[0]["want_error"]) for name in ("inclusion", "consistency") for case in cases(name)]

    assert len(found) == 200
    assert found.count(("inclusion", False)) == 6
    assert found.count(("consistency", False)) == 9
