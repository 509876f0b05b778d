"""What a bundle of a keyless signature carries beside the envelope, read strictly. Nothing is verified yet. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mintmark.evidence.errors import FormatError, IngestRefused

MAX_CERTIFICATE_BYTES = 16 * 1024
MAX_TIMESTAMPS = 8
MAX_PROOF_HASHES = 64
# Every member is checked here or by the library. Spelt out, for the library also takes other spellings of them.
_ENTRY = {
    "logIndex", "logId", "kindVersion", "integratedTime", "inclusionPromise", "inclusionProof", "canonicalizedBody",
}  # fmt: skip
_PROOF = {"logIndex", "rootHash", "treeSize", "hashes", "checkpoint"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """
    An entry of a transparency log.

    `integrated_at` is `None` unless a promise stands beside it: without one nobody signed that time.
    """

    kind: str
    version: str
    body: bytes
    integrated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateMaterial:
    """`certificate` is DER; `timestamps` are RFC 3161 responses."""

    certificate: bytes
    entry: LogEntry
    timestamps: tuple[bytes, ...]


def parse_material(document: Mapping[str, Any]) -> CertificateMaterial:
    """Raises `FormatError` (`malformed`), or `IngestRefused` with `log_entry_mismatch` when there is not one entry."""
    _only(document, {"certificate", "tlogEntries", "timestampVerificationData"}, "the verification material")
    certificate = _object(document, "certificate", {"rawBytes"})
    entries = document.get("tlogEntries")
    if not isinstance(entries, list) or len(entries) != 1:
        found = len(entries) if isinstance(entries, list) else 0
        raise IngestRefused(
            f"{found} entries of a transparency log, where one must be",
            reason="log_entry_mismatch",
            remedy="sign it again, with its entry in the log",
        )
    return CertificateMaterial(
        certificate=_base64(certificate, "rawBytes", limit=MAX_CERTIFICATE_BYTES),
        entry=_entry(entries[0]),
        timestamps=_timestamps(document),
    )


def _entry(entry: Any) -> LogEntry:
    if not isinstance(entry, dict):
        raise FormatError("bundle", why="the log entry is not an object")
    _only(entry, _ENTRY, "the log entry")
    _digits(entry, "logIndex")
    _base64(_object(entry, "logId", {"keyId"}), "keyId")
    kind = _object(entry, "kindVersion", {"kind", "version"})
    proof = _object(entry, "inclusionProof", _PROOF)
    _proof(proof)
    promised = "inclusionPromise" in entry
    if promised:
        _base64(_object(entry, "inclusionPromise", {"signedEntryTimestamp"}), "signedEntryTimestamp")
    seconds = _digits(entry, "integratedTime") if "integratedTime" in entry else 0
    try:
        integrated_at = datetime.fromtimestamp(seconds, UTC) if seconds and promised else None
    except (ValueError, OverflowError, OSError) as cause:
        raise FormatError("bundle", why="the integrated time is no time") from cause
    return LogEntry(
        kind=_text(kind, "kind"),
        version=_text(kind, "version"),
        body=_base64(entry, "canonicalizedBody"),
        integrated_at=integrated_at,
    )


def _proof(proof: dict[str, Any]) -> None:
    _digits(proof, "logIndex")
    _digits(proof, "treeSize")
    _base64(proof, "rootHash")
    _text(_object(proof, "checkpoint", {"envelope"}), "envelope")
    hashes = proof.get("hashes")
    if not isinstance(hashes, list) or len(hashes) > MAX_PROOF_HASHES:
        raise FormatError("bundle", why=f"the inclusion proof is not a list of at most {MAX_PROOF_HASHES} hashes")
    for item in hashes:
        _base64({"hash": item}, "hash")


def _timestamps(document: Mapping[str, Any]) -> tuple[bytes, ...]:
    if "timestampVerificationData" not in document:
        return ()
    data = _object(document, "timestampVerificationData", {"rfc3161Timestamps"})
    items = data.get("rfc3161Timestamps", [])
    if not isinstance(items, list) or len(items) > MAX_TIMESTAMPS:
        raise FormatError("bundle", why=f"not a list of at most {MAX_TIMESTAMPS} timestamps")
    return tuple(
        _base64(_object({"timestamp": item}, "timestamp", {"signedTimestamp"}), "signedTimestamp") for item in items
    )


def _only(document: Mapping[str, Any], members: set[str], what: str) -> None:
    unknown = document.keys() - members
    if unknown:
        raise FormatError("bundle", why=f"{what} has {min(unknown)!r}, which would go unverified")


def _object(document: Mapping[str, Any], key: str, members: set[str]) -> dict[str, Any]:
    value = document.get(key)
    if not isinstance(value, dict):
        raise FormatError("bundle", why=f"no {key}")
    _only(value, members, key)
    return value


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise FormatError("bundle", why=f"no {key}")
    return value


def _digits(document: Mapping[str, Any], key: str) -> int:
    """Protobuf writes 64-bit integers as strings of digits."""
    text = _text(document, key)
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise FormatError("bundle", why=f"{key} is not a number in a string")
    return int(text)


def _base64(document: Mapping[str, Any], key: str, *, limit: int | None = None) -> bytes:
    try:
        content = base64.b64decode(_text(document, key), validate=True)
    except (binascii.Error, ValueError) as cause:
        raise FormatError("bundle", why=f"{key} is not base64") from cause
    if limit is not None and len(content) > limit:
        raise FormatError("bundle", why=f"{key} has {len(content)} bytes, over {limit}")
    return content
