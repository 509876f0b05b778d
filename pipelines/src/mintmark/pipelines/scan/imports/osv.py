"""OSV (https://ossf.github.io/osv-schema/): the JSON of osv-scanner, or advisories themselves, one or a list."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name

from mintmark.pipelines.scan import fingerprint, severity
from mintmark.pipelines.scan.imports import grading
from mintmark.pipelines.scan.imports.interface import Background, Imported
from mintmark.pipelines.scan.imports.places import confined, roots
from mintmark.pipelines.scan.imports.reading import items, members, optional, optional_text, parse, text
from mintmark.pipelines.scan.imports.report import Understood, at_most, cwes, make
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Severity

TOOL = "osv-scanner"


def read_osv(raw: bytes, background: Background) -> Imported:
    """Never complete: the format names what is vulnerable, and not what was looked at."""
    document = parse(raw)
    if isinstance(document, dict) and "results" in document:
        packages = list(_packages(document, background))
        found = at_most(finding for path, package in packages for finding in _in_package(path, package))
        doubt = "osv-scanner does not say which packages it looked at, nor that it came to its end"
    else:
        packages = []
        listed = document if isinstance(document, list) else [document]
        found = at_most(finding for item in listed for finding in _in_advisory(members(item, "an advisory")))
        doubt = "advisories alone do not say what they were matched with"
    done = Understood(
        tool=TOOL, given=len(packages), read=len(packages), doubts=[doubt], findings=_worst_of_each(found)
    )
    return Imported(reports=(make(done, background),))


def _packages(document: Mapping[str, Any], background: Background) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for item in items(document["results"], "results"):
        result = members(item, "a result")
        source = members(result["source"], "a source")
        path = confined(text(source["path"], "the path of a source"), roots(background))
        for package in items(result["packages"], "packages"):
            yield path, members(package, "a package")


def _in_package(path: str, held: Mapping[str, Any]) -> Iterator[Finding]:
    package = members(held["package"], "a package")
    version = optional_text(package.get("version") or package.get("commit"), "a version")
    groups = [members(item, "a group") for item in items(held.get("groups"), "groups")]
    for item in items(held.get("vulnerabilities"), "vulnerabilities"):
        document = members(item, "an advisory")
        identity = text(document["id"], "an id")
        stated = [
            grading.of_score(group["max_severity"], "max_severity")
            for group in groups
            if identity in items(group.get("ids"), "ids") and group.get("max_severity") not in (None, "")
        ]
        yield _finding(document, package, version, path, stated)


def _in_advisory(document: Mapping[str, Any]) -> Iterator[Finding]:
    affected = [members(item, "an affected") for item in items(document["affected"], "affected packages")]
    for package in (members(item["package"], "a package") for item in affected if "package" in item):
        yield _finding(document, package, "", "", [])


def _finding(
    document: Mapping[str, Any], package: Mapping[str, Any], version: str, path: str, stated: list[grading.Graded]
) -> Finding:
    """A withdrawn advisory marks its finding as suppressed: the report may be older than the withdrawal, or forged."""
    identity = text(document["id"], "an id")
    aliases = sorted({identity, *(text(alias, "an alias") for alias in items(document.get("aliases"), "aliases"))})
    shown = next((alias for alias in aliases if alias.startswith("CVE-")), identity)
    graded, origin = grading.worst([*stated, *_stated(document)])
    said = optional_text(document.get("summary") or document.get("details"), "a summary")[:2000]
    ecosystem = text(package["ecosystem"], "an ecosystem").partition(":")[0].lower()
    name = text(package["name"], "a name")
    name = canonicalize_name(name) if ecosystem == "pypi" else name
    withdrawn = bool(document.get("withdrawn"))
    return Finding(
        tool=TOOL,
        rule=shown,
        title=fingerprint.collapse(said)[:200] or shown,
        category=Category.DEPENDENCY,
        severity=graded,
        severity_origin=origin,
        confidence=Confidence.HIGH,
        fingerprint=fingerprint.dependency(ecosystem, name, aliases),
        message=fingerprint.collapse(said)[:300] + (" [suppressed: withdrawn]" if withdrawn else ""),
        cwe=cwes([json.dumps(document.get("database_specific") or {})]),
        path=path,
        package=name,
        version=version,
        aliases=tuple(aliases),
        suppressed_inline=withdrawn,
    )


def _stated(document: Mapping[str, Any]) -> list[grading.Graded]:
    """As our own advisories are graded, and the worst for what that reading passes over."""
    own = severity.of_advisory(dict(document))
    found = [own] if own[1] != severity.TABLE else []
    for item in items(document.get("severity"), "severities"):
        said = members(item, "a severity")
        if said.get("type") == "CVSS_V3" and (graded := grading.of_vector(said.get("score"), "CVSS_V3")):
            found.append(graded)
        elif said.get("type") == "CVSS_V3":
            found.append((Severity.CRITICAL, f"{grading.TABLE}: CVSS_V3 without a vector"))
    word = optional(document.get("database_specific"), "database_specific").get("severity")
    return found if word is None else [*found, grading.of_word(word, "database_specific")]


def _worst_of_each(found: list[Finding]) -> list[Finding]:
    """Two advisories of one alias set are one finding, as grave as the graver of them, and silenced by both or not."""
    kept: dict[str, Finding] = {}
    for finding in sorted(found, key=lambda item: grading.ORDER.index(item.severity)):
        first = kept.setdefault(finding.fingerprint, finding)
        if first.suppressed_inline and not finding.suppressed_inline:
            kept[finding.fingerprint] = replace(first, suppressed_inline=False)
    return sorted(kept.values(), key=lambda item: (item.path, item.package, item.rule))
