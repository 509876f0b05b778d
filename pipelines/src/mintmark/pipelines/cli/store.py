"""`mintmark store`: make or migrate the evidence store, take in what waits, and go on after a restore."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mintmark.evidence.recovery import recover
from mintmark.evidence.store.open import open_store
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.locations import Locations, locate
from mintmark.pipelines.workshop import close_epoch, log_identity, open_evidence

ADMIN_URL = "MINTMARK_STORE_ADMIN_URL"


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    locations = locate(Path.cwd())
    match options.verb:
        case "migrate":
            _migrate(locations)
        case "drain":
            _drain(locations)
        case "recover":
            _recover(locations, options.export)
        case _:
            _close_epoch(locations, options.reason)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark store", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser(
        "migrate", help=f"bring PostgreSQL's schema to this version, as {ADMIN_URL} (default: MINTMARK_STORE_URL)"
    )
    verbs.add_parser("drain", help="record what writers put into the inbox")
    back = verbs.add_parser("recover", help="bring back from an export what a restored store has lost")
    back.add_argument("--from", dest="export", required=True, type=Path, metavar="DIR")
    close = verbs.add_parser("close-epoch", help="go on in a new log that names the last checkpoint of this one")
    close.add_argument("--reason", required=True, metavar="ID", help="an id, such as restored-backup")
    return parser


def _migrate(locations: Locations) -> None:
    url = os.environ.get(ADMIN_URL) or locations.store_url
    if url.startswith("sqlite"):
        raise UsageError(
            "a SQLite store is made when it is first opened",
            reason="nothing_to_migrate",
            remedy=f"set MINTMARK_STORE_URL or {ADMIN_URL} to a postgresql:// URL",
        )
    from mintmark.evidence.store.postgresql import migrate

    migrate(url)
    sys.stdout.write("the schema is at this version; log in as mintmark_app, whose password is yours to set\n")


def _drain(locations: Locations) -> None:
    log = open_evidence(locations)
    recorded = refused = 0
    drained = log.drain(now=datetime.now(UTC))
    while drained.recorded or drained.refused:
        recorded, refused = recorded + drained.recorded, refused + drained.refused
        drained = log.drain(now=datetime.now(UTC))
    sys.stdout.write(f"{recorded} recorded, {refused} refused\n")


def _recover(locations: Locations, export: Path) -> None:
    signer, archive = log_identity(locations)
    store = open_store(locations.store_url, origin=signer.name)
    count = recover(store, export=export, archive=archive, log_key=signer.verifier)
    open_evidence(locations)  # signs and archives
    sys.stdout.write(f"{count} entries recovered; the log has {store.head().size}\n")


def _close_epoch(locations: Locations, reason: str) -> None:
    begun, origin = close_epoch(locations, reason=reason, now=datetime.now(UTC))
    sys.stdout.write(f"{origin} begins with the last checkpoint of the log before it, in entry {begun.index}\n")
