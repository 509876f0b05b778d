"""Verified at ingest: nothing becomes evidence before its signature, its signer and its shape hold. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from mintmark.evidence.bundle import SignedPayload, is_ecdsa, parse_bundle, signature_holds
from mintmark.evidence.errors import FormatError, IngestRefused
from mintmark.evidence.keyless.verify import CLOCK_SKEW, verify_keyless
from mintmark.evidence.schemas import PredicateSchemas
from mintmark.evidence.statement import Run, Statement, parse_statement, run_of, stated_times
from mintmark.evidence.trust import Producer, TrustPolicy, Validity


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A bundle that holds, and what it says. `signed_at` is a time that others signed, where the bundle brings one."""

    statement: Statement
    statement_bytes: bytes
    producer: Producer
    signed_at: datetime | None = None


def accept(
    bundle: bytes, trust: TrustPolicy, *, at: datetime, schemas: PredicateSchemas | None = None, alone: bool = True
) -> Accepted:
    """
    Verify a bundle as of `at`: the moment of ingest, or later a time that is trusted to be no later than that.

    Each step is one check and one reason. With `alone=False` the kind's threshold is not asked; whoever relies on the
    statement then asks `accept_all`. Raises `IngestRefused`.
    """
    if at.tzinfo is None:
        raise ValueError("a moment without a time zone could be any of 38")
    try:
        signed = parse_bundle(bundle)  # 1. a bundle with one signature: malformed, unsigned, type_mismatch
        if not is_ecdsa(signed.signature):  # 2. of an algorithm that we take: weak_algorithm
            _refuse("its signature is not ECDSA", "weak_algorithm", "sign it with an ECDSA P-256 key")
        producer, signed_at = (  # 3. which holds, by whom we trust
            _by_certificate(bundle, signed, trust, at=at)
            if signed.hint is None
            else (_by_key(signed, signed.hint, trust, at=at), None)
        )
        statement = parse_statement(signed.payload)  # 4. over a statement of a kind we know: type_mismatch, …
        _check_producer(statement, producer)  # 5. that this producer may write: kind_not_allowed, origin_mismatch
        _check_times(statement, at=at)  # 6. that does not speak of times to come: future
        if schemas is not None:
            schemas.check(statement)  # 7. and has the shape of its kind: schema_invalid
    except FormatError as cause:
        raise IngestRefused(str(cause), reason=cause.reason, remedy=cause.remedy) from cause
    if alone and trust.threshold(statement.kind) > 1:
        _refuse_threshold(statement.kind, signers=1, wanted=trust.threshold(statement.kind))  # 8. threshold
    return Accepted(statement=statement, statement_bytes=signed.payload, producer=producer, signed_at=signed_at)


def accept_all(
    bundles: Sequence[bytes], trust: TrustPolicy, *, at: datetime, schemas: PredicateSchemas | None = None
) -> list[Accepted]:
    """
    Verify bundles over one statement, and that as many different keys or identities signed it as its kind asks.

    Raises `IngestRefused`: as `accept`; `statement_mismatch` when they sign different bytes; `threshold`.
    """
    accepted = [accept(bundle, trust, at=at, schemas=schemas, alone=False) for bundle in bundles]
    if not accepted:
        _refuse("there is no bundle", "unsigned", "sign the statement")
    if len({item.statement_bytes for item in accepted}) != 1:
        _refuse("the bundles sign different statements", "statement_mismatch", "sign one statement, byte for byte")
    kind = accepted[0].statement.kind
    signers = {item.producer.id for item in accepted}  # a digest of the public key itself: two names of it are one
    if len(signers) < trust.threshold(kind):
        _refuse_threshold(kind, signers=len(signers), wanted=trust.threshold(kind))
    return accepted


def expect(
    statement: Statement,
    *,
    digest: str | None = None,
    name: str | None = None,
    kind: str | None = None,
    resource_uri: str | None = None,
    environment: str | None = None,
    run: Run | None = None,
) -> None:
    """
    Compare a verified statement with what it is used for; `name` only makes the reason of a wrong digest precise.

    Raises `IngestRefused`: `type_mismatch`; `digest_mismatch` when a subject has that name and another digest;
    `subject_mismatch` when it speaks of other artefacts; `resource_uri_mismatch`; `run_mismatch` when it was made by
    another run, from another commit or under another policy than `run` says, or does not say: true then, and replayed.
    """
    remedy = "use evidence about this artefact and this place, made for this use"
    if kind is not None and statement.kind != kind:
        _refuse(f"it is {statement.kind}, not {kind}", "type_mismatch", remedy)
    subjects = {subject.digest for subject in statement.subjects}
    if digest is not None and digest.removeprefix("sha256:") not in subjects:
        if any(subject.name == name for subject in statement.subjects):
            _refuse(f"{name} is not the {name} that was signed: its bytes changed", "digest_mismatch", remedy)
        _refuse(f"it speaks of other artefacts than {digest}", "subject_mismatch", remedy)
    stated_uri = statement.predicate.get("resourceUri")
    if resource_uri is not None and stated_uri != resource_uri:
        _refuse(f"it is for {stated_uri!r}, not for {resource_uri!r}", "resource_uri_mismatch", remedy)
    stated = statement.predicate.get("environment", str(stated_uri).rpartition("#")[2])
    if environment is not None and stated != environment:
        _refuse(f"it is for {stated!r}, not for {environment!r}", "resource_uri_mismatch", remedy)
    if run is not None:
        _expect_run(run_of(statement), run)


