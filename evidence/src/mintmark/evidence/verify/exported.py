"""An exported directory as a source of verification (docs/formats.md): no database, and no access to us."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from sqlalchemy import BigInteger

from mintmark.evidence.canonical import MAX_DOCUMENT_BYTES
from mintmark.evidence.checkpoint import parse_checkpoint
from mintmark.evidence.errors import EvidenceError, FormatError, NotFound
from mintmark.evidence.leaf import SALT_SIZE
from mintmark.evidence.ledger.exported import PATH as LEDGER_PATH
from mintmark.evidence.ledger.exported import ExportedLedger
from mintmark.evidence.ledger.interface import LedgerSource
from mintmark.evidence.note import parse_note
from mintmark.evidence.store import tables
from mintmark.evidence.tiles import MAX_ENTRY_BYTES, WIDTH, decode_entries, tile_path, tile_root
from mintmark.evidence.tree import HASH_SIZE, leaf_hash
from mintmark.evidence.verify.interface import Note, Snapshot, Timestamp

PROJECTION = ("view_entry", "view_subject", "view_ref")
UNCHECKED = ("verify.py", "trust/log.policy", "trust/trust.toml", "trust/tsa.pem")
MAX_NOTE_BYTES = 1_000_000
MAX_BUNDLE_BYTES = WIDTH * (2 + MAX_ENTRY_BYTES)
MAX_PAYLOAD_BYTES = SALT_SIZE + MAX_DOCUMENT_BYTES
MAX_LINE_BYTES = 1_000_000
_TILE = re.compile(r"tile/(0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})")
# What is checked by its content: a payload that no entry commits to is counted, a note that does not hold is named.
_BESIDE = re.compile(
    r"checkpoint-archive/[^/]+\.note|timestamp/[0-9]{12,19}-[0-9a-f]{16}\.[0-9]{1,9}\.tsr|payload/([0-9a-f]{2})/\1[0-9a-f]{62}|ledger/entries\.jsonl"
)
_COMMITMENT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedSource:
    """`folder` is an export, and its maker may be hostile: no link is followed, no file is read without a bound."""

    folder: Path
    keeps_batches: ClassVar[bool] = False

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        files, wrong = _listed(self.folder)
        if "checkpoint" not in files:
            raise NotFound(
                f"{self.folder}: no checkpoint: this is no export of a log",
                reason="no_log",
                remedy="give the directory that `mintmark export` wrote",
            )
        note = read(self.folder / "checkpoint", MAX_NOTE_BYTES)
        yield ExportedSnapshot(folder=self.folder, note=note, size=_size(note), files=files, wrong=wrong)

    @property
    def ledger(self) -> LedgerSource | None:
        file = self.folder / LEDGER_PATH
        return ExportedLedger(file=file) if str(LEDGER_PATH) in _listed(self.folder)[0] else None

    def archived(self) -> list[Note]:
        return [
            Note(place=f"checkpoint-archive/{name}", content=content, name=name)
            for name, content in self._all("checkpoint-archive", ".note")
        ]

    def timestamps(self) -> list[Timestamp]:
        return [
            Timestamp(place=f"timestamp/{name}", stem=name.split(".")[0], content=content)
            for name, content in self._all("timestamp", ".tsr")
        ]

    def _all(self, below: str, suffix: str) -> Iterator[tuple[str, bytes]]:
        """Empty content for what cannot be read: it will not hold."""
        for path in sorted(_listed(self.folder / below)[0]):
            if path.endswith(suffix):
                try:
                    yield path, read(self.folder / below / path, MAX_NOTE_BYTES)
                except FormatError:
                    yield path, b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedSnapshot:
    """`size` is what the checkpoint says, or 0 when it cannot be read; `files` are all plain files below the folder."""

    folder: Path
    note: bytes
    size: int
    files: frozenset[str]
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def entries(self) -> Iterator[tuple[Any, Any]]:
        """Up to the first bundle that is missing or damaged: the walk says that the log ends there."""
        for first in range(0, self.size, WIDTH):
            count = min(WIDTH, self.size - first)
            name = tile_path("entries", first // WIDTH, count)
            found = self._entries(name)
            yield from enumerate(found, first)
            if len(found) != count:
                self.wrong.append((name, f"has {len(found)} entries, not {count}"))
                return

    def tile(self, level: int, index: int) -> Any:
        return self._read(tile_path(level, index), WIDTH * HASH_SIZE)

    def tiles(self) -> set[tuple[int, int]]:
        found = [match for name in self.files if (match := _TILE.fullmatch(name))]
        return {(int(match[1]), int(match[2].replace("x", "").replace("/", ""))) for match in found}

    def projection(self, table: str) -> Iterator[tuple[Any, ...]]:
        """A row that is not written as docs/formats.md says comes as its text, and is the last."""
        name = f"projection/{table}.jsonl"
        if name not in self.files:
            return
        with _opened(self.folder / name) as handle:
            while line := handle.readline(MAX_LINE_BYTES):
                row = _row(table, line)
                yield row or (line[:80].decode(errors="replace"),)
                if row is None:
                    return

    def projected(self) -> tuple[str, ...]:
        return PROJECTION

    def payload(self, commitment: str) -> tuple[Any, Any] | None:
        if not _COMMITMENT.fullmatch(commitment):
            return None
        content = self._read(f"payload/{commitment[:2]}/{commitment}", MAX_PAYLOAD_BYTES)
        return None if content is None else (content[:SALT_SIZE], content[SALT_SIZE:])

    def commitments(self) -> Iterator[str]:
        return (name.rpartition("/")[2] for name in self.files if name.startswith("payload/"))

    def published(self) -> list[Note]:
        return [Note(place="checkpoint", content=self.note)]

    def batches(self) -> Iterator[tuple[Any, Any]]:
        return iter(())

    def own_state(self, size: int, root: bytes, origin: str) -> list[tuple[str, str]]:  # noqa: ARG002  a live store's
        """The partial tiles, which a store derives and an export spells out, and what is missing or belongs nowhere."""
        if size != self.size:
            self.wrong.append(("checkpoint", f"{self.size} entries were signed, {size} are there"))
        partial = {name: self._derived(level, index, width) for level, index, width, name in _partial_tiles(size)}
        for name, content in partial.items():
            if self._read(name, WIDTH * HASH_SIZE) != content:
                self.wrong.append((name, "is not what the entries make"))
        wanted = {"checkpoint", *partial, *(f"projection/{table}.jsonl" for table in PROJECTION), *_bundles(size)}
        missing = [(name, "is missing") for name in sorted(wanted - self.files)]
        strays = [
            (name, "is not of this log")
            for name in sorted(self.files - wanted)
            if not _TILE.fullmatch(name) and not _BESIDE.fullmatch(name) and name not in UNCHECKED
        ]
        return self.wrong + missing + strays

    def unchecked(self) -> list[str]:
        return [name for name in UNCHECKED if name in self.files]

    def _derived(self, level: int, index: int, width: int) -> bytes:
        """A partial tile from what is below it, which was compared with the entries."""
        if level == 0:
            return b"".join(map(leaf_hash, self._entries(tile_path("entries", index, width))))
        below = (self.tile(level - 1, at) or b"" for at in range(index * WIDTH, index * WIDTH + width))
        return b"".join(_root_of(content) for content in below)

    def _entries(self, name: str) -> list[bytes]:
        try:
            return decode_entries(self._read(name, MAX_BUNDLE_BYTES) or b"")
        except FormatError as cause:
            self.wrong.append((name, str(cause)))
            return []

    def _read(self, name: str, limit: int) -> bytes | None:
        if name not in self.files:
            return None
        try:
            return read(self.folder / name, limit)
        except FormatError as cause:
            self.wrong.append((name, str(cause)))
            return None


def read(path: Path, limit: int) -> bytes:
    """Raises `FormatError` for what is no plain file of at most `limit` bytes."""
    with _opened(path) as handle:
        content = handle.read(limit + 1)
    if len(content) > limit:
        raise FormatError(path.name, why=f"over {limit} bytes")
    return content


def _opened(path: Path) -> BinaryIO:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as cause:
        raise FormatError(path.name, why=f"cannot be read: {cause.strerror}") from cause
    handle = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        handle.close()
        raise FormatError(path.name, why="no plain file")
    return handle


def _listed(folder: Path) -> tuple[frozenset[str], list[tuple[str, str]]]:
    """Every plain file by its path below `folder`, and what is neither a plain file nor a folder, or cannot be read."""
    files, wrong = set[str](), list[tuple[str, str]]()
    for place, folders, names in os.walk(folder, onerror=lambda cause: wrong.append(_unread(folder, cause))):
        for name in names + [name for name in folders if Path(place, name).is_symlink()]:
            path = Path(place, name)
            below = path.relative_to(folder).as_posix()
            if stat.S_ISREG(path.lstat().st_mode):
                files.add(below)
            else:
                wrong.append((below, "is neither a plain file nor a folder"))
    return frozenset(files), wrong


def _unread(folder: Path, cause: OSError) -> tuple[str, str]:
    return (os.path.relpath(cause.filename, folder), f"cannot be read: {cause.strerror}")


def _row(table: str, line: bytes) -> tuple[Any, ...] | None:
    """In the order of the table's columns, once it is written in the one way in which it may be."""
    columns = tables.metadata.tables[table].columns
    types = {column.name: int if isinstance(column.type, BigInteger) else str for column in columns}
    try:
        row = json.loads(line)
        exact = {name: type(value) for name, value in row.items()} == types and encode_row(row) == line
    except (ValueError, AttributeError, RecursionError):
        exact = False
    return tuple(row[name] for name in types) if exact else None


def encode_row(row: dict[str, Any]) -> bytes:
    """One line of a projection."""
    return json.dumps(row, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _partial_tiles(size: int) -> Iterator[tuple[int, int, int, str]]:
    """Level, index, width and path of each partial tile of a tree."""
    level = 0
    while size >> (8 * level):
        index, width = divmod(size >> (8 * level), WIDTH)
        if width:
            yield level, index, width, tile_path(level, index, width)
        level += 1


def _bundles(size: int) -> Iterator[str]:
    for first in range(0, size, WIDTH):
        yield tile_path("entries", first // WIDTH, min(WIDTH, size - first))


def _root_of(content: bytes) -> bytes:
    return tile_root(content) if len(content) == WIDTH * HASH_SIZE else b""


def _size(note: bytes) -> int:
    """What the checkpoint claims, before its signature is checked; nothing is believed that follows from it."""
    try:
        return parse_checkpoint(parse_note(note)[0]).size
    except EvidenceError:
        return 0
