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

# Lists whose members are facts of their own: without a whole finding or waiver the input is another, sound one; half of
# one is a hole. All other lists are taken away as a whole, too, for a list that is missing is not an empty one.
WHOLE_FACTS = {"scans", "findings", "unread", "waivers"}

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


# What tools and pipelines say. A refused waiver whose finding becomes null is a harmless one, covering nothing.
TOPICS = ("advisories", "code", "deps", "iac", "licence", "provenance", "sbom", "scan", "secrets", "tests", "workflow")
FROM_TOOLS = [rule for rule in RULES if rule.partition(".")[0] in TOPICS]


@pytest.mark.parametrize("rule", FROM_TOOLS)
def test_a_field_that_says_null_does_not_allow_a_refused_input(rule: str, pack: PolicyPack, wasm: WasmEngine) -> None:
    """Null is there, so that no default stands in for it."""
    refused = patch.apply(pack.baseline, pack.canaries[rule]["patch"])
    for path in _leaves(refused, ()):
        emptied = copy.deepcopy(refused)
        parent: Any = emptied
        for step in path[:-1]:
            parent = parent[step]
        parent[path[-1]] = None
        verdict = json.loads(wasm.evaluate(canonical.encode(emptied)))

        assert verdict["decision"] != "ALLOW", path


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
    """The members of objects that hold no further object, and lists of facts that may not be missing."""
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(member, dict) and not (isinstance(member, list) and key in WHOLE_FACTS):
                yield (*path, key)
            yield from _leaves(member, (*path, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _leaves(member, (*path, index))
