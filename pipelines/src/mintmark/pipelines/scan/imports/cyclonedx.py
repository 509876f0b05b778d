"""
CycloneDX 1.4 to 1.7 with `vulnerabilities` (https://cyclonedx.org/docs/): a finding for each one and what it affects.

An analysis (`not_affected`, `false_positive`, `resolved`) is the word of whoever made the document. It marks a finding
as suppressed and takes none away: whether it is accepted is for a waiver to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from mintmark.pipelines.scan import fingerprint
from mintmark.pipelines.scan.imports import grading
from mintmark.pipelines.scan.imports.interface import Background, Imported
from mintmark.pipelines.scan.imports.reading import (
    MAX_ITEMS,
    TooLarge,
    items,
    members,
    moment,
    optional,
    optional_text,
    parse,
    text,
    whole,
)
from mintmark.pipelines.scan.imports.report import Understood, at_most, make, tool_name
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Severity

VERSIONS = ("1.4", "1.5", "1.6", "1.7")
_SILENCING = frozenset({"resolved", "resolved_with_pedigree", "false_positive", "not_affected"})
_SCALE_OF_TEN = frozenset({"CVSSv2", "CVSSv3", "CVSSv31", "CVSSv4"})
Part = tuple[str, str, str]  # ecosystem, name, version


def read_cyclonedx(raw: bytes, background: Background) -> Imported:
    """Complete only where `compositions` are there and all say so: an inventory does not tell what was looked up."""
    document = members(parse(raw), "the report")
    if document.get("bomFormat") != "CycloneDX" or document.get("specVersion") not in VERSIONS:
        raise ValueError(f"not a CycloneDX document of {', '.join(VERSIONS)}")
    metadata = optional(document.get("metadata"), "metadata")
    components = list(_components(document, metadata))
    parts = {reference: part for reference, part in components if reference}
    vulnerabilities = [members(item, "a vulnerability") for item in items(document.get("vulnerabilities"), "entries")]
    name, version = _tool(metadata)
    done = Understood(
        tool=name,
        version=version,
        given=len(components),
        read=len(components),
        doubts=_doubts(document, components),
        finished_at=moment(optional_text(metadata.get("timestamp"), "timestamp")),
        findings=at_most(_findings(name, vulnerabilities, parts)),
    )
    return Imported(reports=(make(done, background),))


def _doubts(document: Mapping[str, Any], components: list[tuple[str, Part]]) -> list[str]:
    compositions = [members(item, "a composition") for item in items(document.get("compositions"), "compositions")]
    doubts = []
    if not isinstance(document.get("vulnerabilities"), list):
        doubts.append("it has no list of vulnerabilities")
    if not compositions or any(item.get("aggregate") != "complete" for item in compositions):
        doubts.append("it does not say that it is complete")
    return doubts if components else [*doubts, "it holds no component"]


def _tool(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """A list until 1.4, and from 1.5 on an object with components and services; the last one made the document."""
    tools = metadata.get("tools")
    listed = items(tools.get("components"), "tools") if isinstance(tools, dict) else items(tools, "tools")
    if not listed:
        return "cyclonedx", ""
    tool = members(listed[-1], "a tool")
    named = optional_text(tool.get("name"), "the name of a tool")
    return tool_name(named or "cyclonedx"), optional_text(tool.get("version"), "the version of a tool")


def _components(document: Mapping[str, Any], metadata: Mapping[str, Any]) -> Iterator[tuple[str, Part]]:
    """Every component with its reference, those inside others too; what the document is about is none of them."""
    pending = list(items(document.get("components"), "components"))
    seen = 0
    while pending:
        component = members(pending.pop(), "a component")
        seen += 1
        if seen > MAX_ITEMS:
            raise TooLarge(f"over {MAX_ITEMS} components")
        pending += items(component.get("components"), "components")
        yield optional_text(component.get("bom-ref"), "a bom-ref"), _part(component)
    about = optional(metadata.get("component"), "a component")
    if "name" in about and "bom-ref" in about:
        yield text(about["bom-ref"], "a bom-ref"), _part(about)


def _part(component: Mapping[str, Any]) -> Part:
    name = text(component["name"], "the name of a component")
    version = optional_text(component.get("version"), "a version")
    ecosystem, named, _ = _of_purl(optional_text(component.get("purl"), "a purl"))
    return (ecosystem, named, version) if named else ("", name, version)


def _of_purl(purl: str) -> Part:
    """Type, namespace and name, version of a package URL (https://github.com/package-url/purl-spec)."""
    if not purl.startswith("pkg:"):
        return "", "", ""
    path = purl.removeprefix("pkg:").partition("#")[0].partition("?")[0]
    kind, _, rest = path.strip("/").partition("/")
    name, _, version = rest.partition("@") if "@" not in rest[:1] else (rest, "", "")
    named = unquote(name)
    return kind.lower(), canonicalize_name(named) if kind.lower() == "pypi" else named, unquote(version)


def _findings(tool: str, vulnerabilities: list[Mapping[str, Any]], parts: Mapping[str, Part]) -> Iterator[Finding]:
    for vulnerability in vulnerabilities:
        affected = [members(item, "an affect") for item in items(vulnerability.get("affects"), "affects")]
        references = [text(item["ref"], "a reference") for item in affected] or [""]
        for reference in dict.fromkeys(references):
            yield _finding(tool, vulnerability, _affected(reference, parts))


def _affected(reference: str, parts: Mapping[str, Part]) -> Part:
    """A reference may name no component, and be a package URL or a link into another document. It still counts."""
    known = parts.get(reference) or parts.get(reference.rpartition("#")[2])
    if known is not None:
        return known
    ecosystem, name, version = _of_purl(reference)
    return (ecosystem, name, version) if name else ("", reference, "")


def _finding(tool: str, vulnerability: Mapping[str, Any], part: Part) -> Finding:
    ecosystem, name, version = part
    identity = optional_text(vulnerability.get("id"), "an id") or "unnamed"
    others = [members(item, "a reference") for item in items(vulnerability.get("references"), "references")]
    aliases = sorted({identity, *(text(item["id"], "an id") for item in others if "id" in item)})
    shown = next((alias for alias in aliases if alias.startswith("CVE-")), identity)
    said = optional_text(vulnerability.get("description") or vulnerability.get("detail"), "a description")[:2000]
    graded, origin = grading.worst(_ratings(vulnerability))
    state = optional(vulnerability.get("analysis"), "an analysis").get("state")
    suppressed = isinstance(state, str) and state in _SILENCING
    weaknesses = [whole(item, "a weakness") for item in items(vulnerability.get("cwes"), "cwes")]
    return Finding(
        tool=tool,
        rule=shown,
        title=fingerprint.collapse(said)[:200] or shown,
        category=Category.DEPENDENCY,
        severity=graded,
        severity_origin=origin,
        confidence=Confidence.HIGH,
        fingerprint=fingerprint.dependency(ecosystem or "unknown", name, aliases),
        message=fingerprint.collapse(said)[:300] + (f" [suppressed: {state}]" if suppressed else ""),
        cwe=tuple(f"CWE-{item}" for item in weaknesses),
        package=name,
        version=version,
        aliases=tuple(aliases),
        suppressed_inline=suppressed,
    )


def _ratings(vulnerability: Mapping[str, Any]) -> list[grading.Graded]:
    found: list[grading.Graded] = []
    for item in items(vulnerability.get("ratings"), "ratings"):
        rating = members(item, "a rating")
        if rating.get("severity") not in (None, "unknown"):
            found.append(grading.of_word(rating["severity"], "severity"))
        if rating.get("score") is not None and rating.get("method", "CVSSv3") in _SCALE_OF_TEN:
            found.append(grading.of_score(rating["score"], "score"))
        elif rating.get("score") is not None:
            found.append(_on_another_scale(rating["score"]))
        if rating.get("vector") is not None and (graded := grading.of_vector(rating["vector"], "vector")):
            found.append(graded)
    return found


def _on_another_scale(score: Any) -> grading.Graded:
    """OWASP's scores end at 81 and SSVC has none: what they mean is not known, so that they count as high at least."""
    graded = grading.of_score(score, "score")
    return grading.worst([graded, (Severity.HIGH, f"{grading.TABLE}: a score on another scale")])
