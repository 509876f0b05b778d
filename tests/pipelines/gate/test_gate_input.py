"""The gate input is strict: one schema, one byte form, no unknown fields."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from tests.policies.builders import gate_input

from mintmark.pipelines.errors import ExitCode
from mintmark.pipelines.gate import canonical, document
from mintmark.pipelines.gate.document import build_input
from mintmark.pipelines.gate.errors import DocumentInvalid
from mintmark.pipelines.gate.pack import PolicyPack

AS_OF = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


def parts(pack: PolicyPack, **changes: Any) -> dict[str, Any]:
    baseline = pack.baseline
    facts = {name: fact for name, fact in baseline.items() if name not in {"schema", "as_of", "as_of_epoch"}}
    absent = {name: None for name in ("change", "break_glass") if facts[name] == {"present": False}}
    return {"as_of": AS_OF, **facts, **absent, **changes}


def as_built(pack: PolicyPack) -> bytes:
    """The baseline with its scans by tool: it lists them in the order in which they came to be required."""
    scans = sorted(pack.baseline["scans"], key=lambda scan: str(scan["tool"]))
    return gate_input(pack, [{"op": "replace", "path": "/scans", "value": scans}])


def test_the_builder_makes_the_baseline_from_its_parts(pack: PolicyPack) -> None:
    assert build_input(**parts(pack)) == as_built(pack)


def test_the_order_of_collection_does_not_change_the_bytes(pack: PolicyPack) -> None:
    scans = list(reversed(pack.baseline["scans"]))

    assert build_input(**parts(pack, scans=scans), pack=pack) == as_built(pack)


def test_the_same_moment_in_another_time_zone_is_the_same_input(pack: PolicyPack) -> None:
    elsewhere = AS_OF.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert build_input(**parts(pack, as_of=elsewhere), pack=pack) == as_built(pack)


def test_what_is_absent_is_said_to_be_absent(pack: PolicyPack) -> None:
    content = build_input(**parts(pack, sbom=None, provenance=None), pack=pack)

    assert json.loads(content)["sbom"] == {"present": False}
    assert json.loads(content)["provenance"] == {"present": False}


def test_a_moment_without_a_time_zone_is_a_bug_of_the_caller(pack: PolicyPack) -> None:
    with pytest.raises(ValueError, match="time zone"):
        build_input(**parts(pack, as_of=AS_OF.replace(tzinfo=None)), pack=pack)


SCAN_FIELDS = ("tool", "status", "given", "read", "unread", "rules", "tree_digest", "findings", "data", "finished_at")


@pytest.mark.parametrize("field", SCAN_FIELDS)
def test_a_scan_without_a_field_is_refused(pack: PolicyPack, field: str) -> None:
    with pytest.raises(DocumentInvalid) as refused:
        document.parse(gate_input(pack, [{"op": "remove", "path": f"/scans/0/{field}"}]), pack=pack)

    assert refused.value.where == "/scans/0"
    assert field in refused.value.problem
    assert refused.value.reason == "malformed"
    assert refused.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("/allow", True, "/"),
        ("/scans/0/allow", True, "/scans/0"),
        ("/environment/kind", "x", "/environment"),
        ("/schema", "https://mintmark.dev/gate-input/v2", "/schema"),
        ("/environment/name", "Production", "/environment/name"),
        ("/environment/name", "local\n", "/environment/name"),
        ("/environment/protected", "false", "/environment/protected"),
        ("/environment/protected", 0, "/environment/protected"),
        ("/subject/digest/sha256", "A" * 64, "/subject/digest/sha256"),
        ("/subject/digest/sha256", "a" * 63 + "\n", "/subject/digest/sha256"),
        ("/source/commit", "main", "/source/commit"),
        ("/scans/0/status", "Complete", "/scans/0/status"),
        ("/scans/0/findings/0/severity", "CRITICAL", "/scans/0/findings/0/severity"),
        ("/scans/0/findings/0/severity", "", "/scans/0/findings/0/severity"),
        ("/scans/0/given", -1, "/scans/0/given"),
        ("/scans/0/given", "41", "/scans/0/given"),
        ("/manifest/files", 0, "/manifest/files"),
        ("/sbom/subject_sha256", "", "/sbom/subject_sha256"),
        ("/sbom/present", False, "/sbom"),
        ("/sbom/present", 1, "/sbom/present"),
        ("/scans/2/data/source", "a friend", "/scans/2/data/source"),
        ("/scans/0/data", [], "/scans/0/data"),
        ("/provenance/origin", "moon", "/provenance/origin"),
        ("/as_of", "2026-09-21 14:13:20Z", "/as_of"),
        ("/as_of", "2026-09-21T14:13:21Z", "/as_of_epoch"),
        ("/as_of", "2026-02-30T14:13:21Z", "/as_of"),
        ("/as_of_epoch", 1_790_000_001, "/as_of_epoch"),
    ],
)
def test_a_value_that_nobody_defined_is_refused_by_its_place(
    pack: PolicyPack, path: str, value: object, where: str
) -> None:
    """`true` for `1`, a capital letter or a trailing newline have flipped verdicts elsewhere."""
    with pytest.raises(DocumentInvalid) as refused:
        document.parse(gate_input(pack, [{"op": "add", "path": path, "value": value}]), pack=pack)

    assert refused.value.where == where


WAIVER = {
    "id": "W-1",
    "rule": "code.dangerous_finding",
    "fingerprint": "c1" * 16,
    "environment": "local",
    "reason": "The statement takes no input of a user.",
    "requested_by": "ana@example.com",
    "approved_by": ["ben@example.com"],
    "requested_epoch": 1_790_000_000,
    "expires_epoch": 1_790_086_400,
}


def test_a_waiver_is_taken(pack: PolicyPack) -> None:
    build_input(**parts(pack, waivers=[WAIVER]), pack=pack)


@pytest.mark.parametrize("change", [{"requested_by": "Ana@example.com"}, {"approved_by": "ben"}, {"expires": "never"}])
def test_a_waiver_of_another_shape_is_refused(pack: PolicyPack, change: dict[str, object]) -> None:
    with pytest.raises(DocumentInvalid) as refused:
        build_input(**parts(pack, waivers=[{**WAIVER, **change}]), pack=pack)

    assert refused.value.where.startswith("/waivers/0")


def test_two_waivers_of_one_id_are_refused(pack: PolicyPack) -> None:
    with pytest.raises(DocumentInvalid, match="two waivers"):
        build_input(**parts(pack, waivers=[WAIVER, WAIVER]), pack=pack)


def test_bytes_that_only_mean_the_same_are_refused(pack: PolicyPack) -> None:
    content = gate_input(pack)
    twice = content.replace(b'{"as_of":', b'{"as_of":"2020-01-01T00:00:00Z","as_of":', 1)
    for other in (content + b"\n", json.dumps(json.loads(content)).encode(), twice):
        with pytest.raises(DocumentInvalid, match="canonical"):
            document.parse(other, pack=pack)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 2000, b"{", b"NaN", b'{"a":"\\ud800"}', b"\x00"])
def test_hostile_bytes_are_malformed(pack: PolicyPack, content: bytes) -> None:
    with pytest.raises(DocumentInvalid) as refused:
        document.parse(content, pack=pack)

    assert refused.value.reason == "malformed"


def test_a_document_beyond_the_limit_is_not_even_parsed(pack: PolicyPack) -> None:
    with pytest.raises(DocumentInvalid, match="is the limit"):
        document.parse(b" " * (document.MAX_BYTES + 1), pack=pack)


@pytest.mark.parametrize("number", [b"1.0", b"1e3", b"9007199254740992", b"123456789012345678901234567890"])
def test_a_number_that_readers_could_read_differently_is_refused(pack: PolicyPack, number: bytes) -> None:
    content = gate_input(pack).replace(b'"files":12', b'"files":' + number)

    with pytest.raises(DocumentInvalid):
        document.parse(content, pack=pack)


KEYS = st.text(st.characters(max_codepoint=0x7F), max_size=8)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-canonical.MAX_INTEGER, canonical.MAX_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_the_canonical_form_is_that_of_rfc_8785(value: Any) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)
    assert canonical.decode(canonical.encode(value)) == value
