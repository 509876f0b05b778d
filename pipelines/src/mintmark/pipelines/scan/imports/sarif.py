"""
SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/): a report for each run in the file.

What a tool or a platform took back counts all the same: a suppressed result is a finding that is marked, an unchanged
one is a finding. Only `baselineState: absent` is left out, for it says that there is nothing there any more, and so is
a result of kind `pass` or `notApplicable` that states no severity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mintmark.pipelines.scan.imports.bandit import doubts_of
from mintmark.pipelines.scan.imports.interface import Background, Imported
from mintmark.pipelines.scan.imports.reading import items, members, moment, optional, optional_text, parse, text
from mintmark.pipelines.scan.imports.report import Understood, make, tool_name
from mintmark.pipelines.scan.imports.sarif_places import Places
from mintmark.pipelines.scan.imports.sarif_results import read_results
from mintmark.pipelines.scan.imports.sarif_rules import Rules
from mintmark.pipelines.scan.model import ScanReport, Unread

# as tools call themselves → as we call them
_NAMES = {"semgrep-oss": "semgrep", "semgrep-pro": "semgrep"}


def read_sarif(raw: bytes, background: Background) -> Imported:
    """
    Complete where each invocation says that it succeeded, and no tool notification is an error.

    A run without invocations, without a list of results, or with results kept elsewhere does not show that it came to
    its end, and one without results and rules does not show that it did anything.
    """
    document = members(parse(raw), "the report")
    if document.get("version") != "2.1.0":
        raise ValueError(f"version {str(document.get('version'))[:40]!r} is not 2.1.0")
    runs = items(document["runs"], "runs")
    if not runs:
        raise ValueError("it holds no run")
    elsewhere = bool(document.get("inlineExternalProperties"))
    return Imported(
        reports=tuple(_run(members(run, "a run"), background, elsewhere=elsewhere) for run in runs),
    )


def _run(run: Mapping[str, Any], background: Background, *, elsewhere: bool) -> ScanReport:
    tool = members(run["tool"], "a tool")
    driver = members(tool["driver"], "a driver")
    name = tool_name(text(driver["name"], "the name of a driver"))
    name = _NAMES.get(name, name)
    invocations = [members(item, "an invocation") for item in items(run.get("invocations"), "invocations")]
    places = Places.of(run, background)
    rules = Rules.of(tool, invocations)
    findings, named = read_results(run, name, rules, places)
    read = places.targets() | named
    doubts, unread = _doubts(run, invocations, rules, places, elsewhere=elsewhere)
    left = {item.path for item in unread}
    done = Understood(
        tool=name,
        version=next(
            (
                text(driver[key], key)
                for key in ("semanticVersion", "version", "dottedQuadFileVersion")
                if key in driver
            ),
            "",
        ),
        rules=rules.ids,
        given=len(read | left),
        read=len(read - left),
        unread=unread,
        doubts=[*doubts, *_revision(run, background)],
        started_at=min(filter(None, _moments(invocations, "startTimeUtc")), default=0),
        finished_at=max(_moments(invocations, "endTimeUtc"), default=0),
        findings=findings,
    )
    return make(done, background)


def _doubts(
    run: Mapping[str, Any], invocations: list[Mapping[str, Any]], rules: Rules, places: Places, *, elsewhere: bool
) -> tuple[list[str], list[Unread]]:
    """Why the run does not count as complete, and which files it complains of."""
    doubts: list[str] = []
    unread: list[Unread] = []
    if not invocations:
        doubts.append("it does not say that the tool came to its end")
    if not isinstance(run.get("results"), list):
        doubts.append("it has no list of results")
    elif not run["results"] and not rules.ids:
        doubts.append("no result and no rule: it does not show that anything was looked for")
    if elsewhere or run.get("externalPropertyFileReferences"):
        doubts.append("parts of it are in other files")
    doubts += doubts_of(_totals(run), told=len(items(run.get("results"), "results")))
    for invocation in invocations:
        if invocation.get("executionSuccessful") is not True:
            doubts.append("an invocation does not say that it succeeded")
        if invocation.get("exitSignalName") or invocation.get("processStartFailureMessage"):
            doubts.append("the tool's process was ended or did not start")
        for kind in ("toolExecutionNotifications", "toolConfigurationNotifications"):
            errors = [note for item in items(invocation.get(kind), kind) if _is_error(note := members(item, kind))]
            doubts += [f"{len(errors)} {kind} are errors"] if errors else []
            unread += [Unread(path=path, reason="the tool complains of it") for path in _complained(errors, places)]
    return doubts, unread


def _totals(run: Mapping[str, Any]) -> Mapping[str, Any]:
    """bandit keeps count of what it left out, among the properties of the run."""
    metrics = optional(optional(run.get("properties"), "properties").get("metrics"), "metrics")
    return optional(metrics.get("_totals"), "totals")


def _is_error(notification: Mapping[str, Any]) -> bool:
    """The level is `warning` where there is none (§3.58.6); what is no level counts as an error."""
    return notification.get("level", "warning") not in ("none", "note", "warning")


def _complained(errors: list[Mapping[str, Any]], places: Places) -> list[str]:
    where = (members(place, "a location") for error in errors for place in items(error.get("locations"), "locations"))
    return [place.path for item in where if (place := places.of_location(item)).path]


def _revision(run: Mapping[str, Any], background: Background) -> list[str]:
    """A run that names its commit must name ours (§3.14.7, `versionControlProvenance`)."""
    named = [members(item, "a revision") for item in items(run.get("versionControlProvenance"), "revisions")]
    revisions = {optional_text(item.get("revisionId"), "a revision") for item in named} - {""}
    if not background.commit or not revisions or background.commit in revisions:
        return []
    return [f"it is of commit {min(revisions)[:40]}, and not of {background.commit}"]


def _moments(invocations: list[Mapping[str, Any]], key: str) -> list[int]:
    return [moment(optional_text(item.get(key), key)) for item in invocations]
