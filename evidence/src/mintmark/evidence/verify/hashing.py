"""L1 of an export on every core: processes hash entry bundles, the parent folds their roots up to the top."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.tiles import WIDTH, Edge, decode_entries, peaks_of, tile_path
from mintmark.evidence.tree import HASH_SIZE, CompactRange, leaf_hash, perfect_root
from mintmark.evidence.verify.exported import MAX_BUNDLE_BYTES, ExportedSnapshot, read
from mintmark.evidence.verify.walk import Walked

LEAST = 50_000  # entries; for fewer, starting the processes takes longer than it saves
BUNDLES_AT_ONCE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bundle:
    """`root` is of a full one; `prefixes` has the peaks over what stands before each wanted size within it."""

    root: bytes | None
    prefixes: dict[int, list[bytes]]


def hash_export(snapshot: ExportedSnapshot, wanted: set[int], *, processes: int | None = None) -> Walked | None:
    """
    What a walk finds out of a sound log when it reads no entry: its root, and the roots of its first `wanted`.

    Nothing when anything is not as it should be: the walk then says what, and where.
    """
    size, tree, upper, roots = snapshot.size, CompactRange(), Edge(), dict[int, bytes]()
    if size > len(snapshot.files) * WIDTH:  # nobody signed for it yet: the work is bounded by what is there
        return None
    hash_bundle = partial(_hash_bundle, snapshot.folder, size, frozenset(wanted) | {size})
    for bundle in _over_cores(hash_bundle, range(-(-size // WIDTH)), processes or _cores()):
        if bundle is None:
            return None
        roots |= {at: tree.root(after=prefix) for at, prefix in bundle.prefixes.items()}
        if bundle.root is None:
            break  # the last one
        tree.append(bundle.root)
        roots[tree.size * WIDTH] = tree.root()
        for tile in upper.append([bundle.root]):
            if snapshot.tile(tile.level + 1, tile.index) != tile.content:
                return None
    if len(snapshot.tiles()) != sum(size >> shift for shift in range(8, 64, 8)):
        return None
    return Walked(size=size, root=roots.get(size, tree.root()), roots={at: roots[at] for at in wanted & roots.keys()})


def _hash_bundle(folder: Path, size: int, wanted: frozenset[int], index: int) -> _Bundle | None:
    first = index * WIDTH
    width = min(WIDTH, size - first)
    try:
        hashes = [
            leaf_hash(entry)
            for entry in decode_entries(read(folder / tile_path("entries", index, width), MAX_BUNDLE_BYTES))
        ]
        tile = read(folder / tile_path(0, index), WIDTH * HASH_SIZE) if width == WIDTH else None
    except (EvidenceError, OSError):
        return None
    if len(hashes) != width or (tile is not None and tile != b"".join(hashes)):
        return None
    return _Bundle(
        root=perfect_root(hashes) if tile is not None else None,
        prefixes={at: peaks_of(hashes[: at - first]) for at in wanted if first < at < first + WIDTH and at <= size},
    )


def _over_cores(
    work: Callable[[int], _Bundle | None], indexes: Iterable[int], processes: int
) -> Iterator[_Bundle | None]:
    if processes == 1:
        yield from map(work, indexes)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        yield from pool.map(work, indexes, chunksize=BUNDLES_AT_ONCE)


def _cores() -> int:
    """To fork is safe on Linux, and where no other thread may hold a lock."""
    return (os.cpu_count() or 1) if sys.platform == "linux" and threading.active_count() == 1 else 1
