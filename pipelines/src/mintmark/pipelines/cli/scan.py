"""`mintmark scan`: what the scanners say of a commit, or what reports made elsewhere say. It judges nothing."""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mintmark.pipelines.build.checkout import head_commit
from mintmark.pipelines.cli.output import add_outputs, talk, write_outputs
from mintmark.pipelines.configuration import load_project
from mintmark.pipelines.errors import ExitCode, UsageError, nearest
from mintmark.pipelines.gate.plain import visible
from mintmark.pipelines.gather import scope_of
from mintmark.pipelines.locations import locate
from mintmark.pipelines.scan.advisories import open_advisories
from mintmark.pipelines.scan.cache import ScanCache
from mintmark.pipelines.scan.environments import install_tools
from mintmark.pipelines.scan.export import export_tree, read_tree
from mintmark.pipelines.scan.imports import READERS, Background, Imported, read_report, reader_of
from mintmark.pipelines.scan.imports.interface import SuiteResult
from mintmark.pipelines.scan.imports.reading import read_file, read_stream
from mintmark.pipelines.scan.interface import Scanner
from mintmark.pipelines.scan.model import Finding, ScanReport, Severity, Status
from mintmark.pipelines.scan.registry import SCANNERS
from mintmark.pipelines.scan.run import scan_release
from mintmark.pipelines.scan.sarif import sarif_of, worst_first

