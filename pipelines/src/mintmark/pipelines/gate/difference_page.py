"""Writes a difference of two packs for a console, or for the page of a change that somebody reviews. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mintmark.pipelines.gate.difference import Change, Difference, Outcome
from mintmark.pipelines.gate.plain import code_span, visible

UNEXPLAINED = (
    "bundle/policy.wasm differs, and nothing that it is compiled from does: one of the packs decides by something else"
    " than it shows"
)


def warnings(found: Difference) -> str:
    """A line for each difference, for whoever uses the new pack in place of the old one."""
    return "".join(f"WARNING   differs from the pack that came with Mintmark: {line}\n" for line in _lines(found))


def human(found: Difference) -> str:
    lines = [f"old  sha256:{found.old_digest}", f"new  sha256:{found.new_digest}", "", *_lines(found), _summary(found)]
    return "\n".join(lines) + "\n"


def _lines(found: Difference) -> list[str]:
    lines = [f"+ rule {name}" for name in found.added]
    lines += [f"- rule {name}" for name in found.removed]
    for rule in found.changed:
        lines.append(f"~ rule {rule.id}{'   (its Rego changed)' if rule.logic else ''}")
        lines += [f"    {_change(change)}" for change in rule.metadata]
    lines += [f"~ library {path}" for path in found.library]
    lines += [f"~ parameter {_change(change)}" for change in found.parameters]
    lines += [f"~ file {visible(path)}" for path in found.other]
    lines += [f"! {UNEXPLAINED}"] if found.unexplained else []
    lines += [f"! {about}   {old}  →  {new}" for about, old, new in _decisions(found)]
    return lines


def markdown(found: Difference) -> str:
    """Tables; whatever a value holds, it stays in its cell and comes alive nowhere."""
    lines = [f"Policy `sha256:{found.old_digest[:12]}` → `sha256:{found.new_digest[:12]}`: {_summary(found)}", ""]
    lines += [f"**{UNEXPLAINED}**", ""] if found.unexplained else []
    rules = [("added", name, "") for name in found.added] + [("removed", name, "") for name in found.removed]
    for rule in found.changed:
        what = [change.where for change in rule.metadata] + (["Rego"] if rule.logic else [])
        rules.append(("changed", rule.id, ", ".join(what)))
    rules += [("changed", path, "library") for path in found.library]
    rules += [("changed", path, "file") for path in found.other]
    lines += _table(("what", "rule", "in"), rules)
    lines += _table(("parameter", "old", "new"), [_cells(change) for change in found.parameters])
    lines += _table(("decision", "old", "new"), list(_decisions(found)))
    return "\n".join(lines).rstrip() + "\n"


def _summary(found: Difference) -> str:
    if found.old_digest == found.new_digest:
        return "the same pack"
    rules = len(found.added) + len(found.removed) + len(found.changed)
    return (
        f"{rules} rules and {len(found.parameters)} parameters differ; "
        f"{len(found.decisions)} of {found.compared} decisions would"
    )


def _decisions(found: Difference) -> Iterator[tuple[str, str, str]]:
    for change in found.decisions:
        yield change.about, _outcome(change.old), _outcome(change.new)


def _outcome(outcome: Outcome) -> str:
    return " ".join((outcome.answer, *outcome.reasons))


def _cells(change: Change) -> tuple[str, str, str]:
    return change.where, visible(change.old), visible(change.new)


def _change(change: Change) -> str:
    return f"{change.where}: {visible(change.old)} → {visible(change.new)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    lines = [head, ["---"] * len(head), *([_cell(text) for text in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def _cell(text: str) -> str:
    return code_span(text).replace("|", "\\|") if text else ""
