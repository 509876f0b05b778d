"""Sequencers die at any moment, and so does the server: nothing that was answered is lost, nothing forks, no gap."""

from __future__ import annotations

import os
import time
from pathlib import Path
from random import Random

import pytest
from tests.evidence.builders import NOW, Bench, bench
from tests.evidence.crash.writers import Writers, fill_inbox
from tests.evidence.goverify.build import accepted
from tests.evidence.postgres import server

from mintmark.evidence.export import export_log
from mintmark.evidence.leaf import parse_leaf
from mintmark.evidence.log import MAX_BATCH
from mintmark.evidence.verify.report import Answer

KILLS = {"sqlite": 20, "postgresql": 50}
SEED = 20261124


def checked(place: Bench, writers: Writers, waiting: list[str], goverify: Path) -> str:
    """All that was promised holds; returns what was counted."""
    log = place.open()
    while log.store.waiting(1):
        log.drain(now=NOW, limit=MAX_BATCH)
    size = log.store.head().size
    entries = log.store.entries(0, size)
    ids = [parse_leaf(entry.content).id for entry in entries]
    told = writers.acknowledged()
    assert [entry.index for entry in entries] == list(range(size))
    assert len(set(ids)) == size
    assert set(waiting) <= set(ids)
    for index, identity, digest in told:
        assert (ids[index], entries[index].leaf_hash.hex()) == (identity, digest)
    report = place.verify()
    assert report.answer is Answer.VERIFIED, report.describe()
    export_log(log, writers.folder / "export")
    assert accepted(goverify, place.signer.vkey, writers.folder / "export")
    return (
        f"{size} entries, {len(told)} acknowledged, 0 lost; {len(waiting)} from the inbox, each once; "
        f"{report.checkpoints} archived checkpoints, 0 forks"
    )


def test_killing_one_sequencer_among_four_again_and_again_loses_nothing_and_forks_nothing(
    place: Bench, tmp_path: Path, goverify: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random, waiting = Random(SEED), list[str]()  # noqa: S311  when, and not what
    backend = place.url.partition(":")[0]
    place.open()
    writers = Writers(place=place, folder=tmp_path)
    writers.start(4)
    for kill in range(KILLS[backend]):
        ids = [f"inbox-{kill}-{number}" for number in range(5)]
        fill_inbox(place, ids)
        waiting += ids
        time.sleep(random.uniform(0.02, 0.25))
        writers.kill(random)
        writers.start()
    writers.end()

    counted = checked(place, writers, waiting, goverify)

    with capsys.disabled():
        print(f"\n{backend}: {KILLS[backend]} kills of a sequencer among 4: {counted}")


@pytest.mark.skipif("MINTMARK_TEST_DATABASE_URL" in os.environ, reason="that server is not ours to stop")
def test_a_server_that_stops_at_once_recovers_with_all_that_was_answered(
    tmp_path: Path, goverify: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random, waiting, stops = Random(SEED), list[str](), 3  # noqa: S311  when, and not what
    with server() as own:
        place = bench(tmp_path, url=own.database())
        place.open()
        writers = Writers(place=place, folder=tmp_path, patient=True)
        writers.start(4)
        for stop in range(stops):
            ids = [f"inbox-{stop}-{number}" for number in range(5)]
            fill_inbox(place, ids)
            waiting += ids
            time.sleep(random.uniform(0.3, 0.8))
            own.crash()
            own.start()
        time.sleep(0.5)
        writers.end()

        counted = checked(place, writers, waiting, goverify)

    with capsys.disabled():
        print(f"\n{stops} immediate stops of the server under 4 sequencers: {counted}")
