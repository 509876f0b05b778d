"""checkov, with checks of ours, over Terraform, Dockerfiles and Kubernetes, offline; `checkov:skip` is marked only."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from mintmark.pipelines.scan import fingerprint, severity
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.flagged import require_given
from mintmark.pipelines.scan.interface import Failure, Observation, ScannerFailed, ScanScope, Workbench
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Isolation, Severity, Sha256Hex, Unread
from mintmark.pipelines.scan.rules import OwnCheck, checkov_checks
from mintmark.pipelines.scan.sandbox import parse_json
from mintmark.pipelines.scan.scope import below, is_image_build

TIMEOUT_S = 300
FRAMEWORKS = ("terraform", "dockerfile", "github_actions", "kubernetes")
_DRIVER = Path(__file__).parent / "toolchain" / "checkov_reading.py"
_COMMENTS = re.compile(r"#[^\n]*|//[^\n]*|/\*.*?\*/", re.DOTALL)


class CheckovScanner:
    name = "checkov"

    def files(self, tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:
        return below(tree, scope.iac, lambda path: _framework(tree.root, path) is not None) if scope.iac else None

    def scan(self, bench: Workbench) -> Observation:
        """
        A file counts as read when the runner of its framework holds definitions that it parsed from it.

        Values that Terraform takes by itself are read with its modules. A file of other values stands for a deployment
        of its own, and is judged in a run of its own: what is open there is open, whatever the default says.
        """
        own = checkov_checks()
        checks = _lay_out(own, bench.sandbox.scratch / "checks")
        others = [path for path in bench.given if _framework(bench.view, path) == "tfvars" and not _is_automatic(path)]
        runs = [_run(bench, checks, values, number) for number, values in enumerate(["", *others])]
        reading, isolation = runs[0].reading, runs[0].isolation
        document = [report for run in runs for report in run.reports]
        try:
            given = [item for item in document if "results" in item]
            return _observe(bench, reading, given, isolation, document, {check.id: check for check in own})
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as cause:
            raise ScannerFailed(self.name, Failure.REPORT_INVALID, f"not of checkov's schema: {cause!r}") from cause


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """`reading` is what our driver saw, `reports` what checkov says, one a framework."""

    reading: Any
    reports: list[Any]
    isolation: Isolation


def _run(bench: Workbench, checks: Path, values: str, number: int) -> _Run:
    sandbox, folder = bench.sandbox, bench.sandbox.scratch / f"report-{number}"
    reading = sandbox.scratch / f"reading-{number}.json"
    outcome = sandbox.run(
        [
            str(sandbox.tool("checkov").parent / "python"),
            *("-I", str(_DRIVER), str(reading)),
            *("-d", str(bench.view), "--framework", *FRAMEWORKS),
            # from our pack, through a folder of ours: checks in the tree under test are never run
            *("--external-checks-dir", str(checks)),
            *(("--var-file", str(bench.view / values)) if values else ()),
            *("--skip-download", "--compact", "-o", "json", "--output-file-path", str(folder)),
        ],
        cwd=sandbox.scratch,
        timeout_s=TIMEOUT_S,
        # in one process, or the definitions stay in its children; and no folder is too well hidden to be read
        environment={
            "LOG_LEVEL": "ERROR",
            "CHECKOV_PARALLELIZATION_TYPE": "none",
            "CKV_IGNORED_DIRECTORIES": "",
            "CKV_IGNORE_HIDDEN_DIRECTORIES": "false",
        },
    )
    read = parse_json(sandbox.scanner, sandbox.read_report(reading))
    document = parse_json(sandbox.scanner, sandbox.read_report(folder / "results_json.json"))
    reports = document if isinstance(document, list) else [document]
    return _Run(reading=read, reports=reports, isolation=outcome.isolation)


def _lay_out(checks: Sequence[OwnCheck], folder: Path) -> Path:
    """checkov takes a folder for checks only where it is a package."""
    folder.mkdir()
    (folder / "__init__.py").touch()
    for check in checks:
        (folder / f"{check.name}.py").write_bytes(check.source)
    return folder


def _observe(
    bench: Workbench,
    reading: dict[str, Any],
    reports: list[dict[str, Any]],
    isolation: Isolation,
    document: Any,
    own: Mapping[str, OwnCheck],
) -> Observation:
    errors = {_relative(path, bench) for item in reports for path in item["results"]["parsing_errors"]}
    parsed = {
        framework: {_relative(path, bench): int(count) for path, count in paths.items()}
        for framework, paths in reading["files"].items()
    }
    left = {path: reason for path in bench.given if (reason := _left_unread(bench.view, path, parsed, errors))}
    checks = [str(check) for check in reading["checks"]]
    return Observation(
        tool_version=str(reading["version"]),
        rules=len(checks),
        rules_digest=_rules_digest(checks, own),
        given=bench.given,
        read=frozenset(bench.given) - left.keys(),
        unread=(
            *_not_loaded(checks, own),
            *(Unread(path=path, reason=reason) for path, reason in sorted(left.items())),
        ),
        findings=findings(reports, lambda check: _given_path(check, bench), lambda check: by_table(check, own), own),
        isolation=isolation,
        raw=_redacted(document),
    )


def _not_loaded(checks: Sequence[str], own: Mapping[str, OwnCheck]) -> tuple[Unread, ...]:
    """checkov logs an error for a check that it cannot load, and goes on without it."""
    missing = sorted(own.keys() - set(checks))
    return (Unread(path="checkov's rules", reason=f"{', '.join(missing)} not loaded"),) if missing else ()


def _rules_digest(checks: Sequence[str], own: Mapping[str, OwnCheck]) -> Sha256Hex:
    """Of checkov's checks the ids, for its version says what they do; of ours what they are."""
    lines = [f"{check} {own[check].digest}" if check in own else check for check in checks]
    return Sha256Hex(hashlib.sha256("\n".join(lines).encode()).hexdigest())


