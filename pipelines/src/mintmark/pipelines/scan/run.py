"""Runs the scanners side by side, and compares what each read with what it was given."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.cache import ScanCache, digest_of, is_complete, key_of, merged, part_of
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.export import CONFIGURATION_FILES, Tree
from mintmark.pipelines.scan.interface import (
    Failure,
    Observation,
    Scanner,
    ScannerFailed,
    ScanScope,
    Workbench,
    whole_tree,
)
from mintmark.pipelines.scan.model import AdvisorySource, Cached, Isolation, ScanReport, Sha256Hex, Status, Unread
from mintmark.pipelines.scan.redaction import redact_findings, redact_json, redact_report
from mintmark.pipelines.scan.registry import SCANNERS
from mintmark.pipelines.scan.sandbox import Sandbox
from mintmark.pipelines.scan.units import units
from mintmark.pipelines.version import __version__

Clock = Callable[[], datetime]
_NOTHING = Sha256Hex(hashlib.sha256(b"").hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What every scanner of one run shares."""

    tree: Tree
    scope: ScanScope
    environments: ToolEnvironments
    advisories: Advisories
    reports_dir: Path
    clock: Clock
    cache: ScanCache | None


def scan_release(
    tree: Tree,
    scope: ScanScope,
    environments: ToolEnvironments,
    advisories: Advisories,
    reports_dir: Path,
    clock: Clock,
    *,
    scanners: Sequence[Scanner] = SCANNERS,
    cache: ScanCache | None = None,
) -> list[ScanReport]:
    """
    One report a scanner, by name, and ours of the tree itself; raw reports are kept in `reports_dir`.

    With a `cache`, only what changed is scanned, and a report says that it rests on it. Tools run side by side, as many
    as there are cores, the slowest first.
    """
    reports_dir.mkdir(parents=True, exist_ok=True)
    job = _Job(
        tree=tree,
        scope=scope,
        environments=environments,
        advisories=advisories,
        reports_dir=reports_dir,
        clock=clock,
        cache=cache,
    )
    with ThreadPoolExecutor(max_workers=max(cores(), 2)) as pool:
        reports = list(pool.map(lambda scanner: _scan(scanner, job), scanners))
    tree.verify()
    return sorted([*reports, _own_report(tree, clock)], key=lambda report: report.tool)


