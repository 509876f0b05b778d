"""zizmor over GitHub workflows, actions and Dependabot's configuration, offline; ignore comments are only marked."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import PurePosixPath
from typing import Any

from mintmark.pipelines.scan import fingerprint, severity
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.flagged import require_given
from mintmark.pipelines.scan.interface import Failure, Observation, ScannerFailed, ScanScope, Workbench, whole_tree
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Isolation, Sha256Hex, Unread
from mintmark.pipelines.scan.sandbox import parse_json
from mintmark.pipelines.scan.scope import below

TIMEOUT_S = 120
# What it tells beside its report: the audits that it runs, the files that it is done with, and what went wrong in them.
_SCHEDULED = re.compile(r"^DEBUG audit: zizmor: scheduling (\S+) on file://", re.MULTILINE)
_COMPLETED = re.compile(r"^ INFO audit: zizmor: \S+ completed (.+)$", re.MULTILINE)
_GAVE_UP = re.compile(r'^ *(?:WARN|ERROR) audit:audit\{ident="([^"]+)" input=\w+\(file://(.+?)\)\}', re.MULTILINE)
_NOT_LOADED = re.compile(
    r"^(?:error: )?failed to load file://(.+) as (?:workflow|action|dependabot config)$", re.MULTILINE
)


class ZizmorScanner:
    name = "zizmor"

    def files(self, tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:
        """Nothing where the whole tree holds none; a scope that misses those that there are is another matter."""
        if not scope.workflows:
            return None
        given = below(tree, scope.workflows, _is_workflow)
        return given if given or below(tree, whole_tree(scope).workflows, _is_workflow) else None

    def scan(self, bench: Workbench) -> Observation:
        """
        A file counts as read when zizmor says that it is done with it and none of its audits gave up in it.

        One file that does not load ends the whole run; then zizmor runs again without that file, which stays unread.
        """
        sandbox = bench.sandbox
        program = str(sandbox.tool("zizmor"))
        version = sandbox.run([program, "--version"], cwd=sandbox.scratch, timeout_s=60).stdout.decode().split()
        unread = {path: "its name would fall apart in a report" for path in bench.given if not path.isprintable()}
        said, isolation = "", Isolation.NONE
        while left := [path for path in bench.given if path not in unread]:
            outcome = sandbox.run(_command(program, left), cwd=bench.view, timeout_s=TIMEOUT_S)
            said, isolation = outcome.stderr.decode(errors="replace"), outcome.isolation
            broken = {_path(path) for path in _NOT_LOADED.findall(said)} & set(left)
            if outcome.stdout or not broken:
                break
            unread |= dict.fromkeys(broken, "zizmor could not load it")
        results = parse_json(self.name, sandbox.read_report(sandbox.scratch / "stdout")) if left else []
        unread |= {_path(path): f"{audit} gave up in it" for audit, path in _GAVE_UP.findall(said)}
        audits = sorted(set(_SCHEDULED.findall(said)))
        try:
            return Observation(
                tool_version=version[-1] if version else "unknown",
                rules=len(audits),
                rules_digest=Sha256Hex(hashlib.sha256("\n".join(audits).encode()).hexdigest()),
                given=bench.given,
                read=frozenset(map(_path, _COMPLETED.findall(said))) - unread.keys(),
                unread=tuple(Unread(path=path, reason=reason) for path, reason in sorted(unread.items())),
                findings=_findings(results, bench),
                isolation=isolation,
                raw=_redacted(results),
            )
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as cause:
            raise ScannerFailed(self.name, Failure.REPORT_INVALID, f"not of zizmor's schema: {cause!r}") from cause


def _command(program: str, paths: list[str]) -> list[str]:
    return [
        program,
        *("--offline", "--no-config", "--no-ignores", "--strict-collection", "--collect", "all"),
        *("--format", "json-v1", "--verbose", "--no-progress", "--color", "never"),
        "--",
        *(f"./{path}" for path in paths),
    ]


def _is_workflow(path: str) -> bool:
    """By name, as GitHub goes by it."""
    parts = PurePosixPath(path).parts
    if not path.endswith((".yml", ".yaml")):
        return False
    if parts[-3:-1] == (".github", "workflows") or parts[-1] in {"action.yml", "action.yaml"}:
        return True
    return parts[-2:-1] == (".github",) and parts[-1] in {"dependabot.yml", "dependabot.yaml"}


def _findings(results: list[dict[str, Any]], bench: Workbench) -> tuple[Finding, ...]:
    occurrences = fingerprint.Occurrences()
    found = [(item, _primary(item)) for item in results]
    ordered = sorted(found, key=lambda pair: (_place(pair[1]), str(pair[0]["ident"])))
    return tuple(_finding(item, primary, bench, occurrences) for item, primary in ordered)


def _primary(item: dict[str, Any]) -> dict[str, Any]:
    """The place that a finding is about; the others explain it."""
    primary: dict[str, Any] = next(
        (place for place in item["locations"] if place["symbolic"]["kind"] == "Primary"), item["locations"][0]
    )
    return primary


def _place(location: dict[str, Any]) -> tuple[str, int, int]:
    start = location["concrete"]["location"]["offset_span"]["start"]
    return _path_of(location), int(location["concrete"]["location"]["start_point"]["row"]) + 1, int(start)


def _finding(
    item: dict[str, Any], primary: dict[str, Any], bench: Workbench, occurrences: fingerprint.Occurrences
) -> Finding:
    rule, (path, line, _) = str(item["ident"]), _place(primary)
    require_given(bench, path)
    route, suppressed = _route(primary), item["ignored"]
    if not isinstance(suppressed, bool):
        raise TypeError("ignored is yes or no")
    judged = item["determinations"]
    return Finding(
        tool="zizmor",
        rule=rule,
        title=str(item["desc"]),
        category=Category.WORKFLOW,
        severity=severity.of_word(str(judged["severity"])),
        severity_origin=severity.TABLE,
        confidence=_confidence(str(judged["confidence"])),
        fingerprint=fingerprint.workflow(rule, path, route, occurrences.next(rule, path, route)),
        message=fingerprint.collapse(f"{item['desc']}: {primary['symbolic']['annotation']}"),
        path=path,
        line=line,
        end_line=max(int(primary["concrete"]["location"]["end_point"]["row"]) + 1, line),
        resource=route,
        suppressed_inline=suppressed,
    )


def _confidence(word: str) -> Confidence:
    """What zizmor is not sure how sure it is of counts as sure."""
    try:
        return Confidence(word.lower())
    except ValueError:
        return Confidence.HIGH


def _route(location: dict[str, Any]) -> str:
    """The way through the YAML, as in `jobs.build.steps.2.run`; empty for the whole document."""
    steps = location["symbolic"]["route"]["route"]
    return ".".join(str(value) for step in steps for value in step.values())


def _path_of(location: dict[str, Any]) -> str:
    return _path(str(location["symbolic"]["key"]["Local"]["verbatim_path"]))


def _path(path: str) -> str:
    return path.removeprefix("./")


def _redacted(results: list[dict[str, Any]]) -> bytes:
    """What is on the list, and no source text."""
    kept = [
        {
            "ident": item["ident"],
            "desc": item["desc"],
            "determinations": {key: item["determinations"].get(key) for key in ("confidence", "severity", "persona")},
            "ignored": item["ignored"],
            "path": _path_of(_primary(item)),
            "route": _route(_primary(item)),
            "line": _place(_primary(item))[1],
        }
        for item in results
    ]
    return json.dumps(kept, sort_keys=True).encode()
