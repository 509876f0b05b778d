"""The main job on one page: source → build → scan → SBOM → sign → gate → record → deploy."""

from __future__ import annotations

import getpass
import json
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.inbox import Submission
from mintmark.evidence.log import EvidenceLog, Recorded
from mintmark.evidence.statement import Run
from mintmark.pipelines.build.release import Release, keep
from mintmark.pipelines.configuration import Project
from mintmark.pipelines.deploy.first_payment import FirstPayment, make_first_payment
from mintmark.pipelines.deploy.interface import Running
from mintmark.pipelines.deploy.ledger_binding import bind_running
from mintmark.pipelines.deploy.rollout import roll_out
from mintmark.pipelines.deploy.token import issue
from mintmark.pipelines.errors import PipelineError
from mintmark.pipelines.facts import read_facts
from mintmark.pipelines.gate import archive
from mintmark.pipelines.gate.decide import Decision, Gate
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gather import Found, Progress, find_out, gate_input, sign_facts
from mintmark.pipelines.known import read_known
from mintmark.pipelines.locations import Locations
from mintmark.pipelines.people.collect import collect_people_facts
from mintmark.pipelines.people.reviews import owed_review
from mintmark.pipelines.scan.model import ScanReport
from mintmark.pipelines.sign import statements
from mintmark.pipelines.sign.interface import Signer
from mintmark.pipelines.sign.local_key import local_signer
from mintmark.pipelines.workshop import open_evidence, open_gate, predicate_schemas


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """What came of it. `running` and `payment` are there only when the gate said ALLOW."""

    release: Release
    reports: tuple[ScanReport, ...]
    decision: Decision
    pack: PolicyPack
    recorded: tuple[Recorded, ...]
    running: Running | None = None
    payment: FirstPayment | None = None


def ship(
    project: Project,
    *,
    environment: str,
    locations: Locations,
    progress: Progress,
    base: str | None = None,
    requester: str = "",
) -> Shipped:
    """
    Ship the commit that is checked out: uncommitted changes are not part of it.

    `base` is the commit that was released before, where the log does not know it; `requester` is who asked, by any of
    their names. A refusal is a result and not an exception; it is recorded like an ALLOW, and nothing is deployed.
    """
    log = open_evidence(locations)
    gate, pack = open_gate(project, locations, environment=environment, warn=lambda text: progress("WARNING", text))
    progress("policy", f"{len(pack.rules)} rules, every canary refused   sha256:{pack.digest}")
    signer = local_signer(locations.keys)
    invocation = str(uuid.uuid4())

    known = read_known(log, environment=environment, repository=project.configuration.release.source_uri)
    found = find_out(project, environment, locations, invocation, known, progress)
    facts = sign_facts(found, signer, package=project.configuration.release.package, invocation=invocation)
    as_of = datetime.now(UTC)
    document = _present(
        project, found, facts, gate, log, environment, invocation, as_of, progress, base=base, requester=requester
    )
    archive.keep_input(locations.decisions, document)  # whoever doubts may judge it again,
    archive.keep_pack(locations.decisions, pack)  # under the same policy
    decision = gate.judge(document, decision_id=invocation)
    keep(found.release, locations.releases)
    verdict = sign_verdict(found.release, decision, facts, signer, environment=environment, as_of=as_of)
    owed = _owed_review(signer, gate, decision, document, progress)
    recorded = record(log, facts + verdict, owed, invocation=invocation, environment=environment)
    progress("record", f"{len(recorded)} entries, log size {recorded[-1].index + 1}   {log.origin}")
    result = Shipped(
        release=found.release, reports=found.reports, decision=decision, pack=pack, recorded=tuple(recorded)
    )
    if not decision.allowed:
        return result
    return _deploy(result, log, signer, environment, f"sha256:{pack.digest}", locations, progress)


