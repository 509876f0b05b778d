"""Payloads: what opens, who signed it, what was erased, and what cannot be told: L5."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.evidence.builders import DIGEST, NOW, Bench, bench, signed, statement, trust_text
from tests.evidence.single_file.exports import Exported, ask, export, run_alone, witness

from mintmark.evidence import single_file
from mintmark.evidence.bundle import MEDIA_TYPE, key_hint
from mintmark.evidence.inbox import Submission
from mintmark.evidence.leaf import Leaf, commit
from mintmark.evidence.statement import KINDS, Subject
from mintmark.evidence.store.interface import NewEntry
from mintmark.evidence.trust import TrustPolicy

SALT = bytes(32)


def payload_path(made: Exported, commitment: str) -> Path:
    return made.folder / "payload" / commitment[:2] / commitment


def test_an_erased_payload_is_listed_apart(tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.fill(3)
    commitment = log.entry(1).commitment
    stored = b"".join(log.store.payload(commitment) or ())
    log.erase(1, basis="gdpr-17", now=NOW)
    made = export(place, log, tmp_path)

    gone = ask(made.words())
    payload_path(made, commitment).parent.mkdir(exist_ok=True)
    payload_path(made, commitment).write_bytes(stored)
    back = ask(made.words())

    assert (gone.code, gone.report["counts"]["erased"], gone.report["counts"]["opened"]) == (0, 1, 3)
    assert back.code == 0
    assert f"entry 3 erased a payload that is still here: {commitment}" in back.report["warnings"]


def test_a_payload_that_is_missing_without_an_erasure_fails(tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.fill(3)
    made = export(place, log, tmp_path)
    payload_path(made, log.entry(1).commitment).unlink()

    answer = ask(made.words())

    assert (answer.code, answer.report["first_bad_index"], answer.reasons) == (4, 1, {("L5", "payload_missing")})


def test_a_payload_may_not_be_erased_before_it_is_there(tmp_path: Path) -> None:
    """An erasure is of something: it does not excuse what comes after it."""
    place = bench(tmp_path)
    log = place.fill(1)
    made = export(place, log, tmp_path)
    entry = single_file.read_entry(0, log.entry(0).encode(), set())
    report = single_file.Report()
    payloads = single_file.Payloads(
        single_file.Export(made.folder / "tile"), report, single_file.CryptographyPackage(), None
    )
    payloads.check(replace(entry, kind="erasure", index=4, refs=(f"erased:{entry.commitment}",), commitment="0" * 64))
    payloads.check(replace(entry, index=7))
    payloads.check(replace(entry, index=3))

    payloads.finish([])

    missing = {item.index for item in report.broken if item.place.endswith(entry.commitment)}
    assert missing == {7}


@pytest.mark.parametrize("python", ["bare", "with cryptography"])
def test_a_key_that_is_not_trusted_fails(python: str, tmp_path: Path) -> None:
    place = bench(tmp_path)
    made = export(place, place.fill(2), tmp_path)
    other = tmp_path / "other.toml"
    other.write_text(trust_text(ec.generate_private_key(ec.SECP256R1()).public_key()), encoding="utf-8")

    done = run_alone(python, replace(made, trust=other).words("--json"), tmp_path)

    assert done.returncode == 4
    assert {item["reason"] for item in json.loads(done.stdout)["broken"]} == {"key_unknown"}


def test_a_key_may_sign_only_the_kinds_that_it_is_trusted_with(tmp_path: Path) -> None:
    place = bench(tmp_path)
    made = export(place, place.fill(2), tmp_path)
    narrow = tmp_path / "narrow.toml"
    narrow.write_text(trust_text(place.key.public_key(), kinds=("sbom",)), encoding="utf-8")

    assert ask(replace(made, trust=narrow).words()).reasons == {("L5", "kind_not_allowed")}


def lied(folder: Path, make: Callable[[Bench], bytes], **said: str) -> Exported:
    """Who writes to the store and signs for the log can record what ingest would refuse, under what it likes to say."""
    place = bench(folder)
    log = place.fill(1)
    payload = make(place)
    leaf = Leaf(
        id="lie-1",
        kind=said.get("kind", "scan"),
        at=said.get("at", "2026-11-24T12:00:00.000Z"),
        producer=said.get("producer", key_hint(place.key.public_key())),
        subjects=(Subject(name="a.whl", digest=said.get("digest", DIGEST)),),
        controls=(),
        refs=(),
        media_type=MEDIA_TYPE,
        size=len(payload),
        commitment=commit(payload, SALT),
    )
    entry = NewEntry.of(leaf, salt=SALT, payload=payload)
    log.store.append([entry])
    return export(place, place.open(), folder)


def edited(place: Bench, **changes: Any) -> bytes:
    document = json.loads(place.bundle())
    for member, value in changes.items():
        target = document
        *parents, last = member.split("__")
        for parent in parents:
            target = target[parent]
        target[last] = value
    return json.dumps(document).encode()


Lie = tuple[Callable[[Bench], bytes], dict[str, str], str]
LIES: dict[str, Lie] = {
    "another kind": (lambda place: place.bundle(), {"kind": "sbom"}, "subject_mismatch"),
    "another subject": (lambda place: place.bundle(), {"digest": "cd" * 32}, "subject_mismatch"),
    "another producer": (lambda place: place.bundle(), {"producer": "0" * 64}, "producer_mismatch"),
    "a better origin": (lambda place: place.bundle(origin="ci"), {}, "origin_mismatch"),
    "no day": (lambda place: place.bundle(), {"at": "2026-02-30T12:00:00.000Z"}, "time_invalid"),
    "no signature": (lambda place: edited(place, dsseEnvelope__signatures=[]), {}, "unsigned"),
    "an empty signature": (lambda place: edited(place, dsseEnvelope__signatures=[{"sig": ""}]), {}, "unsigned"),
    "a signature of something else": (
        lambda place: edited(place, dsseEnvelope__payload=base64.b64encode(statement("scan", {"x": 1})).decode()),
        {},
        "signature_invalid",
    ),
    "another payload type": (lambda place: edited(place, dsseEnvelope__payloadType="text/plain"), {}, "type_mismatch"),
    "another log's entry": (lambda place: edited(place, verificationMaterial__tlogEntries=[{}]), {}, "malformed"),
    "a member that goes unchecked": (lambda place: edited(place, verdict="allow"), {}, "malformed"),
    "a statement of version 0.1": (
        lambda place: signed(place.key, statement("scan", {}, _type="https://in-toto.io/Statement/v0.1")),
        {},
        "type_mismatch",
    ),
    "SHA-1 only": (
        lambda place: signed(place.key, statement("scan", {}, subject=[{"name": "a.whl", "digest": {"sha1": "a"}}])),
        {},
        "weak_algorithm",
    ),
    "no bundle": (lambda _: b"all is well", {}, "malformed"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_the_owner_of_the_log_records_past_ingest_is_found(lie: str, tmp_path: Path) -> None:
    make, said, reason = LIES[lie]

    answer = ask(lied(tmp_path, make, **said).words())

    assert (answer.code, answer.report["first_bad_index"], answer.reasons) == (4, 1, {("L5", reason)})


def test_an_honest_entry_beside_it_is_verified(tmp_path: Path) -> None:
    assert ask(lied(tmp_path, lambda place: place.bundle()).words()).code == 0


def test_a_certificate_is_said_not_to_be_verified_here(tmp_path: Path) -> None:
    def keyless(place: Bench) -> bytes:
        return edited(place, verificationMaterial={"certificate": {"rawBytes": "AAAA"}, "tlogEntries": [{}]})

    answer = ask(lied(tmp_path, keyless).words())

    assert (answer.code, answer.open_reasons, answer.reasons) == (3, {("L5", "certificate")}, set())
    assert "use `mintmark verify`" in answer.report["not_verifiable"][0]["detail"]


def test_what_a_certificate_signed_must_still_be_what_the_entry_says(tmp_path: Path) -> None:
    def keyless(place: Bench) -> bytes:
        return edited(place, verificationMaterial={"certificate": {"rawBytes": "AAAA"}})

    assert ask(lied(tmp_path, keyless, kind="sbom").words()).reasons == {("L5", "subject_mismatch")}


LIMITS = {
    "": (0, set()),
    "not_after = 2026-11-24T11:59:59Z": (4, {("L5", "time_invalid")}),
    "not_after = 2026-11-24T12:00:00Z": (0, set()),
    "not_before = 2026-11-24T13:00:00+01:00": (0, set()),
    "not_before = 2026-11-24T12:00:01Z": (4, {("L5", "time_invalid")}),
    "revoked_at = 2026-11-24T12:00:00Z": (4, {("L5", "key_revoked")}),
    "revoked_at = 2026-11-25T00:00:00Z": (0, set()),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_key_is_judged_at_the_time_of_its_entry(limit: str, tmp_path: Path) -> None:
    """The witness saw it in 2025, so that a later revocation does not touch it."""
    made = with_limit(tmp_path, limit, witnessed=True)

    answer = ask(made.words())

    assert (answer.code, answer.reasons) == LIMITS[limit]


def test_of_a_revoked_key_somebody_else_must_say_that_it_signed_before(tmp_path: Path) -> None:
    """Who holds a stolen key can date an entry back; who holds the log's key too can record it."""
    answer = ask(with_limit(tmp_path, "revoked_at = 2026-11-25T00:00:00Z", witnessed=False).words())

    assert (answer.code, answer.open_reasons) == (3, {("L5", "no_trusted_time")})


