"""An exported directory as a source of verification (docs/formats.md): no database, and no access to us."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mintmark.evidence.checkpoint import parse_checkpoint
from mintmark.evidence.errors import EvidenceError, NotFound
from mintmark.evidence.leaf import SALT_SIZE
from mintmark.evidence.note import parse_note
from mintmark.evidence.store import tables
from mintmark.evidence.tiles import WIDTH, decode_entries, tile_path, tile_root
from mintmark.evidence.tree import HASH_SIZE, leaf_hash
from mintmark.evidence.verify.interface import Note, Snapshot, Timestamp

PROJECTION = ("view_entry", "view_subject", "view_ref")
MAX_FILE_BYTES = 64 * 1024 * 1024
_TILE = re.compile(r"tile/(0|[1-9][0-9]*)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedSource:
    """`folder` is an export. Files are read one at a time, none larger than 64 MiB, and links are not followed."""

    folder: Path

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        checkpoint = self.folder / "checkpoint"
        if not checkpoint.is_file():
            raise NotFound(
                f"{self.folder}: no checkpoint: this is no export of a log",
                reason="no_log",
                remedy="give the directory that `mintmark export` wrote",
            )
        yield ExportedSnapshot(folder=self.folder, note=read(checkpoint), size=_size(read(checkpoint)))

    def archived(self) -> list[Note]:
        return [
            Note(place=f"checkpoint-archive/{path.name}", content=read(path))
            for path in sorted((self.folder / "checkpoint-archive").glob("*.note"))
        ]

    def timestamps(self) -> list[Timestamp]:
        return [
            Timestamp(place=f"timestamp/{path.name}", stem=path.name.split(".")[0], content=read(path))
            for path in sorted((self.folder / "timestamp").glob("*.tsr"))
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedSnapshot:
    """`size` is what the checkpoint says, or nothing when it cannot be read."""

    folder: Path
    note: bytes
    size: int

    def entries(self) -> Iterator[tuple[Any, Any]]:
        for first in range(0, self.size, WIDTH):
            path = self.folder / tile_path("entries", first // WIDTH, min(WIDTH, self.size - first))
            if not path.is_file():
                return  # the walk says that the log ends here
            yield from enumerate(decode_entries(read(path)), first)

    def tile(self, level: int, index: int) -> Any:
        path = self.folder / tile_path(level, index)
        return read(path) if path.is_file() else None

    def tiles(self) -> set[tuple[int, int]]:
        found = set()
        for path in (self.folder / "tile").rglob("*"):
            match = _TILE.fullmatch(path.relative_to(self.folder).as_posix())
            if match and not match[3] and path.is_file():
                found.add((int(match[1]), int(match[2].replace("x", "").replace("/", ""))))
        return found

    def projection(self, table: str) -> Iterator[tuple[Any, ...]]:
        columns = [column.name for column in tables.metadata.tables[table].columns]
        path = self.folder / "projection" / f"{table}.jsonl"
        if not path.is_file():
            return
        with path.open("rb") as handle:
            for line in handle:
                try:
                    row = json.loads(line)
                    yield tuple(row[column] for column in columns)
                except (ValueError, KeyError, TypeError, RecursionError):
                    yield (line[:80].decode(errors="replace"),)

    def projected(self) -> tuple[str, ...]:
        return PROJECTION

    def payload(self, commitment: str) -> tuple[Any, Any] | None:
        path = self.folder / "payload" / commitment[:2] / commitment
        if not re.fullmatch(r"[0-9a-f]{64}", commitment) or not path.is_file():
            return None
        content = read(path)
        return content[:SALT_SIZE], content[SALT_SIZE:]

    def commitments(self) -> Iterator[str]:
        for path in (self.folder / "payload").rglob("*"):
            if not path.is_dir():
                yield path.name

    def published(self) -> list[Note]:
        return [Note(place="checkpoint", content=self.note)]

    def batches(self) -> Iterator[tuple[Any, Any]]:
        return iter(())

    def own_state(self, size: int, root: bytes, origin: str) -> list[tuple[str, str]]:  # noqa: ARG002  a live store's
        """The partial tiles, which a store derives and an export spells out, and files that belong nowhere."""
        wrong = [] if size == self.size else [("tile/entries", f"{size} entries, the checkpoint says {self.size}")]
        wanted = {"checkpoint"} | {path for path, _ in _expected_tiles(self.size)}
        for path in sorted((self.folder / "tile").rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_symlink() or (path.is_file() and name not in wanted):
                wrong.append((name, "is not of this log"))
        short = {
            name
            for name, length in _expected_tiles(self.size)
            if length and not _has_length(self.folder / name, length)
        }
        wrong += [(name, "is missing or has another length") for name in sorted(short)]
        return wrong + [
            (name, "is not what the entries make")
            for name, content in self._partial_tiles()
            if name not in short and read(self.folder / name) != content
        ]

    def _partial_tiles(self) -> Iterator[tuple[str, bytes]]:
        """As they follow from the full tiles below them, which the walk has compared."""
        level, width = 0, self.size
        while width:
            index, wide = divmod(width, WIDTH)
            last = self.folder / tile_path("entries", index, wide)
            if wide and level == 0 and last.is_file():
                yield tile_path(0, index, wide), b"".join(map(leaf_hash, decode_entries(read(last))))
            elif wide and level:
                below = [self.tile(level - 1, at) for at in range(index * WIDTH, width)]
                if all(tile is not None and len(tile) == WIDTH * HASH_SIZE for tile in below):
                    yield tile_path(level, index, wide), b"".join(map(tile_root, below))
            level, width = level + 1, width // WIDTH


def read(path: Path) -> bytes:
    """Raises `NotFound` (`malformed`) for what is no plain file of a bearable size."""
    if path.is_symlink() or path.stat().st_size > MAX_FILE_BYTES:
        raise NotFound(f"{path}: a link, or over {MAX_FILE_BYTES} bytes", reason="malformed", remedy="export again")
    return path.read_bytes()


def _has_length(path: Path, length: int) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size == length


def _expected_tiles(size: int) -> Iterator[tuple[str, int]]:
    """Path and length of every tile of a tree; of an entry bundle the length is not known."""
    level, width = 0, size
    while width:
        for index in range((width + WIDTH - 1) // WIDTH):
            wide = min(WIDTH, width - index * WIDTH)
            yield tile_path(level, index, wide), wide * HASH_SIZE
        level, width = level + 1, width // WIDTH
    for first in range(0, size, WIDTH):
        yield tile_path("entries", first // WIDTH, min(WIDTH, size - first)), 0


def _size(note: bytes) -> int:
    """What the checkpoint claims, before its signature is checked; nothing is believed that follows from it."""
    try:
        return parse_checkpoint(parse_note(note)[0]).size
    except EvidenceError:
        return 0
