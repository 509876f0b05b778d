"""Sigstore bundles (v0.3) around a DSSE envelope, signed by a key we know by its hint or by a certified one. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mintmark.evidence.canonical import parse_strict
from mintmark.evidence.dsse import pae
from mintmark.evidence.errors import FormatError
from mintmark.evidence.statement import PAYLOAD_TYPE

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPayload:
    """
    A parsed bundle: nothing in it is verified yet.

    `hint` names a key; it is `None` when the bundle brings a certificate in its verification `material`.
    """

    hint: str | None
    material: Mapping[str, Any]
    payload: bytes
    signature: bytes


def key_hint(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 (hex) of the key's DER SubjectPublicKeyInfo."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def encode_bundle(payload: bytes, signature: bytes, *, hint: str) -> bytes:
    """A bundle as JSON; `payload` is an in-toto statement, `signature` covers its DSSE encoding."""
    document = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode()}],
        },
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def parse_bundle(content: bytes) -> SignedPayload:
    """
    Read a bundle strictly: what this release does not verify may not travel in it.

    It names a key, or it brings a certificate; what comes with the latter is `mintmark.evidence.keyless`'s to read.
    Raises `FormatError`: `malformed`, `unsigned`, `type_mismatch`, `key_unknown` (signed with no key that it names).
    """
    document = parse_strict(content, what="bundle")
    if document.get("mediaType") != MEDIA_TYPE:
        raise FormatError("bundle", why=f"media type {document.get('mediaType')!r}, not {MEDIA_TYPE}")
    _only(document, {"mediaType", "verificationMaterial", "dsseEnvelope"}, "the bundle")
    envelope = _object(document, "dsseEnvelope")
    _only(envelope, {"payload", "payloadType", "signatures"}, "the envelope")
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        raise FormatError(
            "bundle", why=f"payload type {envelope.get('payloadType')!r}, not {PAYLOAD_TYPE}", reason="type_mismatch"
        )
    signatures = envelope.get("signatures")
    if not signatures:
        raise FormatError("bundle", why="no signature", reason="unsigned")
    if not isinstance(signatures, list) or len(signatures) != 1 or not isinstance(signatures[0], dict):
        raise FormatError("bundle", why="exactly one signature, as the bundle format asks")
    _only(signatures[0], {"sig", "keyid"}, "the signature")
    material = _object(document, "verificationMaterial")
    hint = None if "certificate" in material else _hint(material)
    if signatures[0].get("keyid", "") not in ("", hint):  # no set: what was sent may have no hash
        raise FormatError("bundle", why="its keyid is not the key's hint, and would be kept unread")
    return SignedPayload(
        hint=hint,
        material=material,
        payload=_base64(envelope.get("payload"), "payload"),
        signature=_base64(signatures[0].get("sig"), "signature"),
    )


def is_ecdsa(signature: bytes) -> bool:
    """An HMAC with the public key as its secret, or an Ed25519 signature, has not the form of an ECDSA one."""
    try:
        decode_dss_signature(signature)
    except ValueError:
        return False
    return True


def signature_holds(signed: SignedPayload, key: ec.EllipticCurvePublicKey) -> bool:
    try:
        key.verify(signed.signature, pae(PAYLOAD_TYPE, signed.payload), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _hint(material: dict[str, Any]) -> str:
    _only(material, {"publicKey", "tlogEntries"}, "the verification material")
    if material.get("tlogEntries"):
        raise FormatError("bundle", why="it carries entries of another log, which would go unverified")
    key = _object(material, "publicKey")
    _only(key, {"hint"}, "the public key")
    hint = key.get("hint")
    if not isinstance(hint, str) or not hint:
        raise FormatError("bundle", why="no public key hint", reason="key_unknown")
    return hint


def _only(document: dict[str, Any], members: set[str], what: str) -> None:
    unknown = document.keys() - members
    if unknown:
        raise FormatError("bundle", why=f"{what} has {min(unknown)!r}, which would go unverified")


def _object(document: dict[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    if not isinstance(value, dict):
        raise FormatError("bundle", why=f"no {key}")
    return value


def _base64(text: Any, what: str) -> bytes:
    if not isinstance(text, str) or not text:
        raise FormatError("bundle", why=f"no {what}", reason="unsigned" if what == "signature" else "malformed")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as cause:
        raise FormatError("bundle", why=f"the {what} is not base64") from cause
