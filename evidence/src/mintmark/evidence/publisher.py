"""Signs what was committed: after comparing it with the mark, and before anybody is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mintmark.evidence.archive import Archive
from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.errors import LogRefused
from mintmark.evidence.note import NoteSigner
from mintmark.evidence.store.interface import Head
from mintmark.evidence.store.sql_store import SqlStore
from mintmark.evidence.tiles import TiledTree, TileReader
from mintmark.evidence.tree import consistency_proof

# old size → the consistency proof from it to the checkpoint's size
Prove = Callable[[int], Sequence[bytes]]


class Endorser(Protocol):
    """Who vouches for a checkpoint besides the log: witnesses, or a timestamp authority."""

    def endorse(self, note: bytes, checkpoint: Checkpoint, prove: Prove) -> bytes:
        """Return the note with what was gained. Raises `EvidenceError` where the log must not go on without."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Publishes the head of one log."""

    store: SqlStore
    archive: Archive
    signer: NoteSigner
    read_tile: TileReader
    endorsers: tuple[Endorser, ...] = ()

    def publish(self, *, grown_from: Head | None = None) -> Checkpoint | None:
        """
        Sign the head as it is committed, archive it, have it endorsed, and store it as published.

        `grown_from` is a head that this process has just extended: what was marked there needs no comparing. The mark
        moves under a lock before the signature leaves: of two copies of a store only one can go on.
        Raises `LogRefused`: `rollback` when the store is behind the mark, `fork` when it contradicts it.
        """
        with self.archive.locked():
            head = self.store.head()
            mark = self.archive.newest(self.signer.verifier)
            if mark is not None and (
                grown_from is None or (mark.size, mark.root) != (grown_from.size, grown_from.root)
            ):
                self._check_mark(head, mark)
            if head.size == 0:
                return None
            checkpoint = Checkpoint(origin=self.signer.name, size=head.size, root=head.root)
            note = checkpoint.sign(self.signer)
            if mark != checkpoint:
                self.archive.keep(checkpoint, note)
        tree = TiledTree(self.read_tile, head.size)
        for endorser in self.endorsers:
            note = endorser.endorse(note, checkpoint, lambda old: consistency_proof(old, head.size, tree.subtree))
        if self.endorsers:
            self.archive.add_signatures(checkpoint, note)
        self.store.keep_checkpoint(head.size, note)
        return checkpoint

    def _check_mark(self, head: Head, mark: Checkpoint) -> None:
        if head.size < mark.size:
            raise LogRefused(
                f"the store has {head.size} entries, and a checkpoint over {mark.size} was signed",
                reason="rollback",
                remedy="the store was restored or its tail deleted: bring back the newer one, recover the entries from "
                "an export (`mintmark store recover`), or close the epoch (`mintmark store close-epoch`)",
            )
        if mark.size and TiledTree(self.read_tile, head.size).subtree(0, mark.size) != mark.root:
            raise LogRefused(
                f"the first {mark.size} entries are not those that were signed",
                reason="fork",
                remedy="run `mintmark verify` to see where; nothing is signed until this is resolved",
            )


def _is_at(head: Head | None, mark: Checkpoint) -> bool:
    return head is not None and (head.size, head.root) == (mark.size, mark.root)
