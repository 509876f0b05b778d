"""C2SP tlog-tiles: the tree in tiles 256 wide, their paths, and entry bundles. Pure."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mintmark.evidence.errors import FormatError
from mintmark.evidence.tree import EMPTY_ROOT, HASH_SIZE, node_hash, perfect_root, split_point

WIDTH = 256
MAX_ENTRY_BYTES = 65_535

# (level, tile index, width) → the tile's bytes
TileReader = Callable[[int, int, int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A full tile: 256 hashes. Tiles never change, and partial ones are derived."""

    level: int
    index: int
    content: bytes


@dataclass(slots=True)
class Edge:
    """The right edge of the tree: the hashes of the unfinished tile at each level."""

    size: int = 0
    levels: list[list[bytes]] = field(default_factory=lambda: [[]])

    def copy(self) -> Edge:
        return Edge(self.size, [list(level) for level in self.levels])

    def append(self, hashes: Iterable[bytes]) -> list[Tile]:
        """Append leaf hashes and return the tiles that became full, lowest level first."""
        added = list(hashes)
        before, self.size = self.size, self.size + len(added)
        full: list[Tile] = []
        level = 0
        while added:
            if level == len(self.levels):
                self.levels.append([])
            self.levels[level].extend(added)
            added = self._cut(level, before >> (8 * (level + 1)), full)
            level += 1
        return full

    def _cut(self, level: int, first: int, full: list[Tile]) -> list[bytes]:
        pending = self.levels[level]
        roots: list[bytes] = []
        while len(pending) >= WIDTH:
            tile, pending = pending[:WIDTH], pending[WIDTH:]
            full.append(Tile(level=level, index=first + len(roots), content=b"".join(tile)))
            roots.append(perfect_root(tile))
        self.levels[level] = pending
        return roots

    def root(self) -> bytes:
        if not self.size:
            return EMPTY_ROOT
        peaks = [peak for level in self.levels for peak in reversed(peaks_of(level))]
        root = peaks[0]
        for peak in peaks[1:]:
            root = node_hash(peak, root)
        return root


def peaks_of(hashes: Sequence[bytes]) -> list[bytes]:
    """Roots of the perfect subtrees of a list, left to right."""
    peaks, at = [], 0
    while at < len(hashes):
        width = 1 << ((len(hashes) - at).bit_length() - 1)
        peaks.append(perfect_root(hashes[at : at + width]))
        at += width
    return peaks


@dataclass(slots=True)
class TiledTree:
    """Subtree hashes of a tree of `size` leaves, read from its tiles; each tile is read once."""

    read_tile: TileReader
    size: int
    _tiles: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)
    _subtrees: dict[tuple[int, int, int], bytes] = field(default_factory=dict)

    def subtree(self, low: int, high: int) -> bytes:
        """The hash over leaves [low, high), as proofs ask for it."""
        width = high - low
        if width & (width - 1) == 0 and low % width == 0:
            known = self._perfect(low, width)
            if known is not None:
                return known
        middle = low + split_point(width)
        return node_hash(self.subtree(low, middle), self.subtree(middle, high))

    def root(self) -> bytes:
        return self.subtree(0, self.size) if self.size else EMPTY_ROOT

    def _perfect(self, low: int, width: int) -> bytes | None:
        height = width.bit_length() - 1
        level = height // 8
        first, count = low >> (8 * level), 1 << (height - 8 * level)
        tile = self._tile(level, first // WIDTH)
        at = first % WIDTH
        return self._within(tile, (level, first, count)) if at + count <= len(tile) else None

    def _within(self, tile: Sequence[bytes], place: tuple[int, int, int]) -> bytes:
        """The hash over `count` hashes of a tile, each computed once: many receipts share their upper halves."""
        level, first, count = place
        if count == 1:
            return tile[first % WIDTH]
        if place not in self._subtrees:
            half = count // 2
            left, right = (level, first, half), (level, first + half, half)
            self._subtrees[place] = node_hash(self._within(tile, left), self._within(tile, right))
        return self._subtrees[place]

    def _tile(self, level: int, index: int) -> list[bytes]:
        if (level, index) not in self._tiles:
            width = min(WIDTH, (self.size >> (8 * level)) - index * WIDTH)
            content = self.read_tile(level, index, width) if width > 0 else b""
            if len(content) != max(width, 0) * HASH_SIZE:
                raise FormatError(
                    f"tile {level}/{index}", why=f"{len(content)} bytes, not {width} hashes", reason="tile_missing"
                )
            self._tiles[level, index] = [content[at : at + HASH_SIZE] for at in range(0, len(content), HASH_SIZE)]
        return self._tiles[level, index]


def tile_root(content: bytes) -> bytes:
    """The root over a full tile."""
    return perfect_root([content[at : at + HASH_SIZE] for at in range(0, len(content), HASH_SIZE)])


def tile_path(level: int | str, index: int, width: int = WIDTH) -> str:
    """`tile/<L>/<N>[.p/<W>]`; `level` is `entries` for entry bundles. 1234067 becomes `x001/x234/067`."""
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03d}")
    suffix = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(parts))}{suffix}"


def encode_entries(entries: Iterable[bytes]) -> bytes:
    """An entry bundle: each entry behind its length as uint16, big endian."""
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise FormatError("entry", why=f"{len(entry)} bytes, over {MAX_ENTRY_BYTES}", reason="entry_too_large")
        parts.append(struct.pack(">H", len(entry)) + entry)
    return b"".join(parts)


def decode_entries(bundle: bytes) -> list[bytes]:
    entries, at = [], 0
    while at < len(bundle):
        if at + 2 > len(bundle):
            raise FormatError("entry bundle", why="ends within a length")
        (size,) = struct.unpack_from(">H", bundle, at)
        entry = bundle[at + 2 : at + 2 + size]
        if len(entry) != size:
            raise FormatError("entry bundle", why="ends within an entry")
        entries.append(entry)
        at += 2 + size
    return entries
