"""The main job on one page: source → build → scan → SBOM → sign → gate → record → deploy."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.inbox import Submission
from mintmark.evidence.log import EvidenceLog, Recorded
from mintmark.evidence.statement import Run
from mintmark.pipelines.build.checkout import head_commit
from mintmark.pipelines.build.manifest import file_count
from mintmark.pipelines.build.release import Release, keep
from mintmark.pipelines.build.wheel import Source, build_constraints_digest, build_release
from mintmark.pipelines.configuration import Configuration, Project
from mintmark.pipelines.deploy.first_payment import FirstPayment, make_first_payment
from mintmark.pipelines.deploy.interface import Running
from mintmark.pipelines.deploy.ledger_binding import bind_running
from mintmark.pipelines.deploy.rollout import roll_out
from mintmark.pipelines.errors import PipelineError
from mintmark.pipelines.facts import Facts, read_facts
from mintmark.pipelines.gate.decide import Decision
from mintmark.pipelines.gate.document import build_input
from mintmark.pipelines.history import History, read_history
from mintmark.pipelines.locations import Locations
from mintmark.pipelines.sbom.cyclonedx import Sbom, export_sbom
from mintmark.pipelines.scan.advisories import open_advisories
from mintmark.pipelines.scan.blame import name_suppressors
from mintmark.pipelines.scan.cache import ScanCache, default_folder
from mintmark.pipelines.scan.coverage import coverage
from mintmark.pipelines.scan.environments import install_tools
from mintmark.pipelines.scan.export import Tree, export_tree
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import Cached, ScanReport
from mintmark.pipelines.scan.registry import SCANNERS
from mintmark.pipelines.scan.run import scan_release
from mintmark.pipelines.sign import statements
from mintmark.pipelines.sign.interface import Signer
from mintmark.pipelines.sign.local_key import local_signer
from mintmark.pipelines.waivers import load_waivers
from mintmark.pipelines.workshop import open_evidence, open_gate, predicate_schemas

Progress = Callable[[str, str], None]  # (stage, what happened)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """What came of it. `running` and `payment` are there only when the gate said ALLOW."""

    release: Release
    reports: tuple[ScanReport, ...]
    decision: Decision
    recorded: tuple[Recorded, ...]
    running: Running | None = None
    payment: FirstPayment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The facts about one release, before anybody judges them."""

    release: Release
    reports: tuple[ScanReport, ...]
    sbom: Sbom
    started: datetime
    built: datetime
    coverage: tuple[dict[str, object], ...]


def ship(project: Project, *, environment: str, locations: Locations, progress: Progress) -> Shipped:
    """
    Ship the commit that is checked out: uncommitted changes are not part of it.

    A refusal is a result and not an exception; it is recorded like an ALLOW, and nothing is deployed.
    """
    protected = project.environment(environment).protected
    gate, pack = open_gate(project)
    progress("policy", f"{len(pack.rules)} rules, every canary refused   sha256:{pack.digest}")
    log = open_evidence(locations)
    signer = local_signer(locations.keys)
    invocation = str(uuid.uuid4())

    history = read_history(log, environment=environment, repository=project.configuration.release.source_uri)
    found = find_out(project, environment, locations, invocation, history, progress)
    facts = sign_facts(found, signer, package=project.configuration.release.package, invocation=invocation)
    as_of = datetime.now(UTC)
    read = read_facts(
        facts,
        log.trust,
        schemas=predicate_schemas(pack),
        subject_sha256=found.release.digest,
        run=Run(id=invocation, commit=found.release.source["commit"]),
        at=as_of,
    )
    document = gate_input(project, found, read, environment, protected=protected, as_of=as_of)
    (locations.reports / invocation / "gate-input.json").write_bytes(document)  # whoever doubts may judge it again
    decision = gate.judge(document, decision_id=invocation)
    keep(found.release, locations.releases)
    verdict = sign_verdict(found.release, decision, facts, signer, environment=environment, as_of=as_of)
    recorded = record(log, facts + verdict, invocation=invocation, environment=environment)
    progress("record", f"{len(recorded)} entries, log size {recorded[-1].index + 1}   {log.origin}")
    result = Shipped(release=found.release, reports=found.reports, decision=decision, recorded=tuple(recorded))
    if decision.exit_code != 0:
        return result

    running = roll_out(
        log,
        signer,
        digest=found.release.digest,
        environment=environment,
        policy_digest=f"sha256:{pack.digest}",
        locations=locations,
        progress=progress,
    )
    payment = make_first_payment(running.url)
    progress("pay", f"posting {payment.posting_id}   {payment.amount_minor} minor units {payment.currency}")
    _bind(log, signer, running, locations, progress)
    return Shipped(
        release=found.release,
        reports=found.reports,
        decision=decision,
        recorded=tuple(recorded),
        running=running,
        payment=payment,
    )


def _bind(log: EvidenceLog, signer: Signer, running: Running, locations: Locations, progress: Progress) -> None:
    """The release runs and was paid with: a ledger that cannot be bound is said loudly, and undoes none of it."""
    try:
        bound = bind_running(log, signer, running, locations)
    except (EvidenceError, PipelineError) as failure:
        progress("WARNING", f"the ledger is not bound to the log: {failure} ({failure.reason})")
        return
    for item in bound:
        progress("bind", f"batch {item.batch.batch} of the ledger, {item.batch.count} entries   entry {item.index}")


