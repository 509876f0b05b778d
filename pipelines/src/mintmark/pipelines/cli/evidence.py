"""`mintmark evidence`: search what was recorded, show an entry with its proof, add one, erase a payload."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mintmark.evidence.leaf import check_id
from mintmark.evidence.log import EvidenceLog
from mintmark.evidence.query import EntryRow
from mintmark.evidence.statement import KINDS
from mintmark.pipelines.cli.output import add_outputs, write_outputs
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.locations import locate
from mintmark.pipelines.proof import prove
from mintmark.pipelines.workshop import open_evidence, open_reader


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    if options.verb == "add":
        return _add(open_evidence(locate(Path.cwd())), options)
    if options.verb == "erase":
        recorded = open_evidence(locate(Path.cwd())).erase(
            options.index, basis=check_id(options.basis), now=datetime.now(UTC)
        )
        sys.stdout.write(f"the payload of entry {options.index} is erased, as entry {recorded.index} says\n")
        return 0
    log = open_reader(locate(Path.cwd()))
    if options.verb == "show":
        proven = prove(log, options.index)
        sys.stdout.write(
            json.dumps(
                {
                    "index": proven.index,
                    "tree_size": proven.tree_size,
                    "kind": proven.kind,
                    "signer": proven.signer,
                    "predicateType": proven.predicate_type,
                    "predicate": proven.predicate,
                },
                indent=2,
                sort_keys=True,
            )
            + "\n"
        )
        return 0
    rows = log.search(
        kind=options.kind,
        subject=options.subject.removeprefix("sha256:") if options.subject else None,
        ref=options.ref,
        since=options.since,
        until=options.until,
        limit=options.limit,
    )
    write_outputs(options, {"human": lambda: _human(rows), "json": lambda: _json(rows)})
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark evidence", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    search = verbs.add_parser("search", help="entries by kind, subject, reference and time")
    search.add_argument("--kind", choices=sorted(KINDS))
    search.add_argument("--subject", metavar="NAME|DIGEST")
    search.add_argument("--ref", metavar="REF", help="such as decision:… or urn:uuid:… of a deployment")
    search.add_argument("--since", type=_moment, metavar="TIME", help="ISO 8601; a date is its first moment, UTC")
    search.add_argument("--until", type=_moment, metavar="TIME")
    search.add_argument("--limit", type=int, default=100, metavar="N")
    add_outputs(search, ("human", "json"))
    show = verbs.add_parser("show", help="one entry, verified from its stored bytes")
    show.add_argument("index", type=int)
    add = verbs.add_parser("add", help="record a signed bundle that was made elsewhere, once it holds")
    add.add_argument("bundle", type=Path, metavar="FILE", help="a Sigstore bundle (JSON) around an in-toto statement")
    add.add_argument("--ref", action="append", default=[], metavar="REF")
    add.add_argument("--control", action="append", default=[], metavar="ID")
    erase = verbs.add_parser("erase", help="erase the payload of an entry; every hash still verifies")
    erase.add_argument("index", type=int)
    erase.add_argument("--basis", required=True, metavar="ID", help="why this may be erased, such as gdpr-17")
    return parser


def _add(log: EvidenceLog, options: argparse.Namespace) -> int:
    try:
        bundle = options.bundle.read_bytes()
    except OSError as cause:
        raise UsageError(f"{options.bundle}: {cause}", reason="unreadable", remedy="name a bundle's file") from cause
    recorded = log.record(bundle, now=datetime.now(UTC), controls=tuple(options.control), refs=tuple(options.ref))
    sys.stdout.write(f"entry {recorded.index}: {recorded.kind}\n")
    return 0


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _human(rows: Sequence[EntryRow]) -> str:
    lines = [f"{row.index:>6}  {row.at}  {row.kind:<10}  {', '.join(row.subjects)}" for row in rows]
    return "\n".join([*lines, f"{len(rows)} entries"]) + "\n"


def _json(rows: Sequence[EntryRow]) -> str:
    return json.dumps([row.to_json() for row in rows], indent=2, sort_keys=True) + "\n"
