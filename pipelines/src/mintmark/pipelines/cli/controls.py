"""`mintmark controls`: what must hold, which rules see to it, and which requirements of others that covers."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from mintmark.pipelines.cli.output import add_outputs, write_outputs
from mintmark.pipelines.gate import controls, controls_page
from mintmark.pipelines.gate.controls import Coverage
from mintmark.pipelines.gate.pack import Control, PolicyPack
from mintmark.pipelines.workshop import pack_in_force


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    pack = pack_in_force(Path.cwd())
    match options.verb:
        case "list":
            known = list(pack.controls.values())
            write_outputs(options, {"human": lambda: _lines(known), "json": lambda: _json(known)})
        case "show":
            one = controls.control(pack, options.control)
            write_outputs(options, {"human": lambda: _shown(pack, one), "json": lambda: _json([one])})
        case _:
            _coverage(pack, options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark controls", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    add_outputs(verbs.add_parser("list", help="every control and its rules"), ("human", "json"))
    show = verbs.add_parser("show", help="one control: its rules, their evidence, the requirements it speaks to")
    show.add_argument("control", metavar="ID", help="such as MM-CHG-01")
    add_outputs(show, ("human", "json"))
    cover = verbs.add_parser("coverage", help="which requirement which rule speaks to, and which none does")
    cover.add_argument("--framework", default="", metavar="NAME", help="one framework only, such as DORA or PCI")
    add_outputs(cover, ("human", "json", "markdown", "csv"))
    return parser


def _coverage(pack: PolicyPack, options: argparse.Namespace) -> None:
    rows = controls.coverage(pack, framework=options.framework)
    write_outputs(
        options,
        {
            "human": lambda: _human(rows),
            "json": lambda: json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False) + "\n",
            "markdown": lambda: controls_page.render_coverage(pack, framework=options.framework),
            "csv": lambda: _csv(rows),
        },
    )


def _lines(known: Iterable[Control]) -> str:
    return "".join(f"{one.id}  {one.statement}\n           {', '.join(one.rules)}\n" for one in known)


def _shown(pack: PolicyPack, one: Control) -> str:
    lines = [f"{one.id}  {one.statement}"]
    for name in one.rules:
        kinds = ", ".join(controls.evidence_kinds(pack, pack.rules[name]))
        lines.append(f"  rule      {name}: {pack.rules[name].title} (evidence: {kinds})")
    lines += [f"  speaks to {wanted.framework} {wanted.id}: {wanted.text}" for wanted in one.requirements]
    return "\n".join(lines) + "\n"


def _human(rows: Sequence[Coverage]) -> str:
    lines: list[str] = []
    for framework in dict.fromkeys(row.framework for row in rows):
        own = [row for row in rows if row.framework == framework]
        lines += [f"{framework}: {controls_page.tally(own)}"]
        width = max(len(row.requirement) for row in own)
        for row in own:
            said = f"{', '.join(row.rules)} ({', '.join(row.evidence)})" if row.covered else f"- {row.not_covered}"
            lines.append(f"  {row.requirement:<{width}}  {said}")
    return "\n".join(lines) + "\n"


def _json(known: Sequence[Control]) -> str:
    return json.dumps([asdict(one) for one in known], indent=2, ensure_ascii=False) + "\n"


def _csv(rows: Iterable[Coverage]) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["framework", "requirement", "text", "covered", "controls", "rules", "evidence", "not covered"])
    for row in rows:
        said = "yes" if row.covered else "no"
        lists = (" ".join(row.controls), " ".join(row.rules), " ".join(row.evidence))
        writer.writerow([row.framework, row.requirement, row.text, said, *lists, row.not_covered])
    return table.getvalue()
