"""checkov over Terraform, Dockerfiles and Kubernetes manifests, offline; `checkov:skip` is marked, never obeyed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any

from mintmark.pipelines.scan import fingerprint, severity
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.interface import Failure, Observation, ScannerFailed, ScanScope, Workbench
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Sha256Hex, Unread
from mintmark.pipelines.scan.sandbox import parse_json
from mintmark.pipelines.scan.scope import below

TIMEOUT_S = 300
FRAMEWORKS = ("terraform", "dockerfile", "kubernetes")


class CheckovScanner:
    name = "checkov"

    def files(self, tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:
        return below(tree, scope.iac, _is_infrastructure) if scope.iac else None

    def scan(self, bench: Workbench) -> Observation:
        """
        checkov names no file that it read without a check to report. So a file counts as read when checkov ran its
        framework over the tree and listed no parsing error for it.
        """
        folder = bench.sandbox.scratch / "report"
        outcome = bench.sandbox.run(
            [
                str(bench.sandbox.tool("checkov")),
                "-d",
                ".",
                "--framework",
                *FRAMEWORKS,
                "--skip-download",
                "--compact",
                "--quiet",
                "-o",
                "json",
                "--output-file-path",
                str(folder),
            ],
            cwd=bench.view,
            timeout_s=TIMEOUT_S,
            environment={"LOG_LEVEL": "ERROR"},
        )
        document = parse_json(self.name, bench.sandbox.read_report(folder / "results_json.json"))
        reports = document if isinstance(document, list) else [document]
        try:
            return self._observe(bench, [item for item in reports if "results" in item], outcome.isolation, document)
        except (KeyError, TypeError, AttributeError) as cause:
            raise ScannerFailed(self.name, Failure.REPORT_INVALID, f"not of checkov's schema: {cause!r}") from cause

    def _observe(self, bench: Workbench, reports: list[dict[str, Any]], isolation: Any, document: Any) -> Observation:
        errors = {_relative(path, bench) for item in reports for path in item["results"]["parsing_errors"]}
        ran = {str(item["check_type"]) for item in reports}
        read = frozenset(path for path in bench.given if path not in errors and _framework(path) in ran)
        checks = _checks(bench.sandbox.environments.root / "checkov")
        return Observation(
            tool_version=_version(bench.sandbox.environments.root / "checkov"),
            rules=len(checks),
            rules_digest=Sha256Hex(hashlib.sha256("\n".join(checks).encode()).hexdigest()),
            given=bench.given,
            read=read,
            unread=tuple(Unread(path=path, reason="checkov could not parse it") for path in sorted(errors)),
            findings=_findings(reports),
            isolation=isolation,
            raw=_redacted(document),
        )


def _is_infrastructure(path: str) -> bool:
    return _framework(path) is not None


def _framework(path: str) -> str | None:
    name = PurePosixPath(path).name
    if name.endswith(".tf"):
        return "terraform"
    if name == "Dockerfile" or name.endswith(".Dockerfile"):
        return "dockerfile"
    return "kubernetes" if name.endswith((".yaml", ".yml")) else None


def _findings(reports: list[dict[str, Any]]) -> tuple[Finding, ...]:
    found: dict[str, Finding] = {}
    for report in reports:
        results = report["results"]
        for check, skipped in [(item, False) for item in results["failed_checks"]] + [
            (item, True) for item in results["skipped_checks"]
        ]:
            finding = _finding(check, suppressed=skipped)
            found.setdefault(finding.fingerprint, finding)
    return tuple(sorted(found.values(), key=lambda item: (item.path, item.line, item.rule, item.resource)))


def _finding(check: dict[str, Any], *, suppressed: bool) -> Finding:
    rule, path, resource = str(check["check_id"]), str(check["file_path"]).lstrip("/"), str(check["resource"])
    first, last = check["file_line_range"]
    return Finding(
        tool="checkov",
        rule=rule,
        title=str(check["check_name"]),
        category=Category.IAC,
        severity=severity.of_checkov(rule),
        severity_origin=severity.TABLE,
        confidence=Confidence.HIGH,
        fingerprint=fingerprint.iac("checkov", rule, path, resource),
        message=str(check["check_name"]),
        path=path,
        line=max(int(first), 1),
        end_line=max(int(last), 1),
        resource=resource,
        suppressed_inline=suppressed,
    )


def _relative(path: str, bench: Workbench) -> str:
    return path.removeprefix(str(bench.view)).removeprefix("./").lstrip("/")


def _version(environment: Path) -> str:
    """From the installed metadata: asking the program takes seconds, and says the same."""
    found = next(environment.glob("lib/python3.*/site-packages/checkov-*.dist-info"), None)
    return found.name.removeprefix("checkov-").removesuffix(".dist-info") if found else "unknown"


def _checks(environment: Path) -> list[str]:
    """The check modules that are installed for our frameworks."""
    package = next(environment.glob("lib/python3.*/site-packages/checkov"), None)
    if package is None:
        return []
    return sorted(
        path.relative_to(package).as_posix()
        for framework in FRAMEWORKS
        for path in (package / framework / "checks").rglob("*")
        if path.suffix in {".py", ".yaml", ".yml", ".json"} and not path.name.startswith("__")
    )


def _redacted(document: Any) -> bytes:
    """Without code blocks and evaluated values, which may hold secrets."""
    for report in document if isinstance(document, list) else [document]:
        for checks in report.get("results", {}).values():
            for check in checks:
                if isinstance(check, dict):
                    for key in ("code_block", "evaluations", "connected_node", "definition_context_file_path"):
                        check.pop(key, None)
    return json.dumps(document, sort_keys=True).encode()
