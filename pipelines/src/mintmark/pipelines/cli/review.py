"""`mintmark review`: what a used break-glass left to be looked at, and how it ended."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mintmark.pipelines.cli.output import add_outputs, write_outputs
from mintmark.pipelines.cli.person import add_key, now, open_desk, repository_of
from mintmark.pipelines.locations import locate
from mintmark.pipelines.people.directory import FILE_NAME, read_directory
from mintmark.pipelines.people.reviews import ReviewItem, close_review, open_items
from mintmark.pipelines.people.words import Listener
from mintmark.pipelines.workshop import open_reader, pack_in_force


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    repository = repository_of(options.repository)
    if options.verb == "close":
        desk = open_desk(options.key)
        recorded = close_review(
            desk.log,
            desk.signer,
            desk.listener,
            options.id,
            finding=options.finding,
            person=desk.person,
            repository=repository,
            now=now(),
        )
        sys.stdout.write(f"entry {recorded.index}: {options.id} closed by {desk.person}\n")
        return 0
    listener = Listener(
        log=open_reader(locate(Path.cwd())),
        directory=read_directory(Path.cwd() / FILE_NAME),
        pack=pack_in_force(Path.cwd()),
    )
    items, _ = open_items(listener, repository=repository)
    write_outputs(options, {"human": lambda: _human(items), "json": lambda: _json(items)})
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark review", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="what is open")
    add_outputs(listing, ("human", "json"))
    close = verbs.add_parser("close", help="say what was found; by another person than who asked for the break-glass")
    close.add_argument("id", metavar="ID")
    close.add_argument("--finding", required=True, metavar="TEXT")
    add_key(close)
    for verb in (listing, close):
        verb.add_argument("--repository", metavar="URI", help="default: that of mintmark.toml")
    return parser


def _human(items: Sequence[ReviewItem]) -> str:
    lines = [
        f"{item.id}   {item.environment}   due {datetime.fromtimestamp(item.due_epoch, UTC):%Y-%m-%d %H:%M} UTC   "
        f"{item.about}"
        for item in items
    ]
    return "\n".join([*lines, f"{len(items)} open"]) + "\n"


def _json(items: Sequence[ReviewItem]) -> str:
    return json.dumps([item.to_gate() | {"about": item.about} for item in items], indent=2, sort_keys=True) + "\n"
