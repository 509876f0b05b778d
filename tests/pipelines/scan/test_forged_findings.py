"""A report may come from a tool that the tree under test has taken over: what it says of other files is refused."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.scan.builders import CLEAN_WORKFLOW, clock, tree
from tests.pipelines.scan.fake_tool import VERSIONS

from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import Failure, ScanScope
from mintmark.pipelines.scan.model import ScanReport, Status
from mintmark.pipelines.scan.registry import SCANNERS
from mintmark.pipelines.scan.rules import checkov_checks
from mintmark.pipelines.scan.run import scan_release

Forge = Callable[[Any], None]
CODE = "eval(input())\n"
DOCKERFILE = 'FROM python:3.11-slim\nUSER root\nCMD ["python"]\n'
CHECKS = ["CKV_1", *(check.id for check in checkov_checks())]
PROGRAMS = {
    # each writes the prepared report where the adapter wants it
    "bandit": '[ "$1" = --version ] && { echo "bandit 1.9.4"; exit; }\n'
    'while [ "$1" != -o ]; do shift; done\ncp @REPORT@ "$2"\n',
    "semgrep": 'for a in "$@"; do case "$a" in --json-output=*) cp @REPORT@ "${a#--json-output=}";; esac; done\n',
    "checkov": 'reading=$3\nwhile [ "$1" != -d ]; do shift; done\nview=$2\n'
    'while [ "$1" != --output-file-path ]; do shift; done\nmkdir "$2"\n'
    'sed "s#@VIEW@#$view#" @REPORT@ > "$2/results_json.json"\n'
    'echo \'{"version": "3.3.30", "checks": @CHECKS@, "files": {"dockerfile": {"\'"$view"\'/Dockerfile": 1}}}\''
    " > $reading\n",
    "detect-secrets": 'cp @REPORT@ "$3"\n',
    # asked twice for each file: as it is, and without its pragmas. The rules are looked for in the program: DL3000
    "hadolint": '[ "$1" = --version ] && { echo "Haskell Dockerfile Linter 2.15.1"; exit; }\n# DL3000\n'
    'while [ "$1" != -o ]; do shift; done\nsed "s#@FILE@#$3#" @REPORT@ > "$2"\n',
    "zizmor": '[ "$1" = --version ] && { echo "zizmor 1.32.0"; exit; }\n'
    'echo "DEBUG audit: zizmor: scheduling artipacked on file://./.github/workflows/shop.yml" >&2\n'
    'echo " INFO audit: zizmor: * completed ./.github/workflows/shop.yml" >&2\ncat @REPORT@\n',
}
HONEST: dict[str, Any] = {
    "bandit": {
        "errors": [],
        "metrics": {"_totals": {}, "./shop.py": {}},
        "results": [
            {
                "filename": "./shop.py",
                "test_id": "B307",
                "test_name": "blacklist",
                "line_number": 1,
                "line_range": [1],
                "col_offset": 0,
                "issue_severity": "MEDIUM",
                "issue_confidence": "HIGH",
                "issue_text": "eval",
                "issue_cwe": {"id": 78},
            }
        ],
    },
    "semgrep": {
        "version": "1.180.0",
        "errors": [],
        "paths": {"scanned": ["shop.py"]},
        "results": [
            {
                "path": "shop.py",
                "check_id": "rules.eval-or-exec",
                "start": {"line": 1, "offset": 0},
                "end": {"line": 1},
                "extra": {
                    "message": "eval",
                    "metadata": {
                        "title": "Text is run as code",
                        "category": "code",
                        "severity": "high",
                        "confidence": "high",
                        "cwe": ["CWE-95"],
                    },
                },
            }
        ],
    },
    "checkov": {
        "check_type": "dockerfile",
        "results": {
            "parsing_errors": [],
            "skipped_checks": [],
            "failed_checks": [
                {
                    "check_id": "CKV_DOCKER_8",
                    "check_name": "Last USER is not root",
                    "file_abs_path": "@VIEW@/Dockerfile",
                    "file_line_range": [2, 2],
                    "resource": "/Dockerfile.USER",
                    "check_result": {"result": "FAILED", "evaluated_keys": []},
                }
            ],
        },
    },
    "detect-secrets": {
        "version": "1.5.0",
        "plugins": ["KeywordDetector"],
        "filters": [],
        "read": [".github/workflows/shop.yml", "Dockerfile", "shop.py"],
        "unread": [],
        "found": [
            {
                "path": "shop.py",
                "line": 1,
                "detector": "KeywordDetector",
                "kind": "Secret Keyword",
                "name": "",
                "allowlisted": False,
            }
        ],
    },
    "hadolint": [{"code": "DL3002", "column": 1, "file": "@FILE@", "level": "warning", "line": 2, "message": "root"}],
    "zizmor": [
        {
            "ident": "artipacked",
            "desc": "credentials stay",
            "determinations": {"confidence": "Low", "severity": "Medium", "persona": "Regular"},
            "ignored": False,
            "locations": [
                {
                    "symbolic": {
                        "key": {"Local": {"verbatim_path": "./.github/workflows/shop.yml"}},
                        "annotation": "here",
                        "route": {"route": [{"Key": "jobs"}, {"Key": "x"}, {"Index": 0}]},
                        "kind": "Primary",
                    },
                    "concrete": {
                        "location": {
                            "start_point": {"row": 0, "column": 0},
                            "end_point": {"row": 0, "column": 4},
                            "offset_span": {"start": 0, "end": 4},
                        }
                    },
                }
            ],
        }
    ],
}


def first(tool: str, report: Any) -> dict[str, Any]:
    match tool:
        case "checkov":
            found = report["results"]["failed_checks"]
        case "detect-secrets":
            found = report["found"]
        case "hadolint" | "zizmor":
            found = report
        case _:
            found = report["results"]
    one: dict[str, Any] = found[0]
    return one


def scan(folder: Path, tool: str, report: Any, advisories: Advisories) -> ScanReport:
    program = folder / "tools" / tool / "bin" / ("python" if tool in {"checkov", "detect-secrets"} else tool)
    program.parent.mkdir(parents=True)
    (program.parent / tool).touch()
    prepared = folder / "prepared.json"
    prepared.write_text(json.dumps(report), encoding="utf-8")
    script = PROGRAMS[tool].replace("@REPORT@", str(prepared)).replace("@CHECKS@", json.dumps(CHECKS))
    program.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    program.chmod(0o755)
    plugins = folder / "tools/bandit/lib/python3.11/site-packages/bandit-1.9.4.dist-info/entry_points.txt"
    plugins.parent.mkdir(parents=True)
    plugins.write_text("[bandit.plugins]\na = b:c\n", encoding="utf-8")
    reports = scan_release(
        tree(folder, {"shop.py": CODE, "Dockerfile": DOCKERFILE, ".github/workflows/shop.yml": CLEAN_WORKFLOW}),
        ScanScope(code=["."], iac=["Dockerfile"], workflows=["."]),
        ToolEnvironments(root=folder / "tools", versions=VERSIONS),
        advisories,
        folder / "out",
        clock,
        scanners=[scanner for scanner in SCANNERS if scanner.name == tool],
    )
    return next(item for item in reports if item.tool == tool)


def elsewhere(tool: str, path: str) -> Forge:
    def forge(report: Any) -> None:
        if tool == "zizmor":
            first(tool, report)["locations"][0]["symbolic"]["key"]["Local"]["verbatim_path"] = path
        else:
            first(tool, report)[PATHS[tool]] = path

    return forge


PATHS = {
    "bandit": "filename",
    "semgrep": "path",
    "checkov": "file_abs_path",
    "detect-secrets": "path",
    "hadolint": "file",
}
PLACES = {"checkov": "Dockerfile", "hadolint": "Dockerfile", "zizmor": ".github/workflows/shop.yml"}


@pytest.mark.parametrize("tool", HONEST)
def test_a_finding_in_a_given_file_is_taken(tool: str, tmp_path: Path, advisories: Advisories) -> None:
    report = scan(tmp_path, tool, HONEST[tool], advisories)

    assert report.status is Status.COMPLETE, report.reason
    assert [item.path for item in report.findings] == [PLACES.get(tool, "shop.py")]


@pytest.mark.parametrize(
    ("tool", "forge"),
    [
        *((tool, elsewhere(tool, path)) for tool in HONEST for path in ("/etc/hostname", "../../../etc/hostname", "")),
        ("bandit", lambda report: first("bandit", report).update(line_range=[])),
        ("bandit", lambda report: first("bandit", report).update(line_range=[1, 99])),
        ("bandit", lambda report: first("bandit", report).update(issue_confidence="UNDEFINED")),
        ("semgrep", lambda report: first("semgrep", report)["end"].update(line=0)),
        ("semgrep", lambda report: first("semgrep", report)["end"].update(line=10**9)),
        ("semgrep", lambda report: first("semgrep", report)["extra"]["metadata"].update(category="nothing")),
        ("checkov", lambda report: first("checkov", report).update(file_line_range=[])),
        ("checkov", lambda report: report["results"].update(failed_checks=None)),
        ("detect-secrets", lambda report: first("detect-secrets", report).update(line=0)),
        ("detect-secrets", lambda report: first("detect-secrets", report).update(line=99)),
        ("detect-secrets", lambda report: first("detect-secrets", report).update(allowlisted="no")),
        ("detect-secrets", lambda report: report.update(plugins=None)),
        ("hadolint", lambda report: first("hadolint", report).update(line=0)),
        ("hadolint", lambda report: first("hadolint", report).update(line=99)),
        ("hadolint", lambda report: report.append({})),
        ("zizmor", lambda report: first("zizmor", report).update(ignored="no")),
        ("zizmor", lambda report: first("zizmor", report).update(locations=[])),
        ("zizmor", lambda report: first("zizmor", report).pop("determinations")),
    ],
)
def test_a_finding_that_cannot_be_true_fails_the_scan(
    tool: str, forge: Forge, tmp_path: Path, advisories: Advisories
) -> None:
    report = deepcopy(HONEST[tool])
    forge(report)
    answer = scan(tmp_path, tool, report, advisories)

    assert answer.status is Status.FAILED
    assert answer.reason.startswith(f"{Failure.REPORT_INVALID.value}: "), answer.reason
    assert answer.findings == ()


def test_a_suppression_comment_is_not_kept(tmp_path: Path, advisories: Advisories) -> None:
    report = deepcopy(HONEST["checkov"])
    results = report["results"]
    results["skipped_checks"], results["failed_checks"] = results["failed_checks"], []
    results["skipped_checks"][0]["check_result"] = {"result": "SKIPPED", "suppress_comment": "correct horse"}
    answer = scan(tmp_path, "checkov", report, advisories)

    assert [item.suppressed_inline for item in answer.findings] == [True]
    assert "correct horse" not in (tmp_path / "out/checkov.json").read_text(encoding="utf-8") + repr(answer)
