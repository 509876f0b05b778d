"""checkov's JSON, of any version: one report, or a list with one for each framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mintmark.pipelines.scan import checkov
from mintmark.pipelines.scan.imports import grading
from mintmark.pipelines.scan.imports.interface import Background, Imported
from mintmark.pipelines.scan.imports.places import TreeLook, confined, roots
from mintmark.pipelines.scan.imports.reading import items, members, optional, optional_text, parse, text, whole
from mintmark.pipelines.scan.imports.report import Understood, make
from mintmark.pipelines.scan.model import Severity, Unread
from mintmark.pipelines.scan.rules import OwnCheck, checkov_checks

_LISTS = ("failed_checks", "skipped_checks", "passed_checks")


def read_checkov(raw: bytes, background: Background) -> Imported:
    """Complete where no file had a parsing error and some check ran."""
    document = parse(raw)
    reports = [members(item, "a report") for item in (document if isinstance(document, list) else [document])]
    if not all("results" in report or "checkov_version" in report for report in reports):
        raise ValueError("neither results nor a version of checkov")
    held = [_held(report) for report in reports if "results" in report]
    unread = [
        Unread(path=_strip(text(path, "a path"), background), reason="checkov could not parse it")
        for report in held
        for path in report["results"]["parsing_errors"]
    ]
    place, own = _Place(background), {check.id: check for check in checkov_checks()}
    checks = [check for report in held for name in _LISTS for check in report["results"][name]]
    read = {place(check) for check in checks} - {item.path for item in unread}
    done = Understood(
        tool="checkov",
        version=next(filter(None, map(_version, reports)), ""),
        rules=[text(check["check_id"], "check_id") for check in checks],
        given=len(read | {item.path for item in unread}),
        read=len(read),
        unread=unread,
        doubts=[*_left_out(held), *([] if read else ["it read no file"])],
        findings=checkov.findings(held, place, lambda check: _grade(check, own), own),
    )
    return Imported(reports=(make(done, background),))


def _held(report: Any) -> dict[str, Any]:
    """The lists of a report, each there; `--quiet` leaves what passed out."""
    results = members(report["results"], "results")
    checks = {name: [_check(item) for item in items(results.get(name), name)] for name in _LISTS}
    errors = items(results["parsing_errors"], "parsing errors")
    return {"results": {**checks, "parsing_errors": errors}, "summary": optional(report.get("summary"), "summary")}


_COUNTED = {"failed": "failed_checks", "skipped": "skipped_checks", "parsing_errors": "parsing_errors"}


def _left_out(held: Sequence[Mapping[str, Any]]) -> list[str]:
    """A summary that counts more than its lists hold: somebody took something out. What passed may be left out."""
    found = []
    for report in held:
        for name, listed in _COUNTED.items():
            counted, told = whole(report["summary"].get(name), name), len(report["results"][listed])
            found += [f"it counts {counted} {name} and tells {told}"] if counted > told else []
    return found


def _check(item: Any) -> dict[str, Any]:
    check = members(item, "a check")
    first, last = (whole(line, "a line") for line in check["file_line_range"])
    return {
        "check_id": text(check["check_id"], "check_id"),
        "check_name": optional_text(check.get("check_name"), "check_name") or text(check["check_id"], "check_id"),
        "resource": text(check["resource"], "a resource"),
        "file_line_range": [first, last],
        "severity": check.get("severity"),
        "paths": [optional_text(check.get(name), name) for name in ("file_abs_path", "repo_file_path", "file_path")],
    }


def _version(report: Any) -> str:
    summary = optional(report.get("summary"), "summary")
    return optional_text(summary.get("checkov_version") or report.get("checkov_version"), "checkov_version")


class _Place:
    """The path of a check: the absolute one where its root is known, else the one below the folder that was scanned."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._tree = None if background.tree is None else TreeLook(tree=background.tree)

    def __call__(self, check: dict[str, Any]) -> str:
        absolute, *below = check["paths"]
        known = any(absolute.startswith(root.rstrip("/") + "/") for root in roots(self._background))
        path = _strip(absolute if known else next(filter(None, below), ""), self._background)
        if self._tree is not None:
            self._tree.require(path)
        return path


def _strip(path: str, background: Background) -> str:
    """checkov writes paths below the folder that it scanned with a slash before them."""
    known = any(path.startswith(root.rstrip("/") + "/") for root in roots(background))
    return confined(path if known else path.removeprefix("/"), roots(background))


def _grade(check: dict[str, Any], own: Mapping[str, OwnCheck]) -> tuple[Severity, str]:
    """A platform's word beside our table, which knows our own checks; without an account checkov has none."""
    graded = [checkov.by_table(check, own)]
    if check["severity"] is not None:
        graded.append(grading.of_word(check["severity"], "severity"))
    return grading.worst(graded)