def _present(
    project: Project,
    found: Found,
    facts: list[bytes],
    gate: Gate,
    log: EvidenceLog,
    environment: str,
    invocation: str,
    as_of: datetime,
    progress: Progress,
    *,
    base: str | None,
    requester: str,
) -> bytes:
    """The gate's input, of facts that were verified and of people's words that were proven."""
    source = found.release.source
    read = read_facts(
        facts,
        log.trust,
        schemas=predicate_schemas(gate.pack),
        subject_sha256=found.release.digest,
        run=Run(id=invocation, commit=source["commit"]),
        at=as_of,
    )
    people = collect_people_facts(
        project.root,
        log,
        subject_sha256=found.release.digest,
        commit=source["commit"],
        base=base,
        environment=environment,
        repository=source["uri"],
        requester=requester or getpass.getuser(),
        as_of=as_of,
        pack=gate.pack,
    )
    for word in people.not_counted:
        progress("WARNING", f"entry {word.index} counts for nobody: {word}")
    protected = project.environment(environment).protected
    return gate_input(found, read, people, environment, protected=protected, as_of=as_of)


def _owed_review(
    signer: Signer, gate: Gate, decision: Decision, document: bytes, progress: Progress
) -> list[Submission]:
    """What an emergency let through is looked at afterwards; that is recorded before it has any effect."""
    if not (decision.allowed and decision.bypassed):
        return []
    progress("WARNING", f"break-glass: {len(decision.bypassed)} refusals are bypassed, and a review of it is owed")
    owed = owed_review(
        signer,
        subject=decision.subject,
        environment=decision.environment,
        repository=str(decision.source["uri"]),
        used=json.loads(document)["break_glass"],
        decision_id=decision.id,
        pack=gate.pack,
        now=datetime.now(UTC),
    )
    return [owed]


def _deploy(
    result: Shipped,
    log: EvidenceLog,
    signer: Signer,
    environment: str,
    policy_digest: str,
    locations: Locations,
    progress: Progress,
) -> Shipped:
    """On a token of our own, so that this verdict deploys once."""
    running = roll_out(
        log,
        signer,
        digest=result.release.digest,
        environment=environment,
        policy_digest=policy_digest,
        locations=locations,
        progress=progress,
        token=issue(result.decision, signer, now=datetime.now(UTC)),
    )
    payment = make_first_payment(running.url)
    progress("pay", f"posting {payment.posting_id}   {payment.amount_minor} minor units {payment.currency}")
    _bind(log, signer, running, locations, progress)
    return replace(result, running=running, payment=payment)


def _bind(log: EvidenceLog, signer: Signer, running: Running, locations: Locations, progress: Progress) -> None:
    """The release runs and was paid with: a ledger that cannot be bound is said loudly, and undoes none of it."""
    try:
        bound = bind_running(log, signer, running, locations)
    except (EvidenceError, PipelineError) as failure:
        progress("WARNING", f"the ledger is not bound to the log: {failure} ({failure.reason})")
        return
    for item in bound:
        progress("bind", f"batch {item.batch.batch} of the ledger, {item.batch.count} entries   entry {item.index}")


def sign_verdict(
    release: Release, decision: Decision, facts: list[bytes], signer: Signer, *, environment: str, as_of: datetime
) -> list[bytes]:
    """The decision with its input, and the SLSA summary for tools that read only that."""
    summary = statements.summary(
        release,
        environment=environment,
        passed=decision.exit_code == 0,
        policy_digest=decision.policy_digest,
        inputs=facts,
        verified=as_of,
        origin=signer.origin,
    )
    return [
        signer.sign(statements.decision(release, decision.predicate(), origin=signer.origin)),
        signer.sign(summary),
    ]


def record(
    log: EvidenceLog, bundles: list[bytes], owed: list[Submission], *, invocation: str, environment: str
) -> list[Recorded]:
    """One batch: a verdict, the facts that it rests on and what it leaves to do are recorded together or not at all."""
    refs = (f"decision:{invocation}", f"environment:{environment}")
    submissions = [Submission(bundle=bundle, refs=refs) for bundle in bundles]
    return log.record_all([*submissions, *owed], now=datetime.now(UTC))
