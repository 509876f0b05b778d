"""DSSE envelopes: what exactly a signature covers (https://github.com/secure-systems-lab/dsse, v1). Pure."""

from __future__ import annotations


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: the signature covers type and payload, each behind its length in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
