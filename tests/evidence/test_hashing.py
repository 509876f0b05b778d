"""Hashing an export on every core answers what the walk over it answers, and where it does not hold as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.evidence.builders import Bench, bench

from mintmark.evidence.archive import name_of
from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.tiles import Edge, encode_entries, tile_path
from mintmark.evidence.tree import HASH_SIZE, leaf_hash, perfect_root
from mintmark.evidence.verify import hashing
from mintmark.evidence.verify.check import Trust, verify_log
from mintmark.evidence.verify.exported import PROJECTION, ExportedSnapshot, ExportedSource
from mintmark.evidence.verify.report import Answer, Level, VerificationReport

LEVELS = (frozenset({Level.L1}), frozenset({Level.L1, Level.L2}))


def write_export(place: Bench, folder: Path, size: int) -> None:
    """An export of opaque entries, with an archived checkpoint at every odd size; nothing but its hashes can hold."""
    entries = [b"entry %d" % number for number in range(size)]
    hashes, edge = [leaf_hash(entry) for entry in entries], Edge()
    for number, entry_hash in enumerate(hashes, 1):
        edge.append([entry_hash])
        if number % 77 == 0 or number in {255, 256, 257, 512, size}:
            checkpoint = Checkpoint(origin=place.signer.name, size=number, root=edge.root())
            write(folder / f"checkpoint-archive/{name_of(checkpoint)}", checkpoint.sign(place.signer))
    write(folder / "checkpoint", checkpoint.sign(place.signer))
    for first in range(0, size, 256):
        some = entries[first : first + 256]
        write(folder / tile_path("entries", first // 256, len(some)), encode_entries(some))
    for table in PROJECTION:
        write(folder / f"projection/{table}.jsonl", b"")
    level = 0
    while hashes:
        for first in range(0, len(hashes), 256):
            wide = hashes[first : first + 256]
            write(folder / tile_path(level, first // 256, len(wide)), b"".join(wide))
        hashes = [perfect_root(hashes[at : at + 256]) for at in range(0, len(hashes) - 255, 256)]
        level += 1


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def reports(place: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[VerificationReport, ...]]:
    """By hashing on every core, and by the walk."""
    trust = Trust(log_key=place.signer.verifier, policy=place.trust)
    for levels in LEVELS:
        both = []
        for least in (0, 1_000_000):
            monkeypatch.setattr(hashing, "LEAST", least)
            both.append(verify_log(ExportedSource(folder=folder), trust, levels=levels))
        yield tuple(both)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600, 66_000])
def test_a_sound_export_hashes_to_what_a_walk_finds(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = bench(tmp_path)
    write_export(place, tmp_path / "export", size)

    for hashed, walked in reports(place, tmp_path / "export", monkeypatch):
        assert hashed == walked
        assert (hashed.answer, hashed.size) == (Answer.VERIFIED, size)


@pytest.mark.parametrize("processes", [1, 2])
def test_hashing_gives_the_roots_of_every_wanted_size(processes: int, tmp_path: Path) -> None:
    place = bench(tmp_path)
    write_export(place, tmp_path, 700)
    with ExportedSource(folder=tmp_path).snapshot() as snapshot:
        assert isinstance(snapshot, ExportedSnapshot)
        walked = hashing.hash_export(snapshot, set(range(1, 800)), processes=processes)

    edge = Edge()
    assert walked is not None
    assert walked.roots.keys() == set(range(1, 701))
    for number in range(700):
        edge.append([leaf_hash(b"entry %d" % number)])
        assert walked.roots[number + 1] == edge.root()
    assert walked.root == edge.root()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-HASH_SIZE])


def forge_tile(path: Path) -> None:
    write(path, bytes(8192))


DAMAGE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "an entry": ("tile/entries/001", flip),
    "one of the last entries": ("tile/entries/005.p/5", flip),
    "a bundle that ends within an entry": ("tile/entries/002", shorten),
    "a bundle that is missing": ("tile/entries/003", Path.unlink),
    "the last bundle is missing": ("tile/entries/005.p/5", Path.unlink),
    "a tile": ("tile/0/003", flip),
    "a partial tile": ("tile/0/005.p/5", flip),
    "a partial tile above": ("tile/1/000.p/5", flip),
    "a tile of no log": ("tile/3/000", forge_tile),
    "an archived checkpoint": ("checkpoint-archive/000000000077-*.note", flip),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_does_not_hold_is_found_as_the_walk_finds_it(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, (path, damage) = bench(tmp_path), DAMAGE[what]
    write_export(place, tmp_path / "export", 5 * 256 + 5)
    for found in list((tmp_path / "export").glob(path)) or [tmp_path / "export" / path]:
        damage(found)

    *_, (hashed, walked) = reports(place, tmp_path / "export", monkeypatch)

    assert hashed == walked
    assert hashed.answer is Answer.FAILED


def test_a_tile_over_tiles_that_does_not_hold_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = bench(tmp_path)
    write_export(place, tmp_path / "export", 257 * 256)
    flip(tmp_path / "export" / "tile/1/000")

    *_, (hashed, walked) = reports(place, tmp_path / "export", monkeypatch)

    assert hashed == walked
    assert (hashed.broken[0].level, hashed.broken[0].place, hashed.broken[0].index) == ("L1", "tile", 255 * 256)


def test_what_a_checkpoint_claims_is_not_worked_for_where_the_files_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody checked its signature yet: work for each of 2^60 entries would be handed out before the first is read."""
    place = bench(tmp_path)
    write_export(place, tmp_path / "export", 300)
    checkpoint = Checkpoint(origin=place.signer.name, size=2**60, root=bytes(32))
    write(tmp_path / "export" / "checkpoint", checkpoint.sign(place.signer))
    handed_out: list[object] = []

    def hand_out(*asked: object) -> Iterator[None]:
        handed_out.append(asked)
        return iter(())

    monkeypatch.setattr(hashing, "_over_cores", hand_out)

    report = verify_log(
        ExportedSource(folder=tmp_path / "export"),
        Trust(log_key=place.signer.verifier, policy=place.trust),
        levels=LEVELS[0],
    )

    assert (report.answer, handed_out) == (Answer.FAILED, [])
