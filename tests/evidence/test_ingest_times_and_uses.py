"""What a statement says is compared with the clock, with its schema, and with what it is used for."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.evidence.builders import DIGEST, NOW, Bench, bench, signed, statement

from mintmark.evidence.bundle import encode_bundle, key_hint
from mintmark.evidence.dsse import pae
from mintmark.evidence.errors import EvidenceError, IngestRefused
from mintmark.evidence.ingest import accept, expect
from mintmark.evidence.schemas import PredicateSchemas, SchemasUnavailable
from mintmark.evidence.statement import KINDS, PAYLOAD_TYPE, Run, parse_statement

SCHEMAS = Path(__file__).resolve().parents[2] / "policies" / "schemas"
HEX = "cd" * 32


def refusal(place: Bench, payload: bytes, **options: Any) -> str | None:
    try:
        accept(signed(place.key, payload), place.trust, at=NOW, **options)
    except IngestRefused as refused:
        return refused.reason
    return None


def stated(kind: str, seconds: int) -> list[dict[str, Any]]:
    """Predicates of a kind that state a time so many seconds after now, one for each place of it."""
    moment = NOW + timedelta(seconds=seconds)
    text, epoch = moment.strftime("%Y-%m-%dT%H:%M:%SZ"), int(moment.timestamp())
    predicates: dict[str, list[dict[str, Any]]] = {
        "provenance": [
            {"runDetails": {"metadata": {"startedOn": text}}},
            {"runDetails": {"metadata": {"finishedOn": text}}},
        ],
        "sbom": [{"metadata": {"timestamp": text}}],
        "vsa": [{"timeVerified": text}],
        "scan": [{"started_at": epoch}, {"finished_at": epoch}, {"data": {"as_of": epoch}}],
        "decision": [{"as_of": text}, {"as_of_epoch": epoch}],
        "deployment": [{"started_at": text}],
        "gap": [{"since": text}, {"since": NOW.isoformat(), "until": text}],
        "ledger-batch": [{"as_of": text}],
    }
    return predicates[kind]


@pytest.mark.parametrize("kind", ["provenance", "sbom", "vsa", "scan", "decision", "deployment", "gap", "ledger-batch"])
def test_evidence_of_times_to_come_is_refused(kind: str, tmp_path: Path) -> None:
    """A minute is let pass, for no two clocks agree."""
    place = bench(tmp_path)

    for late, soon in zip(stated(kind, 61), stated(kind, 60), strict=True):
        assert refusal(place, statement(kind, late)) == "future"
        assert refusal(place, statement(kind, soon)) is None


@pytest.mark.parametrize("time", ["", "yesterday", "2026-11-24T11:00:00", 10**20, True, 1.5, ["2026-11-24T11:00:00Z"]])
def test_a_time_that_cannot_be_read_is_refused(time: object, tmp_path: Path) -> None:
    assert refusal(bench(tmp_path), statement("vsa", {"timeVerified": time})) == "malformed"


def test_an_hmac_with_the_public_key_as_its_secret_is_no_signature(tmp_path: Path) -> None:
    place = bench(tmp_path)
    public = place.key.public_key()
    payload = statement("scan", {})
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forged = hmac.new(secret, pae(PAYLOAD_TYPE, payload), hashlib.sha256).digest()

    with pytest.raises(IngestRefused) as refused:
        accept(encode_bundle(payload, forged, hint=key_hint(public)), place.trust, at=NOW)

    assert refused.value.reason == "weak_algorithm"
    assert refusal(place, payload) is None


def test_the_name_of_a_closed_log_is_no_claim_of_an_origin(tmp_path: Path) -> None:
    place = bench(tmp_path)

    assert refusal(place, statement("epoch", {"log": "log.example/1"})) is None
    assert refusal(place, statement("scan", {"origin": "log.example/1"})) == "origin_mismatch"


USES: dict[str, tuple[str | None, dict[str, Any]]] = {
    "the artefact itself": (None, {"digest": f"sha256:{DIGEST}", "name": "a.whl"}),
    "the artefact under another name": (None, {"digest": DIGEST, "name": "b.whl"}),
    "the artefact after a byte changed": ("digest_mismatch", {"digest": HEX, "name": "a.whl"}),
    "another artefact": ("subject_mismatch", {"digest": HEX, "name": "b.whl"}),
    "a digest that it does not speak of": ("subject_mismatch", {"digest": HEX}),
    "the place it is for": (None, {"resource_uri": "git+https://x#production"}),
    "another service": ("resource_uri_mismatch", {"resource_uri": "git+https://y#production"}),
    "the environment it is for": (None, {"environment": "production"}),
    "another environment": ("resource_uri_mismatch", {"environment": "staging"}),
    "the kind it is": (None, {"kind": "vsa"}),
    "another kind": ("type_mismatch", {"kind": "decision"}),
}


@pytest.mark.parametrize("use", USES)
def test_a_sound_statement_is_sound_for_its_own_use_alone(use: str) -> None:
    summary = parse_statement(statement("vsa", {"resourceUri": "git+https://x#production"}))
    reason, wanted = USES[use]

    if reason is None:
        expect(summary, **wanted)
        return
    with pytest.raises(IngestRefused) as refused:
        expect(summary, **wanted)

    assert refused.value.reason == reason


def test_a_statement_that_names_no_place_is_for_none() -> None:
    scan = parse_statement(statement("scan", {}))
    decision = parse_statement(statement("decision", {"environment": "staging"}))

    for item in (scan, decision):
        with pytest.raises(IngestRefused) as refused:
            expect(item, environment="production")
        assert refused.value.reason == "resource_uri_mismatch"
    expect(decision, environment="staging")


BATCH = {
    "ledger": "florin",
    "batch": 2,
    "first": 11,
    "last": 20,
    "count": 9,
    "root": HEX,
    "ranges": [[11, 15], [17, 20]],
    "trial_balance": [{"currency": "EUR", "debits_minor": "100", "credits_minor": "100"}],
    "trial_balance_digest": HEX,
    "previous": 41,
    "as_of": "2026-11-24T11:00:00.000Z",
}
PROVENANCE = {
    "buildDefinition": {"buildType": "https://mintmark.dev/build/python-wheel/v1", "externalParameters": {}},
    "runDetails": {"builder": {"id": "https://mintmark.dev/builders/local"}},
}
SUMMARY = {
    "verifier": {"id": "https://mintmark.dev/gate"},
    "timeVerified": "2026-11-24T11:00:00Z",
    "resourceUri": "git+https://x#production",
    "policy": {},
    "verificationResult": "PASSED",
    "verifiedLevels": [],
}
EPOCH = {"log": "log.example/1", "size": 7, "root": HEX, "checkpoint": "YWJj", "reason": "rollback"}
GAP = {"what": "witness:w1", "since": "2026-11-24T10:00:00Z", "until": "2026-11-24T10:05:00Z", "detail": "timeout"}

# kind → a sound predicate, and where it is changed to what
SHAPES: dict[str, tuple[dict[str, Any], dict[str, tuple[str, Any]]]] = {
    "refusal": (
        {"reason": "signature_invalid", "size": 9, "sha256": HEX, "media": "application/json", "place": "spool/1"},
        {"/reason": ("reason", "It was bad."), "/size": ("size", -1), "/media": ("media", "json")},
    ),
    "erasure": (
        {"index": 3, "commitment": HEX, "basis": "gdpr-17"},
        {"/commitment": ("commitment", "no"), "/basis": ("basis", "Ann asked us to")},
    ),
    "epoch": (EPOCH, {"/root": ("root", HEX.upper()), "/checkpoint": ("checkpoint", "not base64!")}),
    "gap": (GAP, {"/since": ("since", "2026-11-24"), "/detail": ("detail", "the disk was full")}),
    "ledger-batch": (
        BATCH,
        {
            "/ranges/0": ("ranges", [[11, 15, 17]]),
            "/previous": ("previous", -1),
            "/trial_balance/0/debits_minor": (
                "trial_balance",
                [{"currency": "EUR", "debits_minor": 100, "credits_minor": "100"}],
            ),
        },
    ),
    "provenance": (PROVENANCE, {"/runDetails": ("runDetails", {}), "/buildDefinition": ("buildDefinition", {})}),
    "vsa": (SUMMARY, {"/verificationResult": ("verificationResult", "passed"), "/verifier": ("verifier", {})}),
    "sbom": ({"bomFormat": "CycloneDX", "specVersion": "1.6"}, {"/bomFormat": ("bomFormat", "SPDX")}),
}


@pytest.fixture(scope="module")
def schemas() -> PredicateSchemas:
    return PredicateSchemas.load(SCHEMAS)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_predicate_is_held_to_the_schema_of_its_kind(kind: str, schemas: PredicateSchemas) -> None:
    sound, changes = SHAPES[kind]

    schemas.check(parse_statement(statement(kind, sound)))
    for pointer, (member, value) in changes.items():
        with pytest.raises(EvidenceError) as refused:
            schemas.check(parse_statement(statement(kind, {**sound, member: value})))
        assert refused.value.reason == "schema_invalid"
        assert f"{pointer}: " in str(refused.value)


@pytest.mark.parametrize("kind", ["refusal", "erasure", "epoch", "gap", "ledger-batch"])
def test_a_predicate_of_ours_takes_no_other_members(kind: str, schemas: PredicateSchemas) -> None:
    with pytest.raises(EvidenceError) as refused:
        schemas.check(parse_statement(statement(kind, {**SHAPES[kind][0], "name": "Ann"})))

    assert refused.value.reason == "schema_invalid"


def test_at_ingest_the_schema_is_asked_after_the_signature(tmp_path: Path, schemas: PredicateSchemas) -> None:
    place = bench(tmp_path)

    assert refusal(place, statement("gap", GAP), schemas=schemas) is None
    assert refusal(place, statement("gap", {**GAP, "what": "a b"}), schemas=schemas) == "schema_invalid"


def test_what_a_shipment_signs_has_the_shape_of_its_kind(tmp_path: Path, schemas: PredicateSchemas) -> None:
    """Made by the code that ships, and not by this test."""
    from mintmark.pipelines.build.release import Release
    from mintmark.pipelines.sign import statements

    source = {"uri": "git+https://example.com/x", "commit": "a" * 40, "tree_digest": f"sha256:{HEX}"}
    release = Release(
        wheel_name="a.whl",
        wheel=b"wheel",
        requirements=b"",
        local_requirements=b"",
        manifest=json.dumps({"source": source}).encode(),
    )
    made = [
        statements.provenance(
            release,
            package="a",
            invocation="i",
            origin="local",
            lock_digest=HEX,
            constraints_digest=HEX,
            started=NOW,
            finished=NOW,
        ),
        statements.summary(
            release,
            environment="local",
            passed=True,
            policy_digest=f"sha256:{HEX}",
            inputs=[],
            verified=NOW,
            origin="local",
        ),
    ]

    for content in made:
        assert refusal(bench(tmp_path), content, schemas=schemas) is None


def test_a_kind_without_a_schema_is_not_let_through(tmp_path: Path) -> None:
    with pytest.raises(SchemasUnavailable):
        PredicateSchemas.load(tmp_path)
    only = PredicateSchemas.of({"gap": (SCHEMAS / "gap.schema.json").read_bytes()})
    with pytest.raises(SchemasUnavailable) as refused:
        only.check(parse_statement(statement("scan", {})))

    assert refused.value.reason == "schema_missing"
    assert set(PredicateSchemas.load(SCHEMAS).validators) >= set(KINDS)


def provenance(run: str, commit: str) -> bytes:
    source = {"externalParameters": {"source": {"commit": commit}}}
    return statement("provenance", {"buildDefinition": source, "runDetails": {"metadata": {"invocationId": run}}})


OF_A_RUN: dict[str, tuple[bytes, Run]] = {
    "provenance": (provenance("run-2", "c2"), Run(id="run-2", commit="c2")),
    "a scan": (statement("scan", {"invocation": "run-2"}), Run(id="run-2")),
    "a decision": (
        statement("decision", {"id": "run-2", "policy_digest": f"sha256:{HEX}"}),
        Run(id="run-2", policy_digest=f"sha256:{HEX}"),
    ),
    "a deployment": (statement("deployment", {"decision_id": "run-2"}), Run(id="run-2")),
    "a summary": (statement("vsa", {"policy": {"digest": {"sha256": HEX}}}), Run(policy_digest=HEX)),
}


@pytest.mark.parametrize("what", OF_A_RUN)
def test_evidence_of_another_run_is_a_replay(what: str) -> None:
    content, run = OF_A_RUN[what]
    sound = parse_statement(content)
    others = [
        replace(run, **{name: "another"})
        for name in ("id", "commit", "policy_digest")
        if getattr(run, name) is not None
    ]

    expect(sound, run=run)
    for other in others:
        with pytest.raises(IngestRefused) as refused:
            expect(sound, run=other)
        assert refused.value.reason == "run_mismatch"
    assert others


def test_a_statement_that_names_no_run_is_of_none() -> None:
    with pytest.raises(IngestRefused) as refused:
        expect(parse_statement(statement("sbom", {})), run=Run(id="run-2"))

    assert refused.value.reason == "run_mismatch"
