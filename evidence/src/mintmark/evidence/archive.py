"""Signed checkpoints as files, away from the database: the newest is the mark that no restore may undercut."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mintmark.evidence.checkpoint import Checkpoint, open_checkpoint
from mintmark.evidence.note import VerifierKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One file a checkpoint, named by size and root; files are only ever added."""

    folder: Path

    def keep(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Write durably: file, then folder. The same checkpoint is kept once."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{checkpoint.size:012d}-{checkpoint.root.hex()[:16]}.note"
        if path.exists():
            return
        descriptor, temporary = tempfile.mkstemp(dir=self.folder, prefix=".new-")
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(note)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).replace(path)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def notes(self) -> list[tuple[Path, bytes]]:
        """Every archived note by size; not verified yet."""
        return [(path, path.read_bytes()) for path in sorted(self.folder.glob("*.note"))]

    def newest(self, log_key: VerifierKey) -> Checkpoint | None:
        """The high-water mark. Raises `NoteError` when the newest file does not hold."""
        notes = self.notes()
        return open_checkpoint(notes[-1][1], log_key) if notes else None
