"""`mintmark ship`: the main job, from the commit to a running service."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mintmark.pipelines.build.checkout import head_commit
from mintmark.pipelines.cli.output import add_outputs, talk, write_outputs
from mintmark.pipelines.configuration import load_project
from mintmark.pipelines.gate.render import render
from mintmark.pipelines.locations import locate
from mintmark.pipelines.ship import Shipped, ship


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    source = options.source.resolve()
    project = load_project(source)
    locations = locate(Path.cwd())
    if dirty := head_commit(source).dirty:
        talk("note", f"{dirty} uncommitted changes are not part of this release")
    result = ship(
        project,
        environment=options.env,
        locations=locations,
        progress=talk,
        base=options.base,
        requester=options.requester,
    )
    write_outputs(
        options,
        {
            "human": lambda: _rendered(result, options.env, "human"),
            "markdown": lambda: _rendered(result, options.env, "markdown"),
            "json": lambda: _json(result),
        },
    )
    if result.payment is not None and not options.no_trace:
        from mintmark.pipelines.trace.posting import trace_posting
        from mintmark.pipelines.workshop import open_evidence

        sys.stdout.write("\n")
        for line in trace_posting(
            open_evidence(locations), result.payment.posting_id, locations, environment=options.env
        ):
            sys.stdout.write(f"{line}\n")
    return int(result.decision.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark ship", description=__doc__)
    parser.add_argument("--env", required=True, metavar="NAME", help="an environment of mintmark.toml")
    parser.add_argument("--source", type=Path, default=Path(), metavar="DIR", help="the checkout to ship (default: .)")
    parser.add_argument(
        "--base", metavar="COMMIT", help="the commit that was released before (default: what the log says)"
    )
    parser.add_argument("--requester", default="", metavar="NAME", help="who asked for this (default: your login)")
    parser.add_argument("--no-trace", action="store_true", help="do not print the trace of the first posting")
    add_outputs(parser, ("human", "json", "markdown"))
    return parser


def _rendered(result: Shipped, environment: str, style: str) -> str:
    return render(
        result.decision,
        format=style,
        pack=result.pack,
        subject=f"{result.release.wheel_name} sha256:{result.release.digest}",
        environment=environment,
    )


def _json(result: Shipped) -> str:
    document = {
        "digest": f"sha256:{result.release.digest}",
        "decision": result.decision.predicate(),
        "exit_code": int(result.decision.exit_code),
        "findings": [finding.to_json() for report in result.reports for finding in report.findings],
        "entries": [{"index": entry.index, "kind": entry.kind} for entry in result.recorded],
        "running": asdict(result.running) if result.running else None,
        "payment": asdict(result.payment) if result.payment else None,
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"
