"""Who a certificate was given to, and who may have been: issuer, workflow, repository. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mintmark.evidence.errors import IngestRefused

_REMEDY = "sign with the workflow that the trust policy names, or extend the trust policy"
# `^`, https, a literal host, organisation and repository, a slash: only behind that may a pattern leave anything open.
_LITERAL = r"(?:[A-Za-z0-9_-]|\\[.-])+"
_ANCHORED = re.compile(
    rf"\^(?P<prefix>https://{_LITERAL}(?::[0-9]+)?/{_LITERAL}/{_LITERAL}/)(?P<rest>(?:[^\\]|\\.)+)\$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a certificate says of its holder. `repository_id` and `owner_id` are the forge's numbers, or empty."""

    issuer: str
    identity: str
    repository_id: str
    owner_id: str

    @property
    def producer_id(self) -> str:
        """SHA-256 (hex) of issuer, identity and repository id, a line feed between them: no name enters the log."""
        return hashlib.sha256(f"{self.issuer}\n{self.identity}\n{self.repository_id}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityPattern:
    """A family of workflows of one repository: `prefix` is literal, and `rest` matches all that follows."""

    prefix: str
    rest: re.Pattern[str]

    def matches(self, identity: str) -> bool:
        return identity.startswith(self.prefix) and self.rest.fullmatch(identity.removeprefix(self.prefix)) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowIdentity:
    """Whom to trust: exactly one workflow, or a pattern. A `None` id is not compared; `trusted_root` is JSON."""

    issuer: str
    identity: str | IdentityPattern
    repository_id: str | None
    owner_id: str | None
    trusted_root: bytes

    def names(self, identity: str) -> bool:
        if isinstance(self.identity, IdentityPattern):
            return self.identity.matches(identity)
        return self.identity == identity

    def owns(self, claims: Claims) -> bool:
        return self.repository_id in (None, claims.repository_id) and self.owner_id in (None, claims.owner_id)


def parse_pattern(text: str) -> IdentityPattern:
    """
    Read a regular expression that cannot match another host, organisation or repository. Raises `ValueError`.

    `org.*` also matches `org-evil`, an unescaped dot any character, and an alternative at the top ends the anchors.
    """
    match = _ANCHORED.fullmatch(text)
    if match is None:
        raise ValueError(
            "it must be anchored at both ends (^…$), with host, organisation and repository written literally, "
            r"dots as \."
        )
    if _has_open_alternative(match["rest"]):
        raise ValueError("an alternative (|) outside of parentheses ends what ^ and $ anchor")
    try:
        rest = re.compile(match["rest"])
    except re.error as cause:
        raise ValueError(f"not a regular expression: {cause}") from cause
    return IdentityPattern(prefix=re.sub(r"\\(.)", r"\1", match["prefix"]), rest=rest)


def recognise(claims: Claims, identities: Sequence[WorkflowIdentity]) -> WorkflowIdentity:
    """The first identity that holds in all of workflow, issuer and repository; else the reason why none does."""
    named = [identity for identity in identities if identity.names(claims.identity)]
    if not named:
        raise IngestRefused(
            f"{claims.identity!r} is no identity of the trust policy", reason="identity_mismatch", remedy=_REMEDY
        )
    issued = [identity for identity in named if identity.issuer == claims.issuer]
    if not issued:
        raise IngestRefused(
            f"{claims.issuer!r} vouched for {claims.identity!r}, and the trust policy names {named[0].issuer!r}",
            reason="issuer_mismatch",
            remedy=_REMEDY,
        )
    for identity in issued:
        if identity.owns(claims):
            return identity
    raise IngestRefused(
        f"it ran for repository {claims.repository_id!r} of owner {claims.owner_id!r}, which the trust policy does "
        "not name: a fork, or a repository that took over the name",
        reason="identity_mismatch",
        remedy=_REMEDY,
    )


def _has_open_alternative(pattern: str) -> bool:
    depth = 0
    for piece in re.findall(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", pattern, re.DOTALL):
        if piece == "|" and depth == 0:
            return True
        depth += (piece == "(") - (piece == ")")
    return False
