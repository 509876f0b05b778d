"""Small repositories to scan, and tools that misbehave."""

import json
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.pipelines.scan.fake_tool import SYFT

from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.environments import TOOLS, ToolEnvironments
from mintmark.pipelines.scan.export import Tree, export_tree
from mintmark.pipelines.scan.interface import Scanner, ScanScope
from mintmark.pipelines.scan.model import Finding, ScanReport
from mintmark.pipelines.scan.registry import SCANNERS
from mintmark.pipelines.scan.run import scan_release

# Those that run a program of another: they are content with the hashes of `lock`, which hold no wheel that there is.
TOOL_SCANNERS = tuple(scanner for scanner in SCANNERS if scanner.name in TOOLS)
SCOPE = ScanScope(code=["src"], iac=["deploy"], workflows=[".github"], lock_package="shop")
CLEAN_CODE = "def total(amounts: list[int]) -> int:\n    return sum(amounts)\n"
CLEAN_WORKFLOW = """\
name: Test
on: push
permissions: {}
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - run: make test
"""
_HASH = "0" * 64
CLEAN_DOCKERFILE = f'FROM python:3.11-slim@sha256:{_HASH}\nHEALTHCHECK CMD ["true"]\nUSER 1000\nCMD ["python"]\n'
_FILES = "https://files.pythonhosted.org/packages"
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: till
  namespace: shop
  annotations: {ANNOTATIONS}
spec:
  containers:
    - name: till
      image: till:1
      securityContext: {privileged: true}
"""


def lock(*pins: str) -> dict[str, str]:
    """A uv project `shop` that depends on these releases of an index."""
    wanted = [tuple(pin.split("==")) for pin in pins]
    entries = "".join(
        f'\n[[package]]\nname = "{name}"\nversion = "{version}"\n'
        'source = { registry = "https://pypi.org/simple" }\n'
        f'wheels = [{{ url = "{_FILES}/{stem}-{version}-py3-none-any.whl", hash = "sha256:{_HASH}" }}]\n'
        for name, stem, version in ((name, name.replace("-", "_"), version) for name, version in wanted)
    )
    names = ", ".join(f'{{ name = "{name}" }}' for name, _ in wanted)
    asked = ", ".join(f'{{ name = "{name}", specifier = "=={version}" }}' for name, version in wanted)
    return {
        "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n'
        f"dependencies = {json.dumps(list(pins))}\n",
        "uv.lock": 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n'
        '[[package]]\nname = "shop"\nversion = "1"\n'
        f'source = {{ virtual = "." }}\ndependencies = [{names}]\n\n'
        f"[package.metadata]\nrequires-dist = [{asked}]\n{entries}",
    }


CLEAN: Mapping[str, str] = {
    "src/shop.py": CLEAN_CODE,
    "deploy/Dockerfile": CLEAN_DOCKERFILE,
    ".github/workflows/test.yml": CLEAN_WORKFLOW,
    **lock("idna==3.10"),
}


def commit(
    folder: Path, files: Mapping[str, str], links: Mapping[str, str] | None = None, executable: Sequence[str] = ()
) -> str:
    """Make `folder` a repository with one commit of these files; return its id."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    for path, target in (links or {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(target)
    for path in executable:
        (folder / path).chmod(0o755)
    folder.mkdir(exist_ok=True)
    for arguments in (["init", "-q"], ["add", "-A", "-f"], ["commit", "-q", "--allow-empty", "-m", "Open the shop"]):
        subprocess.run(["git", "-C", str(folder), *_IDENTITY, *arguments], check=True, capture_output=True)
    return subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()


_IDENTITY = (
    "-c",
    "user.name=A",
    "-c",
    "user.email=a@example.org",
    "-c",
    "commit.gpgsign=false",
    "-c",
    "core.hooksPath=",
)


def tree(
    folder: Path, files: Mapping[str, str], links: Mapping[str, str] | None = None, executable: Sequence[str] = ()
) -> Tree:
    identity = commit(folder / "checkout", files, links, executable)
    return export_tree(folder / "checkout", identity, ["."], folder / "tree")


def clock() -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def scan(
    folder: Path,
    files: Mapping[str, str],
    environments: ToolEnvironments,
    advisories: Advisories,
    scope: ScanScope = SCOPE,
    scanners: Sequence[Scanner] = TOOL_SCANNERS,
) -> dict[str, ScanReport]:
    """Commit, export and scan; raw reports are in `folder / "reports"`."""
    reports = scan_release(
        tree(folder, files), scope, environments, advisories, folder / "reports", clock, scanners=scanners
    )
    return {report.tool: report for report in reports}


def rules(report: ScanReport, path: str) -> set[str]:
    return {finding.rule for finding in report.findings if finding.path == path}


def only(report: ScanReport, rule: str) -> Finding:
    (found,) = [finding for finding in report.findings if finding.rule == rule]
    return found


def fake_tools(folder: Path, versions: Mapping[str, str], behaviour: str) -> ToolEnvironments:
    """Environments in which every scanner is `fake_tool.py`, which does what `behaviour` names."""
    for tool in (*TOOLS, "syft"):
        for program in (tool, "python"):
            path = folder / tool / "bin" / program
            path.parent.mkdir(parents=True, exist_ok=True)
            script = Path(__file__).with_name("fake_tool.py")
            command = f"exec {sys.executable} -I {script} {tool} {behaviour}"
            # the comment is where hadolint's rules are looked for
            path.write_text(f'#!/bin/sh\n# DL3000\nFAKE_NOTES={folder} {command} "$@"\n', encoding="utf-8")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        information = folder / tool / "lib/python3.11/site-packages" / f"{tool}-{versions.get(tool, SYFT)}.dist-info"
        information.mkdir(parents=True, exist_ok=True)
        (information / "entry_points.txt").write_text("[bandit.plugins]\na = b:c\n", encoding="utf-8")
    return ToolEnvironments(root=folder, versions=dict(versions))
