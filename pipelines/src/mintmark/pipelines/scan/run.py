"""Runs the scanners side by side, and compares what each read with what it was given."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mintmark.pipelines.scan.advisories import Advisories
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
from mintmark.pipelines.scan.model import Isolation, ScanReport, Sha256Hex, Status, Unread
from mintmark.pipelines.scan.redaction import redact_json, redact_report
from mintmark.pipelines.scan.registry import SCANNERS
from mintmark.pipelines.scan.sandbox import Sandbox
from mintmark.pipelines.version import __version__

Clock = Callable[[], datetime]
_NOTHING = Sha256Hex(hashlib.sha256(b"").hexdigest())


def scan_release(
    tree: Tree,
    scope: ScanScope,
    environments: ToolEnvironments,
    advisories: Advisories,
    reports_dir: Path,
    clock: Clock,
    *,
    scanners: Sequence[Scanner] = SCANNERS,
) -> list[ScanReport]:
    """One report a scanner, by name, and ours of the tree itself; raw reports are kept in `reports_dir`."""
    reports_dir.mkdir(parents=True, exist_ok=True)

    def one(scanner: Scanner) -> ScanReport:
        return _scan(scanner, tree, scope, environments, advisories, reports_dir, clock)

    with ThreadPoolExecutor(max_workers=max(os.cpu_count() or 1, 2)) as pool:
        reports = list(pool.map(one, scanners))
    tree.verify()
    return sorted([*reports, _own_report(tree, clock)], key=lambda report: report.tool)


def _scan(
    scanner: Scanner,
    tree: Tree,
    scope: ScanScope,
    environments: ToolEnvironments,
    advisories: Advisories,
    reports_dir: Path,
    clock: Clock,
) -> ScanReport:
    started = int(clock().timestamp())
    expected = environments.versions.get(scanner.name, "")
    status, reason, given, observed = Status.SKIPPED, "the scope holds nothing for it", None, None
    try:
        given = scanner.files(tree, scope)
        if given == ():
            status, reason = Status.INCOMPLETE, "nothing_given: the scope names no file of its kind"
        elif given is not None:
            with tempfile.TemporaryDirectory(prefix=f"mintmark-{scanner.name}-") as folder:
                bench = _bench(scanner, tree, scope, environments, advisories, Path(folder), given)
                observed = scanner.scan(bench)
                observed = replace(observed, raw=redact_json(observed.raw))
                status, reason = _judge_reading(observed, expected)
    except ScannerFailed as failure:
        status, reason = Status.FAILED, f"{failure.failure.value}: {failure.detail}"
    except Exception as crash:  # noqa: BLE001  an adapter's bug must not lose the other reports
        status, reason = Status.FAILED, f"{Failure.CRASHED.value}: {crash!r}"
    if observed is not None:
        (reports_dir / f"{scanner.name}.json").write_bytes(observed.raw)
    report = _report(
        scanner.name,
        tree,
        observed,
        status,
        reason,
        expected,
        len(given or ()),
        started,
        int(clock().timestamp()),
    )
    return replace(report, present=max(report.given, len(scanner.files(tree, whole_tree(scope)) or ())))


def _bench(
    scanner: Scanner,
    tree: Tree,
    scope: ScanScope,
    environments: ToolEnvironments,
    advisories: Advisories,
    folder: Path,
    given: tuple[str, ...],
) -> Workbench:
    """Each scanner gets a copy of exactly the files that it must read."""
    view, scratch = folder / "view", folder / "scratch"
    view.mkdir()
    scratch.mkdir()
    for path in given:
        (view / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tree.root / path, view / path)
    return Workbench(
        tree=tree,
        scope=scope,
        view=view,
        given=given,
        sandbox=Sandbox(scanner=scanner.name, scratch=scratch, environments=environments),
        advisories=advisories,
    )


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
