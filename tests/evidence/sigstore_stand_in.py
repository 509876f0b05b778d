"""
A small Sigstore instance that runs offline: a certificate authority, two logs, a timestamp authority.

It makes what the public instance makes, by the same specifications: certificates of Fulcio's profile with an embedded
SCT (RFC 6962 §3.2), entries of Rekor v1 (`dsse` 0.0.1 with a signed entry timestamp) and of Rekor v2 (`hashedrekord`
0.0.2), checkpoints with inclusion proofs, RFC 3161 timestamps by `openssl ts`, and a `trusted_root.json`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import subprocess
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mintmark.evidence.bundle import MEDIA_TYPE
from mintmark.evidence.dsse import pae
from mintmark.evidence.statement import PAYLOAD_TYPE
from mintmark.evidence.tree import leaf_hash, node_hash

ISSUER = "https://token.actions.example.com"
WORKFLOW = "https://forge.example.com/org/florin/.github/workflows/ship.yml@refs/heads/main"
REPOSITORY_ID = "495574555"
OWNER_ID = "71096353"
MOMENT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LIFETIME = timedelta(minutes=10)
_FULCIO = "1.3.6.1.4.1.57264.1"
_SCT_LIST = "1.3.6.1.4.1.11129.2.4.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """One signature to be made: by whom, when, and how it is logged. The defaults are the legitimate case."""

    identity: str = WORKFLOW
    issuer: str = ISSUER
    repository_id: str | None = REPOSITORY_ID
    owner_id: str | None = OWNER_ID
    valid_from: datetime = MOMENT
    integrated_at: datetime | None = MOMENT + timedelta(minutes=1)
    rekor: int = 1
    stamped: bool = False
    mail: bool = False
    key: Any = None
    issuer_v1: str | None = None
    sct: bool = True


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def spki(key: Any) -> bytes:
    return bytes(
        key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def sign(key: Any, content: bytes) -> bytes:
    return bytes(key.sign(content, ec.ECDSA(hashes.SHA256())))


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class SigstoreStandIn:
    ca: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    ct: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    rekor: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    tsa_ca: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    tsa: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    def bundle(self, payload: bytes, how: Signing | None = None) -> bytes:
        """A bundle (v0.3) around `payload`, as a CI job would upload it."""
        how = how or Signing()
        key = how.key or new_key()
        certificate = self._certificate(key, how)
        covered = pae(PAYLOAD_TYPE, payload)
        signature = sign(key, covered) if isinstance(key, ec.EllipticCurvePrivateKey) else rsa_sign(key, covered)
        body = (_dsse_body if how.rekor == 1 else _hashedrekord_body)(payload, signature, certificate)
        material: dict[str, Any] = {
            "certificate": {"rawBytes": b64(_der(certificate))},
            "tlogEntries": [self._entry(body, how)],
        }
        if how.stamped:
            material["timestampVerificationData"] = {
                "rfc3161Timestamps": [{"signedTimestamp": b64(self.timestamp(signature))}]
            }
        envelope = {
            "payload": b64(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": b64(signature)}],
        }
        return json.dumps(
            {"mediaType": MEDIA_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}
        ).encode()

    def trusted_root(self) -> dict[str, Any]:
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log_instance("https://rekor.example.com", self.rekor)],
            "certificateAuthorities": [_authority("ca", [_authority_certificate(self.ca, "ca")])],
            "ctlogs": [_log_instance("https://ct.example.com", self.ct)],
            "timestampAuthorities": [
                _authority(
                    "tsa", [_tsa_certificate(self.tsa, self.tsa_ca), _authority_certificate(self.tsa_ca, "tsa-ca")]
                )
            ],
        }

    def trust_config(self) -> dict[str, Any]:
        """What `sigstore --trust-config` reads; nothing at these addresses is ever called."""
        service = {
            "majorApiVersion": 1,
            "operator": "example.com",
            "validFor": {"start": "2020-01-01T00:00:00Z"},
        }
        urls = {
            name: [{"url": f"https://{name.lower()}.example.com", **service}]
            for name in ("caUrls", "oidcUrls", "rekorTlogUrls", "tsaUrls")
        }
        return {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.trusted_root(),
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                **urls,
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaConfig": {"selector": "ANY"},
            },
        }

    def timestamp(self, content: bytes) -> bytes:
        """An RFC 3161 response of now, by OpenSSL."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "data").write_bytes(content)
            (folder / "serial").write_text("01\n", encoding="ascii")
            (folder / "tsa.pem").write_bytes(
                _tsa_certificate(self.tsa, self.tsa_ca).public_bytes(serialization.Encoding.PEM)
            )
            (folder / "key.pem").write_bytes(
                self.tsa.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
            (folder / "openssl.cnf").write_text(
                "[tsa]\nserial = serial\nsigner_digest = sha256\ndigests = sha256\ndefault_policy = 1.2.3.4\n",
                encoding="ascii",
            )
            _openssl(folder, "-query", "-data", "data", "-sha256", "-cert", "-out", "query")
            _openssl(
                folder, "-reply", "-queryfile", "query", "-signer", "tsa.pem", "-inkey", "key.pem",
                "-config", "openssl.cnf", "-section", "tsa", "-out", "reply",
            )  # fmt: skip
            return (folder / "reply").read_bytes()

    def _certificate(self, key: Any, how: Signing) -> x509.Certificate:
        unstamped = self._leaf(key, how)
        precertificate = unstamped.sign(self.ca, hashes.SHA256())
        if not how.sct:
            return precertificate
        sct = self._sct(precertificate.tbs_certificate_bytes, how.valid_from)
        oid = x509.ObjectIdentifier(_SCT_LIST)
        return unstamped.add_extension(x509.UnrecognizedExtension(oid, sct), critical=False).sign(
            self.ca, hashes.SHA256()
        )

    def _leaf(self, key: Any, how: Signing) -> x509.CertificateBuilder:
        name: x509.GeneralName = (
            x509.RFC822Name(how.identity) if how.mail else x509.UniformResourceIdentifier(how.identity)
        )
        serial = int.from_bytes(hashlib.sha256(spki(key)).digest()[:16], "big")
        extended = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(_name("ca"))
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(how.valid_from)
            .not_valid_after(how.valid_from + LIFETIME)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(extended, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca.public_key()),
                critical=False,
            )
            .add_extension(x509.SubjectAlternativeName([name]), critical=True)
        )
        texts = {
            "1": (how.issuer_v1 or how.issuer).encode(),
            "8": asn1.encode_der(how.issuer),
        }
        if how.repository_id is not None:
            texts["15"] = asn1.encode_der(how.repository_id)
        if how.owner_id is not None:
            texts["17"] = asn1.encode_der(how.owner_id)
        for number, content in texts.items():
            oid = x509.ObjectIdentifier(f"{_FULCIO}.{number}")
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, content), critical=False)
        return builder

    def _sct(self, tbs: bytes, moment: datetime) -> bytes:
        """RFC 6962 §3.2 and §3.3: one SCT over the precertificate, in a list, in an OCTET STRING."""
        milliseconds = int(moment.timestamp() * 1000)
        issuer = hashlib.sha256(spki(self.ca)).digest()
        signed = struct.pack("!BBQH", 0, 0, milliseconds, 1) + issuer + struct.pack("!I", len(tbs))[1:] + tbs + b"\0\0"
        signature = sign(self.ct, signed)
        sct = (
            b"\0"
            + hashlib.sha256(spki(self.ct)).digest()
            + struct.pack("!QH", milliseconds, 0)
            + b"\x04\x03"
            + struct.pack("!H", len(signature))
            + signature
        )
        listed = struct.pack("!H", len(sct) + 2) + struct.pack("!H", len(sct)) + sct
        return asn1.encode_der(listed)

    def _entry(self, body: bytes, how: Signing) -> dict[str, Any]:
        """The body as the second of three entries, with its proof under a signed checkpoint."""
        before, leaf, after = leaf_hash(b"before"), leaf_hash(body), leaf_hash(b"after")
        root = node_hash(node_hash(before, leaf), after)
        log_id = hashlib.sha256(spki(self.rekor)).digest()
        text = f"rekor.example.com - 1\n3\n{b64(root)}\n"
        note = f"{text}\n— rekor.example.com {b64(log_id[:4] + sign(self.rekor, text.encode()))}\n"
        kind = {1: ("dsse", "0.0.1"), 2: ("hashedrekord", "0.0.2")}[how.rekor]
        entry: dict[str, Any] = {
            "logIndex": "1",
            "logId": {"keyId": b64(log_id)},
            "kindVersion": {"kind": kind[0], "version": kind[1]},
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": b64(root),
                "treeSize": "3",
                "hashes": [b64(before), b64(after)],
                "checkpoint": {"envelope": note},
            },
            "canonicalizedBody": b64(body),
        }
        if how.rekor == 1 and how.integrated_at is not None:
            seconds = int(how.integrated_at.timestamp())
            promised = {
                "body": b64(body),
                "integratedTime": seconds,
                "logID": log_id.hex(),
                "logIndex": 1,
            }
            promise = sign(self.rekor, json.dumps(promised, sort_keys=True, separators=(",", ":")).encode())
            entry |= {"integratedTime": str(seconds), "inclusionPromise": {"signedEntryTimestamp": b64(promise)}}
        return entry