SCHEMA = "https://mintmark.dev/scan-reports/v1"
SHOWN = 50
OWN = "mintmark"  # our own look at the tree, beside the scanners'


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    found = _imported(options) if options.reports else _scanned(options)
    write_outputs(
        options,
        {
            "human": lambda: _human(found),
            "json": lambda: _json(found),
            "sarif": lambda: json.dumps(sarif_of(found.reports), indent=2, sort_keys=True) + "\n",
            "csv": lambda: _csv(found.reports),
        },
    )
    told = all(report.status in {Status.COMPLETE, Status.SKIPPED} for report in found.reports)
    return int(ExitCode.OK if told and all(test.ran for test in found.tests) else ExitCode.INCOMPLETE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark scan", description=__doc__)
    parser.add_argument("--source", type=Path, default=Path(), metavar="DIR", help="the checkout to scan (default: .)")
    parser.add_argument(
        "--commit", metavar="REV", help="the commit to scan, or that reports must be of (default: HEAD)"
    )
    parser.add_argument("--no-cache", action="store_true", help="scan every file, whatever was kept")
    parser.add_argument("--only", action="append", default=[], metavar="TOOL", help="this scanner alone; repeatable")
    parser.add_argument(
        "--advisories", default="snapshot", metavar="SOURCE", help="snapshot, online, or the path of an OSV export"
    )
    parser.add_argument(
        "--from",
        dest="reports",
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help=f"read a report instead, - for stdin; repeatable. Formats: {', '.join(READERS)}",
    )
    parser.add_argument(
        "--tree",
        type=Path,
        metavar="DIR",
        help="the source that reports speak of, a checkout or any folder; with --from",
    )
    parser.add_argument(
        "--root", default="", metavar="DIR", help="what absolute paths in reports begin with; with --from"
    )
    add_outputs(parser, ("human", "json", "sarif", "csv"))
    return parser


def _imported(options: argparse.Namespace) -> Imported:
    """Read every report, or refuse: a run with one report less than was asked for would look like a whole one."""
    if options.only:
        raise UsageError("--only is for our own scanners", reason="usage", remedy="leave out --only or --from")
    wanted = [_wanted(text) for text in options.reports]
    if [file for _, file in wanted].count("-") > 1:
        raise UsageError("stdin was named twice", reason="usage", remedy="write one of the reports to a file")
    with _source(options) as background:
        found = [_read(name, file, background) for name, file in wanted]
    return Imported(
        reports=tuple(report for item in found for report in item.reports),
        tests=tuple(test for item in found for test in item.tests),
    )


@contextmanager
def _source(options: argparse.Namespace) -> Iterator[Background]:
    """The source that reports speak of: a checkout counts as its commit, as it does when it is scanned or shipped."""
    commit, folder = _commit(options), options.tree
    if folder is None:
        yield Background(root=options.root, commit=commit)
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", reason="unreadable", remedy="name the source with --tree")
    root = options.root or str(folder.absolute())
    if not (folder / ".git").exists():
        yield Background(tree=read_tree(folder), root=root, commit=commit)
        return
    with tempfile.TemporaryDirectory(prefix="mintmark-source-") as scratch:
        tree = export_tree(folder, options.commit or head_commit(folder).id, ["."], Path(scratch) / "tree")
        yield Background(tree=tree, root=root, commit=tree.commit)


def _wanted(text: str) -> tuple[str, str]:
    name, _, file = text.partition("=")
    reader_of(name)
    if not file:
        raise UsageError(f"--from {text}: no file", reason="usage", remedy="write --from FORMAT=FILE, or FORMAT=-")
    return name, file


def _read(name: str, file: str, background: Background) -> Imported:
    raw = read_stream(sys.stdin.buffer, "stdin") if file == "-" else read_file(Path(file))
    return read_report(name, raw, background, name="stdin" if file == "-" else file)


def _commit(options: argparse.Namespace) -> str:
    """The commit that reports must be of: the one that was named, or the one that is checked out, if any is."""
    if options.commit is None:
        try:
            return head_commit(options.source).id
        except UsageError:
            return ""
    if not re.fullmatch(r"[0-9a-f]{40}", options.commit):
        raise UsageError(
            f"{options.commit!r} is not a whole commit id", reason="no_commit", remedy="give all 40 digits with --from"
        )
    return str(options.commit)


def _scanned(options: argparse.Namespace) -> Imported:
    """Run our scanners on a commit, as a release is scanned."""
    if options.tree is not None or options.root:
        raise UsageError("--tree and --root are for --from", reason="usage", remedy="name the checkout with --source")
    source = options.source.resolve()
    project = load_project(source)
    chosen = [_chosen(name) for name in dict.fromkeys(options.only) if name != OWN]
    locations = locate(Path.cwd())
    head = head_commit(source)
    if head.dirty and options.commit is None:
        talk("note", f"{head.dirty} uncommitted changes are not scanned")
    environments = install_tools(lambda text: talk("tools", text))
    advisories = open_advisories(options.advisories, cache=locations.cache)
    with tempfile.TemporaryDirectory(prefix="mintmark-source-") as folder:
        tree = export_tree(source, options.commit or head.id, ["."], Path(folder) / "tree")
        reports = scan_release(
            tree,
            scope_of(project),
            environments,
            advisories,
            locations.reports / str(uuid.uuid4()),
            lambda: datetime.now(UTC),
            scanners=chosen if options.only else SCANNERS,
            cache=None if options.no_cache else ScanCache(folder=locations.scans),
        )
    return Imported(reports=tuple(item for item in reports if not options.only or item.tool in options.only))


def _chosen(name: str) -> Scanner:
    names = {scanner.name: scanner for scanner in SCANNERS}
    if name not in names:
        raise UsageError(
            f"there is no scanner {name!r}{nearest(name, names)}",
            reason="unknown_tool",
            remedy=f"use one of {', '.join(sorted([*names, OWN]))}",
        )
    return names[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line of the summary, its cells as they are shown."""

    tool: str
    status: str
    read: str
    findings: str


def _human(found: Imported) -> str:
    lines = [*_table(found.reports), *map(_test_line, found.tests)]
    findings = worst_first([finding for report in found.reports for finding in report.findings])
    if findings:
        lines += ["", *map(_finding_line, findings[:SHOWN])]
    if len(findings) > SHOWN:
        lines.append(f"… and {len(findings) - SHOWN} more; -o json has them all")
    return "\n".join(lines) + "\n"


def _table(reports: Sequence[ScanReport]) -> list[str]:
    rows = [_row(report) for report in reports]
    widths = [max((len(cell) for cell in column), default=0) for column in zip(*map(_cells, rows), strict=True)]
    lines: list[str] = []
    for row, report in zip(rows, reports, strict=True):
        cells = zip(_cells(row), widths, strict=True)
        lines.append("   ".join(cell.ljust(width) for cell, width in cells).rstrip())
        lines += [f"  {visible(report.reason)}"] if report.reason else []
        lines += [f"  unread  {visible(item.path)}: {visible(item.reason)}" for item in report.unread[:SHOWN]]
    return lines


def _row(report: ScanReport) -> _Row:
    counted = dict.fromkeys(Severity, 0)
    for finding in report.findings:
        counted[finding.severity] += 1
    said = ", ".join(f"{count} {severity.value}" for severity, count in counted.items() if count)
    return _Row(
        tool=visible(f"{report.tool} {report.tool_version}"),
        status=report.status.value if report.means == "run" else f"{report.status.value} ({report.means.value})",
        read=f"{report.read} of {report.given} read",
        findings=said or "no findings",
    )


def _cells(row: _Row) -> tuple[str, str, str, str]:
    return row.tool, row.status, row.read, row.findings


def _test_line(test: SuiteResult) -> str:
    counts = f"{test.passed} passed, {test.failed} failed, {test.skipped} skipped"
    return f"tests {visible(test.suite)}   {test.result.value}   {counts}"


def _finding_line(finding: Finding) -> str:
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    what = f"{finding.package} {finding.version}".strip() or finding.resource
    shown = [finding.severity.value.ljust(8), finding.tool, finding.rule, place, what, finding.title]
    marked = "   suppressed in the source" if finding.suppressed_inline else ""
    return "  ".join(visible(text, limit=120) for text in shown if text) + f"   {finding.fingerprint}{marked}"


def _json(found: Imported) -> str:
    document = {
        "schema": SCHEMA,
        "reports": [report.to_json() for report in found.reports],
        "tests": [test.to_json() for test in found.tests],
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


_COLUMNS = (
    *("tool", "rule", "severity", "confidence", "category", "path", "line", "end_line", "resource", "package"),
    *("version", "fixed_in", "aliases", "cwe", "suppressed_inline", "fingerprint", "title", "message"),
)


def _csv(reports: Iterable[ScanReport]) -> str:
    """RFC 4180, a line a finding."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(_COLUMNS)
    for report in reports:
        for finding in worst_first(report.findings):
            document = finding.to_json()
            table.writerow([_cell(document[name]) for name in _COLUMNS])
    return written.getvalue()


def _cell(value: object) -> str:
    """A spreadsheet runs what begins like a formula; an apostrophe makes it a text."""
    text = visible(" ".join(map(str, value)) if isinstance(value, list) else str(value), limit=2000)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
