"""Processes that record and drain without pause, and keep what they were told where their death does not reach it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from sqlalchemy import create_engine
from tests.evidence.builders import NOW, Bench

from mintmark.evidence.errors import StoreUnavailable
from mintmark.evidence.inbox import Submission, enqueue
from mintmark.evidence.log import EvidenceLog, Recorded

END_TIMEOUT_S = 60.0
_FORK = multiprocessing.get_context("fork")


@dataclass(slots=True, kw_only=True)
class Writers:
    """`patient` ones open the log again when the store cannot be reached; anything else that fails ends them."""

    place: Bench
    folder: Path
    patient: bool = False
    _stop: Path = field(init=False)
    _numbers: Iterator[int] = field(default_factory=count)
    _running: list[multiprocessing.context.ForkProcess] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = self.folder / "stop"

    def start(self, processes: int = 1) -> None:
        for _ in range(processes):
            number = next(self._numbers)
            process = _FORK.Process(target=self._write, args=(number,))
            process.start()
            self._running.append(process)

    def kill(self, random: Random) -> None:
        victim = self._running.pop(random.randrange(len(self._running)))
        assert victim.exitcode is None, f"a writer ended by itself with {victim.exitcode}"
        victim.kill()
        victim.join()

    def end(self) -> None:
        """Let them finish what they do."""
        self._stop.touch()
        for process in self._running:
            process.join(END_TIMEOUT_S)
        assert [process.exitcode for process in self._running] == [0] * len(self._running)

    def acknowledged(self) -> list[tuple[int, str, str]]:
        """(index, id, leaf hash) of every entry that somebody was told of."""
        lines = [line for path in self.folder.glob("*.told") for line in path.read_text().splitlines()]
        return [(int(index), identity, digest) for index, identity, digest in (line.split(" ") for line in lines)]

    def _write(self, number: int) -> None:
        random = Random(number)  # noqa: S311  how much, and not what
        told = os.open(self.folder / f"{number}.told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        log: EvidenceLog | None = None
        for batch in count():
            if self._stop.exists():
                return
            try:
                log = log or self.place.open()
                for recorded in self._step(log, random, f"writer-{number}-{batch}"):
                    os.write(told, f"{recorded.index} {recorded.id} {recorded.leaf_hash.hex()}\n".encode())
            except StoreUnavailable:
                if not self.patient:
                    raise
                log = None

    def _step(self, log: EvidenceLog, random: Random, name: str) -> list[Recorded]:
        if random.random() < 0.3:
            log.drain(now=NOW, limit=20)
            return []
        bundles = [self.place.bundle(name=name, number=number) for number in range(random.randint(1, 20))]
        return log.record_all(
            [Submission(bundle=bundle, id=f"{name}-{number}") for number, bundle in enumerate(bundles)], now=NOW
        )


def fill_inbox(place: Bench, ids: list[str]) -> None:
    """As another program does, in a transaction of its own."""
    patience = {"timeout": 30} if place.url.startswith("sqlite") else {}
    engine = create_engine(place.url.replace("postgresql://", "postgresql+psycopg://"), connect_args=patience)
    with closing(engine.connect()) as connection, connection.begin():
        for identity in ids:
            enqueue(connection, Submission(bundle=place.bundle(waiting=identity), id=identity), now=NOW)
    engine.dispose()
