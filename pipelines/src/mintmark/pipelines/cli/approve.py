"""`mintmark approve`, `mintmark reject`: one person's word on one artefact for one environment, signed and recorded."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta

from mintmark.pipelines.cli.person import (
    add_key,
    check_environment,
    duration,
    find_target,
    introduce,
    now,
    open_desk,
)
from mintmark.pipelines.deploy.admission import parse_digest
from mintmark.pipelines.people.approvals import MAX_COMMENT, record_approval

LONGEST = timedelta(days=30)


def run(words: Sequence[str]) -> int:
    return speak(words, verb="approve")


def speak(words: Sequence[str], *, verb: str) -> int:
    """Record an approval or a rejection; the later one of a person counts."""
    parser = _parser(verb)
    options = parser.parse_args(words)
    if options.init_key:
        sys.stdout.write(introduce(options.key))
        return 0
    if options.digest is None or options.env is None:
        parser.error("a digest and --env are needed")
    digest = parse_digest(options.digest)
    environment = check_environment(options.env)
    desk = open_desk(options.key)
    target = find_target(desk.locations, digest, commit=options.commit, repository=options.repository)
    moment = now()
    recorded = record_approval(
        desk.log,
        desk.signer,
        subject=target.subject,
        person=desk.person,
        verdict=verb,
        commit=target.commit,
        environment=environment,
        repository=target.repository,
        comment=options.comment,
        expires=moment + options.duration,
        now=moment,
    )
    sys.stdout.write(
        f"entry {recorded.index}: {verb} by {desk.person}   sha256:{digest}   commit {target.commit[:12]}   "
        f"→ {environment}   until {moment + options.duration:%Y-%m-%d %H:%M} UTC\n"
    )
    return 0


def _parser(verb: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"mintmark {verb}", description=__doc__)
    parser.add_argument("digest", nargs="?", metavar="sha256:DIGEST", help="the wheel's digest")
    parser.add_argument("--env", metavar="NAME", help="an environment of mintmark.toml")
    parser.add_argument("--commit", metavar="ID", help="in full; needed where the release is not kept here")
    parser.add_argument("--repository", metavar="URI", help="needed where the release is not kept here")
    parser.add_argument("--comment", type=_comment, default="", metavar="TEXT", help="why; without names or addresses")
    parser.add_argument(
        "--for",
        dest="duration",
        type=duration(timedelta(minutes=1), LONGEST),
        default=timedelta(days=7),
        metavar="7d",
        help=f"how long it counts (default: 7d, at most {LONGEST.days}d)",
    )
    parser.add_argument("--init-key", action="store_true", help="make your key, and print what is to be reviewed")
    add_key(parser)
    return parser


def _comment(text: str) -> str:
    if len(text) > MAX_COMMENT:
        raise argparse.ArgumentTypeError(f"{len(text)} characters, and {MAX_COMMENT} is the limit")
    return text