def with_limit(folder: Path, limit: str, *, witnessed: bool) -> Exported:
    place = bench(folder)
    witnesses = [witness("w.example/1")] if witnessed else []
    made = export(place, place.fill(2), folder, witnesses=witnesses)
    text = made.trust.read_text(encoding="utf-8").replace("origin = ", f"{limit}\norigin = ", 1)
    made.trust.write_text(text, encoding="utf-8")
    return made


TRUST_FILES = {
    "as the product writes it": ("", ""),
    "with a comment and limits": ("version = 1\n", "# keys\nversion = 1\n"),
    "with what is not checked here": ("version = 1\n", "version = 1\n[thresholds]\nscan = 2\n"),
}


@pytest.mark.parametrize("name", TRUST_FILES)
def test_without_a_toml_parser_a_trust_file_is_read_the_same(name: str, tmp_path: Path) -> None:
    place = bench(tmp_path)
    text = trust_text(place.key.public_key()).replace(*TRUST_FILES[name])
    text = text.replace('origin = "local"\n', 'origin = "local"\nrevoked_at = 2027-01-01T00:00:00Z\n')

    assert single_file.read_small_toml(text) == single_file.read_toml(text)
    assert single_file.read_trust(text).keys.keys() == {key_hint(place.key.public_key())}


