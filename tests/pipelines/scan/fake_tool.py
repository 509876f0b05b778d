"""Stands in for a scanner that misbehaves: `fake_tool.py TOOL BEHAVIOUR ARGUMENT…`. Run by path, never imported."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

VERSIONS = {
    "bandit": "1.9.4",
    "checkov": "3.3.30",
    "detect-secrets": "1.5.0",
    "hadolint": "2.15.1",
    "pip-audit": "2.10.1",
    "semgrep": "1.180.0",
    "zizmor": "1.32.0",
}
SYFT = "1.18.1"  # which no lock of ours pins: any of its first major version will do


def report_paths(tool: str, arguments: list[str]) -> list[Path]:
    if tool == "semgrep":
        return [Path(part.partition("=")[2]) for part in arguments if part.startswith("--json-output=")]
    if tool == "checkov":
        folder = Path(arguments[arguments.index("--output-file-path") + 1])
        return [Path(arguments[2]), folder / "results_json.json"]
    if tool == "detect-secrets":
        return [Path(arguments[2])]
    if tool == "zizmor":
        return [Path("/dev/stdout")]
    if tool == "syft":
        return [Path(arguments[arguments.index("--output") + 1].removeprefix("cyclonedx-json="))]
    return [Path(arguments[arguments.index("--output" if tool == "pip-audit" else "-o") + 1])]


def empty_report(tool: str, path: Path, version: str) -> object:
    """What the tool would write of an empty folder."""
    if tool == "semgrep":
        return {"version": version, "results": [], "errors": [], "paths": {"scanned": []}}
    if tool == "bandit":
        return {"results": [], "errors": [], "metrics": {"_totals": {}}}
    if tool == "pip-audit":
        return {"dependencies": []}
    if tool == "detect-secrets":
        return {"version": version, "plugins": ["A"], "filters": [], "read": [], "unread": [], "found": []}
    if tool == "syft":
        return {"bomFormat": "CycloneDX", "components": []}
    if tool in {"hadolint", "zizmor"}:
        return []
    return [] if path.name == "results_json.json" else {"version": version, "checks": ["CKV_1"], "files": {}}


def content(tool: str, behaviour: str, path: Path) -> bytes:
    if behaviour == "deep":
        return b"[" * 100_000 + b"]" * 100_000
    if behaviour == "nul":
        return json.dumps({"version": "\x00", "results": []}).encode()
    if behaviour == "not-utf-8":
        return b'{"version": "\xff\xfe"}'
    if behaviour == "twice":
        return b'{"results": [1], "results": []}'
    if behaviour == "other-schema":
        return b'{"unexpected": true}'
    if behaviour == "truncated":
        return b'{"results": ['
    version = "0.0.1" if behaviour == "old" else VERSIONS.get(tool, SYFT)
    return json.dumps(empty_report(tool, path, version)).encode()


def main(tool: str, behaviour: str, *arguments: str) -> int:
    if "--version" in arguments:
        sys.stdout.write(f"{tool} {'0.0.1' if behaviour == 'old' else VERSIONS.get(tool, SYFT)}\n")
        return 0
    if behaviour == "crash":
        sys.stderr.write("Traceback: near `password = 'correct horse'`\n")
        return 1
    if behaviour == "hang":
        child = subprocess.Popen(["sleep", "600"])
        Path(os.environ["FAKE_NOTES"], f"{tool}.pid").write_text(str(child.pid), encoding="utf-8")
        time.sleep(600)
    for path in report_paths(tool, list(arguments)):
        path.parent.mkdir(parents=True, exist_ok=True)
        if behaviour == "silent":
            continue
        if behaviour == "huge":
            with path.open("wb") as report:
                for _ in range(100):
                    report.write(b"[" + b" " * 1024 * 1024)
        else:
            path.write_bytes(b"" if behaviour == "empty-report" else content(tool, behaviour, path))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
