"""`mintmark deploy`: start a digest that was allowed, after verifying its verdict and its bytes again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mintmark.pipelines.cli.output import talk
from mintmark.pipelines.configuration import load_project
from mintmark.pipelines.deploy.admission import parse_digest
from mintmark.pipelines.deploy.rollout import roll_out
from mintmark.pipelines.deploy.token import token_missing
from mintmark.pipelines.locations import locate
from mintmark.pipelines.sign.local_key import local_signer
from mintmark.pipelines.workshop import open_evidence, open_gate


def run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mintmark deploy", description=__doc__)
    parser.add_argument("digest", metavar="sha256:DIGEST", help="the wheel's digest; names and tags are refused")
    parser.add_argument("--env", required=True, metavar="NAME", help="an environment of mintmark.toml")
    parser.add_argument(
        "--token", type=Path, metavar="FILE", help="the gate's deploy token, which a protected environment asks for"
    )
    options = parser.parse_args(words)
    digest = parse_digest(options.digest)
    project = load_project(Path.cwd())
    protected = project.environment(options.env).protected
    if protected and options.token is None:
        raise token_missing(options.env)
    locations = locate(Path.cwd())
    _, pack = open_gate(project, locations, environment=options.env, warn=lambda text: talk("WARNING", text))
    roll_out(
        open_evidence(locations),
        local_signer(locations.keys),
        digest=digest,
        environment=options.env,
        policy_digest=f"sha256:{pack.digest}",
        locations=locations,
        progress=talk,
        token=options.token.read_bytes() if options.token else None,
        token_required=protected,
    )
    return 0
