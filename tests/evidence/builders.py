"""Small builders for evidence tests: a key, a trust policy, a log, a signed bundle."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mintmark.evidence.bundle import encode_bundle, key_hint
from mintmark.evidence.dsse import pae
from mintmark.evidence.log import EvidenceLog, Submission
from mintmark.evidence.note import NoteSigner
from mintmark.evidence.statement import KINDS, MARKS, PAYLOAD_TYPE
from mintmark.evidence.trust import TrustPolicy
from mintmark.evidence.verify import VerificationReport, verify_log

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DIGEST = "ab" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A log in a temporary folder, and all that is needed to write to it and to verify it."""

    home: Path
    archive: Path
    key: ec.EllipticCurvePrivateKey
    trust: TrustPolicy
    signer: NoteSigner

    def open(self) -> EvidenceLog:
        return EvidenceLog.open(self.home, archive=self.archive, signer=self.signer, trust=self.trust)

    def bundle(self, kind: str = "scan", **predicate: Any) -> bytes:
        return signed(self.key, statement(kind, {"origin": "local", **predicate}))

    def fill(self, count: int) -> EvidenceLog:
        log = self.open()
        submissions = [Submission(bundle=self.bundle(number=number), refs=("decision:1",)) for number in range(count)]
        log.record_all(submissions, now=NOW)
        return log

    def verify(self) -> VerificationReport:
        return verify_log(self.home, archive=self.archive, trust=self.trust, log_vkey=self.signer.vkey)


def bench(folder: Path, *, kinds: tuple[str, ...] = tuple(KINDS)) -> Bench:
    key = ec.generate_private_key(ec.SECP256R1())
    path = folder / "trust.toml"
    path.write_text(trust_text(key.public_key(), kinds=kinds), encoding="utf-8")
    return Bench(
        home=folder / "evidence",
        archive=folder / "archive",
        key=key,
        trust=TrustPolicy.load(path),
        signer=NoteSigner.generate("log.example/1"),
    )


def trust_text(public: Any, *, kinds: tuple[str, ...] = tuple(KINDS), identity: str | None = None) -> str:
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    return (
        f'version = 1\n[[keys]]\nid = "{identity or key_hint(public)}"\norigin = "local"\n'
        f'kinds = {json.dumps(list(kinds))}\npublic_key = """\n{pem}"""\n'
    )


def statement(kind: str, predicate: dict[str, Any], **changes: Any) -> bytes:
    """A statement with what every predicate of its kind has, `predicate` beside it."""
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a.whl", "digest": {"sha256": DIGEST}}],
        "predicateType": KINDS[kind],
        "predicate": dict.fromkeys(MARKS[kind], "")
        | ({"since": "2026-11-24T12:00:00Z"} if kind == "gap" else {})
        | predicate,
    }
    return json.dumps(document | changes).encode()


def signed(key: ec.EllipticCurvePrivateKey, payload: bytes) -> bytes:
    signature = key.sign(pae(PAYLOAD_TYPE, payload), ec.ECDSA(hashes.SHA256()))
    return encode_bundle(payload, signature, hint=key_hint(key.public_key()))
