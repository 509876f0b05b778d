"""
Compares an entry of a transparency log with the envelope that it came with. Pure.

A genuine entry of something else proves nothing about this envelope (CVE-2022-36056, CVE-2026-22703).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from mintmark.evidence.canonical import parse_strict
from mintmark.evidence.dsse import pae
from mintmark.evidence.errors import FormatError, IngestRefused
from mintmark.evidence.keyless.material import LogEntry
from mintmark.evidence.statement import PAYLOAD_TYPE


def check_log_entry(
    entry: LogEntry, *, payload: bytes, signature: bytes, certificate_der: bytes, certificate_pem: bytes
) -> None:
    """Raises `IngestRefused` (`log_entry_mismatch`) unless the entry is of this payload, signature and certificate."""
    try:
        body = parse_strict(entry.body, what="log entry")
        said = body.get("kind"), body.get("apiVersion")
        reader = _READERS.get((entry.kind, entry.version))
        if reader is None or said != (entry.kind, entry.version):
            raise _mismatch(f"an entry of kind {said[0]} {said[1]} says nothing of this envelope")
        found = reader(body["spec"])
    except (FormatError, KeyError, IndexError, TypeError, ValueError) as cause:
        raise _mismatch("its entry in the log cannot be read as one of an envelope") from cause
    expected = {
        "payload": hashlib.sha256(payload).digest(),
        "envelope": hashlib.sha256(pae(PAYLOAD_TYPE, payload)).digest(),
        "signature": signature,
        "certificate": certificate_der,
        "certificate in PEM": certificate_pem,
    }
    for what, value in found.items():
        if value != expected[what]:
            raise _mismatch(f"its entry in the log is of another {what}")


def _dsse(spec: dict[str, Any]) -> dict[str, bytes]:
    """Rekor v1, `dsse` 0.0.1. The hash of the envelope in it covers JSON that nobody can write again exactly."""
    if spec["payloadHash"]["algorithm"] != "sha256" or len(spec["signatures"]) != 1:
        raise ValueError("not SHA-256, or not one signature")
    signature = spec["signatures"][0]
    return {
        "payload": bytes.fromhex(spec["payloadHash"]["value"]),
        "signature": base64.b64decode(signature["signature"], validate=True),
        "certificate in PEM": base64.b64decode(signature["verifier"], validate=True),
    }


def _hashedrekord(spec: dict[str, Any]) -> dict[str, bytes]:
    """Rekor v2, `hashedrekord` 0.0.2: the digest is of the bytes that the signature covers."""
    record = spec["hashedRekordV002"]
    if record["data"]["algorithm"] != "SHA2_256":
        raise ValueError("not SHA-256")
    return {
        "envelope": base64.b64decode(record["data"]["digest"], validate=True),
        "signature": base64.b64decode(record["signature"]["content"], validate=True),
        "certificate": base64.b64decode(record["signature"]["verifier"]["x509Certificate"]["rawBytes"], validate=True),
    }


_READERS: dict[tuple[str, str], Callable[[dict[str, Any]], dict[str, bytes]]] = {
    ("dsse", "0.0.1"): _dsse,
    ("hashedrekord", "0.0.2"): _hashedrekord,
}


def _mismatch(why: str) -> IngestRefused:
    return IngestRefused(
        why, reason="log_entry_mismatch", remedy="get the bundle again from its producer, with its own log entry"
    )
