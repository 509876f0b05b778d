"""`mintmark break-glass`: ask for an emergency release, or approve one that somebody else asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta

from mintmark.pipelines.cli.person import add_key, check_environment, duration, named_subject, now, open_desk
from mintmark.pipelines.deploy.admission import parse_digest
from mintmark.pipelines.people.break_glass import approve_break_glass, request_break_glass, terms_of


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    moment = now()
    if options.verb == "approve":
        desk = open_desk(options.key)
        recorded = approve_break_glass(desk.log, desk.signer, desk.listener, options.id, person=desk.person, now=moment)
        sys.stdout.write(f"entry {recorded.index}: {options.id} approved by {desk.person}\n")
        return 0
    digest, environment = parse_digest(options.digest), check_environment(options.env)
    desk = open_desk(options.key)
    identity, recorded = request_break_glass(
        desk.log,
        desk.signer,
        subject=named_subject(digest),
        environment=environment,
        reason=options.reason,
        person=desk.person,
        expires=moment + options.duration,
        now=moment,
        pack=desk.pack,
    )
    terms = terms_of(desk.pack, environment)
    sys.stdout.write(
        f"{identity}: entry {recorded.index}, until {moment + options.duration:%Y-%m-%d %H:%M} UTC; "
        f"{terms['approvals']} of {terms['group'] or 'nobody'} run `mintmark break-glass approve {identity}`\n"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark break-glass", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    request = verbs.add_parser("request", help="ask for an emergency release of one artefact")
    request.add_argument("digest", metavar="sha256:DIGEST")
    request.add_argument("--env", required=True, metavar="NAME")
    request.add_argument("--reason", required=True, metavar="TEXT", help="what happens while this waits")
    request.add_argument(
        "--for",
        dest="duration",
        required=True,
        type=duration(timedelta(minutes=1), timedelta(days=1)),
        metavar="2h",
        help="how long it may be used",
    )
    agree = verbs.add_parser("approve", help="approve what somebody else asked for")
    agree.add_argument("id", metavar="ID")
    for verb in (request, agree):
        add_key(verb)
    return parser