def _left_unread(view: Path, path: str, parsed: dict[str, dict[str, int]], errors: set[str]) -> str:
    """Why this file does not count as read, or nothing."""
    framework = _framework(view, path) or "no"
    if path in errors:
        return "checkov could not parse it"
    if framework == "tfvars":
        return ""  # where there is a module to take values, what does not parse is among the errors
    found = parsed.get(framework, {}).get(path, 0)
    text = (view / path).read_text(encoding="utf-8", errors="replace")
    if framework == "terraform" and not _COMMENTS.sub("", text).strip():
        return ""
    if framework == "kubernetes":
        return _left_in_yaml(text, found)
    return "" if found else f"checkov's {framework} runner took nothing from it"


def _left_in_yaml(text: str, found: int) -> str:
    """checkov drops a document that it takes for something else than a manifest without a word."""
    try:
        documents = sum(1 for document in yaml.safe_load_all(text) if document is not None)
    except yaml.YAMLError:
        return "not YAML"
    if documents == 0 or found >= documents:
        return ""
    return f"checkov took {found} of its {documents} documents for Kubernetes manifests"


def _framework(root: Path, path: str) -> str | None:
    """By name, as terraform, buildah and kubectl go by it; of JSON files, those that read like a manifest."""
    name, folder = PurePosixPath(path).name, PurePosixPath(path).parent
    if name.endswith((".tf", ".tf.json")):
        return "terraform"
    if name.endswith((".tfvars", ".tfvars.json")):
        return "tfvars"
    if is_image_build(name):
        return "dockerfile"
    if name.endswith(".json"):
        text = _UNICODE.sub(_letter, (root / path).read_text(encoding="utf-8", errors="replace"))
        return "kubernetes" if "apiVersion" in text and "kind" in text else None
    if not name.endswith((".yaml", ".yml")):
        return None
    return "github_actions" if folder.parts[-2:] == (".github", "workflows") else "kubernetes"


