"""Results of a SARIF run to findings: their rules, their worst severity, their places and fingerprints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mintmark.pipelines.scan import fingerprint
from mintmark.pipelines.scan.flagged import Flagged, Look
from mintmark.pipelines.scan.imports import grading
from mintmark.pipelines.scan.imports.reading import items, members, optional, optional_text, text
from mintmark.pipelines.scan.imports.report import cwes
from mintmark.pipelines.scan.imports.sarif_kinds import category_of
from mintmark.pipelines.scan.imports.sarif_places import Place, Places
from mintmark.pipelines.scan.imports.sarif_rules import MAX_TEXT, Rule, Rules, confidence_of, tags_of
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Fingerprint, Severity

_NOT_FOUND = frozenset({"pass", "notApplicable"})  # §3.27.9: the rule was looked at, and there is no problem
_NOT_JUDGED = frozenset({"open", "review", "informational"})


def read_results(
    run: Mapping[str, Any], tool: str, rules: Rules, places: Places
) -> tuple[tuple[Finding, ...], set[str]]:
    """The findings in the order of their places, and the paths that results of any kind name."""
    results = [members(item, "a result") for item in items(run.get("results"), "results")]
    located = [(result, _place(result, places)) for result in results]
    kept = [(result, place) for result, place in located if _is_finding(result)]
    kept.sort(key=lambda item: (item[1].path, item[1].line, item[1].column, str(item[0].get("ruleId"))))
    look = places.look({(place.path, place.line, place.end_line): place.quoted for _, place in kept})
    occurrences = fingerprint.Occurrences()
    findings = tuple(_finding(result, place, tool, rules, look, occurrences) for result, place in kept)
    return findings, {place.path for _, place in located if place.path}


def _place(result: Mapping[str, Any], places: Places) -> Place:
    """The first location is the place; each must be in the tree."""
    found = [places.of_location(members(item, "a location")) for item in items(result.get("locations"), "locations")]
    for place in found:
        places.require(place.path)
    return found[0] if found else Place()


def _is_finding(result: Mapping[str, Any]) -> bool:
    if result.get("baselineState") == "absent":
        return False
    stated = result.get("level") not in (None, "none") or grading.of_properties(_properties(result), "result")
    return result.get("kind", "fail") not in _NOT_FOUND or bool(stated)


def _finding(
    result: Mapping[str, Any],
    place: Place,
    tool: str,
    rules: Rules,
    look: Look,
    occurrences: fingerprint.Occurrences,
) -> Finding:
    identity, known = rules.named_by(result)
    shown = _own_id(tool, identity)
    graded, origin = _graded(result, known)
    properties = _properties(result)
    weaknesses = tuple(dict.fromkeys([*_weaknesses(result), *(item for rule in known for item in rule.weaknesses)]))
    secret = any(rule.secret for rule in known) or "secret" in tags_of(properties)
    category = category_of(tool, identity, place.path, weaknesses, secret=secret)
    said = [confidence_of(properties), *(rule.confidence for rule in known)]
    flagged = look(place.path, place.line, place.end_line) if place.path and place.line else _nothing(place)
    message = _message(result, known)
    suppressions = [members(item, "a suppression") for item in items(result.get("suppressions"), "suppressions")]
    hidden = category is Category.SECRET
    return Finding(
        tool=tool,
        rule=shown,
        title=fingerprint.collapse(next((rule.title for rule in known if rule.title), shown)),
        category=category,
        severity=graded,
        severity_origin=origin,
        confidence=next(filter(None, said), Confidence.HIGH),
        fingerprint=_mark(tool, shown, place, flagged, _claims(result, message), occurrences, hidden=hidden),
        message=("a secret stands in the source" if hidden else fingerprint.collapse(message)) + _marked(suppressions),
        cwe=weaknesses,
        path=place.path,
        line=place.line,
        end_line=place.end_line,
        resource=place.resource or place.route or "",
        suppressed_inline=bool(suppressions),
    )


def _own_id(tool: str, identity: str) -> str:
    """semgrep prefixes ids with its file's path, zizmor with its name; neither does so in its own format."""
    if tool == "zizmor":
        return identity.removeprefix("zizmor/")
    return identity.rpartition(".")[2] if tool == "semgrep" else identity


