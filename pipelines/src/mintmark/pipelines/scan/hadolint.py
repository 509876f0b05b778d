"""hadolint over Dockerfiles and the shell in them; its pragmas are not obeyed, and what they would hide is marked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mintmark.pipelines.scan import fingerprint, severity
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.flagged import flagged_lines
from mintmark.pipelines.scan.interface import Failure, Observation, ScannerFailed, ScanScope, Workbench, whole_tree
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Isolation, Sha256Hex, Unread
from mintmark.pipelines.scan.sandbox import parse_json
from mintmark.pipelines.scan.scope import below, is_image_build

TIMEOUT_S = 60
_NOT_PARSED = "DL1000"
# `--disable-ignore-pragma` leaves two ways to switch checks off: naming a shell that is not looked into, and
# ShellCheck's own directives in a here-document, where they may stand behind a `then` or a `{` as well. So the words
# themselves are taken out of the copy, by others of their length, for a finding says in which column it is.
_PRAGMA = re.compile(r"(?im)(^\s*#.*?\b|#[ \t]*)(hadolint|shellcheck)\b")
_WITH_VALUES = re.compile(r"(?i)\s*(?:ONBUILD\s+)?(ENV|ARG|LABEL)\b")  # what they set may be a secret

_Result = dict[str, Any]


class HadolintScanner:
    name = "hadolint"

    def files(self, tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:
        """Nothing where the whole tree holds none; a scope that misses those that there are is another matter."""
        if not scope.iac:
            return None
        given = below(tree, scope.iac, is_image_build)
        return given if given or below(tree, whole_tree(scope).iac, is_image_build) else None

    def scan(self, bench: Workbench) -> Observation:
        """
        Each file twice: without its pragmas, and as it stands. What only the first run finds was silenced.

        One file a run, for a report names only files with findings, and an empty one would not say what was read.
        """
        sandbox = bench.sandbox
        program = sandbox.tool("hadolint")
        said = sandbox.run([str(program), "--version"], cwd=sandbox.scratch, timeout_s=60).stdout.decode().split()
        config = sandbox.scratch / "hadolint.yaml"
        config.write_text("{}\n", encoding="utf-8")
        codes = _codes(program)
        reports: dict[str, list[_Result]] = {}
        isolation = Isolation.NONE
        try:
            for number, path in enumerate(bench.given):
                isolation, reports[path] = _lint(bench, program, config, path, number)
            unread = {path: reason for path, results in reports.items() if (reason := _left_unread(results))}
            return Observation(
                tool_version=said[-1] if said else "unknown",
                rules=len(codes),
                rules_digest=Sha256Hex(hashlib.sha256("\n".join(codes).encode()).hexdigest()),
                given=bench.given,
                read=frozenset(reports) - unread.keys(),
                unread=tuple(Unread(path=path, reason=reason) for path, reason in sorted(unread.items())),
                findings=_findings(reports, bench),
                isolation=isolation,
                raw=_redacted(reports),
            )
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as cause:
            raise ScannerFailed(self.name, Failure.REPORT_INVALID, f"not of hadolint's schema: {cause!r}") from cause


def _codes(program: Path) -> list[str]:
    """The rules that are compiled in: hadolint has no flag that lists them."""
    return sorted({code.decode() for code in re.findall(rb"\bDL[0-9]{4}\b", program.read_bytes())})


def _lint(bench: Workbench, program: Path, config: Path, path: str, number: int) -> tuple[Isolation, list[_Result]]:
    """What was found in one file, each with whether a pragma there would have hidden it."""
    sandbox = bench.sandbox
    bare, plain = sandbox.scratch / f"{number}.bare", sandbox.scratch / f"{number}.plain"
    content = (bench.view / path).read_bytes()
    bare.write_bytes(_PRAGMA.sub(_blotted, content.decode("latin-1")).encode("latin-1"))
    plain.write_bytes(content)
    answers: list[list[_Result]] = []
    isolation = Isolation.NONE
    for given, options in ((bare, ["--disable-ignore-pragma"]), (plain, [])):
        report = given.with_suffix(f"{given.suffix}.json")
        outcome = sandbox.run(
            [str(program), "-c", str(config), *options, "-f", "json", "-o", str(report), str(given)],
            cwd=sandbox.scratch,
            timeout_s=TIMEOUT_S,
        )
        isolation = outcome.isolation
        answers.append(_results(parse_json(sandbox.scanner, sandbox.read_report(report)), given))
    told = {_key(result) for result in answers[1]}
    return isolation, [result | {"silenced": _key(result) not in told} for result in answers[0]]


def _blotted(pragma: re.Match[str]) -> str:
    return pragma[1] + "x" * len(pragma[2])


def _results(document: Any, given: Path) -> list[_Result]:
    """Raise `ValueError` for what speaks of another file than the one that was given."""
    results: list[_Result] = list(document)
    if not isinstance(document, list) or any(result["file"] != str(given) for result in results):
        raise ValueError("not a list of findings in the file that was given")
    return results


def _key(result: _Result) -> tuple[str, int, int]:
    return str(result["code"]), int(result["line"]), int(result["column"])


def _left_unread(results: list[_Result]) -> str:
    """Of the code and the place alone: the message quotes the source."""
    return next((f"not a Dockerfile from line {int(r['line'])} on" for r in results if r["code"] == _NOT_PARSED), "")


def _findings(reports: dict[str, list[_Result]], bench: Workbench) -> tuple[Finding, ...]:
    occurrences = fingerprint.Occurrences()
    return tuple(
        _finding(result, path, bench, occurrences)
        for path, results in sorted(reports.items())
        for result in sorted(results, key=lambda item: (int(item["line"]), int(item["column"]), str(item["code"])))
        if result["code"] != _NOT_PARSED
    )


def _finding(result: _Result, path: str, bench: Workbench, occurrences: fingerprint.Occurrences) -> Finding:
    rule, first = str(result["code"]), int(result["line"])
    last = _last_line((bench.view / path).read_text(encoding="utf-8", errors="replace").split("\n"), first)
    text = flagged_lines(bench, path, first, last).text
    values = _WITH_VALUES.match(text)
    flagged = fingerprint.collapse(values[1].upper() if values else text)
    return Finding(
        tool="hadolint",
        rule=rule,
        title=fingerprint.collapse(str(result["message"]))[:200],
        category=Category.IAC,
        severity=severity.of_hadolint(str(result["level"])),
        severity_origin=severity.TABLE,
        confidence=Confidence.HIGH,
        fingerprint=fingerprint.code("hadolint", rule, path, flagged, occurrences.next(rule, path, flagged)),
        message=fingerprint.collapse(str(result["message"])),
        path=path,
        line=first,
        end_line=last,
        resource=text.split()[0].upper() if text.split() else "",
        suppressed_inline=bool(result["silenced"]),
    )


def _last_line(lines: Sequence[str], first: int) -> int:
    """The end of an instruction that goes on over several lines, as Docker continues it: comments do not end it."""
    last = first
    while last < len(lines) and (lines[last - 1].rstrip().endswith("\\") or _is_aside(lines, first, last)):
        last += 1
    return last


def _is_aside(lines: Sequence[str], first: int, last: int) -> bool:
    return last > first and lines[last - 1].lstrip().startswith("#")


_KEPT = ("code", "level", "line", "column", "message", "silenced")


def _redacted(reports: dict[str, list[_Result]]) -> bytes:
    """What is on the list, and no path of this machine."""
    kept = {path: [{key: result[key] for key in _KEPT} for result in results] for path, results in reports.items()}
    return json.dumps({"read": sorted(reports), "results": kept}, sort_keys=True).encode()
