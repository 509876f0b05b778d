"""After a restore: bring back entries that were published from an export, or go on in a new epoch."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from mintmark.evidence.archive import Archive
from mintmark.evidence.checkpoint import Checkpoint, open_checkpoint
from mintmark.evidence.errors import LogRefused, NotFound
from mintmark.evidence.leaf import SALT_SIZE, commit, parse_leaf
from mintmark.evidence.log import MAX_BATCH, EvidenceLog, Recorded
from mintmark.evidence.note import VerifierKey
from mintmark.evidence.store.interface import Head, NewEntry
from mintmark.evidence.store.sql_store import SqlStore
from mintmark.evidence.tree import CompactRange, leaf_hash
from mintmark.evidence.verify.exported import ExportedSource
from mintmark.evidence.verify.interface import Snapshot

_NUMBERED = re.compile(r"(.+)/([1-9][0-9]*)")


def recover(store: SqlStore, *, export: Path, archive: Archive, log_key: VerifierKey) -> int:
    """
    Append to a restored store what an export has and the store has lost; return how many entries that were.

    1. the export's checkpoint is signed by the log; 2. its entries lead to that checkpoint's root, by way of the
    newest archived checkpoint and of the store's head; 3. it reaches as far as the former; 4. what is appended leads to
    the same root. Nothing is appended before all of the export has been read. Payloads that the export has not, or that
    are not what the log commits to, are not recovered.
    Raises `LogRefused`: `fork`, `export_too_short`, `root_mismatch`; `NotFound` where there is no export.
    """
    head = store.head()
    with ExportedSource(folder=export).snapshot() as snapshot:
        checkpoint = open_checkpoint(snapshot.published()[0].content, log_key)  # 1
        mark = archive.newest(log_key)
        _check_leads_to(snapshot, head, mark, checkpoint)  # 2
        if mark is not None and mark.size > checkpoint.size:  # 3
            raise LogRefused(
                f"the export has {checkpoint.size} entries, and a checkpoint over {mark.size} was signed",
                reason="export_too_short",
                remedy="find a newer export, or close the epoch: `mintmark store close-epoch`",
            )
        _append_from(store, snapshot, head)
    after = store.head()
    if (after.size, after.root) != (checkpoint.size, checkpoint.root):  # 4
        raise LogRefused(
            f"{after.size} entries were recovered, and they do not lead to the checkpoint over {checkpoint.size}",
            reason="root_mismatch",
            remedy="was something else written to the store meanwhile? Run `mintmark verify`; nothing was signed",
        )
    return after.size - head.size


def next_origin(origin: str) -> str:
    """`log.example/2` after `log.example` or `log.example/1`."""
    match = _NUMBERED.fullmatch(origin)
    return f"{match[1]}/{int(match[2]) + 1}" if match else f"{origin}/2"


def begin_epoch(log: EvidenceLog, *, closed: bytes, key: VerifierKey, reason: str, now: datetime) -> Recorded:
    """
    Record, as the first entry of a new log, the last checkpoint of the one that was closed.

    `closed` is that checkpoint with its cosignatures, verbatim; `key` its log's. Raises `LogRefused` (`not_empty`).
    """
    checkpoint = open_checkpoint(closed, key)
    if log.store.head().size:
        raise LogRefused(
            f"{log.origin} has entries already", reason="not_empty", remedy="begin an epoch with its first entry"
        )
    return log.go_on_from(checkpoint, closed, reason=reason, now=now)


def _check_leads_to(snapshot: Snapshot, head: Head, mark: Checkpoint | None, checkpoint: Checkpoint) -> None:
    tree = CompactRange()
    passed, signed = head.size == 0, True
    for _, content in snapshot.entries():
        tree.append(leaf_hash(content))
        if tree.size == head.size:
            passed = tree.root() == head.root
        if mark is not None and tree.size == mark.size:
            signed = tree.root() == mark.root
    if (tree.size, tree.root()) != (checkpoint.size, checkpoint.root):
        raise LogRefused(
            f"the entries of the export do not lead to its checkpoint over {checkpoint.size}",
            reason="root_mismatch",
            remedy="run `mintmark verify --from` on the export; use another one",
        )
    if not signed and mark is not None:
        raise LogRefused(
            f"the export and the archive differ within the first {mark.size} entries, which were signed",
            reason="fork",
            remedy="run `mintmark verify --from` on the export with the archived checkpoint as --seen",
        )
    if not passed:
        raise LogRefused(
            f"the export and the store differ within their first {head.size} entries",
            reason="fork",
            remedy="run `mintmark verify` on both: one of them was changed",
        )


def _append_from(store: SqlStore, snapshot: Snapshot, head: Head) -> None:
    batch: list[NewEntry] = []
    for index, content in snapshot.entries():
        if index < head.size:
            continue
        leaf = parse_leaf(content)
        salt, payload = _opened(snapshot, leaf.commitment)
        batch.append(NewEntry.of(leaf, salt=salt, payload=payload))
        if len(batch) == MAX_BATCH:
            _append(store, batch)
            batch = []
    if batch:
        _append(store, batch)


def _opened(snapshot: Snapshot, commitment: str) -> tuple[bytes | None, bytes | None]:
    """The payload of an entry where the export has it: a store never gives up one that it was given by mistake."""
    salt, payload = snapshot.payload(commitment) or (None, None)
    if salt is None or payload is None or len(salt) != SALT_SIZE or commit(payload, salt) != commitment:
        return None, None
    return salt, payload


def _append(store: SqlStore, batch: list[NewEntry]) -> None:
    if any(placed.conflict for placed in store.append(batch).placed):
        raise LogRefused(
            "an entry of the export stands in the store under another index",
            reason="fork",
            remedy="run `mintmark verify` on both: one of them was changed",
        )


def archived_note(archive: Archive, log_key: VerifierKey) -> bytes:
    """The newest archived checkpoint with its cosignatures. Raises `NotFound` (`no_checkpoint`)."""
    mark = archive.newest(log_key)
    note = archive.read(mark) if mark is not None else None
    if note is None:
        raise NotFound(
            "no checkpoint of the log is archived",
            reason="no_checkpoint",
            remedy="a log without a signed checkpoint has nothing to go on from: start a new one",
        )
    return note
