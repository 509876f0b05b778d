"""`mintmark verify`: checks the evidence log, offline. Verified is 0, not verifiable is 3, failed is 4."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from mintmark.evidence.archive import Archive
from mintmark.evidence.store.open import open_backend
from mintmark.evidence.verify.check import Trust, verify_log
from mintmark.evidence.verify.live import LiveSource
from mintmark.evidence.verify.report import VerificationReport
from mintmark.pipelines.cli.output import add_outputs, write_outputs
from mintmark.pipelines.locations import locate
from mintmark.pipelines.workshop import verification_material


def run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mintmark verify", description=__doc__)
    add_outputs(parser, ("human", "json"))
    options = parser.parse_args(words)
    locations = locate(Path.cwd())
    material = verification_material(locations)
    source = LiveSource(backend=open_backend(locations.store_url), archive=Archive(folder=material.archive))
    trust = Trust(
        log_key=material.log_key,
        policy=material.trust,
        witnesses=material.policy,
        authorities=material.authorities,
    )
    report = verify_log(source, trust)
    write_outputs(options, {"human": lambda: _human(report), "json": lambda: _json(report)})
    return int(report.exit_code)


def _human(report: VerificationReport) -> str:
    return report.describe() + "\n"


def _json(report: VerificationReport) -> str:
    return json.dumps(report.to_json(), indent=2, sort_keys=True) + "\n"
