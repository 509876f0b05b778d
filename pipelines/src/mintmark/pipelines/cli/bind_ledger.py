"""`mintmark bind-ledger`: binds what a ledger posted to the evidence log, and says how long the oldest leaf waits."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mintmark.evidence.binder import DEFAULT_LEDGER
from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.ledger.verification import BoundBatch
from mintmark.pipelines.cli.output import add_outputs, talk, write_outputs
from mintmark.pipelines.deploy.ledger_binding import clock, ledger_url, open_binder, open_database
from mintmark.pipelines.errors import ExitCode
from mintmark.pipelines.locations import Locations, locate
from mintmark.pipelines.sign.local_key import local_signer
from mintmark.pipelines.workshop import open_evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one pass bound, and how many seconds the oldest leaf that is left has waited; None when none is left."""

    ledger: str
    bound: tuple[BoundBatch, ...]
    age_s: float | None
    late: bool

    def human(self) -> str:
        lines = [
            f"batch {item.batch.batch}   {item.batch.count} entries, {item.batch.first} to {item.batch.last}   "
            f"root {item.batch.root[:16]}…   entry {item.index}"
            for item in self.bound
        ]
        waits = "nothing waits to be bound" if self.age_s is None else f"oldest unbound leaf: {self.age_s:.1f} s"
        return "\n".join([*lines, waits + ("   TOO OLD" if self.late else "")]) + "\n"

    def json(self) -> str:
        batches = [
            {
                "batch": item.batch.batch,
                "entry": item.index,
                "first": item.batch.first,
                "last": item.batch.last,
                "count": item.batch.count,
                "root": item.batch.root,
            }
            for item in self.bound
        ]
        document = {
            "ledger": self.ledger,
            "batches": batches,
            "oldest_unbound_age_s": self.age_s,
            "too_old": self.late,
        }
        return json.dumps(document, sort_keys=True) + "\n"


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    locations = locate(Path.cwd())
    url = ledger_url(locations, options.ledger_url)
    known_at = time.monotonic()  # when it was last known how long the oldest leaf waits
    while True:
        try:
            done = _round(options, locations, url)
        except EvidenceError as failure:
            passing = options.every is not None and failure.exit_code == ExitCode.INFRASTRUCTURE
            if not passing or _longer(time.monotonic() - known_at, options.max_age):
                raise  # an age that nobody knows is not a young one
            talk("WARNING", f"{failure}; trying again")  # what waits goes on waiting, and nothing is lost
        else:
            known_at = time.monotonic()
            quiet = options.every is not None and not options.outputs and not done.bound and not done.late
            if not quiet:
                write_outputs(options, {"human": done.human, "json": done.json})
                sys.stdout.flush()
            if done.late or options.every is None:
                return int(ExitCode.INCOMPLETE if done.late else ExitCode.OK)
        time.sleep(options.every)


def _round(options: argparse.Namespace, locations: Locations, url: str) -> Round:
    """Log and ledger are opened anew each time: what another process left half done is mended on opening."""
    ledger = options.ledger or DEFAULT_LEDGER
    bound: tuple[BoundBatch, ...] = ()
    if options.check:  # in need of neither log nor key
        with open_database(url) as database:
            age_s = database.oldest_unbound_age_s()
    else:
        signer = local_signer(locations.keys)
        with open_binder(open_evidence(locations), signer, url=url, ledger=ledger) as binder:
            bound = tuple(binder.drain(clock))
            age_s = binder.database.oldest_unbound_age_s()
    return Round(ledger=ledger, bound=bound, age_s=age_s, late=_longer(age_s, options.max_age))


def _longer(waited_s: float | None, most_s: float | None) -> bool:
    return waited_s is not None and most_s is not None and waited_s > most_s


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark bind-ledger", description=__doc__)
    parser.add_argument(
        "--ledger-url",
        metavar="URL",
        help="postgresql://… of the ledger, as florin_binder; else FLORIN_DATABASE_URL, else the local environment's",
    )
    parser.add_argument("--ledger", metavar="NAME", help="what the log calls this ledger (default: florin)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="bind what waits and end; this is the default")
    how.add_argument("--every", type=_duration, metavar="TIME", help="go on, with this pause: 1s, 500ms, 1m")
    how.add_argument("--check", action="store_true", help="bind nothing, only say how long the oldest leaf has waited")
    parser.add_argument(
        "--max-age",
        type=_duration,
        metavar="TIME",
        help="exit 3 when a leaf has waited longer; exit 5 when that was not known for so long",
    )
    add_outputs(parser, ("human", "json"))
    return parser


def _duration(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m|h)?", text)
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 1s, 500ms or 5m")
    return float(match[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}[match[2] or "s"]
