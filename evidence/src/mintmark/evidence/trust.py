"""The trust policy: who may write which kinds of evidence (docs/trust.md). An empty one is refused."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from mintmark.evidence.bundle import key_hint
from mintmark.evidence.canonical import parse_strict
from mintmark.evidence.errors import EvidenceError, FormatError
from mintmark.evidence.keyless.identity import IdentityPattern, WorkflowIdentity, parse_pattern
from mintmark.evidence.statement import KINDS


class TrustPolicyInvalid(EvidenceError):
    """The trust policy cannot be used; nothing is trusted by default."""

    exit_code = 2

    def __init__(self, path: Path, why: str, *, reason: str = "trust_policy") -> None:
        super().__init__(f"{path}: {why}", reason=reason, remedy="correct the trust policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Producer:
    """
    Who wrote a piece of evidence, by a pseudonymous id.

    `origin` is `local` for a developer's own key, `ci` for a pipeline's; `None` where nobody said.
    """

    id: str
    origin: str | None
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """`not_before` ≤ at ≤ `not_after`, and at < `revoked_at`; what is `None` does not bound."""

    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """`id` is the hint that bundles carry: the digest of the public key itself."""

    id: str
    origin: str | None
    kinds: frozenset[str]
    public: ec.EllipticCurvePublicKey
    validity: Validity = Validity()

    @property
    def producer(self) -> Producer:
        return Producer(id=self.id, origin=self.origin, kinds=self.kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIdentity:
    """A workflow that signs without a key of its own. Its validity is judged at the time its bundle was logged."""

    workflow: WorkflowIdentity
    origin: str | None
    kinds: frozenset[str]
    validity: Validity = Validity()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPolicy:
    """Of identities the first that fits counts. `thresholds` says for a kind how many must have signed; else one."""

    keys: tuple[TrustedKey, ...] = ()
    identities: tuple[TrustedIdentity, ...] = ()
    thresholds: Mapping[str, int] = field(default_factory=dict)

    def key(self, hint: str) -> TrustedKey | None:
        return next((key for key in self.keys if key.id == hint), None)

    def threshold(self, kind: str) -> int:
        return self.thresholds.get(kind, 1)

    @classmethod
    def of_key(cls, pem: bytes) -> TrustPolicy:
        """Trust one key with every kind of evidence, of whatever origin. Raises `FormatError`."""
        public = parse_public_key(pem)
        return cls(keys=(TrustedKey(id=key_hint(public), origin=None, kinds=frozenset(KINDS), public=public),))

    @classmethod
    def of_identity(cls, workflow: WorkflowIdentity) -> TrustPolicy:
        """Trust one workflow with every kind of evidence, of whatever origin."""
        return cls(identities=(TrustedIdentity(workflow=workflow, origin=None, kinds=frozenset(KINDS)),))

    @classmethod
    def load(cls, path: Path) -> TrustPolicy:
        """
        Raises `TrustPolicyInvalid`: `trust_policy`; `weak_algorithm` for a key that is not ECDSA P-256;
        `unanchored_identity` for a pattern that could match another repository.
        """
        try:
            document = _Document.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError as cause:
            raise TrustPolicyInvalid(path, "not found") from cause
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as cause:
            raise TrustPolicyInvalid(path, str(cause)) from cause
        except ValidationError as cause:
            raise TrustPolicyInvalid(path, _explain(cause)) from cause
        policy = cls(
            keys=tuple(_trusted(path, key) for key in document.keys),
            identities=tuple(_identity(path, identity) for identity in document.identities),
            thresholds=document.thresholds,
        )
        _check_whole(path, policy)
        return policy


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    origin: Literal["local", "ci"]
    kinds: Annotated[list[str], Field(min_length=1)]
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None

    @property
    def validity(self) -> Validity:
        return Validity(not_before=self.not_before, not_after=self.not_after, revoked_at=self.revoked_at)


class _Key(_Entry):
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    public_key: str


class _Identity(_Entry):
    origin: Literal["ci"]
    issuer: Annotated[str, Field(pattern=r"^https://[^\s]+$")]
    identity: Annotated[str, Field(pattern=r"^https://[^\s*]+$")] | None = None
    identity_pattern: str | None = None
    repository_id: Annotated[str, Field(pattern=r"^[0-9]+$")]
    owner_id: Annotated[str, Field(pattern=r"^[0-9]+$")] | None = None
    trusted_root: str


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1]
    keys: list[_Key] = []
    identities: list[_Identity] = []
    thresholds: dict[str, Annotated[int, Field(ge=1, le=100, strict=True)]] = {}


def parse_public_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    """Raises `FormatError`: `weak_algorithm` for a key that is not ECDSA P-256, else `malformed`."""
    try:
        public = load_pem_public_key(pem.strip())
    except (ValueError, UnsupportedAlgorithm) as cause:
        raise FormatError("public key", why="not in PEM") from cause
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise FormatError("public key", why="not ECDSA P-256", reason="weak_algorithm")
    return public


def _trusted(path: Path, key: _Key) -> TrustedKey:
    who = f"key {key.id[:12]}"
    _check_entry(path, who, key)
    try:
        public = parse_public_key(key.public_key.encode())
    except FormatError as cause:
        raise TrustPolicyInvalid(
            path, f"{who}: {cause}", reason="weak_algorithm" if cause.reason == "weak_algorithm" else "trust_policy"
        ) from cause
    if key_hint(public) != key.id:
        raise TrustPolicyInvalid(path, f"{who}: its id is {key_hint(public)}")
    return TrustedKey(id=key.id, origin=key.origin, kinds=frozenset(key.kinds), public=public, validity=key.validity)


def _identity(path: Path, entry: _Identity) -> TrustedIdentity:
    who = f"identity {entry.identity or entry.identity_pattern}"
    _check_entry(path, who, entry)
    if (entry.identity is None) == (entry.identity_pattern is None):
        raise TrustPolicyInvalid(path, f"{who}: it needs one of identity and identity_pattern")
    try:
        workflow = WorkflowIdentity(
            issuer=entry.issuer,
            identity=entry.identity or parse_pattern(entry.identity_pattern or ""),
            repository_id=entry.repository_id,
            owner_id=entry.owner_id,
            trusted_root=_trusted_root(path, path.parent / entry.trusted_root),
        )
    except ValueError as cause:
        raise TrustPolicyInvalid(path, f"{who}: {cause}", reason="unanchored_identity") from cause
    return TrustedIdentity(
        workflow=workflow, origin=entry.origin, kinds=frozenset(entry.kinds), validity=entry.validity
    )


def _trusted_root(path: Path, file: Path) -> bytes:
    """Read once: what is verified later is what stood here when the policy was loaded."""
    try:
        content = file.read_bytes()
        parse_strict(content, what=str(file))
    except (OSError, FormatError) as cause:
        raise TrustPolicyInvalid(path, f"the trusted root cannot be read: {cause}") from cause
    return content


def _check_entry(path: Path, who: str, entry: _Entry) -> None:
    for kind in entry.kinds:
        if kind not in KINDS:
            raise TrustPolicyInvalid(path, f"{who}: unknown kind {kind!r}{_nearest(kind, KINDS)}")
    if entry.not_before and entry.not_after and entry.not_before > entry.not_after:
        raise TrustPolicyInvalid(path, f"{who}: it is never valid")


def _check_whole(path: Path, policy: TrustPolicy) -> None:
    if not policy.keys and not policy.identities:
        raise TrustPolicyInvalid(path, "it trusts nobody: a policy needs a key or an identity")
    if len({key.id for key in policy.keys}) != len(policy.keys):
        raise TrustPolicyInvalid(path, "a key stands twice: it would count for two signers")
    workflows = [
        (item.workflow.identity, item.workflow.issuer, item.workflow.repository_id) for item in policy.identities
    ]
    if len(set(workflows)) != len(workflows):
        raise TrustPolicyInvalid(path, "an identity stands twice: which of its entries counts?")
    for kind, wanted in policy.thresholds.items():
        if kind not in KINDS:
            raise TrustPolicyInvalid(path, f"thresholds: unknown kind {kind!r}{_nearest(kind, KINDS)}")
        if wanted > 1 and any(
            kind in item.kinds and isinstance(item.workflow.identity, IdentityPattern) for item in policy.identities
        ):
            raise TrustPolicyInvalid(
                path,
                f"thresholds: {kind} needs {wanted} signers, and an identity_pattern would count once for each workflow"
                " that it matches: name them one by one",
            )
        able = sum(kind in key.kinds for key in policy.keys) + sum(kind in item.kinds for item in policy.identities)
        if able < wanted:
            raise TrustPolicyInvalid(path, f"thresholds: {kind} needs {wanted} signers, and {able} may write it")


def _explain(failure: ValidationError) -> str:
    return "; ".join(
        f"unknown key {_dotted(error['loc'])}{_nearest(str(error['loc'][-1]), _valid_names(error['loc']))}"
        if error["type"] == "extra_forbidden"
        else f"{_dotted(error['loc'])}: {error['msg']}"
        for error in failure.errors()
    )


def _valid_names(location: tuple[int | str, ...]) -> list[str]:
    tables: dict[str, type[BaseModel]] = {"keys": _Key, "identities": _Identity}
    return list(tables.get(str(location[0]), _Document).model_fields if len(location) > 1 else _Document.model_fields)


def _dotted(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def _nearest(name: str, valid: Mapping[str, str] | list[str]) -> str:
    close = difflib.get_close_matches(name, valid, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
