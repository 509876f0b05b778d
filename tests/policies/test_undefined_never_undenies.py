"""A field that is missing must not turn a refusal into an ALLOW."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.policies.builders import POLICIES

from mintmark.pipelines.gate import canonical, patch
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.wasm import WasmEngine

RULES = sorted(
    path.relative_to(POLICIES / "gates").as_posix().removesuffix(".canary.json").replace("/", ".")
    for path in POLICIES.glob("gates/*/*.canary.json")
)


@pytest.mark.parametrize("rule", RULES)
def test_taking_any_one_field_out_of_a_refused_input_does_not_allow_it(
    rule: str, pack: PolicyPack, wasm: WasmEngine
) -> None:
    """The schema refuses such inputs long before; this is what the policy does on its own."""
    refused = patch.apply(pack.baseline, pack.canaries[rule]["patch"])
    checked = 0
    for pruned in _each_without_one_field(refused):
        verdict = json.loads(wasm.evaluate(canonical.encode(pruned)))

        assert verdict["decision"] != "ALLOW"
        checked += 1
    assert checked > 80


def test_a_document_that_is_no_object_is_not_allowed(wasm: WasmEngine) -> None:
    for document in (b"null", b"true", b"7", b'"ALLOW"', b"[]", b"{}"):
        verdict = json.loads(wasm.evaluate(document))

        assert verdict["decision"] != "ALLOW"


def _each_without_one_field(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in _leaves(document, ()):
        pruned = copy.deepcopy(document)
        parent: Any = pruned
        for step in path[:-1]:
            parent = parent[step]
        del parent[path[-1]]
        yield pruned


def _leaves(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The members of objects that hold no further object: a whole finding is a fact, half of one a hole."""
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(member, dict) and not (
                isinstance(member, list) and key in {"scans", "findings", "unread", "waivers"}
            ):
                yield (*path, key)
            yield from _leaves(member, (*path, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _leaves(member, (*path, index))