def test_without_a_toml_parser_the_examples_of_the_page_on_trust_are_read_the_same() -> None:
    page = (Path(__file__).parents[3] / "docs" / "trust.md").read_text(encoding="utf-8")
    whole = re.findall(r"^```toml\n(version = 1\n.*?)^```$", page, re.MULTILINE | re.DOTALL)

    assert whole
    for text in whole:
        assert single_file.read_small_toml(text) == single_file.read_toml(text)
        assert "identities" in single_file.read_trust(text).ignored


def test_a_trust_file_that_this_python_cannot_read_is_a_wrong_call_and_no_guess() -> None:
    for text in ("version = 1 # one\n", "keys = [{ id = 1 }]\n", 'a = """x"""\n', "a.b = 1\n", "[[keys]\n", "x\n"):
        with pytest.raises(single_file.Wrong) as caught:
            single_file.read_small_toml(text)
        assert caught.value.reason == "trust_policy"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version = 1", "version = 2"),
        ('origin = "local"', 'origin = "local"\nunless = "monday"'),
        ('origin = "local"\n', ""),
        ('id = "', 'id = "0'),
        ("BEGIN PUBLIC", "BEGIN RSA PUBLIC"),
        ("kinds = [", "kinds = [1, "),
        ('origin = "local"', 'origin = "local"\nrevoked_at = "later"'),
    ],
)
def test_a_trust_file_that_says_something_else_is_a_wrong_call(old: str, new: str, tmp_path: Path) -> None:
    place = bench(tmp_path)
    made = export(place, place.fill(1), tmp_path)
    assert ask(made.words()).code == 0

    made.trust.write_text(made.trust.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    assert ask(made.words()).code == 2


def test_every_kind_of_evidence_is_verified(tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.open()
    kinds = [kind for kind in KINDS if kind != "ledger-batch"]
    log.record_all([Submission(bundle=kind_of(place, kind)) for kind in kinds], now=NOW)

    answer = ask(export(place, log, tmp_path).words())

    assert (answer.code, answer.report["size"]) == (0, len(kinds))


def kind_of(place: Bench, kind: str) -> bytes:
    if kind == "provenance":
        definition = {"internalParameters": {"origin": "local"}}
        return signed(place.key, statement(kind, {"buildDefinition": definition}))
    return place.bundle(kind)


def test_trust_files_of_the_product_are_read(tmp_path: Path) -> None:
    place = bench(tmp_path)

    ours = single_file.read_trust((tmp_path / "trust.toml").read_text(encoding="utf-8"))

    assert {(key.id, key.origin, key.kinds) for key in ours.keys.values()} == {
        (key.id, key.origin, key.kinds) for key in TrustPolicy.load(tmp_path / "trust.toml").keys
    }
    assert place.trust.keys[0].id in ours.keys
