"""One deployment: admit, start, record, switch. What cannot be recorded does not stay up."""

from __future__ import annotations

import fcntl
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from mintmark.evidence.log import EvidenceLog, Recorded
from mintmark.pipelines.deploy.admission import Admitted, admit
from mintmark.pipelines.deploy.interface import Running
from mintmark.pipelines.deploy.local import LocalDriver
from mintmark.pipelines.deploy.token import Token, redeem, token_missing
from mintmark.pipelines.locations import Locations
from mintmark.pipelines.sign import statements
from mintmark.pipelines.sign.interface import Signer


def roll_out(
    log: EvidenceLog,
    signer: Signer,
    *,
    digest: str,
    environment: str,
    policy_digest: str,
    locations: Locations,
    progress: Callable[[str, str], None],
    token: bytes | None = None,
    token_required: bool = False,
) -> Running:
    """
    Deploy a digest that was allowed, on a token where one is given or required; one deployment at a time.

    Raises `DeployRefused`, `StartFailed` or what the log refuses with.
    """
    with _alone(locations.environment(environment)):
        now = datetime.now(UTC)
        admitted = admit(
            log,
            digest=digest,
            environment=environment,
            policy_digest=policy_digest,
            releases=locations.releases,
            now=now,
        )
        progress("admit", f"verdict in entry {admitted.entry_index} verified: receipt, signature, policy and bytes")
        if token is None and token_required:
            raise token_missing(environment)
        redeemed = (
            None
            if token is None
            else redeem(token, log, admitted, environment=environment, policy_digest=policy_digest, now=now)
        )
        return _start(log, signer, admitted, redeemed, locations, progress)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two deployers of one environment take turns: what one finds unused, the other has not used meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".deploying").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def _start(
    log: EvidenceLog,
    signer: Signer,
    admitted: Admitted,
    token: Token | None,
    locations: Locations,
    progress: Callable[[str, str], None],
) -> Running:
    environment = admitted.environment
    driver = LocalDriver(environment=environment, folder=locations.environment(environment))
    before = driver.current()
    running = driver.start(admitted.release, deployment_id=str(uuid.uuid4()))
    try:
        recorded = _record(log, signer, admitted, running, before, token)
    except BaseException:
        driver.stop(running)
        raise
    driver.switch(running)
    progress("deploy", f"{running.url}   deployment {running.deployment_id}   entry {recorded.index}")
    return running


def _record(
    log: EvidenceLog,
    signer: Signer,
    admitted: Admitted,
    running: Running,
    before: Running | None,
    token: Token | None,
) -> Recorded:
    now = datetime.now(UTC)
    facts = {
        "deployment_id": running.deployment_id,
        "environment": admitted.environment,
        "digest": f"sha256:{admitted.release.digest}",
        "manifest_digest": f"sha256:{admitted.release.manifest_digest}",
        "decision_id": admitted.decision_id,
        "decision_entry": admitted.entry_index,
        "replaces": before.deployment_id if before else None,
        "started_at": statements.timestamp(now),
        "driver": "local",
    } | ({} if token is None else {"token_id": token.id})
    bundle = signer.sign(statements.deployment(admitted.release, facts, origin=signer.origin))
    refs = (
        f"urn:uuid:{running.deployment_id}",
        f"decision:{admitted.decision_id}",
        f"environment:{admitted.environment}",
    )
    return log.record(bundle, now=now, refs=refs)


def describe(running: Running) -> dict[str, object]:
    return asdict(running)
