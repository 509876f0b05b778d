"""pip-audit's JSON, of any version: an object with `dependencies`, or the bare list of older ones."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name

from mintmark.pipelines.scan import fingerprint, pip_audit
from mintmark.pipelines.scan.imports.interface import Background, Imported
from mintmark.pipelines.scan.imports.reading import items, members, optional_text, parse, text
from mintmark.pipelines.scan.imports.report import Understood, make
from mintmark.pipelines.scan.model import Finding, Unread
from mintmark.pipelines.scan.pins import Pin

LOCK = "uv.lock"


def read_pip_audit(raw: bytes, background: Background) -> Imported:
    """
    Complete where something was audited and nothing was skipped.

    The report names no severities and no version. Each finding is high, and the tool's version unknown.
    """
    document = parse(raw)
    listed = document if isinstance(document, list) else members(document, "the report")["dependencies"]
    found = [_dependency(members(item, "a dependency")) for item in items(listed, "dependencies")]
    audited = _audited(found)
    lines = _lock_lines(background)
    pins = [Pin(name=name, version=version, line=lines.get(name, 0)) for name, version in audited]
    unread = [Unread(path=item["name"], reason=item["skip_reason"]) for item in found if "vulns" not in item]
    done = Understood(
        tool="pip-audit",
        given=len(found),
        read=len(audited),
        unread=unread,
        doubts=[] if found else ["it audited nothing"],
        findings=[_placed(finding, lines) for finding in pip_audit.findings(pins, audited, None)],
    )
    return Imported(reports=(make(done, background),))


def _dependency(item: Any) -> dict[str, Any]:
    name = canonicalize_name(text(item["name"], "a name"))
    if "skip_reason" in item or "vulns" not in item:
        said = optional_text(item.get("skip_reason"), "skip_reason") or "pip-audit says nothing of it"
        return {"name": name, "version": "", "skip_reason": fingerprint.collapse(said)[:200]}
    return {
        "name": name,
        "version": text(item["version"], "a version"),
        "vulns": [_vulnerability(members(found, "a vulnerability")) for found in items(item["vulns"], "vulns")],
    }


def _vulnerability(found: Any) -> dict[str, Any]:
    return {
        "id": text(found["id"], "an id"),
        "aliases": [text(alias, "an alias") for alias in items(found.get("aliases"), "aliases")],
        "fix_versions": [text(version, "a version") for version in items(found.get("fix_versions"), "fix_versions")],
        "description": optional_text(found.get("description"), "a description"),
    }


def _audited(found: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """By name and version. Of one that stands twice every vulnerability counts: the last word is not the better one."""
    audited: dict[tuple[str, str], dict[str, Any]] = {}
    for item in found:
        if "vulns" in item:
            held = audited.setdefault((item["name"], item["version"]), {"vulns": []})
            held["vulns"] += item["vulns"]
    return audited


def _lock_lines(background: Background) -> dict[str, int]:
    """Package → the line of the tree's lock that names it."""
    tree = background.tree
    if tree is None or LOCK not in tree.files:
        return {}
    text = (tree.root / LOCK).read_text(encoding="utf-8", errors="replace")
    named = ((_NAME.fullmatch(line), number) for number, line in enumerate(text.splitlines(), 1))
    return {match[1]: number for match, number in named if match}


_NAME = re.compile(r'name = "([^"]+)"')


def _placed(finding: Finding, lines: dict[str, int]) -> Finding:
    """Without the lock at hand nothing is known of the place."""
    return finding if finding.package in lines else replace(finding, path="")
