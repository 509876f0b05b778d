"""`mintmark export`: writes the evidence log as a directory that anybody can verify without us, or grows one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mintmark.evidence.archive import Archive
from mintmark.evidence.binder import DEFAULT_LEDGER, bound_batches
from mintmark.evidence.export import Companions, export_store
from mintmark.evidence.ledger.exported import PATH as LEDGER_PATH
from mintmark.evidence.ledger.exported import export_ledger
from mintmark.evidence.ledger.interface import LedgerSource
from mintmark.evidence.reader import LogReader
from mintmark.evidence.single_file import source
from mintmark.evidence.store.open import open_backend
from mintmark.evidence.store.sql_store import SqlStore
from mintmark.pipelines.deploy.ledger_binding import ledger_source, ledger_url
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.locations import locate
from mintmark.pipelines.workshop import VerificationMaterial, open_reader, verification_material


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    locations = locate(Path.cwd())
    material = verification_material(locations)
    url = None if options.ledger is None else ledger_url(locations, options.ledger or None)
    with ledger_source(url) as ledger:
        size = export_store(
            SqlStore(open_backend(locations.store_url)),
            archive=Archive(folder=material.archive),
            log_key=material.log_key,
            folder=options.folder,
            companions=_companions(options, material, open_reader(locations), ledger),
        )
    sys.stdout.write(f"{size} entries are in {options.folder}; `mintmark verify --from {options.folder}` checks them\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark export", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="new, empty, or an earlier export of this log")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="log policy (C2SP tlog-policy) to put into it")
    parser.add_argument("--tsa-roots", type=Path, metavar="FILE", help="certificates of timestamp authorities (PEM)")
    parser.add_argument(
        "--ledger",
        nargs="?",
        const="",
        metavar="URL",
        help="with the journal entries that the log binds: of the URL, else as `mintmark bind-ledger` finds it",
    )
    parser.add_argument("--ledger-name", default=DEFAULT_LEDGER, metavar="NAME", help="what the log calls the ledger")
    return parser


def _companions(
    options: argparse.Namespace, material: VerificationMaterial, log: LogReader, ledger: LedgerSource | None
) -> Companions:
    """Copies of what is trusted here, the verifier in one file, and the ledger where it is wanted."""

    def write_ledger(folder: Path, size: int) -> None:
        if ledger is None:
            (folder / LEDGER_PATH).unlink(missing_ok=True)  # an earlier one would lack what was bound since
        else:
            batches = [bound for bound in bound_batches(log, options.ledger_name) if bound.index < size]
            export_ledger(ledger, batches, folder)

    return Companions(
        policy=_given(options.policy) or material.policy_file.read_bytes(),
        trust=material.trust_file.read_bytes(),
        tsa=_given(options.tsa_roots) or b"".join(material.authorities) or None,
        verifier=source(),
        others=(write_ledger,),
    )


def _given(path: Path | None) -> bytes | None:
    try:
        return path.read_bytes() if path is not None else None
    except OSError as cause:
        raise UsageError(f"{path}: {cause}", reason="unreadable", remedy="name a file that can be read") from cause
