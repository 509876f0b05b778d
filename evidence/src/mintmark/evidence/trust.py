"""The trust policy: which keys may write which kinds of evidence, from a TOML file. An empty one is refused."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mintmark.evidence.bundle import key_hint
from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.statement import KINDS


class TrustPolicyInvalid(EvidenceError):
    """The trust policy cannot be used; nothing is trusted by default."""

    exit_code = 2

    def __init__(self, path: Path, why: str, *, reason: str = "trust_policy") -> None:
        super().__init__(f"{path}: {why}", reason=reason, remedy="correct the trust policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """`id` is the hint that bundles carry; `origin` is `local` for a developer's own key."""

    id: str
    origin: str
    kinds: frozenset[str]
    public: ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPolicy:
    keys: tuple[TrustedKey, ...]

    def key(self, hint: str) -> TrustedKey | None:
        return next((key for key in self.keys if key.id == hint), None)

    @classmethod
    def load(cls, path: Path) -> TrustPolicy:
        """Raises `TrustPolicyInvalid`: `trust_policy`, or `weak_algorithm` for a key that is not ECDSA P-256."""
        try:
            document = _Document.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError as cause:
            raise TrustPolicyInvalid(path, "not found") from cause
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as cause:
            raise TrustPolicyInvalid(path, str(cause)) from cause
        keys = tuple(_trusted(path, key) for key in document.keys)
        if len({key.id for key in keys}) != len(keys):
            raise TrustPolicyInvalid(path, "a key stands twice")
        return cls(keys=keys)


class _Key(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    origin: Literal["local", "ci"]
    kinds: Annotated[list[str], Field(min_length=1)]
    public_key: str


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1]
    keys: Annotated[list[_Key], Field(min_length=1)]


def _trusted(path: Path, key: _Key) -> TrustedKey:
    unknown = set(key.kinds) - set(KINDS)
    if unknown:
        raise TrustPolicyInvalid(path, f"key {key.id[:12]}: unknown kinds {sorted(unknown)}; known are {sorted(KINDS)}")
    try:
        public = load_pem_public_key(key.public_key.strip().encode())
    except ValueError as cause:
        raise TrustPolicyInvalid(path, f"key {key.id[:12]}: not a PEM public key") from cause
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise TrustPolicyInvalid(path, f"key {key.id[:12]}: not ECDSA P-256", reason="weak_algorithm")
    if key_hint(public) != key.id:
        raise TrustPolicyInvalid(path, f"key {key.id[:12]}: its id is {key_hint(public)}")
    return TrustedKey(id=key.id, origin=key.origin, kinds=frozenset(key.kinds), public=public)
