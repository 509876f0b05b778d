"""
How much the log costs beside inserting its rows and nothing else: both sides alternate, and the median of pairs counts.

Run it with `python -m benchmarks.evidence`. Absolute numbers are the machine's; the ratios are what is claimed.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import psycopg
from sqlalchemy import Table
from tests.evidence.builders import NOW, Bench, bench
from tests.evidence.goverify.build import build
from tests.evidence.postgres import server

from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.group_commit import GroupCommit
from mintmark.evidence.inbox import Submission
from mintmark.evidence.leaf import Leaf
from mintmark.evidence.log import EvidenceLog, Outcome
from mintmark.evidence.statement import Subject
from mintmark.evidence.store import rows, sqlite, tables
from mintmark.evidence.store.interface import NewEntry
from mintmark.evidence.store.open import open_store
from mintmark.evidence.tiles import WIDTH, Edge, encode_entries, tile_path
from mintmark.evidence.tree import leaf_hash, perfect_root
from mintmark.evidence.verify.check import Trust, verify_log
from mintmark.evidence.verify.exported import PROJECTION, ExportedSource
from mintmark.evidence.verify.report import Answer, Level

BATCH = 1_000
CALLERS = 4_000
AUDITED = 256 * 1_024  # entries
DETAIL = "x" * 550  # makes a bundle of about 1.5 KB
COPY_TYPES = {"BIGINT": "int8", "BLOB": "bytea", "TEXT": "text"}

Rows = dict[Table, list[tuple[Any, ...]]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=9, help="rounds of each comparison, at least 5")
    parser.add_argument("--only", choices=sorted(COMPARISONS), help="one comparison alone")
    chosen = parser.parse_args()
    if chosen.pairs < 5:
        parser.error(f"{chosen.pairs} rounds are too few for a median; use 5 or more")
    for name, compare in COMPARISONS.items():
        if chosen.only in {None, name}:
            with tempfile.TemporaryDirectory(prefix="mm") as folder:
                compare(Path(folder), chosen.pairs)
    return 0


def on_postgresql(folder: Path, pairs: int) -> None:
    with server() as made:
        place = bench(folder, url=made.database())
        with copying(made.database()) as target:
            ours, same, entries_alone = appending(place, pairs, [target.copy, target.copy_entries])
    report("1 append on PostgreSQL / COPY of the very same rows", ours, same, goal=0.8)
    report("  append on PostgreSQL / COPY of the entries' rows alone", ours, entries_alone, goal=None)


def on_sqlite(folder: Path, pairs: int) -> None:
    place, other = bench(folder), folder / "other.sqlite3"
    open_store(f"sqlite:///{other}", origin="bare")
    bare = sqlite.engine(other)

    def insert(batch: Rows) -> None:
        with bare.begin() as connection:
            for table, found in batch.items():
                if found:
                    names = [column.name for column in table.columns]
                    connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in found])

    ours, theirs = appending(place, pairs, [insert])
    report("2 append on SQLite / SQLAlchemy Core inserts of the very same rows", ours, theirs, goal=0.8)


def for_callers(folder: Path, pairs: int) -> None:
    with server() as made:
        place = bench(folder, url=made.database())
        log, whole, alone, copied = place.open(), list[float](), list[float](), list[float]()
        mirror = Mirror()
        with copying(made.database()) as target:
            for _ in range(pairs):
                submissions = [submission(place) for _ in range(CALLERS)]
                whole.append(CALLERS / timed(partial(call, log, submissions)))
                prepared = prepare(log, submissions)
                by_bundle = {item.bundle: entry for item, entry in zip(submissions, prepared, strict=True)}
                sequencer = Sequencer(log, by_bundle)
                alone.append(CALLERS / timed(partial(call, cast("EvidenceLog", sequencer), submissions)))
                batches = [mirror.rows(prepared[at : at + BATCH]) for at in range(0, CALLERS, BATCH)]
                copied.append(CALLERS / timed(partial(target.copy_each, batches)))
    report("3 callers that wait for their index, signatures verified / COPY", whole, copied, goal=0.25)
    report("  callers that wait for their index, sequencing alone / COPY", alone, copied, goal=0.25)


def auditing(folder: Path, pairs: int) -> None:
    place, ours, theirs = bench(folder), list[float](), list[float]()
    write_log(place, folder / "export")
    program, trust = build(folder), Trust(log_key=place.signer.verifier, policy=place.trust)

    def audit() -> None:
        answer = verify_log(ExportedSource(folder=folder / "export"), trust, levels={Level.L1}).answer
        assert answer is Answer.VERIFIED

    command = [str(program), place.signer.vkey, str(folder / "export")]
    verify = partial(subprocess.run, command, check=True, capture_output=True, timeout=300)
    for _ in range(pairs):
        ours.append(AUDITED / timed(audit))
        theirs.append(AUDITED / timed(verify))
    report("4 offline L1 audit on every core / a verifier on golang.org/x/mod/sumdb", ours, theirs, goal=None)


COMPARISONS = {"postgresql": on_postgresql, "sqlite": on_sqlite, "callers": for_callers, "audit": auditing}


def report(what: str, ours: Sequence[float], theirs: Sequence[float], *, goal: float | None) -> None:
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    aim = "" if goal is None else f"goal {goal:.2f}, {'reached' if ratio >= goal else 'MISSED'}"
    print(
        f"{what:<75} {ratio:6.2f}   {aim}\n"
        f"    {statistics.median(ours):>9,.0f} and {statistics.median(theirs):>9,.0f} entries/s, {len(ours)} pairs",
        flush=True,
    )


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def submission(place: Bench) -> Submission:
    return Submission(bundle=place.bundle(detail=DETAIL), refs=("decision:1",), controls=("MM-BLD-01",))


def prepare(log: EvidenceLog, submissions: Sequence[Submission]) -> list[NewEntry]:
    """Verified, and ready to be appended: before the clock starts."""
    batches = (submissions[at : at + BATCH] for at in range(0, len(submissions), BATCH))
    return [item for batch in batches for item in log.prepare(batch, now=NOW) if isinstance(item, NewEntry)]


def appending(place: Bench, pairs: int, others: Sequence[Callable[[Rows], None]]) -> list[list[float]]:
    """Entries a second: first of `store.append` with its durable commit, then of each other way with the same rows."""
    log, mirror = place.open(), Mirror()
    found: list[list[float]] = [[] for _ in range(len(others) + 1)]
    for round_ in range(pairs + 1):
        entries = prepare(log, [submission(place) for _ in range(BATCH)])
        batch = mirror.rows(entries)
        taken = [timed(partial(log.store.append, entries)), *(timed(partial(other, batch)) for other in others)]
        if round_:  # the first, uncounted, fills caches
            for times, seconds in zip(found, taken, strict=True):
                times.append(BATCH / seconds)
    return found


@dataclass(slots=True)
class Mirror:
    """Makes the rows that an append writes, all of them, before the clock starts."""

    edge: Edge = field(default_factory=Edge)

    def rows(self, entries: Sequence[NewEntry]) -> Rows:
        numbered = list(enumerate(entries, self.edge.size))
        full = self.edge.append([leaf_hash(entry.content) for entry in entries])
        return {
            tables.entry: [(index, entry.content) for index, entry in numbered],
            tables.payload: [(entry.leaf.commitment, entry.salt, entry.payload) for entry in entries],
            **rows.project((index, entry.leaf) for index, entry in numbered),
            tables.tile: [(tile.level, tile.index, tile.content) for tile in full],
            tables.integrated: [(self.edge.size, self.edge.root())],
        }


@dataclass(frozen=True, slots=True)
class Copying:
    """COPY, binary, one durable commit a batch, into a second database with the same tables and indexes."""

    connection: psycopg.Connection[Any]

    def copy(self, batch: Rows) -> None:
        for table, found in batch.items():
            if found:
                self._copy(table, found)
        self.connection.commit()

    def copy_each(self, batches: Sequence[Rows]) -> None:
        for batch in batches:
            self.copy(batch)

    def copy_entries(self, batch: Rows) -> None:
        self.connection.execute("CREATE TABLE IF NOT EXISTS entry_alone (LIKE entry INCLUDING ALL)")
        self._copy(tables.entry, batch[tables.entry], into="entry_alone")
        self.connection.commit()

    def _copy(self, table: Table, found: list[tuple[Any, ...]], *, into: str | None = None) -> None:
        with self.connection.cursor().copy(f"COPY {into or table.name} FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types([COPY_TYPES[str(column.type)] for column in table.columns])
            for row in found:
                copy.write_row(row)


@contextmanager
def copying(url: str) -> Iterator[Copying]:
    with psycopg.connect(url) as connection:
        connection.execute("SET search_path = mintmark, public; SET synchronous_commit = on")
        connection.commit()
        yield Copying(connection)


@dataclass(frozen=True, slots=True)
class Sequencer:
    """A log whose bundles were verified before: what is left is to append, sign and archive."""

    log: EvidenceLog
    prepared: dict[bytes, NewEntry]

    def record_each(self, submissions: Sequence[Submission], *, now: object) -> list[Outcome]:
        assert now == NOW
        return self.log.record_prepared([self.prepared[item.bundle] for item in submissions], now=NOW)


def call(log: EvidenceLog, submissions: Sequence[Submission]) -> None:
    """Every submission has a caller of its own."""

    async def run() -> None:
        async with GroupCommit(log) as group:
            await asyncio.gather(*(group.record(item, now=NOW) for item in submissions))

    asyncio.run(run())


def write_log(place: Bench, folder: Path) -> None:
    """An export of many real entries, straight to its files: payloads are not what L1 is about."""
    level_hashes, digest = list[bytes](), "ab" * 32
    for first in range(0, AUDITED, WIDTH):
        entries = [leaf(number, digest).encode() for number in range(first, first + WIDTH)]
        level_hashes += map(leaf_hash, entries)
        write(folder / tile_path("entries", first // WIDTH), encode_entries(entries))
    edge, level = Edge(), 0
    edge.append(level_hashes)
    while level_hashes:
        for first in range(0, len(level_hashes), WIDTH):
            wide = level_hashes[first : first + WIDTH]
            write(folder / tile_path(level, first // WIDTH, len(wide)), b"".join(wide))
        full = len(level_hashes) - len(level_hashes) % WIDTH
        level_hashes = [perfect_root(level_hashes[at : at + WIDTH]) for at in range(0, full, WIDTH)]
        level += 1
    for table in PROJECTION:
        write(folder / "projection" / f"{table}.jsonl", b"")  # L3 is not asked
    checkpoint = Checkpoint(origin=place.signer.name, size=edge.size, root=edge.root())
    write(folder / "checkpoint", checkpoint.sign(place.signer))


def leaf(number: int, digest: str) -> Leaf:
    return Leaf(
        id=f"01a20d6d-5a00-7000-8000-{number:012x}",
        kind="scan",
        at="2026-11-24T12:00:00.000Z",
        producer=digest,
        subjects=(Subject(name="a.whl", digest=digest),),
        controls=("MM-BLD-01",),
        refs=("decision:1",),
        media_type="application/vnd.dev.sigstore.bundle.v0.3+json",
        size=1_500,
        commitment=f"{number:064x}",
    )


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    assert shutil.which("go"), "the comparison with Go's verifier needs Go"
    sys.exit(main())
