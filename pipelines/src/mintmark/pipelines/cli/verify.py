"""`mintmark verify`: checks the evidence log, offline. Verified is 0, not verifiable is 3, failed is 4."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from mintmark.evidence.verify import VerificationReport, verify_log
from mintmark.pipelines.cli.output import add_outputs, write_outputs
from mintmark.pipelines.locations import locate
from mintmark.pipelines.workshop import verification_material


def run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mintmark verify", description=__doc__)
    add_outputs(parser, ("human", "json"))
    options = parser.parse_args(words)
    locations = locate(Path.cwd())
    material = verification_material(locations)
    report = verify_log(locations.evidence, archive=material.archive, trust=material.trust, log_vkey=material.log_vkey)
    write_outputs(options, {"human": lambda: _human(report), "json": lambda: _json(report)})
    return int(report.exit_code)


def _human(report: VerificationReport) -> str:
    return report.describe() + "\n"


def _json(report: VerificationReport) -> str:
    return json.dumps(report.to_json(), indent=2, sort_keys=True) + "\n"
