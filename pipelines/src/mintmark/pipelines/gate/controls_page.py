"""The coverage matrix as Markdown: the page docs/controls.md, and `mintmark controls coverage -o markdown`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mintmark.pipelines.gate.controls import Coverage, coverage, frameworks, named
from mintmark.pipelines.gate.pack import PolicyPack

GENERATED = "<!-- Made from policies/controls by tests/policies/test_controls.py: edit those. -->"
MEANING = (
    "A rule helps to meet a requirement, for what it judges and where it judges: whether the requirement is met is an "
    "assessor's to say. Each decision records which rules it found satisfied, on which evidence, so that any release "
    "can be drawn as a sample (`mintmark explain DECISION`)."
)


def render_page(pack: PolicyPack) -> str:
    """The whole page: the controls, then every framework."""
    lines = [GENERATED, "", "# Controls and what they cover", "", MEANING, "", "## Our controls", ""]
    lines += _table(
        ("Control", "What must hold", "Rules"),
        ((one.id, one.statement, _links(one.rules)) for one in pack.controls.values()),
    )
    return "\n".join([*lines, "", render_coverage(pack)])


def render_coverage(pack: PolicyPack, *, framework: str = "") -> str:
    """Two tables a framework: what rules speak to, and what none does, with the reason why."""
    chosen = frameworks(pack)
    if framework:
        chosen = (named(chosen, framework),)
    lines: list[str] = []
    for one in chosen:
        rows = coverage(pack, framework=one.name)
        lines += [f"## {one.name}", "", f"{one.title}. {one.scope} {tally(rows)}", "", *_covered(rows)]
        lines += ["", *_open(rows), ""] if any(not row.covered for row in rows) else [""]
    return "\n".join(lines)


def tally(rows: Sequence[Coverage]) -> str:
    covered = sum(row.covered for row in rows)
    return f"Rules speak to {covered} of {len(rows)} requirements."


def _covered(rows: Sequence[Coverage]) -> list[str]:
    return _table(
        ("Requirement", "What it asks, in our words", "Controls", "Rules", "Evidence"),
        (
            (row.requirement, row.text, ", ".join(row.controls), _links(row.rules), ", ".join(row.evidence))
            for row in rows
            if row.covered
        ),
    )


def _open(rows: Sequence[Coverage]) -> list[str]:
    return _table(
        ("Not covered", "What it asks, in our words", "Why"),
        ((row.requirement, row.text, row.not_covered) for row in rows if not row.covered),
    )


def _links(rules: Iterable[str]) -> str:
    return ", ".join(f"[{rule}](policies/{rule}.md)" for rule in rules)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(header), _row(["---"] * len(header)), *(_row(row) for row in rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
