"""`mintmark waiver`: ask for an exception that expires, and approve one that somebody else asked for."""

from __future__ import annotations

import argparse
import getpass
import re
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mintmark.pipelines.waivers import Waiver, approve, write_waiver

FOLDER = Path("waivers")
MAX_DAYS = 90


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    if options.verb == "approve":
        path = approve(FOLDER, options.id, options.by)
        sys.stdout.write(f"{path}: approved by {options.by}; commit it\n")
        return 0
    now = datetime.now(UTC).replace(microsecond=0)
    waiver = Waiver(
        id=f"{now:%Y%m%d}-{options.rule.replace('.', '-')}-{secrets.token_hex(3)}",
        rule=options.rule,
        fingerprint=options.fingerprint,
        environment=options.environment,
        reason=options.reason,
        requested_by=options.by,
        requested=now,
        expires=now + options.duration,
    )
    path = write_waiver(FOLDER, waiver)
    sys.stdout.write(
        f"{path}: until {waiver.expires:%Y-%m-%d}; somebody else runs `mintmark waiver approve {waiver.id}`\n"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark waiver", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    new = verbs.add_parser("new", help="ask for an exception")
    new.add_argument("rule", help="such as deps.known_vulnerability")
    new.add_argument("--fingerprint", required=True, help="of exactly one finding; there are no wildcards")
    new.add_argument("--environment", required=True)
    new.add_argument("--for", dest="duration", required=True, type=_duration, metavar="7d")
    new.add_argument("--reason", required=True)
    agree = verbs.add_parser("approve", help="approve what somebody else asked for")
    agree.add_argument("id")
    for verb in (new, agree):
        verb.add_argument("--by", default=getpass.getuser().lower(), metavar="ID", help="who you are (default: login)")
    return parser


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]?)d", text)
    if match is None or int(match[1]) > MAX_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r}: 1d to {MAX_DAYS}d")
    return timedelta(days=int(match[1]))
