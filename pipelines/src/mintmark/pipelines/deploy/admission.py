"""Admission: nothing runs without a recorded ALLOW, and nothing that carries one is believed without verifying it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mintmark.evidence.leaf import timestamp
from mintmark.evidence.reader import LogReader
from mintmark.evidence.statement import parse_time
from mintmark.pipelines.build.release import Release, load
from mintmark.pipelines.deploy.interface import DeployRefused
from mintmark.pipelines.errors import ExitCode, UsageError
from mintmark.pipelines.proof import ProvenStatement, prove, prove_if_trusted

# A verdict speaks of the scans and advisories of its day.
MAX_DECISION_AGE = timedelta(hours=24)
CLOCK_SKEW = timedelta(seconds=60)
MAX_VERDICTS = 1_000  # on one release for one environment: as many as a search gives


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A release in memory, and the proven verdict that lets it run in one environment."""

    release: Release
    environment: str
    decision_id: str
    entry_index: int


def parse_digest(text: str) -> str:
    """Return the hex of `sha256:<64 hex>`. Names and tags are refused: they can be moved after the verdict."""
    match = re.fullmatch(r"(?:sha256:)?([0-9a-f]{64})", text)
    if match is None:
        raise UsageError(
            f"{text!r} is not a digest",
            reason="mutable_ref",
            remedy="give sha256: and 64 hexadecimal digits; names and tags can be moved after the verdict",
        )
    return match[1]


def admit(
    log: LogReader, *, digest: str, environment: str, policy_digest: str, releases: Path, now: datetime
) -> Admitted:
    """
    Verify, from the bytes that will run, that the newest verdict for this digest and environment is an ALLOW.

    1. a verdict is recorded; 2. its receipt, signature and commitment hold; 3. it speaks of this digest, this
    environment and the policy in force; 4. it is fresh; 5. it allows; 6. nobody has said no since; 7. the release's
    bytes are those it judged.
    """
    proven = _newest_decision(log, digest=digest, environment=environment, now=now)
    decision = proven.predicate
    _check_scope(proven, digest=digest, environment=environment, policy_digest=policy_digest)
    _check_fresh(decision, now=now)
    if decision["decision"] != "ALLOW":
        raise DeployRefused(
            f"the newest verdict on sha256:{digest} for {environment} is {decision['decision']} ({decision['id']})",
            reason="not_allowed",
            remedy=f"mintmark explain {decision['id']}",
        )
    _check_not_rejected(log, digest, environment, since=_made(decision), now=now)
    release = load(releases, digest, str(decision["manifest"]["digest"]).removeprefix("sha256:"))
    return Admitted(release=release, environment=environment, decision_id=str(decision["id"]), entry_index=proven.index)


def _newest_decision(log: LogReader, *, digest: str, environment: str, now: datetime) -> ProvenStatement:
    """
    The last word counts: a refusal after an ALLOW takes the ALLOW back.

    Which was last is said by the times that were signed. Anybody who has a copy of the ALLOW can record it once more,
    behind the refusal; it stays as old as it is.
    """
    rows = log.search(kind="decision", subject=digest, ref=f"environment:{environment}")
    if not rows:
        raise DeployRefused(
            f"no verdict on sha256:{digest} for {environment} is recorded",
            reason="no_decision",
            remedy=f"mintmark ship --env {environment}",
            exit_code=ExitCode.INCOMPLETE,
        )
    if len(rows) >= MAX_VERDICTS:
        raise _too_many(f"{len(rows)} verdicts or more on sha256:{digest} for {environment}")
    cutoff = timestamp(now - MAX_DECISION_AGE - CLOCK_SKEW)  # no verdict is dated after its entry: older ones are stale
    recent = [row.index for row in rows if row.at >= cutoff] or [max(row.index for row in rows)]
    return max((prove(log, index, kind="decision") for index in recent), key=_last_word)


def _too_many(what: str) -> DeployRefused:
    return DeployRefused(
        f"{what} are recorded: too many to read all",
        reason="too_many_verdicts",
        remedy="find out who recorded them, and ship another release",
    )


def _last_word(verdict: ProvenStatement) -> tuple[datetime, bool, int]:
    """Of two verdicts of one second it is the one that does not allow."""
    return _made(verdict.predicate), verdict.predicate["decision"] != "ALLOW", verdict.index


def _check_scope(proven: ProvenStatement, *, digest: str, environment: str, policy_digest: str) -> None:
    """The query that found the entry reads editable columns, so the signed bytes are asked again."""
    decision = proven.predicate
    if digest not in proven.subjects:
        raise DeployRefused(
            f"entry {proven.index} speaks of other artefacts than sha256:{digest}",
            reason="subject_mismatch",
            remedy="run `mintmark verify`: the query table does not say what the signed statement says",
            exit_code=ExitCode.INTEGRITY,
        )
    if decision["environment"] != environment:
        raise DeployRefused(
            f"the verdict in entry {proven.index} is for {decision['environment']}, not for {environment}",
            reason="resource_uri_mismatch",
            remedy=f"mintmark ship --env {environment}",
        )
    if decision["policy_digest"] != policy_digest:
        raise DeployRefused(
            f"the verdict was made under policy {decision['policy_digest']}; {policy_digest} is in force",
            reason="policy_changed",
            remedy=f"mintmark ship --env {environment}",
        )


def _check_fresh(decision: dict[str, Any], *, now: datetime) -> None:
    made = _made(decision)
    if made > now + CLOCK_SKEW:
        raise DeployRefused(
            f"the verdict is dated {made.isoformat()}, after now ({now.isoformat()})",
            reason="future",
            remedy="set this machine's clock, then ship again",
        )
    if now - made > MAX_DECISION_AGE:
        raise DeployRefused(
            f"the verdict is of {made.isoformat()}, older than {MAX_DECISION_AGE}",
            reason="stale",
            remedy=f"mintmark ship --env {decision['environment']}",
        )


def _check_not_rejected(log: LogReader, digest: str, environment: str, *, since: datetime, now: datetime) -> None:
    """A no of after the verdict was not heard in it. Whether it counts is for the gate to say, which is asked again."""
    rows = log.search(kind="approval", subject=digest)
    if len(rows) >= MAX_VERDICTS:
        raise _too_many(f"{len(rows)} words of people or more on sha256:{digest}")
    for row in rows:
        proven = prove_if_trusted(log, row.index, kind="approval")
        if proven is None or digest not in proven.subjects or proven.predicate.get("environment") != environment:
            continue
        said = parse_time(proven.predicate["at"], what="at")
        if proven.predicate["verdict"] != "approve" and since < said <= now + CLOCK_SKEW:
            raise DeployRefused(
                f"sha256:{digest} was rejected for {environment} in entry {proven.index}, after the verdict",
                reason="rejected_since",
                remedy=f"mintmark ship --env {environment}: the gate hears it",
            )


def _made(decision: dict[str, Any]) -> datetime:
    return parse_time(decision["as_of"], what="as_of")
