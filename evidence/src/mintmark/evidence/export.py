"""Writes the log as static C2SP tlog-tiles files: anybody's verifier can read them. The checkpoint comes last."""

from __future__ import annotations

from pathlib import Path

from mintmark.evidence.checkpoint import open_checkpoint
from mintmark.evidence.errors import NotFound
from mintmark.evidence.log import EvidenceLog
from mintmark.evidence.tiles import WIDTH, encode_entries, tile_path
from mintmark.evidence.tree import HASH_SIZE


def export_tiles(log: EvidenceLog, folder: Path) -> int:
    """Write `tile/…`, `tile/entries/…` and `checkpoint` below `folder`; return the size that was exported."""
    note = log.store.checkpoint()
    if note is None:
        raise NotFound("the log is empty", reason="no_checkpoint", remedy="record something first")
    size = open_checkpoint(note, log.signer.verifier).size
    level, width = 0, size
    while width:
        for index in range((width + WIDTH - 1) // WIDTH):
            wide = min(WIDTH, width - index * WIDTH)
            content = log.read_tile(level, index, wide)
            _write(folder / tile_path(level, index, wide), content[: wide * HASH_SIZE])
        level, width = level + 1, width // WIDTH
    for index in range((size + WIDTH - 1) // WIDTH):
        entries = [entry.content for entry in log.store.entries(index * WIDTH, min(WIDTH, size - index * WIDTH))]
        _write(folder / tile_path("entries", index, len(entries)), encode_entries(entries))
    _write(folder / "checkpoint", note)
    return size


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