def find_out(
    project: Project,
    environment: str,
    locations: Locations,
    invocation: str,
    history: History,
    progress: Progress,
) -> Found:
    """Export the commit once; build, scan and take stock of that one tree."""
    configuration = project.configuration
    started = datetime.now(UTC)
    commit = head_commit(project.root)
    environments = install_tools(lambda text: progress("tools", text))
    advisories = open_advisories(project.environment(environment).advisories, cache=locations.cache)
    if not advisories.facts.complete:
        newest = datetime.fromtimestamp(advisories.facts.as_of, UTC)
        progress("WARNING", f"advisories are a partial snapshot of {newest:%Y-%m-%d}: only a local run may use them")
    with tempfile.TemporaryDirectory(prefix="mintmark-source-") as folder:
        tree = export_tree(project.root, commit.id, ["."], Path(folder) / "tree")
        release = build_release(
            _source(tree, configuration.release.source_uri, commit.id, commit.time),
            package=configuration.release.package,
            path=configuration.release.path,
        )
        built = datetime.now(UTC)
        progress("build", f"{release.wheel_name}   sha256:{release.digest}   commit {commit.id[:12]}")
        scope = scope_of(configuration)
        reports = scan_release(
            tree,
            scope,
            environments,
            advisories,
            locations.reports / invocation,
            _clock,
            # what lies on this machine was put there by whoever could write to it: no protected gate believes that
            cache=None if project.environment(environment).protected else ScanCache(folder=default_folder()),
        )
        reports = name_suppressors(reports, project.root, commit.id, lambda _: "unknown")
        reports = history.date(reports, now=int(built.timestamp()))
        for report in reports:
            _tell(report, progress)
        bill = export_sbom(
            tree,
            package=configuration.release.package,
            subject_name=release.wheel_name,
            subject_sha256=release.digest,
        )
        progress("sbom", f"CycloneDX, {bill.components} components")
        covered = coverage(tree, scope, SCANNERS, shipped=configuration.release.path)
    return Found(
        release=release,
        reports=tuple(reports),
        sbom=bill,
        started=started,
        built=built,
        coverage=tuple(covered),
    )


def _tell(report: ScanReport, progress: Progress) -> None:
    kept = f"   {report.cached} cache" if report.cached is not Cached.NO else ""
    progress(
        "scan",
        f"{report.tool} {report.tool_version}   {report.status}   "
        f"{report.read} of {report.given} read   {len(report.findings)} findings{kept}",
    )


def scope_of(configuration: Configuration) -> ScanScope:
    """What `[scan]` and `[release]` of a mintmark.toml put before the scanners."""
    scan = configuration.scan
    return ScanScope(
        code=scan.code,
        iac=scan.iac,
        workflows=scan.workflows,
        images=scan.images,
        lock_package=configuration.release.package,
        internal_packages=scan.internal_packages,
    )


def _source(tree: Tree, uri: str, commit: str, committed_at: int) -> Source:
    return Source(
        root=tree.root, uri=uri, commit=commit, tree_digest=f"sha256:{tree.digest}", committed_at=committed_at
    )


def _clock() -> datetime:
    return datetime.now(UTC)


def sign_facts(found: Found, signer: Signer, *, package: str, invocation: str) -> list[bytes]:
    """Facts carry no pass or fail: provenance, SBOM, and one statement a scan."""
    unsigned = [
        statements.provenance(
            found.release,
            package=package,
            invocation=invocation,
            origin=signer.origin,
            lock_digest=found.sbom.lock_digest,
            constraints_digest=build_constraints_digest(),
            started=found.started,
            finished=found.built,
        ),
        statements.sbom(found.release, found.sbom.document),
        *(
            statements.scan(found.release, report.to_json(), invocation=invocation, origin=signer.origin)
            for report in found.reports
        ),
    ]
    return [signer.sign(statement) for statement in unsigned]


def gate_input(
    project: Project, found: Found, facts: Facts, environment: str, *, protected: bool, as_of: datetime
) -> bytes:
    """The one document that the policy sees: verified statements, and what this commit and this log say themselves."""
    release = found.release
    return build_input(
        as_of=as_of,
        environment={"name": environment, "protected": protected},
        subject=statements.subject_of(release),
        source=release.source,
        manifest={"digest": f"sha256:{release.manifest_digest}", "files": file_count(release.manifest)},
        waivers=load_waivers(project.root / "waivers"),
        coverage=found.coverage,
        **facts.to_gate(),
    )


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


def record(log: EvidenceLog, bundles: list[bytes], *, invocation: str, environment: str) -> list[Recorded]:
    """One batch, so that a verdict and the facts that it rests on are recorded together or not at all."""
    refs = (f"decision:{invocation}", f"environment:{environment}")
    submissions = [Submission(bundle=bundle, refs=refs) for bundle in bundles]
    return log.record_all(submissions, now=datetime.now(UTC))
