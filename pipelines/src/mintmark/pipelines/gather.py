"""Gathers the facts about one release: builds it, scans it, takes stock of it, and signs what was seen."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mintmark.pipelines.build.checkout import head_commit
from mintmark.pipelines.build.manifest import file_count
from mintmark.pipelines.build.release import Release
from mintmark.pipelines.build.wheel import Source, build_constraints_digest, build_release
from mintmark.pipelines.configuration import Project
from mintmark.pipelines.facts import Facts
from mintmark.pipelines.gate.document import build_input
from mintmark.pipelines.known import Known
from mintmark.pipelines.locations import Locations
from mintmark.pipelines.people.collect import PeopleFacts, directory_of
from mintmark.pipelines.sbom.cyclonedx import Sbom, export_sbom
from mintmark.pipelines.scan.advisories import open_advisories
from mintmark.pipelines.scan.blame import name_suppressors
from mintmark.pipelines.scan.cache import ScanCache
from mintmark.pipelines.scan.coverage import coverage
from mintmark.pipelines.scan.environments import install_tools
from mintmark.pipelines.scan.export import Tree, export_tree
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.licences import licences_in
from mintmark.pipelines.scan.model import Cached, ScanReport
from mintmark.pipelines.scan.registry import SCANNERS
from mintmark.pipelines.scan.run import scan_release
from mintmark.pipelines.sign import statements
from mintmark.pipelines.sign.interface import Signer

Progress = Callable[[str, str], None]  # (stage, what happened)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The facts about one release, before anybody judges them."""

    release: Release
    reports: tuple[ScanReport, ...]
    sbom: Sbom
    started: datetime
    built: datetime
    coverage: tuple[dict[str, object], ...]


def find_out(
    project: Project,
    environment: str,
    locations: Locations,
    invocation: str,
    known: Known,
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
        scope = scope_of(project)
        reports = scan_release(
            tree,
            scope,
            environments,
            advisories,
            locations.reports / invocation,
            _clock,
            # what lies on this machine was put there by whoever could write to it: no protected gate believes that
            cache=None if project.environment(environment).protected else ScanCache(folder=locations.scans),
        )
        reports = name_suppressors(reports, project.root, commit.id, directory_of(project.root).resolve)
        reports = known.date(reports, now=int(built.timestamp()))
        for report in reports:
            _tell(report, progress)
        licences = locations.reports / invocation / "licences.json"
        bill = export_sbom(
            tree,
            package=configuration.release.package,
            subject_name=release.wheel_name,
            subject_sha256=release.digest,
            licences=licences_in(licences.read_bytes()) if licences.is_file() else None,
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


def scope_of(project: Project) -> ScanScope:
    """What `[scan]` and `[release]` of a mintmark.toml put before the scanners; images lie beside the checkout."""
    scan = project.configuration.scan
    return ScanScope(
        code=scan.code,
        iac=scan.iac,
        workflows=scan.workflows,
        images=[str(project.root / image) for image in scan.images],
        lock_package=project.configuration.release.package,
        internal_packages=scan.internal_packages,
        trusted_indexes=scan.trusted_indexes,
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
    found: Found, facts: Facts, people: PeopleFacts, environment: str, *, protected: bool, as_of: datetime
) -> bytes:
    """The one document that the policy sees: verified statements, and what this commit and this log say themselves."""
    release = found.release
    return build_input(
        as_of=as_of,
        environment={"name": environment, "protected": protected},
        subject=statements.subject_of(release),
        source=release.source,
        manifest={"digest": f"sha256:{release.manifest_digest}", "files": file_count(release.manifest)},
        coverage=found.coverage,
        **facts.to_gate(),
        **people.to_gate(),
    )
