"""Remembers, away from the checkout, which version of a policy pack was accepted last, so that no older one returns."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mintmark.pipelines.errors import InfrastructureError, IntegrityError

MAX_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """`digest` is that of the pack, in hex."""

    serial: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyMemory:
    """
    One small file a line of packs, in a folder that whoever can edit the checkout cannot reach by the same means.

    `name` says which line: two projects with packs of their own must not compare their numbers with each other's.
    Who takes the file away takes the memory away: the next pack is then accepted as the first one.
    """

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        readable = re.sub("[^A-Za-z0-9]+", "-", self.name).strip("-")[-60:]
        return self.folder / f"{readable}.{hashlib.sha256(self.name.encode()).hexdigest()[:12]}.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Who compares the memory and moves it does both under this lock. Raises `InfrastructureError`."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with (self.folder / ".lock").open("w") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
        except OSError as cause:
            raise InfrastructureError(
                f"{self.folder}: what was accepted cannot be remembered: {cause}",
                reason="policy_memory",
                remedy="make the folder writable: a policy that cannot be remembered could be rolled back",
            ) from cause

    def recall(self) -> Remembered | None:
        """`None` where nothing was accepted yet. Raises `IntegrityError` for a file that is no memory."""
        if not self.path.exists():
            return None
        content = self.path.read_bytes()[: MAX_BYTES + 1]
        try:
            match json.loads(content):
                case {"serial": int() as serial, "digest": str() as digest, **rest} if (
                    not rest and not isinstance(serial, bool) and serial > 0 and re.fullmatch("[0-9a-f]{64}", digest)
                ):
                    return Remembered(serial=serial, digest=digest)
        except (ValueError, RecursionError):
            pass
        raise IntegrityError(
            f"{self.path}: not what was written there: which policy was accepted last is not known",
            reason="policy_memory",
            remedy="bring the file back from a backup; delete it only where you know the pack to be the newest",
        )

    def write(self, remembered: Remembered) -> None:
        """Replace the memory durably and whole; call it under `locked`."""
        descriptor, temporary = tempfile.mkstemp(dir=self.folder, prefix=".new-")
        with os.fdopen(descriptor, "w") as handle:
            handle.write(json.dumps({"serial": remembered.serial, "digest": remembered.digest}) + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).replace(self.path)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
