"""`mintmark policy check`: is the policy pack whole, and does every rule refuse its canary?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mintmark.pipelines.configuration import load_project
from mintmark.pipelines.workshop import open_gate


def run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mintmark policy", description=__doc__)
    parser.add_subparsers(dest="verb", required=True).add_parser("check", help="verify the pack and run the canaries")
    parser.parse_args(words)
    gate, pack = open_gate(load_project(Path.cwd()))
    for rule in sorted(pack.rules.values(), key=lambda rule: rule.id):
        sys.stdout.write(f"{rule.id:<28} refused its canary   {rule.title}\n")
    sys.stdout.write(f"{len(pack.rules)} rules, {gate.engine.name}, policy sha256:{pack.digest}\n")
    return 0