def rsa_sign(key: Any, content: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import padding

    return bytes(key.sign(content, padding.PKCS1v15(), hashes.SHA256()))


def _dsse_body(payload: bytes, signature: bytes, certificate: x509.Certificate) -> bytes:
    spec = {
        "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(b"the envelope").hexdigest()},
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
        "signatures": [
            {
                "signature": b64(signature),
                "verifier": b64(certificate.public_bytes(serialization.Encoding.PEM)),
            }
        ],
    }
    return json.dumps({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}, sort_keys=True).encode()


def _hashedrekord_body(payload: bytes, signature: bytes, certificate: x509.Certificate) -> bytes:
    verifier = {
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        "x509Certificate": {"rawBytes": b64(_der(certificate))},
    }
    record = {
        "data": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(pae(PAYLOAD_TYPE, payload)).digest())},
        "signature": {"content": b64(signature), "verifier": verifier},
    }
    body = {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": record}}
    return json.dumps(body, sort_keys=True).encode()


@cache
def _tsa_certificate(key: ec.EllipticCurvePrivateKey, ca: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    extended = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    return (
        _certificate_builder(key, "tsa", issuer="tsa-ca")
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(extended, critical=True)
        .sign(ca, hashes.SHA256())
    )


@cache  # a second signature by the same key would make another certificate
def _authority_certificate(key: ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    return (
        _certificate_builder(key, name, issuer=name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _certificate_builder(key: ec.EllipticCurvePrivateKey, name: str, *, issuer: str) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
        .not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2045, 1, 1, tzinfo=UTC))
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs,
        crl_sign=not signs,
        encipher_only=False,
        decipher_only=False,
    )


def _log_instance(url: str, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": b64(spki(key)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": {"start": "2020-01-01T00:00:00Z"},
        },
        "logId": {"keyId": b64(hashlib.sha256(spki(key)).digest())},
    }


def _authority(name: str, chain: list[x509.Certificate]) -> dict[str, Any]:
    return {
        "subject": {"organization": "example.com", "commonName": name},
        "uri": f"https://{name}.example.com",
        "certChain": {"certificates": [{"rawBytes": b64(_der(certificate))} for certificate in chain]},
        "validFor": {"start": "2020-01-01T00:00:00Z"},
    }


def _name(text: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "example.com"), x509.NameAttribute(NameOID.COMMON_NAME, text)]
    )


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", "ts", *words], cwd=folder, check=True, capture_output=True, timeout=20)
