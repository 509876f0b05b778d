"""`mintmark export`: writes the evidence log as a directory that anybody can verify without us, or grows one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mintmark.evidence.archive import Archive
from mintmark.evidence.export import Companions, export_store
from mintmark.evidence.note import VerifierKey
from mintmark.evidence.store.open import open_backend
from mintmark.evidence.store.sql_store import SqlStore
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.locations import locate
from mintmark.pipelines.workshop import TRUST_FILE, verification_material


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    locations = locate(Path.cwd())
    material = verification_material(locations)
    companions = Companions(
        policy=_given(options.policy) or f"log {material.log_vkey}\nquorum none\n".encode(),
        trust=(locations.evidence / TRUST_FILE).read_bytes(),
        tsa=_given(options.tsa_roots),
    )
    size = export_store(
        SqlStore(open_backend(locations.store_url)),
        archive=Archive(folder=material.archive),
        log_key=VerifierKey.decode(material.log_vkey),
        folder=options.folder,
        companions=companions,
    )
    sys.stdout.write(f"{size} entries are in {options.folder}; `mintmark verify --from {options.folder}` checks them\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark export", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="new, empty, or an earlier export of this log")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="log policy (C2SP tlog-policy) to put into it")
    parser.add_argument("--tsa-roots", type=Path, metavar="FILE", help="certificates of timestamp authorities (PEM)")
    return parser


def _given(path: Path | None) -> bytes | None:
    try:
        return path.read_bytes() if path is not None else None
    except OSError as cause:
        raise UsageError(f"{path}: {cause}", reason="unreadable", remedy="name a file that can be read") from cause