def cores() -> int:
    """Those that this process may use, which can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _scan(scanner: Scanner, job: _Job) -> ScanReport:
    started = int(job.clock().timestamp())
    expected = job.environments.version(scanner.name)
    status, reason, given, observed = Status.SKIPPED, "the scope holds nothing for it", None, None
    cached = Cached.NO
    try:
        given = scanner.files(job.tree, job.scope)
        if given == ():
            status, reason = Status.INCOMPLETE, "nothing_given: the scope names no file of its kind"
        elif given is not None:
            observed, cached = _observe(scanner, job, given, expected)
            status, reason = _judge_reading(observed, expected)
    except ScannerFailed as failure:
        status, reason = Status.FAILED, f"{failure.failure.value}: {failure.detail}"
    except Exception as crash:  # noqa: BLE001  an adapter's bug must not lose the other reports
        status, reason = Status.FAILED, f"{Failure.CRASHED.value}: {crash!r}"
    if observed is not None:
        (job.reports_dir / f"{scanner.name}.json").write_bytes(observed.raw)
    report = _report(
        scanner.name,
        job.tree,
        observed,
        status,
        reason,
        expected,
        len(given or ()),
        started,
        int(job.clock().timestamp()),
    )
    return replace(report, present=max(report.given, _present(scanner, job)), cached=cached)


def _present(scanner: Scanner, job: _Job) -> int:
    """What the tree holds of its kind. A scanner that cannot say is not taken to have had nothing to read."""
    try:
        return len(scanner.files(job.tree, whole_tree(job.scope)) or ())
    except Exception:  # noqa: BLE001  as above: what it said before is told, and this must not hide it
        return len(job.tree.files)


def _observe(scanner: Scanner, job: _Job, given: tuple[str, ...], expected: str) -> tuple[Observation, Cached]:
    """Ask the cache for each unit and the tool for the rest, and keep what is whole."""
    split = units(scanner.name, job.tree, given) if _may_be_kept(scanner, job) else None
    if job.cache is None or split is None:
        return _run(scanner, job, given), Cached.NO
    data = job.advisories.facts if scanner.name == "pip-audit" else None
    keys = {key_of(scanner.name, unit, job.tree, job.scope, job.environments, data): unit for unit in split}
    kept = {key: found for key in keys if (found := job.cache.load(key)) is not None}
    missing = tuple(sorted(path for key, unit in keys.items() if key not in kept for path in unit.files))
    if not missing:
        report = next(iter(kept.values())).raw if len(split) == 1 else None
        whole = merged(kept.values(), {key: digest_of(part) for key, part in kept.items()}, report)
        return (whole, job.cache.origin) if whole is not None else (_run(scanner, job, given), Cached.NO)
    fresh = _run(scanner, job, missing)
    parts = {key: part_of(fresh, unit, whole=len(split) == 1) for key, unit in keys.items() if key not in kept}
    known = {path for unit in split for path in unit.files}
    unattributed = len(split) > 1 and any(item.path not in known for item in fresh.unread)
    for key, part in parts.items():
        if is_complete(part, expected) and not unattributed:
            job.cache.keep(key, replace(part, findings=redact_findings(part.findings)))
    if not kept:
        return fresh, Cached.NO
    both = merged([*kept.values(), fresh], {key: digest_of(part) for key, part in kept.items()}, fresh.raw)
    return (both, job.cache.origin) if both is not None else (_run(scanner, job, given), Cached.NO)


def _may_be_kept(scanner: Scanner, job: _Job) -> bool:
    """What a service knew at one moment is not what it knows at the next."""
    asks_a_service = scanner.name == "pip-audit" and job.advisories.facts.source is AdvisorySource.ONLINE
    return job.cache is not None and not asks_a_service


def _run(scanner: Scanner, job: _Job, given: tuple[str, ...]) -> Observation:
    """Each scanner gets a copy of exactly the files that it must read."""
    with tempfile.TemporaryDirectory(prefix=f"mintmark-{scanner.name}-") as folder:
        view, scratch = Path(folder) / "view", Path(folder) / "scratch"
        view.mkdir()
        scratch.mkdir()
        for path in given:
            (view / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(job.tree.root / path, view / path)
        observed = scanner.scan(
            Workbench(
                tree=job.tree,
                scope=job.scope,
                view=view,
                given=given,
                sandbox=Sandbox(scanner=scanner.name, scratch=scratch, environments=job.environments),
                advisories=job.advisories,
            )
        )
    return replace(observed, raw=redact_json(observed.raw))


def _judge_reading(observed: Observation, expected: str) -> tuple[Status, str]:
    """Nothing scanned is not nothing found."""
    if observed.tool_version != expected:
        return Status.FAILED, f"{Failure.WRONG_VERSION.value}: {observed.tool_version}, the lock has {expected}"
    if not observed.given:
        return Status.INCOMPLETE, "it was given nothing to read"
    if not observed.rules:
        return Status.INCOMPLETE, "it ran without a rule"
    missing = _missing(observed)
    if missing:
        return Status.INCOMPLETE, f"{len(missing)} of {len(observed.given)} were not read"
    return Status.COMPLETE, ""


def _missing(observed: Observation) -> tuple[Unread, ...]:
    """What the tool itself complains of, and what it was given and never mentions."""
    named = {item.path for item in observed.unread}
    silent = sorted(set(observed.given) - observed.read - named)
    return tuple(
        sorted({*observed.unread, *(Unread(path=path, reason="not mentioned in the report") for path in silent)})
    )


def _report(
    name: str,
    tree: Tree,
    observed: Observation | None,
    status: Status,
    reason: str,
    expected: str,
    given: int,
    started: int,
    finished: int,
) -> ScanReport:
    unread = _missing(observed) if observed else ()
    left_out = {item.path for item in unread}
    report = ScanReport(
        tool=name,
        tool_version=observed.tool_version if observed else "unknown",
        expected_version=expected,
        status=status,
        reason=reason,
        rules=observed.rules if observed else 0,
        rules_digest=observed.rules_digest if observed else _NOTHING,
        given=len(observed.given) if observed else given,
        read=len(set(observed.given) & observed.read - left_out) if observed else 0,
        present=0,
        unread=unread,
        started_at=started,
        finished_at=finished,
        tree_digest=tree.digest,
        report_digest=Sha256Hex(hashlib.sha256(observed.raw).hexdigest()) if observed else _NOTHING,
        data=observed.data if observed else None,
        findings=observed.findings if observed else (),
        isolation=observed.isolation if observed else Isolation.NONE,
    )
    return redact_report(report)


def _own_report(tree: Tree, clock: Clock) -> ScanReport:
    """Our own look at the tree: files that would have configured a scanner."""
    now = int(clock().timestamp())
    names = "\n".join(sorted(CONFIGURATION_FILES))
    report = ScanReport(
        tool="mintmark",
        tool_version=__version__,
        expected_version=__version__,
        status=Status.COMPLETE,
        reason="",
        rules=len(CONFIGURATION_FILES),
        rules_digest=Sha256Hex(hashlib.sha256(names.encode()).hexdigest()),
        given=len(tree.files) + len(tree.removed),
        read=len(tree.files) + len(tree.removed),
        present=len(tree.files) + len(tree.removed),
        unread=(),
        started_at=now,
        finished_at=now,
        tree_digest=tree.digest,
        report_digest=_NOTHING,
        data=None,
        findings=tree.removed,
        isolation=Isolation.NONE,
    )
    return redact_report(report)
