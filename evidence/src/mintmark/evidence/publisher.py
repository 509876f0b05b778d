"""Signs what was committed: after comparing it with the mark, and before anybody is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mintmark.evidence.archive import Archive
from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.errors import LogRefused, StoreUnavailable
from mintmark.evidence.note import NoteSigner
from mintmark.evidence.store.interface import Appended, Head
from mintmark.evidence.store.sql_store import SqlStore
from mintmark.evidence.tiles import TiledTree, TileReader
from mintmark.evidence.tree import consistency_proof

MAX_OVERTAKEN = 3  # by other publishers, before what is missing is believed to be missing

# old size → the consistency proof from it to the checkpoint's size
Prove = Callable[[int], Sequence[bytes]]


class Endorsement(Protocol):
    """What an endorser answers: `endorsement.Endorsed`."""

    @property
    def note(self) -> bytes: ...

    @property
    def gaps(self) -> tuple[str, ...]: ...


class Endorser(Protocol):
    """Who vouches for a checkpoint besides the log."""

    def survey(self, note: bytes, checkpoint: Checkpoint, newest: Callable[[], int]) -> None:
        """
        Before anything is written: raise `LogRefused` where the log is behind what was seen of it.

        `newest` is how far it goes by now: another publisher may have been served meanwhile.
        """
        ...

    def endorse(self, note: bytes, checkpoint: Checkpoint, prove: Prove, newest: Callable[[], int]) -> Endorsement:
        """Add to the note. Raises `EvidenceError` where the log must not go on without."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The newest checkpoint, if there is one, and what it should have and has not."""

    checkpoint: Checkpoint | None
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Publishes the head of one log."""

    store: SqlStore
    archive: Archive
    signer: NoteSigner
    read_tile: TileReader
    endorsers: tuple[Endorser, ...] = ()

    def survey(self) -> None:
        """Compare with the mark and with what endorsers have seen, before anything is written or signed anew."""
        with self.archive.locked():  # nobody moves the mark meanwhile, so a head that is read here is not behind it
            head = self.store.head()
            mark = self.archive.newest(self.signer.verifier)
            if mark is not None:
                self._check_mark(head, mark)
        checkpoint = Checkpoint(origin=self.signer.name, size=head.size, root=head.root)
        for endorser in self.endorsers:
            endorser.survey(checkpoint.sign(self.signer), checkpoint, lambda: self.store.head().size)

    def publish(self, appended: Appended | None = None) -> Published:
        """
        Publish the head as it is committed.

        Raises as `_publish` does. What lacks endorsement while another publisher goes on is published anew with what
        is there by then: witnesses cosign no checkpoint that is older than one they have cosigned.
        """
        for _ in range(MAX_OVERTAKEN):
            committed = appended.after.size if appended else self.store.head().size
            try:
                published = self._publish(appended)
            except StoreUnavailable:
                if self.store.head().size <= committed:
                    raise
            else:
                if not published.gaps or self.store.head().size <= committed:
                    return published
            appended = None
        return self._publish(None)

    def _publish(self, appended: Appended | None) -> Published:
        """
        Sign the head as it is committed, archive it, have it endorsed, and store it as published.

        `appended` is what this process has just committed: what was marked before it needs no comparing, and the root
        after it is its own. Any other head is believed once the entries lead to it. The mark moves under a lock before
        the signature leaves: of two copies of a store only one can go on.
        Raises `LogRefused`: `rollback` when the store is behind the mark, `fork` when it contradicts it,
        `root_mismatch` when its entries do not lead to its head.
        """
        with self.archive.locked():
            head = self.store.head()
            mark = self.archive.newest(self.signer.verifier)
            if mark is not None and not (appended and _is_at(appended.before, mark)):
                self._check_mark(head, mark)
            if head.size == 0:
                return Published(checkpoint=None)
            if appended is None or appended.after != head:
                self._check_root(head)
            checkpoint = Checkpoint(origin=self.signer.name, size=head.size, root=head.root)
            note = checkpoint.sign(self.signer)
            if mark == checkpoint:
                note = self.archive.read(checkpoint) or note  # with the cosignatures that it has by now
            else:
                self.archive.keep(checkpoint, note)
        note, gaps = self._endorsed(note, checkpoint)
        self.store.keep_checkpoint(head.size, note)
        return Published(checkpoint=checkpoint, gaps=gaps)

    def _endorsed(self, note: bytes, checkpoint: Checkpoint) -> tuple[bytes, tuple[str, ...]]:
        tree = TiledTree(self.read_tile, checkpoint.size)
        gaps: tuple[str, ...] = ()
        for endorser in self.endorsers:
            answer = endorser.endorse(
                note,
                checkpoint,
                lambda old: consistency_proof(old, checkpoint.size, tree.subtree),
                lambda: self.store.head().size,
            )
            if answer.note != note:
                self.archive.add_signatures(checkpoint, answer.note)
            note, gaps = answer.note, gaps + answer.gaps
        return note, gaps

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

    def _check_root(self, head: Head) -> None:
        if TiledTree(self.read_tile, head.size).root() != head.root:
            raise LogRefused(
                f"the entries do not lead to the head's root at size {head.size}",
                reason="root_mismatch",
                remedy="run `mintmark verify` to see which entry was changed; nothing is signed until this is resolved",
            )


def _is_at(head: Head, mark: Checkpoint) -> bool:
    return (head.size, head.root) == (mark.size, mark.root)
