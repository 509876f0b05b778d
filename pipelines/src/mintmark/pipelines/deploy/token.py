"""A deploy token: what the gate hands to the deployer, good for one artefact, one environment, once and for minutes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from mintmark.evidence.errors import IngestRefused
from mintmark.evidence.ingest import accept
from mintmark.evidence.reader import LogReader
from mintmark.evidence.statement import KINDS, parse_time
from mintmark.pipelines.deploy.admission import Admitted
from mintmark.pipelines.deploy.interface import DeployRefused
from mintmark.pipelines.gate.decide import Decision
from mintmark.pipelines.proof import prove
from mintmark.pipelines.sign import statements
from mintmark.pipelines.sign.interface import Signer

KIND = "deploy-token"
LIFETIME = timedelta(minutes=10)
MAX_LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that holds and was not used before."""

    id: str
    decision_id: str


class TokenRefused(DeployRefused):
    """A deploy token that does not hold here and now. Nothing is deployed on it, and it stays unused."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message, reason=reason, remedy="let the gate judge the release again, and use its new token")


def token_missing(environment: str) -> TokenRefused:
    return TokenRefused(f"{environment} takes no release without a deploy token", reason="token_missing")


def issue(decision: Decision, signer: Signer, *, now: datetime, lifetime: timedelta = LIFETIME) -> bytes:
    """Sign a token for an ALLOW. Raises `ValueError` for any other verdict: there is nothing to hand out."""
    if not decision.allowed:
        raise ValueError(f"a token for {decision.answer}")
    predicate = {
        "id": str(uuid.uuid4()),
        "decision_id": decision.id,
        "environment": decision.environment,
        "policy_digest": f"sha256:{decision.policy_digest}",
        "issued": statements.timestamp(now),
        "expires": statements.timestamp(now + lifetime),
        "origin": signer.origin,
    }
    return signer.sign(statements.statement([decision.subject], KINDS[KIND], predicate))


def redeem(
    bundle: bytes, log: LogReader, admitted: Admitted, *, environment: str, policy_digest: str, now: datetime
) -> Token:
    """
    Verify a token against what was admitted by itself, or raise `TokenRefused`.

    1. the signature holds, by somebody who may write tokens: `token_invalid`; 2. it is for this artefact:
    `token_digest`; 3. this environment: `token_environment`; 4. the policy in force: `token_policy`; 5. the verdict
    that was admitted, which is the newest: `token_decision`; 6. this moment: `token_expired`; 7. nobody used it:
    `token_reused`.
    """
    try:
        accepted = accept(bundle, log.trust, at=now)
    except IngestRefused as cause:
        raise TokenRefused(f"the token does not hold: {cause} ({cause.reason})", reason="token_invalid") from cause
    statement, said = accepted.statement, accepted.statement.predicate
    if statement.kind != KIND:
        raise TokenRefused(f"it is a {statement.kind} and no token", reason="token_invalid")
    if admitted.release.digest not in {subject.digest for subject in statement.subjects}:
        raise TokenRefused(f"the token is for another artefact than {admitted.release.digest}", reason="token_digest")
    if said["environment"] != environment:
        raise TokenRefused(f"the token is for {said['environment']}, not for {environment}", reason="token_environment")
    if said["policy_digest"] != policy_digest:
        raise TokenRefused(f"the policy is now {policy_digest}", reason="token_policy")
    if said["decision_id"] != admitted.decision_id:
        raise TokenRefused(f"the newest verdict is {admitted.decision_id}", reason="token_decision")
    _check_time(said, now=now)
    _check_unused(log, admitted.release.digest, str(said["id"]))
    return Token(id=str(said["id"]), decision_id=admitted.decision_id)


def _check_time(said: dict[str, str], *, now: datetime) -> None:
    issued, expires = parse_time(said["issued"], what="issued"), parse_time(said["expires"], what="expires")
    if now >= expires:
        raise TokenRefused(f"the token expired at {expires.isoformat()}", reason="token_expired")
    if expires - issued > MAX_LIFETIME:
        raise TokenRefused(f"the token is good for longer than {MAX_LIFETIME}", reason="token_expired")


def _check_unused(log: LogReader, digest: str, token_id: str) -> None:
    for row in log.search(kind="deployment", subject=digest):
        if prove(log, row.index, kind="deployment").predicate.get("token_id") == token_id:
            raise TokenRefused(f"entry {row.index} is a deployment on this very token", reason="token_reused")
