"""`mintmark verify`: checks the evidence log, offline. Verified is 0, not verifiable is 3, failed is 4."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mintmark.evidence.archive import Archive
from mintmark.evidence.note import VerifierKey
from mintmark.evidence.store.open import open_backend
from mintmark.evidence.trust import TrustPolicy
from mintmark.evidence.verify.check import Trust, verify_log
from mintmark.evidence.verify.exported import ExportedSource
from mintmark.evidence.verify.interface import LogSource, Note
from mintmark.evidence.verify.live import LiveSource
from mintmark.evidence.verify.report import Level, VerificationReport
from mintmark.pipelines.cli.output import add_outputs, write_outputs
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.locations import locate
from mintmark.pipelines.workshop import TRUST_FILE, verification_material

POLICY_FILE = "log.policy"
BORROWED = "trust was taken from the export itself: this believes whoever made it; bring your own with --trust"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to verify, by what trust, and what has to be said of that trust."""

    source: LogSource
    trust: Trust
    warnings: tuple[str, ...] = ()


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    seen = [Note(place=str(path), content=_read(path)) for path in options.seen]
    request = _exported(options) if options.export is not None else _live(options)
    found = verify_log(request.source, request.trust, levels=options.level, seen=seen)
    report = replace(found, warnings=(*request.warnings, *found.warnings))
    write_outputs(options, {"human": lambda: _human(report), "json": lambda: _json(report)})
    return int(report.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark verify", description=__doc__)
    parser.add_argument("--from", dest="export", type=Path, metavar="DIR", help="an export, and not the store here")
    parser.add_argument(
        "--trust", type=Path, metavar="PATH", help=f"{TRUST_FILE}, or a folder with it and {POLICY_FILE}; with --from"
    )
    parser.add_argument("--key", metavar="VKEY", help="the log's verifier key; with --from")
    parser.add_argument(
        "--seen", type=Path, action="append", default=[], metavar="FILE", help="a checkpoint that you kept; repeatable"
    )
    parser.add_argument("--level", type=_levels, default=frozenset(Level), metavar="L1,L3", help="these levels alone")
    add_outputs(parser, ("human", "json"))
    return parser


def _levels(text: str) -> frozenset[Level]:
    try:
        return frozenset(Level(name.strip()) for name in text.split(","))
    except ValueError as cause:
        raise argparse.ArgumentTypeError(f"{cause}; use {', '.join(Level)}") from cause


def _live(options: argparse.Namespace) -> Request:
    if options.trust is not None or options.key is not None:
        raise UsageError(
            "--trust and --key are for an export",
            reason="usage",
            remedy="name the export with --from, or leave them out",
        )
    locations = locate(Path.cwd())
    material = verification_material(locations)
    return Request(
        source=LiveSource(backend=open_backend(locations.store_url), archive=Archive(folder=material.archive)),
        trust=Trust(log_key=VerifierKey.decode(material.log_vkey), policy=material.trust),
    )


def _exported(options: argparse.Namespace) -> Request:
    inside = options.export / "trust"
    given = options.trust or inside
    file, folder = (given / TRUST_FILE, given) if given.is_dir() or options.trust is None else (given, given.parent)
    key = options.key or _log_key(folder / POLICY_FILE)
    own = inside.resolve() in [path.resolve() for path in (folder, file.parent)]
    return Request(
        source=ExportedSource(folder=options.export),
        trust=Trust(log_key=VerifierKey.decode(key), policy=TrustPolicy.load(file)),
        warnings=(BORROWED,) if own else (),
    )


def _log_key(policy: Path) -> str:
    """The log's key out of a log policy; witnesses are another matter."""
    lines = [line.split() for line in _read(policy).decode(errors="replace").splitlines()]
    keys = [words[1] for words in lines if len(words) > 1 and words[0] == "log"]
    if len(keys) != 1:
        raise UsageError(
            f"{policy}: it names {len(keys)} logs, not one", reason="log_policy", remedy="give the log's key with --key"
        )
    return keys[0]


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