def _graded(result: Mapping[str, Any], known: Sequence[Rule]) -> grading.Graded:
    """The worst of what the result and its rules say: levels, scores and words."""
    kind, level = result.get("kind", "fail"), result.get("level")
    defaults = [item for rule in known for item in rule.defaults]
    stated = grading.of_properties(_properties(result), "result")
    stated += [grading.of_level(item, "rule level") for item in defaults if item != "none"]
    stated += [graded for rule in known for graded in rule.graded]
    if level not in (None, "none"):
        stated.append(grading.of_level(level, "level"))
    elif kind in _NOT_JUDGED or kind in _NOT_FOUND:
        stated.append((Severity.INFO if kind == "informational" else Severity.HIGH, f"{grading.TABLE}: kind {kind}"))
    elif level == "none" or "none" in defaults:
        stated.append((Severity.CRITICAL, f"{grading.TABLE}: level none of kind {str(kind)[:40]!r}"))
    return grading.worst(stated)


def _mark(
    tool: str,
    rule: str,
    place: Place,
    flagged: Flagged,
    claims: str,
    occurrences: fingerprint.Occurrences,
    *,
    hidden: bool,
) -> Fingerprint:
    """Of what our own adapter would take: a place in a workflow, or the flagged lines, else what the report claims."""
    if hidden:
        number = occurrences.next(rule, place.path, flagged.structure)
        return fingerprint.secret(rule, place.path, flagged.structure, number)
    if tool == "zizmor" and place.route is not None:
        return fingerprint.workflow(rule, place.path, place.route, occurrences.next(rule, place.path, place.route))
    about = flagged.text or claims
    number = occurrences.next(rule, place.path, fingerprint.collapse(about))
    return fingerprint.code(tool, rule, place.path, about, number)


def _nothing(place: Place) -> Flagged:
    return Flagged(text=place.quoted, above="", structure="")


def _claims(result: Mapping[str, Any], message: str) -> str:
    partial = optional(result.get("partialFingerprints"), "partialFingerprints")
    return json.dumps({name: text(value, "a fingerprint") for name, value in partial.items()}, sort_keys=True) + message


def _marked(suppressions: list[Mapping[str, Any]]) -> str:
    """What was said of suppressions, without their justification, in which anything may stand."""
    said = sorted({f"{item.get('kind')} {item.get('status', 'accepted')}"[:60] for item in suppressions})
    return f" [suppressed: {', '.join(said[:5])}]" if said else ""


def _message(result: Mapping[str, Any], known: Sequence[Rule]) -> str:
    """The result's text, or that of its rule which it names (§3.11.7), as it stands there."""
    message = optional(result.get("message"), "a message")
    if "text" in message:
        return text(message["text"], "a message")[:MAX_TEXT]
    name = optional_text(message.get("id"), "the id of a message")
    for rule in known:
        if name in rule.messages:
            return optional_text(members(rule.messages[name], "a message").get("text"), "a message")[:MAX_TEXT]
    return next((rule.title for rule in known), "")


def _properties(part: Mapping[str, Any]) -> Mapping[str, Any]:
    return optional(part.get("properties"), "properties")


def _weaknesses(result: Mapping[str, Any]) -> tuple[str, ...]:
    """As tags and taxa name them: `CWE-79`, `external/cwe/cwe-079`."""
    taxa = [members(item, "a taxon") for item in items(result.get("taxa"), "taxa")]
    named = [f"CWE-{item.get('id')}" for item in taxa if "CWE" in str(item.get("toolComponent")).upper()]
    return cwes([*named, *tags_of(_properties(result))])
