"""Verifies a keyless signature offline: our checks, each with its reason, and then all of Sigstore's."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from mintmark.evidence.dsse import pae
from mintmark.evidence.errors import INCOMPLETE, EvidenceError, FormatError, IngestRefused
from mintmark.evidence.keyless.certificate import read_certificate
from mintmark.evidence.keyless.identity import Claims, WorkflowIdentity, recognise
from mintmark.evidence.keyless.log_entry import check_log_entry
from mintmark.evidence.keyless.material import CertificateMaterial, parse_material
from mintmark.evidence.statement import PAYLOAD_TYPE

if TYPE_CHECKING:
    from sigstore.verify import Verifier

CLOCK_SKEW = timedelta(seconds=60)


class KeylessUnavailable(EvidenceError):
    """Keyless signatures cannot be verified here: `sigstore_missing`, or `trusted_root` that cannot be used."""

    exit_code = INCOMPLETE


@dataclass(frozen=True, slots=True, kw_only=True)
class KeylessSignature:
    """A signature that holds. `signed_at` is the latest time that a log or an authority signed for it."""

    claims: Claims
    identity: WorkflowIdentity
    signed_at: datetime


def verify_keyless(
    content: bytes,
    material: Mapping[str, Any],
    *,
    payload: bytes,
    signature: bytes,
    identities: Sequence[WorkflowIdentity],
    at: datetime,
) -> KeylessSignature:
    """
    Verify the bundle `content`, of which the other arguments are the parsed parts.

    Raises `FormatError` or `IngestRefused`: `malformed`, `weak_algorithm`, `identity_mismatch`, `issuer_mismatch`,
    `no_trusted_time`, `time_invalid`, `future`, `log_entry_mismatch`, `signature_invalid`; `KeylessUnavailable`.
    """
    parts = parse_material(material)  # 1. a certificate, one log entry, and nothing that would go unverified
    certificate, key, claims = read_certificate(parts.certificate)  # 2. for an ECDSA P-256 key
    identity = recognise(claims, identities)  # 3. of a workflow, issuer and repository that we trust
    signed_at = _signed_at(parts, certificate, at=at)  # 4. used while it was valid, by a clock of others
    check_log_entry(  # 5. with the log's entry of this very envelope
        parts.entry,
        payload=payload,
        signature=signature,
        certificate_der=parts.certificate,
        certificate_pem=certificate.public_bytes(Encoding.PEM),
    )
    try:  # 6. which the certified key signed
        key.verify(signature, pae(PAYLOAD_TYPE, payload), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as cause:
        raise _invalid("its signature does not hold") from cause
    for each in (content, *_with_one_timestamp(content, parts)):
        _verify_with_library(each, payload, identity, claims)  # 7. and chain, SCT, inclusion and times are genuine
    return KeylessSignature(claims=claims, identity=identity, signed_at=signed_at)


def _signed_at(parts: CertificateMaterial, certificate: x509.Certificate, *, at: datetime) -> datetime:
    """The latest time that is stated; the library is asked afterwards whether each of them is genuine."""
    moments = [_stamped_at(timestamp) for timestamp in parts.timestamps]
    if parts.entry.integrated_at is not None:
        moments.append(parts.entry.integrated_at)
    if not moments:
        raise IngestRefused(
            "no log and no timestamp authority signed a time for it; what it claims itself does not count",
            reason="no_trusted_time",
            remedy="sign it again, with a signed entry timestamp or an RFC 3161 timestamp",
        )
    for moment in moments:
        if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
            raise IngestRefused(
                f"signed at {moment.isoformat()}, when its certificate was not valid "
                f"({certificate.not_valid_before_utc.isoformat()} to {certificate.not_valid_after_utc.isoformat()})",
                reason="time_invalid",
                remedy="sign it again: a certificate is valid for minutes",
            )
    if max(moments) > at + CLOCK_SKEW:
        raise IngestRefused(
            f"signed at {max(moments).isoformat()}, which is after {at.isoformat()}",
            reason="future",
            remedy="set this machine's clock",
        )
    return max(moments)


def _stamped_at(timestamp: bytes) -> datetime:
    try:
        from rfc3161_client import decode_timestamp_response
    except ImportError as cause:
        raise _missing() from cause
    try:
        return decode_timestamp_response(timestamp).tst_info.gen_time
    except ValueError as cause:
        raise FormatError("bundle", why="a timestamp is not an RFC 3161 response") from cause


def _with_one_timestamp(content: bytes, parts: CertificateMaterial) -> Iterator[bytes]:
    """The bundle once for each timestamp, without another time: beside one the library lets a false one pass."""
    if len(parts.timestamps) + (parts.entry.integrated_at is not None) < 2:
        return
    for timestamp in parts.timestamps:
        document = json.loads(content)
        material = document["verificationMaterial"]
        for member in ("inclusionPromise", "integratedTime"):
            material["tlogEntries"][0].pop(member, None)
        only = {"signedTimestamp": base64.b64encode(timestamp).decode()}
        material["timestampVerificationData"] = {"rfc3161Timestamps": [only]}
        yield json.dumps(document).encode()


def _verify_with_library(content: bytes, payload: bytes, identity: WorkflowIdentity, claims: Claims) -> None:
    verifier = _verifier(identity.trusted_root)
    from sigstore.models import Bundle, InvalidBundle
    from sigstore.verify import policy

    wanted: list[policy.VerificationPolicy] = [
        policy.Identity(identity=claims.identity),
        policy.OIDCIssuerV2(claims.issuer),
    ]
    if identity.repository_id is not None:
        wanted.append(policy.OIDCSourceRepositoryIdentifier(identity.repository_id))
    if identity.owner_id is not None:
        wanted.append(policy.OIDCSourceRepositoryOwnerIdentifier(identity.owner_id))
    try:
        verified = verifier.verify_dsse(Bundle.from_json(content), policy.AllOf(wanted))
    except InvalidBundle as cause:
        raise FormatError("bundle", why=str(cause)) from cause
    except Exception as cause:  # whatever hostile bytes make the library raise, they are refused
        raise _invalid(f"Sigstore's verification refuses it: {cause}") from cause
    if verified != (PAYLOAD_TYPE, payload):  # two parsers must not read two statements from one bundle
        raise _invalid("its envelope reads as another statement")


@lru_cache(maxsize=8)
def _verifier(trusted_root: bytes) -> Verifier:
    try:
        from sigstore.models import ClientTrustConfig
        from sigstore.verify import Verifier
    except ImportError as cause:
        raise _missing() from cause
    # The library reads a trusted root from a file or from a client configuration; the latter needs no second look at
    # a file that may have changed. The signing half is never used.
    configuration = (
        b'{"mediaType":"application/vnd.dev.sigstore.clienttrustconfig.v0.1+json","trustedRoot":%b,'
        b'"signingConfig":{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}}' % trusted_root
    )
    try:
        json.loads(trusted_root)
        return Verifier(trusted_root=ClientTrustConfig.from_json(configuration.decode()).trusted_root)
    except Exception as cause:
        raise KeylessUnavailable(
            f"the trusted root cannot be used: {cause}",
            reason="trusted_root",
            remedy="get trusted_root.json again from the Sigstore instance whose certificates you trust",
        ) from cause


def _missing() -> KeylessUnavailable:
    return KeylessUnavailable(
        "keyless signatures need the library `sigstore`, which is not installed",
        reason="sigstore_missing",
        remedy="pip install 'mintmark[sigstore]'",
    )


def _invalid(why: str) -> IngestRefused:
    return IngestRefused(why, reason="signature_invalid", remedy="get the bundle again from its producer, unchanged")
