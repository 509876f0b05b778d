"""A verifier on Go's own transparency-log package accepts what we export, and refuses it once a bit is flipped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.evidence.builders import bench
from tests.evidence.goverify.build import accepted

from mintmark.evidence.export import export_log
from mintmark.evidence.log import EvidenceLog


def receipt_files(log: EvidenceLog, index: int, folder: Path) -> tuple[Path, Path]:
    receipt, entry = folder / f"{index}.tlog-proof", folder / f"{index}.entry"
    receipt.write_bytes(log.receipt(index).encode())
    entry.write_bytes(log.entry(index).encode())
    return receipt, entry


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700])
def test_the_go_verifier_accepts_checkpoint_tiles_and_receipts(size: int, goverify: Path, tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.fill(size)
    export_log(log, tmp_path / "export")
    files = [path for index in {0, size // 2, size - 1} for path in receipt_files(log, index, tmp_path)]

    assert accepted(goverify, place.signer.vkey, tmp_path / "export", *files)


FLIPS: dict[str, Callable[[Path], Path]] = {
    "tile": lambda folder: folder / "tile/0/000",
    "entries": lambda folder: folder / "tile/entries/001.p/44",
    "checkpoint": lambda folder: folder / "checkpoint",
}


@pytest.mark.parametrize("what", FLIPS)
def test_the_go_verifier_refuses_a_flipped_bit(what: str, goverify: Path, tmp_path: Path) -> None:
    place = bench(tmp_path)
    export_log(place.fill(300), tmp_path / "export")
    path = FLIPS[what](tmp_path / "export")
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(bytes(content))

    assert not accepted(goverify, place.signer.vkey, tmp_path / "export")


def test_the_go_verifier_refuses_a_receipt_of_another_entry(goverify: Path, tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.fill(5)
    export_log(log, tmp_path / "export")
    receipt, _ = receipt_files(log, 1, tmp_path)
    _, entry = receipt_files(log, 2, tmp_path)

    assert not accepted(goverify, place.signer.vkey, tmp_path / "export", receipt, entry)
