"""Signed checkpoints as files, away from the database: the newest is the mark that no restore may undercut."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mintmark.evidence.checkpoint import Checkpoint, open_checkpoint
from mintmark.evidence.errors import StoreUnavailable
from mintmark.evidence.note import VerifierKey, add_lines, parse_note

MARK = "mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """
    One file a checkpoint, named by size and root, and `mark`, a copy of the newest.

    Files are only added, or replaced by the same checkpoint with more signatures.
    """

    folder: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Who compares the mark and moves it does both under this lock: two stores must not both move it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with (self.folder / ".lock").open("w") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
        except OSError as cause:
            raise StoreUnavailable(
                f"the archive of checkpoints cannot be used: {cause}",
                reason="archive_unavailable",
                remedy="check the folder and its permissions: nothing is signed that cannot be archived",
            ) from cause

    def keep(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Write durably: file, mark, folder. Call it under `locked`, with the newest checkpoint."""
        path = self.folder / name_of(checkpoint)
        if not path.exists():
            self._place(note, path)
        self._place(note, self.folder / MARK)
        self._sync()

    def add_signatures(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Add the cosignatures of a note to those that its archived checkpoint has: another publisher may add too."""
        with self.locked():
            kept = self.read(checkpoint)
            if kept is not None:
                known = {(line.name, line.key_id) for line in parse_note(kept)[1]}
                new = [line for line in parse_note(note)[1] if (line.name, line.key_id) not in known]
                note = add_lines(kept, [line.encode() for line in new])
            self._place(note, self.folder / name_of(checkpoint))
            self._sync()

    def add_timestamp(self, checkpoint: Checkpoint, response: bytes) -> None:
        """Keep an RFC 3161 response (DER) over the text of a checkpoint."""
        stem = name_of(checkpoint).removesuffix(".note")
        with self.locked():
            number = len(list(self.folder.glob(f"{stem}.*.tsr")))
            self._place(response, self.folder / f"{stem}.{number}.tsr")
            self._sync()

    def read(self, checkpoint: Checkpoint) -> bytes | None:
        """An archived checkpoint with the signatures that it has by now."""
        path = self.folder / name_of(checkpoint)
        return path.read_bytes() if path.exists() else None

    def notes(self) -> list[tuple[Path, bytes]]:
        """Every archived note by size; not verified yet."""
        return [(path, path.read_bytes()) for path in sorted(self.folder.glob("*.note"))]

    def timestamps(self) -> list[tuple[Path, bytes]]:
        """Every archived RFC 3161 response; the name up to the first dot is its checkpoint's."""
        return [(path, path.read_bytes()) for path in sorted(self.folder.glob("*.tsr"))]

    def newest_timestamp(self) -> float:
        """When a timestamp was last archived, in seconds since 1970; 0 for never."""
        return max((path.stat().st_mtime for path in self.folder.glob("*.tsr")), default=0.0)

    def newest(self, log_key: VerifierKey) -> Checkpoint | None:
        """The high-water mark. Raises `NoteError` when it does not hold."""
        mark = self.folder / MARK
        if mark.exists():
            return open_checkpoint(mark.read_bytes(), log_key)
        notes = self.notes()
        return open_checkpoint(notes[-1][1], log_key) if notes else None

    def _place(self, content: bytes, path: Path) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=self.folder, prefix=".new-")
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).replace(path)

    def _sync(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def name_of(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.size:012d}-{checkpoint.root.hex()[:16]}.note"
