"""RFC 3161 timestamps over the text of a checkpoint: a time that neither the log nor its witnesses made up."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

from cryptography import x509

from mintmark.evidence.errors import INCOMPLETE, EvidenceError, StoreUnavailable
from mintmark.evidence.witness.transport import TransportFailed, check_url, post

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

TIMEOUT_S = 10.0
MAX_RESPONSE_BYTES = 64 * 1024
_DIGESTS = {
    "2.16.840.1.101.3.4.2.1": hashlib.sha256,
    "2.16.840.1.101.3.4.2.2": hashlib.sha384,
    "2.16.840.1.101.3.4.2.3": hashlib.sha512,
}


class TimestampInvalid(EvidenceError):
    """A timestamp does not hold: it proves no time."""

    def __init__(self, why: str, *, reason: str = "timestamp_invalid") -> None:
        super().__init__(
            f"the timestamp does not hold: {why}",
            reason=reason,
            remedy="check the certificates of the timestamp authority, and stamp the checkpoint again",
        )


class TimestampsUnsupported(EvidenceError):
    """Timestamps can be neither made nor judged here; it says nothing about them."""

    exit_code = INCOMPLETE

    def __init__(self) -> None:
        super().__init__(
            "timestamps need the package rfc3161-client, which is not installed",
            reason="extra_missing",
            remedy="pip install 'mintmark[timestamps]'",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampAuthority:
    """An authority that answers RFC 3161 over HTTP; `roots` are the certificates (PEM) under which its own must be."""

    url: str
    roots: tuple[bytes, ...]
    timeout_s: float = TIMEOUT_S

    def __post_init__(self) -> None:
        check_url(self.url)

    def stamp(self, text: bytes) -> bytes:
        """
        Return the authority's response (DER) for `text`, verified.

        Raises `StoreUnavailable`: `timestamp_unavailable` where there is no answer, and `TimestampInvalid` where the
        answer does not hold, was made for another request, or has no certificate.
        """
        _require_library()
        from rfc3161_client import TimestampRequestBuilder

        request = TimestampRequestBuilder().data(text).nonce(nonce=True).cert_request(cert_request=True).build()
        try:
            answer = post(
                self.url,
                request.as_bytes(),
                content_type="application/timestamp-query",
                timeout_s=self.timeout_s,
                max_bytes=MAX_RESPONSE_BYTES,
            )
        except TransportFailed as cause:
            raise self._unavailable(str(cause)) from cause
        if answer.status != 200 or answer.media_type != "application/timestamp-reply":
            raise self._unavailable(f"HTTP {answer.status}, {answer.media_type or 'no type'}")
        _verified(answer.body, text, self.roots, nonce=request.nonce)
        return answer.body

    def _unavailable(self, why: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"the timestamp authority {self.url} gave no timestamp: {why}",
            reason="timestamp_unavailable",
            remedy="try again, or use another authority",
        )


def verify_timestamp(der: bytes, text: bytes, roots: Sequence[bytes]) -> datetime:
    """
    Return when the authority saw `text`, in UTC. `roots` are certificates (PEM); certificates are judged at that time.

    Raises `TimestampInvalid`: `timestamp_invalid`; `no_trusted_time` when there is no root to trust; `weak_algorithm`
    when the imprint is not of SHA-2. Raises `TimestampsUnsupported` where the extra `timestamps` is not installed.
    """
    return _verified(der, text, roots, nonce=None)


def _verified(der: bytes, text: bytes, roots: Sequence[bytes], *, nonce: int | None) -> datetime:
    _require_library()
    from rfc3161_client import VerificationError, VerifierBuilder

    certificates = _certificates(roots)
    response = _decoded(der)
    digest = _DIGESTS.get(response.tst_info.message_imprint.hash_algorithm.dotted_string)
    if digest is None:
        raise TimestampInvalid("its imprint is not of SHA-256, SHA-384 or SHA-512", reason="weak_algorithm")
    try:
        VerifierBuilder(roots=certificates, nonce=nonce).build().verify(response, digest(text).digest())
    except (VerificationError, ValueError) as cause:
        raise TimestampInvalid(str(cause)) from cause
    time = response.tst_info.gen_time
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _require_library() -> None:
    if find_spec("rfc3161_client") is None:
        raise TimestampsUnsupported


def _decoded(der: bytes) -> TimeStampResponse:
    from rfc3161_client import PKIStatus, decode_timestamp_response

    if len(der) > MAX_RESPONSE_BYTES:
        raise TimestampInvalid(f"{len(der)} bytes, over {MAX_RESPONSE_BYTES}")
    try:
        response = decode_timestamp_response(der)
        if response.status != PKIStatus.GRANTED:
            raise TimestampInvalid(f"the authority did not grant it: status {response.status}")
        _ = response.tst_info
    except ValueError as cause:
        raise TimestampInvalid(f"it is not an RFC 3161 response: {cause}") from cause
    return response


def _certificates(roots: Sequence[bytes]) -> list[x509.Certificate]:
    found: list[x509.Certificate] = []
    for pem in roots:
        try:
            found += [one for one in x509.load_pem_x509_certificates(pem) if one not in found]
        except ValueError as cause:
            raise TimestampInvalid(f"a root is not a PEM certificate: {cause}", reason="no_trusted_time") from cause
    if not found:
        raise TimestampInvalid("there is no certificate of an authority to trust", reason="no_trusted_time")
    return found