def _expect_run(found: Run, wanted: Run) -> None:
    for what in ("id", "commit", "policy_digest"):
        want, have = getattr(wanted, what), getattr(found, what)
        if want is not None and have != want.removeprefix("sha256:"):
            _refuse(
                f"its run's {what} is {have!r}, not {want!r}: evidence of another run, replayed",
                "run_mismatch",
                "use the evidence that this run made",
            )


def _by_key(signed: SignedPayload, hint: str, trust: TrustPolicy, *, at: datetime) -> Producer:
    key = trust.key(hint)
    if key is None:
        _refuse(
            f"key {hint[:16]!r} is not in the trust policy",
            "key_unknown",
            "add the key to the trust policy, if it may write evidence",
        )
    if not signature_holds(signed, key.public):
        _refuse("its signature does not hold", "signature_invalid", "sign the statement again, unchanged")
    _check_validity(key.validity, f"key {hint[:16]}", at=at)
    return key.producer


def _by_certificate(
    bundle: bytes, signed: SignedPayload, trust: TrustPolicy, *, at: datetime
) -> tuple[Producer, datetime]:
    found = verify_keyless(
        bundle,
        signed.material,
        payload=signed.payload,
        signature=signed.signature,
        identities=[identity.workflow for identity in trust.identities],
        at=at,
    )
    trusted = next(identity for identity in trust.identities if identity.workflow is found.identity)
    _check_validity(trusted.validity, "the identity", at=found.signed_at)  # the bundle brings its own trusted time
    return Producer(id=found.claims.producer_id, origin=trusted.origin, kinds=trusted.kinds), found.signed_at


def _check_validity(validity: Validity, who: str, *, at: datetime) -> None:
    if validity.revoked_at is not None and at >= validity.revoked_at:
        _refuse(
            f"{who} was revoked at {validity.revoked_at.isoformat()}, and there is no proof of an earlier signature",
            "key_revoked",
            "sign it again with a key that is not revoked",
        )
    if (validity.not_before and at < validity.not_before) or (validity.not_after and at > validity.not_after):
        _refuse(f"{who} is not valid at {at.isoformat()}", "key_not_valid", "sign it with a key that is valid now")


def _check_producer(statement: Statement, producer: Producer) -> None:
    if statement.kind not in producer.kinds:
        _refuse(
            f"producer {producer.id[:16]} may not write {statement.kind}",
            "kind_not_allowed",
            "sign it with a key that may, or extend the trust policy",
        )
    claimed = _claimed_origin(statement)
    if claimed is not None and producer.origin is not None and claimed != producer.origin:
        _refuse(
            f"it claims origin {claimed!r}, and its producer has {producer.origin!r}",
            "origin_mismatch",
            "state the origin of the key that signs",
        )


def _check_times(statement: Statement, *, at: datetime) -> None:
    for place, moment in stated_times(statement):
        if moment > at + CLOCK_SKEW:
            _refuse(f"{place} is {moment.isoformat()}, after {at.isoformat()}", "future", "set the producer's clock")


def _claimed_origin(statement: Statement) -> object:
    predicate = statement.predicate
    if statement.kind != "provenance":
        return predicate.get("origin")
    definition = predicate.get("buildDefinition")
    internal = definition.get("internalParameters") if isinstance(definition, dict) else None
    return internal.get("origin") if isinstance(internal, dict) else None


def _refuse_threshold(kind: str, *, signers: int, wanted: int) -> NoReturn:
    _refuse(
        f"{kind} needs {wanted} different signers, and {signers} signed",
        "threshold",
        "have it signed with other keys; one key under two names counts once",
    )


def _refuse(why: str, reason: str, remedy: str) -> NoReturn:
    raise IngestRefused(why, reason=reason, remedy=remedy)
