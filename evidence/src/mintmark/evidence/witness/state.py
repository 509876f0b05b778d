"""What a witness has seen, durable before a cosignature leaves: SQLite, safe with any number of processes."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.errors import LogRefused, NoteError, StoreUnavailable
from mintmark.evidence.note import CosignatureSigner
from mintmark.evidence.witness.protocol import Seen

KEY_FILE = "witness.key"
STATE_FILE = "witness.sqlite3"
BUSY_TIMEOUT_S = 10
MAX_REFUSED = 1_000  # a log; each of them was signed by it, so that strangers cannot fill the disk
_SCHEMA = """
CREATE TABLE witness (singleton INTEGER PRIMARY KEY CHECK (singleton = 1), vkey TEXT NOT NULL) STRICT;
CREATE TABLE seen (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL CHECK (size >= 0), root BLOB NOT NULL CHECK (length(root) = 32),
    note BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE refused (
    origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL, against BLOB NOT NULL,
    time_s INTEGER NOT NULL, PRIMARY KEY (origin, size, root)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER seen_only_grows BEFORE UPDATE ON seen
    WHEN NEW.origin <> OLD.origin OR NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
    BEGIN SELECT RAISE(ABORT, 'what was seen only grows'); END;
CREATE TRIGGER seen_is_kept BEFORE DELETE ON seen BEGIN SELECT RAISE(ABORT, 'what was seen is kept'); END;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessState:
    """A folder with the key and the sizes seen. One key has one folder: a copy of it could sign a second history."""

    folder: Path

    def create(self, name: str) -> CosignatureSigner:
        """Make the folder with a new key, readable by its owner only. Refuses one that has a key: `state_exists`."""
        signer = CosignatureSigner.generate(name)
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # the state first: a key without its state is refused, and a state without its key signs nothing
            if (self.folder / KEY_FILE).exists() or (self.folder / STATE_FILE).exists():
                raise FileExistsError  # noqa: TRY301 - the same as from the file system, where another process came first
            with _translated(), closing(self._connect("rwc")) as connection:
                connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}")
                connection.execute("INSERT INTO witness VALUES (1, ?)", (signer.vkey,))
                connection.execute("COMMIT")
            _write_new(self.folder / KEY_FILE, f"{signer.encode()}\n".encode())
        except FileExistsError as cause:
            raise LogRefused(
                f"{self.folder} has a witness already",
                reason="state_exists",
                remedy="serve it, or choose another folder; a witness is never made anew under its old key",
            ) from cause
        except OSError as cause:
            raise _unavailable(cause) from cause
        return signer

    def open(self) -> CosignatureSigner:
        """The signer of this folder. Raises `LogRefused`: `state_missing`, `key_exposed`, `key_mismatch`."""
        key = self.folder / KEY_FILE
        if not key.is_file() or not (self.folder / STATE_FILE).is_file():
            # a witness that forgot what it saw would sign a second history: nothing is made in passing
            raise LogRefused(
                f"{self.folder} lacks {KEY_FILE} or {STATE_FILE}",
                reason="state_missing",
                remedy="make it with `mintmark witness new-key`; if the state was lost, retire the key with it",
            )
        if key.stat().st_mode & 0o077:
            raise LogRefused(f"{key} can be read by others", reason="key_exposed", remedy=f"chmod 600 {key}")
        try:
            signer = CosignatureSigner.decode(key.read_text(encoding="utf-8").strip())
        except (UnicodeDecodeError, NoteError) as cause:
            raise LogRefused(f"{key}: {cause}", reason="key_malformed", remedy="bring back the key file") from cause
        with self._reading() as connection:
            row = connection.execute("SELECT vkey FROM witness").fetchone()
        if row is None or row[0] != signer.vkey:
            raise LogRefused(
                f"{STATE_FILE} is not the state of this key",
                reason="key_mismatch",
                remedy="bring back the key and the state that belong together",
            )
        return signer

    def seen(self, origin: str) -> Seen:
        with self._reading() as connection:
            return _seen(connection, origin)

    def all_seen(self) -> dict[str, Seen]:
        with self._reading() as connection:
            rows = connection.execute("SELECT origin, size, root FROM seen ORDER BY origin").fetchall()
        return {origin: Seen(size=size, root=root) for origin, size, root in rows}

    def advance(self, origin: str, note: bytes, extend: Callable[[Seen], Seen]) -> int:
        """
        Replace what was seen by what `extend` makes of it, under the write lock, and return when, in seconds.

        Durable on return. The time is read under the lock, so that times are in the order of sizes. When `extend`
        raises, nothing changes.
        """
        with _translated(), closing(self._connect("rw")) as connection:
            connection.execute("BEGIN IMMEDIATE")
            before = _seen(connection, origin)
            after = extend(before)
            time_s = int(time.time())
            if after != before:
                connection.execute(
                    "INSERT INTO seen VALUES (?, ?, ?, ?) ON CONFLICT (origin)"
                    " DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note",
                    (origin, after.size, after.root, note),
                )
            connection.execute("COMMIT")
            return time_s

    def keep_refused(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Keep a checkpoint that its log signed and that was not proven to extend what was seen, beside what was."""
        with _translated(), closing(self._connect("rw")) as connection:
            connection.execute("BEGIN IMMEDIATE")
            row = connection.execute(
                "SELECT count(*), (SELECT note FROM seen WHERE origin = ?1) FROM refused WHERE origin = ?1",
                (checkpoint.origin,),
            ).fetchone()
            if row[0] < MAX_REFUSED:
                connection.execute(
                    "INSERT OR IGNORE INTO refused VALUES (?, ?, ?, ?, ?, ?)",
                    (checkpoint.origin, checkpoint.size, checkpoint.root, note, row[1] or b"", int(time.time())),
                )
            connection.execute("COMMIT")

    def refused(self, origin: str) -> list[tuple[bytes, bytes]]:
        """Pairs of signed notes: the one that was refused, and the newest one that was cosigned then."""
        with self._reading() as connection:
            return connection.execute(
                "SELECT note, against FROM refused WHERE origin = ? ORDER BY time_s, size", (origin,)
            ).fetchall()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with _translated(), closing(self._connect("ro")) as connection:
            yield connection

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{(self.folder / STATE_FILE).absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        # FULL does not sync the folder after the journal is unlinked: a power cut could undo a commit
        connection.execute("PRAGMA synchronous = EXTRA")
        return connection


def _seen(connection: sqlite3.Connection, origin: str) -> Seen:
    row = connection.execute("SELECT size, root FROM seen WHERE origin = ?", (origin,)).fetchone()
    return Seen(size=row[0], root=row[1]) if row else Seen()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as cause:
        raise _unavailable(cause) from cause


def _unavailable(cause: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        f"the witness's state cannot be used: {cause}",
        reason="store_unavailable",
        remedy="check the disk and the permissions, and try again",
    )


def _write_new(path: Path, content: bytes) -> None:
    """Durably, for its owner only, and never over what is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
