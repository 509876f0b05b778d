"""The policy pages: one for each rule, made from its METADATA and its canary, so that they cannot disagree."""

from __future__ import annotations

from collections import defaultdict

from mintmark.pipelines.gate import patch, wording
from mintmark.pipelines.gate.pack import PolicyPack, Rule
from mintmark.pipelines.gate.plain import code_span

GENERATED = "<!-- Made by scripts/build_policies.py from the rule's METADATA: edit that. -->"


def render_pages(pack: PolicyPack) -> dict[str, str]:
    """Return file name to Markdown, an index among them."""
    pages = {f"{rule.id}.md": _page(pack, rule) for rule in pack.rules.values()}
    return {"README.md": _index(pack), **pages}


def _page(pack: PolicyPack, rule: Rule) -> str:
    canary = pack.canaries[rule.id]
    patch.apply(pack.baseline, canary["patch"])  # the page must not show a canary that no longer fits the baseline
    sections = [
        GENERATED,
        f"# {rule.title}",
        f"Rule `{rule.id}` · severity {rule.severity} · controls {', '.join(rule.controls)} · "
        f"source [{rule.source}](../../{rule.source})",
        "## What is refused",
        rule.description,
        f"For example: {canary['title'][0].lower()}{canary['title'][1:]}. "
        f"This input is the rule's canary, which must be refused before the gate opens.",
        "## Why",
        _why(rule),
        "## What is accepted",
        rule.accepted,
        "## How to fix it",
        rule.remedy,
        "## How to waive it",
        _waiving(rule),
        "## What an emergency changes",
        _emergency(rule),
        "## Which requirements it speaks to",
        _requirements(pack, rule),
    ]
    return "\n\n".join(sections) + "\n"


def _why(rule: Rule) -> str:
    """The why of a page speaks of any environment, so its two variables become words."""
    return wording.fill(rule.why, {"environment": "an environment", "threshold": "its threshold's"}).replace(
        "an environment refuses", "An environment refuses"
    )


def _waiving(rule: Rule) -> str:
    if not rule.waivable:
        return "It cannot be waived: it is not about one finding that somebody could answer for."
    command = (
        f"mintmark waiver new {rule.id} --fingerprint FINGERPRINT --environment ENVIRONMENT --for 7d --reason TEXT"
    )
    return (
        f"{code_span(command)}\n\nA waiver is for one finding in one environment, ends by itself, and counts only when "
        "somebody other than its requester approves it."
    )


def _emergency(rule: Rule) -> str:
    if not rule.bypassable:
        return "Nothing: no break-glass lets a release past this rule."
    return (
        "A break-glass, which two people of the right group approve, lets a release past this rule for a short while. "
        "What was bypassed is recorded, and opens a review."
    )


def _requirements(pack: PolicyPack, rule: Rule) -> str:
    statements = [f"- **{control}**: {pack.controls[control].statement}" for control in rule.controls]
    listed = [f"- {wanted.framework} {wanted.id}: {wanted.text}" for wanted in pack.requirements(rule)]
    return "\n".join([*statements, *listed])


def _index(pack: PolicyPack) -> str:
    topics: dict[str, list[Rule]] = defaultdict(list)
    for rule in pack.rules.values():
        topics[rule.id.partition(".")[0]].append(rule)
    lines = [GENERATED, "", "# Policies", "", "What a release must show before the gate lets it through.", ""]
    for topic in sorted(topics):
        lines += [f"## {topic}", ""]
        lines += [f"- [{rule.title}]({rule.id}.md) (`{rule.id}`)" for rule in topics[topic]]
        lines.append("")
    return "\n".join(lines)
