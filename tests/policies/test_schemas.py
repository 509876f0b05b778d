"""The schemas are schemas, are strict, and take what we make and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.policies.builders import POLICIES

from mintmark.evidence.statement import KINDS
from mintmark.pipelines.gate import document
from mintmark.pipelines.gate.errors import DocumentInvalid
from mintmark.pipelines.gate.pack import PolicyPack

SCHEMAS = sorted(path.name.removesuffix(".schema.json") for path in POLICIES.glob("schemas/*.json"))


# Predicates of standards, whose producers may add members: a strict schema would refuse sound evidence of others.
STANDARDS = ("provenance", "sbom", "test-result", "vsa")
OURS = [name for name in SCHEMAS if name not in STANDARDS]


def test_there_is_one_for_the_gate_and_one_for_each_kind_of_evidence() -> None:
    assert sorted(["gate-input", *KINDS]) == SCHEMAS


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_is_a_schema_of_draft_2020_12(name: str, pack: PolicyPack) -> None:
    schema = pack.schema(name)

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(f"/{name}.schema.json")


@pytest.mark.parametrize("name", OURS)
def test_no_object_in_it_takes_unknown_fields(name: str, pack: PolicyPack) -> None:
    loose = [part for part in _objects(pack.schema(name)) if part.get("additionalProperties", True) is True]

    assert loose == []


@pytest.mark.parametrize("name", STANDARDS)
def test_a_standard_predicate_takes_the_members_of_its_producer(name: str, pack: PolicyPack) -> None:
    assert pack.schema(name)["additionalProperties"] is True
    assert pack.schema(name)["required"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_pattern_lets_a_final_newline_through(name: str, pack: PolicyPack) -> None:
    """In Python `$` also matches before a final newline; in ECMAScript, which the schema speaks, it does not."""
    patterns = [part["pattern"] for part in _all(pack.schema(name)) if isinstance(part.get("pattern"), str)]

    assert patterns
    assert all(pattern.startswith("^") and pattern.endswith("$(?!\\n)") for pattern in patterns)


DEPLOYMENT: dict[str, Any] = {
    "deployment_id": "0b7e",
    "environment": "local",
    "digest": f"sha256:{'a' * 64}",
    "manifest_digest": f"sha256:{'b' * 64}",
    "decision_id": "d1",
    "decision_entry": 7,
    "replaces": None,
    "started_at": "2026-09-21T14:13:20Z",
    "driver": "local",
    "origin": "local",
}


def test_a_deployment_is_taken(pack: PolicyPack) -> None:
    document.check(DEPLOYMENT, "deployment", pack=pack)


def test_a_deployment_of_a_name_instead_of_a_digest_is_refused(pack: PolicyPack) -> None:
    with pytest.raises(DocumentInvalid) as refused:
        document.check({**DEPLOYMENT, "digest": "florin:latest"}, "deployment", pack=pack)

    assert refused.value.where == "/digest"


def _all(value: Any) -> list[dict[str, Any]]:
    match value:
        case dict():
            return [value, *(part for member in value.values() for part in _all(member))]
        case list():
            return [part for member in value for part in _all(member)]
        case _:
            return []


def _objects(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in _all(schema) if part.get("type") == "object" and "properties" in part]
