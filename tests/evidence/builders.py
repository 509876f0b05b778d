"""Small builders for evidence tests: a key, a trust policy, a log, a signed bundle."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mintmark.evidence.archive import Archive
from mintmark.evidence.bundle import encode_bundle, key_hint
from mintmark.evidence.dsse import pae
from mintmark.evidence.inbox import Submission
from mintmark.evidence.log import EvidenceLog
from mintmark.evidence.note import NoteSigner
from mintmark.evidence.statement import KINDS, MARKS, PAYLOAD_TYPE
from mintmark.evidence.store.open import open_backend
from mintmark.evidence.trust import TrustPolicy
from mintmark.evidence.verify.check import Trust, verify_log
from mintmark.evidence.verify.exported import ExportedSource
from mintmark.evidence.verify.live import LiveSource
from mintmark.evidence.verify.report import VerificationReport

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DIGEST = "ab" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A log in a temporary folder or on PostgreSQL, and all that is needed to write to it and to verify it."""

    url: str
    archive: Path
    key: ec.EllipticCurvePrivateKey
    trust: TrustPolicy
    signer: NoteSigner

    def open(self) -> EvidenceLog:
        return EvidenceLog.open(
            self.url, archive=self.archive, signer=self.signer, trust=self.trust, clerk=Clerk(self.key)
        )

    @property
    def file(self) -> Path:
        """The SQLite file, where that is the backend."""
        return Path(self.url.removeprefix("sqlite:///"))

    def bundle(self, kind: str = "scan", **predicate: Any) -> bytes:
        return signed(self.key, statement(kind, {"origin": "local", **predicate}))

    def fill(self, count: int) -> EvidenceLog:
        log = self.open()
        submissions = [Submission(bundle=self.bundle(number=number), refs=("decision:1",)) for number in range(count)]
        log.record_all(submissions, now=NOW)
        return log

    def verify(self) -> VerificationReport:
        source = LiveSource(backend=open_backend(self.url), archive=Archive(folder=self.archive))
        return verify_log(source, Trust(log_key=self.signer.verifier, policy=self.trust))

    def verify_export(self, folder: Path) -> VerificationReport:
        return verify_log(ExportedSource(folder=folder), Trust(log_key=self.signer.verifier, policy=self.trust))


@dataclass(frozen=True, slots=True)
class Clerk:
    """Signs with a key that the trust policy knows."""

    key: ec.EllipticCurvePrivateKey

    def sign(self, statement: bytes) -> bytes:
        return signed(self.key, statement)


def bench(folder: Path, *, kinds: tuple[str, ...] = tuple(KINDS), url: str | None = None) -> Bench:
    """On SQLite in `folder`, unless a URL names another store."""
    key = ec.generate_private_key(ec.SECP256R1())
    path = folder / "trust.toml"
    path.write_text(trust_text(key.public_key(), kinds=kinds), encoding="utf-8")
    return Bench(
        url=url or f"sqlite:///{folder / 'evidence' / 'log.sqlite3'}",
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
