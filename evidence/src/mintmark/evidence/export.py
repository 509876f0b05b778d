"""Writes the log as a directory that anybody can verify (docs/formats.md). The checkpoint comes last."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection, RowMapping, Table, select

from mintmark.evidence.checkpoint import open_checkpoint
from mintmark.evidence.errors import NotFound
from mintmark.evidence.leaf import parse_leaf
from mintmark.evidence.log import EvidenceLog
from mintmark.evidence.store.tables import view_entry, view_ref, view_subject
from mintmark.evidence.tiles import WIDTH, encode_entries, tile_path
from mintmark.evidence.tree import HASH_SIZE

PROJECTION = (view_entry, view_subject, view_ref)


def export_log(log: EvidenceLog, folder: Path) -> int:
    """Write tiles, archived checkpoints, payloads and the projection below `folder`; return the exported size."""
    size = export_tiles(log, folder)
    for path, note in log.archive.notes():
        _write(folder / "checkpoint-archive" / path.name, note)
    for first in range(0, size, WIDTH):
        for entry in log.store.entries(first, min(WIDTH, size - first)):
            commitment = parse_leaf(entry.content).commitment
            stored = log.store.payload(commitment)
            if stored is not None:
                _write(folder / "payload" / commitment[:2] / commitment, b"".join(stored))
    with log.store.reading() as connection:
        for table in PROJECTION:
            _write(folder / "projection" / f"{table.name}.jsonl", _lines(_rows(connection, table, size)))
    return size


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


def _rows(connection: Connection, table: Table, size: int) -> Iterable[RowMapping]:
    wanted = select(table).where(table.c.idx < size).order_by(*table.primary_key.columns)
    return connection.execute(wanted).mappings()


def _lines(rows: Iterable[RowMapping]) -> bytes:
    return b"".join(json.dumps(dict(row), sort_keys=True, separators=(",", ":")).encode() + b"\n" for row in rows)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