# JSON may spell any letter so, and kubectl reads it.
_UNICODE = re.compile(r"\\u([0-9A-Fa-f]{4})")


def _letter(escaped: re.Match[str]) -> str:
    return chr(int(escaped[1], 16))


def _is_automatic(path: str) -> bool:
    """Values that Terraform takes without being told to."""
    plain = PurePosixPath(path).name.removesuffix(".json")
    return plain == "terraform.tfvars" or plain.endswith(".auto.tfvars")


_NO_OWN: Mapping[str, OwnCheck] = {}


def by_table(check: dict[str, Any], own: Mapping[str, OwnCheck] = _NO_OWN) -> tuple[Severity, str]:
    words = {identity: item.severity for identity, item in own.items()}
    return severity.of_checkov(str(check["check_id"]), words), severity.TABLE


def findings(
    reports: list[dict[str, Any]],
    place: Callable[[dict[str, Any]], str],
    grade: Callable[[dict[str, Any]], tuple[Severity, str]] = by_table,
    own: Mapping[str, OwnCheck] = _NO_OWN,
) -> tuple[Finding, ...]:
    """Read failed and skipped checks. `place` gives a check's path in the tree, or raises `ValueError`."""
    found: dict[str, Finding] = {}
    for report in reports:
        results = report["results"]
        for check, skipped in [(item, False) for item in results["failed_checks"]] + [
            (item, True) for item in results["skipped_checks"]
        ]:
            cwe = own[check["check_id"]].cwe if check["check_id"] in own else ()
            finding = _finding(check, place(check), grade(check), cwe, suppressed=skipped)
            found.setdefault(finding.fingerprint, finding)
    return tuple(sorted(found.values(), key=lambda item: (item.path, item.line, item.rule, item.resource)))


def _given_path(check: dict[str, Any], bench: Workbench) -> str:
    path = _relative(str(check["file_abs_path"]), bench)
    require_given(bench, path)
    return path


def _finding(
    check: dict[str, Any], path: str, graded: tuple[Severity, str], cwe: tuple[str, ...], *, suppressed: bool
) -> Finding:
    rule, resource = str(check["check_id"]), str(check["resource"])
    first, last = check["file_line_range"]
    return Finding(
        tool="checkov",
        rule=rule,
        title=str(check["check_name"]),
        category=Category.IAC,
        severity=graded[0],
        severity_origin=graded[1],
        confidence=Confidence.HIGH,
        fingerprint=fingerprint.iac("checkov", rule, path, resource),
        message=str(check["check_name"]),
        cwe=cwe,
        path=path,
        line=max(int(first), 1),
        end_line=max(int(last), 1),
        resource=resource,
        suppressed_inline=suppressed,
    )


def _relative(path: str, bench: Workbench) -> str:
    return path.removeprefix(str(bench.view)).removeprefix("./").lstrip("/")


_KEPT = ("check_id", "check_name", "file_path", "file_line_range", "resource", "severity", "guideline", "check_class")


def _redacted(document: Any) -> bytes:
    """Without code blocks and evaluated values, which may hold secrets, and without the paths of this machine."""
    kept = []
    for report in document if isinstance(document, list) else [document]:
        results = {
            kind: [_kept(check) if isinstance(check, dict) else "a file, see unread" for check in checks]
            for kind, checks in report.get("results", {}).items()
        }
        counts = {key: value for key, value in (report.get("summary") or {}).items() if isinstance(value, int)}
        kept.append({"check_type": report.get("check_type"), "results": results, "summary": counts})
    return json.dumps(kept, sort_keys=True).encode()


def _kept(check: dict[str, Any]) -> dict[str, Any]:
    return {key: check.get(key) for key in _KEPT} | {"result": (check.get("check_result") or {}).get("result")}
