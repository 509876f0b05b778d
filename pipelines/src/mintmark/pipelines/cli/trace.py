"""`mintmark trace`: from a posting to the build behind it, and from a build to all that it posted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mintmark.pipelines.deploy.admission import parse_digest
from mintmark.pipelines.deploy.ledger_binding import LOCAL
from mintmark.pipelines.locations import locate
from mintmark.pipelines.trace.build import trace_build
from mintmark.pipelines.trace.posting import trace_posting
from mintmark.pipelines.workshop import open_reader


def run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mintmark trace", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    posting = verbs.add_parser("posting", help="posting → deployment → digest → commit → verdict → scans → log entries")
    posting.add_argument("id", help="a posting's id, such as 42.1")
    posting.add_argument(
        "--receipt", type=Path, metavar="FILE", help="write the posting's receipt, to be verified offline"
    )
    posting.add_argument(
        "--env", default=LOCAL, metavar="NAME", help=f"the environment whose ledger has it (default: {LOCAL})"
    )
    build = verbs.add_parser("build", help="what the deployments of a build posted, with sums by currency")
    build.add_argument("digest", metavar="sha256:DIGEST", help="the wheel's digest")
    options = parser.parse_args(words)
    locations = locate(Path.cwd())
    log = open_reader(locations)
    lines = (
        trace_posting(log, options.id, locations, environment=options.env, receipt=options.receipt)
        if options.verb == "posting"
        else trace_build(log, parse_digest(options.digest), locations)
    )
    for line in lines:  # printed one by one: each line was verified before it is shown
        sys.stdout.write(f"{line}\n")
    return 0
