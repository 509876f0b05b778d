"""Verified at ingest: nothing becomes evidence before its signature, its key and its shape hold. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from mintmark.evidence.bundle import parse_bundle, signature_holds
from mintmark.evidence.errors import FormatError, IngestRefused
from mintmark.evidence.statement import Statement, parse_statement
from mintmark.evidence.trust import TrustedKey, TrustPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A bundle that holds, and what it says."""

    statement: Statement
    statement_bytes: bytes
    key: TrustedKey


def accept(bundle: bytes, trust: TrustPolicy) -> Accepted:
    """
    Verify a bundle; each step is one check and one reason.

    Raises `IngestRefused`: `malformed`, `unsigned`, `type_mismatch`, `weak_algorithm`, `key_unknown`,
    `signature_invalid`, `kind_not_allowed`, `origin_mismatch`.
    """
    try:
        signed = parse_bundle(bundle)  # 1. it is a bundle with one signature
    except FormatError as cause:
        raise IngestRefused(str(cause), reason=cause.reason, remedy=cause.remedy) from cause
    key = trust.key(signed.hint)  # 2. by a key that we know
    if key is None:
        raise IngestRefused(
            f"key {signed.hint[:16]} is not in the trust policy",
            reason="key_unknown",
            remedy="add the key to the trust policy, if it may write evidence",
        )
    if not signature_holds(signed, key.public):  # 3. which holds
        raise IngestRefused(
            "its signature does not hold", reason="signature_invalid", remedy="sign the statement again, unchanged"
        )
    try:
        statement = parse_statement(signed.payload)  # 4. over a statement of a kind we know
    except FormatError as cause:
        raise IngestRefused(str(cause), reason=cause.reason, remedy=cause.remedy) from cause
    if statement.kind not in key.kinds:  # 5. which this key may write
        raise IngestRefused(
            f"key {key.id[:16]} may not write {statement.kind}",
            reason="kind_not_allowed",
            remedy="sign it with a key that may, or extend the trust policy",
        )
    claimed = _claimed_origin(statement)  # 6. and which does not claim a better origin than its key has
    if claimed is not None and claimed != key.origin:
        raise IngestRefused(
            f"it claims origin {claimed!r}, and its key has {key.origin!r}",
            reason="origin_mismatch",
            remedy="state the origin of the key that signs",
        )
    return Accepted(statement=statement, statement_bytes=signed.payload, key=key)


def _claimed_origin(statement: Statement) -> object:
    predicate = statement.predicate
    if statement.kind != "provenance":
        return predicate.get("origin")
    definition = predicate.get("buildDefinition")
    internal = definition.get("internalParameters") if isinstance(definition, dict) else None
    return internal.get("origin") if isinstance(internal, dict) else None
