"""`mintmark verify`: checks the evidence log, offline. Verified is 0, not verifiable is 3, failed is 4."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from mintmark.evidence.archive import Archive
from mintmark.evidence.errors import NoteError
from mintmark.evidence.ledger.interface import LedgerSource
from mintmark.evidence.log_policy import LogPolicy, PolicyLog, parse_log_policy
from mintmark.evidence.note import VerifierKey
from mintmark.evidence.single_file import write_single_file
from mintmark.evidence.store.open import open_backend
from mintmark.evidence.trust import TrustPolicy
from mintmark.evidence.verify.check import Trust, verify_log
from mintmark.evidence.verify.exported import ExportedSource
from mintmark.evidence.verify.interface import LogSource, Note
from mintmark.evidence.verify.live import LiveSource
from mintmark.evidence.verify.report import Level, VerificationReport
from mintmark.pipelines.cli.output import add_outputs, write_outputs
from mintmark.pipelines.deploy.ledger_binding import ledger_source, ledger_url
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.locations import Locations, locate
from mintmark.pipelines.workshop import AUTHORITIES_FILE, POLICY_FILE, TRUST_FILE, authorities, verification_material

BORROWED = "trust was taken from the export itself: this believes whoever made it; bring your own with --trust"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to verify, by what trust, and what has to be said of that trust."""

    source: LogSource
    trust: Trust
    warnings: tuple[str, ...] = ()


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    if options.single_file is not None:
        write_single_file(options.single_file)
        sys.stdout.write(f"{options.single_file}: verifies an export with Python alone: docs/verify-without-us.md\n")
        return 0
    seen = [Note(place=str(path), content=_read(path)) for path in options.seen]
    with ExitStack() as stack:
        if options.export is not None:
            request = _exported(options)
        else:
            locations = locate(Path.cwd())
            request = _live(options, locations, stack.enter_context(ledger_source(_ledger_url(options, locations))))
        found = verify_log(request.source, request.trust, levels=options.level, seen=seen, ask=options.ask_witnesses)
    report = replace(found, warnings=(*request.warnings, *found.warnings))
    write_outputs(options, {"human": lambda: _human(report), "json": lambda: _json(report)})
    return int(report.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark verify", description=__doc__)
    parser.add_argument("--from", dest="export", type=Path, metavar="DIR", help="an export, and not the store here")
    parser.add_argument(
        "--trust",
        type=Path,
        metavar="PATH",
        help=f"{TRUST_FILE}, or a folder with it, {POLICY_FILE} and {AUTHORITIES_FILE}; with --from",
    )
    parser.add_argument("--policy", type=Path, metavar="FILE", help="the log policy; with --from")
    parser.add_argument("--key", metavar="VKEY", help="the log's verifier key, instead of a log policy; with --from")
    parser.add_argument(
        "--seen", type=Path, action="append", default=[], metavar="FILE", help="a checkpoint that you kept; repeatable"
    )
    parser.add_argument(
        "--ask-witnesses", action="store_true", help="ask the log policy's witnesses what they have seen (online)"
    )
    parser.add_argument("--level", type=_levels, default=frozenset(Level), metavar="L1,L3", help="these levels alone")
    parser.add_argument(
        "--ledger",
        nargs="?",
        const="",
        metavar="URL",
        help="compare the ledger too (L4): at the URL, else FLORIN_DATABASE_URL, else the local environment's",
    )
    parser.add_argument(
        "--single-file", type=Path, metavar="PATH", help="write the verifier in one file to PATH, and verify nothing"
    )
    add_outputs(parser, ("human", "json"))
    return parser


def _levels(text: str) -> frozenset[Level]:
    try:
        return frozenset(Level(name.strip()) for name in text.split(","))
    except ValueError as cause:
        raise argparse.ArgumentTypeError(f"{cause}; use {', '.join(Level)}") from cause


def _ledger_url(options: argparse.Namespace, locations: Locations) -> str | None:
    return None if options.ledger is None else ledger_url(locations, options.ledger or None)


def _live(options: argparse.Namespace, locations: Locations, ledger: LedgerSource | None) -> Request:
    if options.trust is not None or options.key is not None or options.policy is not None:
        raise UsageError(
            "--trust, --policy and --key are for an export",
            reason="usage",
            remedy="name the export with --from, or leave them out",
        )
    material = verification_material(locations)
    archive = Archive(folder=material.archive)
    return Request(
        source=LiveSource(backend=open_backend(locations.store_url), archive=archive, ledger=ledger),
        trust=Trust(
            log_key=material.log_key,
            policy=material.trust,
            witnesses=material.policy,
            authorities=material.authorities,
        ),
    )


def _exported(options: argparse.Namespace) -> Request:
    if options.ledger is not None:
        raise UsageError("--ledger is for the store here", reason="usage", remedy="an export brings its ledger with it")
    inside = options.export / "trust"
    given = options.trust or inside
    file, folder = (given / TRUST_FILE, given) if given.is_dir() or options.trust is None else (given, given.parent)
    policy = _log_policy(options, folder)
    brought = [path for path in (file, folder, options.policy) if path is not None]
    own = any(path.resolve().is_relative_to(options.export.resolve()) for path in brought)
    return Request(
        source=ExportedSource(folder=options.export),
        trust=Trust(
            log_key=policy.logs[0].key,
            policy=TrustPolicy.load(file),
            witnesses=policy,
            authorities=authorities(folder),
        ),
        warnings=(BORROWED,) if own else (),
    )


def _log_policy(options: argparse.Namespace, folder: Path) -> LogPolicy:
    """The policy of the one log that is to be verified."""
    path = options.policy or folder / POLICY_FILE
    if options.key is not None and options.policy is None:
        key = VerifierKey.decode(options.key)
        return LogPolicy(logs=(PolicyLog(key=key),), witnesses=(), groups=(), quorum="none")
    policy = parse_log_policy(_read(path))
    if len(policy.logs) != 1:
        raise UsageError(
            f"{path}: it names {len(policy.logs)} logs, not one",
            reason="log_policy",
            remedy="give the log's key with --key",
        )
    if options.key is not None and policy.logs[0].key != VerifierKey.decode(options.key):
        raise NoteError(f"{path}: it has another key of the log than --key", reason="key_unknown")
    return policy


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise UsageError(
            f"{path}: {cause.strerror}", reason="unreadable", remedy="give what you trust with --trust and --key"
        ) from cause


def _human(report: VerificationReport) -> str:
    return report.describe() + "\n"


def _json(report: VerificationReport) -> str:
    return json.dumps(report.to_json(), indent=2, sort_keys=True) + "\n"
