"""`mintmark explain`: why a decision was made, or what a rule asks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mintmark.pipelines.cli.output import add_outputs, talk, write_outputs
from mintmark.pipelines.errors import IncompleteError, IntegrityError, UsageError
from mintmark.pipelines.gate import archive
from mintmark.pipelines.gate.decide import Decision
from mintmark.pipelines.gate.errors import DocumentInvalid
from mintmark.pipelines.gate.pack import PolicyPack, Rule
from mintmark.pipelines.gate.render import FORMATS, render
from mintmark.pipelines.locations import locate
from mintmark.pipelines.proof import prove
from mintmark.pipelines.workshop import open_reader, pack_in_force


def run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mintmark explain", description=__doc__)
    parser.add_argument("what", metavar="RULE|DECISION", help="a rule's id, or the id of a recorded decision")
    add_outputs(parser, FORMATS)
    options = parser.parse_args(words)
    wanted, pack = options.what, pack_in_force(Path.cwd())
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
    try:
        decision = Decision.of(proven.predicate)
        judged_by = _pack_of(decision, pack)
    except (DocumentInvalid, IncompleteError) as unreadable:  # of another release, or its pack lies elsewhere
        talk("note", f"shown as it was recorded: {unreadable}")
        sys.stdout.write(f"{json.dumps(proven.predicate, indent=2, sort_keys=True)}\n entry {proven.index}, verified\n")
        return 0
    write_outputs(options, {style: partial(_explained, decision, judged_by, style, proven.index) for style in FORMATS})
    return 0


def _pack_of(decision: Decision, in_force: PolicyPack) -> PolicyPack:
    """The words are those of the policy that judged, which may not be the one of today."""
    if decision.policy_digest == in_force.digest:
        return in_force
    return archive.load_pack(locate(Path.cwd()).decisions, decision.policy_digest)


def _explained(decision: Decision, pack: PolicyPack, style: str, index: int) -> str:
    text = render(decision, style, pack=pack)
    verified = f" entry {index}, verified\n" if style == "human" else "\n"
    return text + verified


def _rule(rule: Rule) -> str:
    lines = (
        f"{rule.id}   {rule.title}   ({rule.severity}, {', '.join(rule.controls)})",
        f"  what      {rule.description}",
        f"  accepted  {rule.accepted}",
        f"  fix       {rule.remedy}",
        f"  waive     {'one finding at a time, approved by another person' if rule.waivable else 'not possible'}",
    )
    return "\n".join(lines) + "\n"
