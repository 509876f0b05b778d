"""
Writes the log as a directory that anybody can verify (docs/formats.md).

One snapshot of the store, some entries at a time. A new export appears whole, by one rename; one that exists is grown:
immutable files stay as they are, the checkpoint is replaced after all that it covers, and only then do the partial
tiles of the older size go. Where that is interrupted, exporting again mends it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, Table, select

from mintmark.evidence.archive import Archive
from mintmark.evidence.checkpoint import Checkpoint, open_checkpoint
from mintmark.evidence.errors import EvidenceError, ExportRefused, LogRefused, NotFound
from mintmark.evidence.leaf import parse_leaf
from mintmark.evidence.log import EvidenceLog
from mintmark.evidence.note import VerifierKey, parse_note
from mintmark.evidence.store import rows
from mintmark.evidence.store.sql_store import SqlStore
from mintmark.evidence.store.tables import payload as payload_table
from mintmark.evidence.store.tables import view_entry, view_ref, view_subject
from mintmark.evidence.tiles import WIDTH, TiledTree, encode_entries, tile_path
from mintmark.evidence.verify.exported import encode_row

PROJECTION = (view_entry, view_subject, view_ref)
_PAGE = 1_000
_NEW = ".new-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Companions:
    """
    What an auditor wants beside the log, as bytes; what is not given is not in the export.

    `policy` is a C2SP tlog-policy, `trust` the trust file, `tsa` certificates in PEM, `verifier` the verifier in one
    file. `others` are given the folder and the size of the export, and write before the checkpoint is placed.
    """

    policy: bytes | None = None
    trust: bytes | None = None
    tsa: bytes | None = None
    verifier: bytes | None = None
    others: tuple[Callable[[Path, int], object], ...] = ()

    def files(self) -> dict[str, bytes | None]:
        return {
            "trust/log.policy": self.policy,
            "trust/trust.toml": self.trust,
            "trust/tsa.pem": self.tsa,
            "verify.py": self.verifier,
        }


NOTHING = Companions()


def export_log(log: EvidenceLog, folder: Path, *, companions: Companions = NOTHING) -> int:
    """Export a log that is open; see `export_store`."""
    return export_store(log.store, archive=log.archive, log_key=log.log_key, folder=folder, companions=companions)


def export_store(
    store: SqlStore, *, archive: Archive, log_key: VerifierKey, folder: Path, companions: Companions = NOTHING
) -> int:
    """
    Write the log as of its newest checkpoint below `folder`, and return its size. On SQLite writers wait meanwhile.

    Raises `NotFound` (`no_checkpoint`); `ExportRefused` (`foreign_directory`) where `folder` holds something else;
    `LogRefused`: `rollback` when the store is behind the archive, `fork` when `folder` holds another history, or what
    makes the store unreadable. Nothing is mended on the way: what was changed in the store fails in the export too.
    """
    signed = max((checkpoint.size for checkpoint, _ in _opened(archive, log_key)), default=0)
    with _target(folder) as target, store.reading() as connection:
        head = rows.read_head(connection)
        if head.size < signed:  # it was signed before this snapshot, and committed before that
            raise LogRefused(
                f"the store has {head.size} entries, and a checkpoint over {signed} was signed",
                reason="rollback",
                remedy="run `mintmark verify`; an export of this store would hide what is gone",
            )
        note = _newest_note(connection, archive, log_key, head.size)
        export = _Export(connection=connection, folder=target, size=open_checkpoint(note, log_key).size)
        export.check_grows(log_key)
        export.write_tiles()
        export.write_entries()
        for table in PROJECTION:
            export.write_projection(table)
        _copy_archive(archive, log_key, target, export.size)
        _copy_companions(companions, target, export.size)
        _write(target / "checkpoint", note)
        export.tidy()
        return export.size


@dataclass(frozen=True, slots=True, kw_only=True)
class _Export:
    connection: Connection
    folder: Path
    size: int

    def check_grows(self, log_key: VerifierKey) -> None:
        """What is there already must be an earlier state of the same log."""
        path = self.folder / "checkpoint"
        if not path.exists():
            return
        old = open_checkpoint(path.read_bytes(), log_key)
        if not old.size <= self.size or (old.size and self._tree().subtree(0, old.size) != old.root):
            raise LogRefused(
                f"{self.folder} holds {old.size} entries that are not the first of these {self.size}",
                reason="fork",
                remedy="run `mintmark verify` and `mintmark verify --from` on the directory: one of them was changed",
            )

    def write_tiles(self) -> None:
        level = 0
        while width := self.size >> (8 * level):
            for index in range((width + WIDTH - 1) // WIDTH):
                wide = min(WIDTH, width - index * WIDTH)
                path = self.folder / tile_path(level, index, wide)
                if wide < WIDTH or not path.exists():
                    _write(path, _bytes(self._tile(level, index, wide), "tile"))
            level += 1

    def write_entries(self) -> None:
        for first in range(0, self.size, WIDTH):
            count = min(WIDTH, self.size - first)
            found = rows.read_entries(self.connection, first, count)
            if [entry.index for entry in found] != list(range(first, first + count)):
                raise _unusable(f"entries are missing between {first} and {first + count - 1}")
            contents = [_bytes(entry.content, "entry") for entry in found]
            path = self.folder / tile_path("entries", first // WIDTH, count)
            if count < WIDTH or not path.exists():
                _write(path, encode_entries(contents))
            self._write_payloads([parse_leaf(content).commitment for content in contents])

    def _write_payloads(self, commitments: Sequence[str]) -> None:
        """A payload that was erased since the last export is erased here too."""
        known = payload_table.c.commitment
        stored = set(self.connection.scalars(select(known).where(known.in_(commitments))))
        for commitment in commitments:
            path = self.folder / "payload" / commitment[:2] / commitment
            if commitment not in stored:
                path.unlink(missing_ok=True)
            elif not path.exists():
                parts = rows.read_payload(self.connection, commitment) or ()
                _write(path, b"".join(_bytes(part, "payload") for part in parts))

    def write_projection(self, table: Table) -> None:
        wanted = select(table).where(table.c.idx < self.size).order_by(*table.primary_key.columns)
        with _writing(self.folder / "projection" / f"{table.name}.jsonl") as handle:
            for row in self.connection.execute(wanted.execution_options(yield_per=_PAGE)).mappings():
                if not all(isinstance(value, (int, str)) for value in row.values()):
                    raise _unusable(f"{table.name} holds values that are neither numbers nor texts")
                handle.write(encode_row(dict(row)))

    def tidy(self) -> None:
        """Partial tiles of other sizes, and what an interrupted export left."""
        for path in sorted(self.folder.rglob("*"), reverse=True):
            name = path.relative_to(self.folder).as_posix()
            if path.name.startswith(_NEW) or (
                name.startswith("tile/") and ".p/" in name and name not in self._partial()
            ):
                path.unlink()
            elif path.name.endswith(".p") and not any(path.iterdir()):
                path.rmdir()

    def _partial(self) -> set[str]:
        widths = {level: self.size >> (8 * level) for level in range(8)}
        found = {tile_path(level, width // WIDTH, width % WIDTH) for level, width in widths.items() if width % WIDTH}
        return found | {tile_path("entries", self.size // WIDTH, self.size % WIDTH)}

    def _tree(self) -> TiledTree:
        return TiledTree(self._tile, self.size)

    def _tile(self, level: int, index: int, width: int) -> bytes:
        return rows.derive_tile(self.connection, level, index, width)


@contextmanager
def _target(folder: Path) -> Iterator[Path]:
    """The folder itself where it is an export; or else a new one beside it that takes its name when all is written."""
    if (folder / "checkpoint").is_file():
        yield folder
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportRefused(
            f"{folder}: there is something else, and no export",
            reason="foreign_directory",
            remedy="name a directory that does not exist, that is empty, or that `mintmark export` made",
        )
    folder = folder.resolve()  # a name to stand beside: `.` has none
    made = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    made.mkdir(parents=True)
    try:
        yield made
        made.replace(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _newest_note(connection: Connection, archive: Archive, log_key: VerifierKey, size: int) -> bytes:
    """The newest checkpoint that this snapshot covers; the archive has it before the store."""
    stored = rows.read_checkpoint(connection)
    found = [] if stored is None else [(open_checkpoint(stored, log_key), stored)]
    found += [(checkpoint, note) for checkpoint, note in _opened(archive, log_key) if checkpoint.size <= size]
    if not found:
        raise NotFound("the log is empty", reason="no_checkpoint", remedy="record something first")
    return max(found, key=lambda item: (item[0].size, len(parse_note(item[1])[1])))[1]


def _opened(archive: Archive, log_key: VerifierKey) -> list[tuple[Checkpoint, bytes]]:
    """Archived checkpoints that hold; verification says which do not."""
    found = []
    for _, note in archive.notes():
        try:
            found.append((open_checkpoint(note, log_key), note))
        except EvidenceError:
            continue
    return found


def _copy_archive(archive: Archive, log_key: VerifierKey, folder: Path, size: int) -> None:
    """All but what was signed after this snapshot. What does not hold is copied: an export hides nothing."""
    stems = set()
    for path, note in archive.notes():
        try:
            later = open_checkpoint(note, log_key).size > size
        except EvidenceError:
            later = False
        if not later:
            stems.add(path.stem)
            _write(folder / "checkpoint-archive" / path.name, note)
    for path, response in archive.timestamps():
        if path.name.split(".")[0] in stems:
            _write(folder / "timestamp" / path.name, response)


def _copy_companions(companions: Companions, folder: Path, size: int) -> None:
    for name, content in companions.files().items():
        if content is None:
            (folder / name).unlink(missing_ok=True)
        else:
            _write(folder / name, content)
    for write in companions.others:
        write(folder, size)


def _bytes(value: Any, what: str) -> bytes:
    if not isinstance(value, bytes):
        raise _unusable(f"a value of {what} is {type(value).__name__}, not bytes")
    return value


def _unusable(why: str) -> LogRefused:
    return LogRefused(
        f"the store cannot be exported: {why}", reason="store_malformed", remedy="run `mintmark verify` to see where"
    )


def _write(path: Path, content: bytes) -> None:
    with _writing(path) as handle:
        handle.write(content)


@contextmanager
def _writing(path: Path) -> Iterator[BinaryIO]:
    """Whole or not at all: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=_NEW)
    with os.fdopen(descriptor, "wb") as handle:
        yield handle
    os.chmod(temporary, 0o644)  # noqa: PTH101  an export is for others to read
    Path(temporary).replace(path)
