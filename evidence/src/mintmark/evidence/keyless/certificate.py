"""Reads a signing certificate by Fulcio's profile (https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md)."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from mintmark.evidence.errors import FormatError
from mintmark.evidence.keyless.identity import Claims

_FULCIO = "1.3.6.1.4.1.57264.1"
ISSUER_V1 = x509.ObjectIdentifier(f"{_FULCIO}.1")
ISSUER_V2 = x509.ObjectIdentifier(f"{_FULCIO}.8")
REPOSITORY_ID = x509.ObjectIdentifier(f"{_FULCIO}.15")
OWNER_ID = x509.ObjectIdentifier(f"{_FULCIO}.17")
_UNREADABLE = (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


def read_certificate(content: bytes) -> tuple[x509.Certificate, ec.EllipticCurvePublicKey, Claims]:
    """
    Nothing of what it says is verified yet.

    Raises `FormatError`: `weak_algorithm` when its key is not ECDSA P-256, else `malformed`.
    """
    try:
        certificate = x509.load_der_x509_certificate(content)
        key = certificate.public_key()
        claims = _claims(certificate)
    except UnsupportedAlgorithm as cause:
        raise FormatError("bundle", why=f"the certificate's key: {cause}", reason="weak_algorithm") from cause
    except _UNREADABLE as cause:
        raise FormatError("bundle", why=f"the certificate cannot be read: {cause}") from cause
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise FormatError("bundle", why="the certificate's key is not ECDSA P-256", reason="weak_algorithm")
    return certificate, key, claims


def _claims(certificate: x509.Certificate) -> Claims:
    issuer = _extension(certificate, ISSUER_V2)
    older = _raw_extension(certificate, ISSUER_V1)
    if older is not None and older.decode() != issuer:
        raise ValueError("it names two issuers")
    return Claims(
        issuer=issuer,
        identity=_identity(certificate),
        repository_id=_extension(certificate, REPOSITORY_ID),
        owner_id=_extension(certificate, OWNER_ID),
    )


def _identity(certificate: x509.Certificate) -> str:
    """A workflow is one URI. A person's address is no identity of ours, and reads as none."""
    try:
        names = list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return ""
    if len(names) != 1 or not isinstance(names[0], x509.UniformResourceIdentifier):
        return ""
    return names[0].value


def _extension(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    """The DER UTF8String in an extension, or an empty text where there is none."""
    from cryptography.hazmat import asn1  # newer than the oldest `cryptography` that keys alone need

    content = _raw_extension(certificate, oid)
    return "" if content is None else asn1.decode_der(str, content)


def _raw_extension(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> bytes | None:
    try:
        value = certificate.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return None
    return value.value if isinstance(value, x509.UnrecognizedExtension) else None
