"""`mintmark explain`: why a decision was made, or what a rule asks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mintmark.pipelines.errors import IntegrityError, UsageError
from mintmark.pipelines.gate.pack import PolicyPack, Rule
from mintmark.pipelines.locations import locate
from mintmark.pipelines.proof import prove
from mintmark.pipelines.workshop import open_reader


def run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mintmark explain", description=__doc__)
    parser.add_argument("what", metavar="RULE|DECISION", help="a rule's id, or the id of a recorded decision")
    wanted = parser.parse_args(words).what
    pack = PolicyPack.locate()
    if wanted in pack.rules:
        sys.stdout.write(_rule(pack.rules[wanted]))
        return 0
    log = open_reader(locate(Path.cwd()))
    rows = log.search(kind="decision", ref=f"decision:{wanted}")
    if not rows:
        raise UsageError(
            f"{wanted!r} is neither a rule nor a recorded decision",
            reason="unknown",
            remedy=f"rules are {', '.join(sorted(pack.rules))}; the refusal named its decision",
        )
    proven = prove(log, rows[-1].index, kind="decision")
    if proven.run.id != wanted:
        raise IntegrityError(
            f"entry {proven.index} is decision {proven.run.id}, filed under decision {wanted}",
            reason="run_mismatch",
            remedy="somebody recorded another decision for this one: run `mintmark verify`, then ask who did",
        )
    sys.stdout.write(
        f"entry {proven.index}, verified\n" + json.dumps(proven.predicate, indent=2, sort_keys=True) + "\n"
    )
    return 0


def _rule(rule: Rule) -> str:
    lines = (
        f"{rule.id}   {rule.title}   ({rule.severity}, {', '.join(rule.controls)})",
        f"  what      {rule.description}",
        f"  accepted  {rule.accepted}",
        f"  fix       {rule.remedy}",
        f"  waive     {'one finding at a time, approved by another person' if rule.waivable else 'not possible'}",
    )
    return "\n".join(lines) + "\n"
