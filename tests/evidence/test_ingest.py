"""Nothing becomes evidence before it holds; each refusal has its reason, and the sound bundle gets in."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.evidence.builders import DIGEST, NOW, Bench, bench, signed, statement, trust_text

from mintmark.evidence.errors import IngestRefused
from mintmark.evidence.trust import TrustPolicy, TrustPolicyInvalid


def changed(content: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    document = json.loads(content)
    change(document)
    return json.dumps(document).encode()


def other_payload(place: Bench) -> bytes:
    payload = base64.b64encode(statement("scan", {"forged": True})).decode()
    return changed(place.bundle(), lambda document: document["dsseEnvelope"].update(payload=payload))


HOSTILE: dict[str, tuple[str, Callable[[Bench], bytes]]] = {
    "not json": ("malformed", lambda _: b"\x00"),
    "bad utf-8": ("malformed", lambda _: b'{"\xff":1}'),
    "too deep": ("malformed", lambda _: b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "too large": ("malformed", lambda _: b" " * (33 * 1024 * 1024)),
    "a key twice": ("malformed", lambda place: place.bundle()[:-1] + b',"mediaType":"x"}'),
    "no signature": (
        "unsigned",
        lambda place: changed(place.bundle(), lambda d: d["dsseEnvelope"].update(signatures=[])),
    ),
    "empty signature": (
        "unsigned",
        lambda place: changed(place.bundle(), lambda d: d["dsseEnvelope"].update(signatures=[{"sig": ""}])),
    ),
    "another payload": ("signature_invalid", other_payload),
    "an unknown key": (
        "key_unknown",
        lambda _: signed(ec.generate_private_key(ec.SECP256R1()), statement("scan", {})),
    ),
    "plain text": (
        "type_mismatch",
        lambda place: changed(place.bundle(), lambda d: d["dsseEnvelope"].update(payloadType="text/plain")),
    ),
    "statement v0.1": (
        "type_mismatch",
        lambda place: signed(place.key, statement("scan", {}, _type="https://in-toto.io/Statement/v0.1")),
    ),
    "unknown predicate": (
        "type_mismatch",
        lambda place: signed(place.key, statement("scan", {}, predicateType="https://example.com/x")),
    ),
    "sha1 only": (
        "weak_algorithm",
        lambda place: signed(place.key, statement("scan", {}, subject=[{"name": "a", "digest": {"sha1": "0" * 40}}])),
    ),
    "a list for its predicate type": (
        "type_mismatch",
        lambda place: signed(place.key, statement("scan", {}, predicateType=["https://mintmark.dev/scan/v1"])),
    ),
    "a list for its keyid": (
        "malformed",
        lambda place: changed(place.bundle(), lambda d: d["dsseEnvelope"]["signatures"][0].update(keyid=[])),
    ),
    "no subject": ("malformed", lambda place: signed(place.key, statement("scan", {}, subject=[]))),
    "a better origin": ("origin_mismatch", lambda place: signed(place.key, statement("scan", {"origin": "ci"}))),
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_bundle_that_does_not_hold_is_refused_and_not_stored(attack: str, tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.fill(1)
    reason, make = HOSTILE[attack]

    with pytest.raises(IngestRefused) as refused:
        log.record(make(place), now=NOW)

    assert refused.value.reason == reason
    assert [(row.kind, row.refs) for row in log.search()][1:] == [("refusal", (f"refused:{reason}",))]


def test_the_sound_bundle_gets_in(tmp_path: Path) -> None:
    place = bench(tmp_path)

    recorded = place.open().record(place.bundle(), now=NOW)

    assert (recorded.index, recorded.kind) == (0, "scan")


def test_a_key_writes_only_the_kinds_it_may(tmp_path: Path) -> None:
    place = bench(tmp_path, kinds=("scan", "refusal"))
    log = place.open()

    log.record(place.bundle("scan"), now=NOW)
    with pytest.raises(IngestRefused) as refused:
        log.record(place.bundle("decision"), now=NOW)

    assert refused.value.reason == "kind_not_allowed"


def test_a_weak_or_misnamed_key_is_refused_when_the_policy_loads(tmp_path: Path) -> None:
    path = tmp_path / "trust.toml"
    path.write_text(trust_text(ec.generate_private_key(ec.SECP384R1()).public_key()), encoding="utf-8")
    with pytest.raises(TrustPolicyInvalid) as weak:
        TrustPolicy.load(path)
    path.write_text(trust_text(ec.generate_private_key(ec.SECP256R1()).public_key(), identity=DIGEST), encoding="utf-8")
    with pytest.raises(TrustPolicyInvalid) as misnamed:
        TrustPolicy.load(path)
    path.write_text("version = 1\nkeys = []\n", encoding="utf-8")
    with pytest.raises(TrustPolicyInvalid):
        TrustPolicy.load(path)

    assert (weak.value.reason, misnamed.value.reason) == ("weak_algorithm", "trust_policy")
