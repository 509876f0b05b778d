"""
What binding the ledger costs those who post: transfers a second with the leaf queue and a binder at work, and with the
queue alone, against the same schema whose `ledger.post` makes no leaf and that nobody binds.

Every round has a window of one second of each, in random order, and the median of the rounds' ratios counts: a busy
machine's absolute numbers mean little, and the control, a second schema without leaves, shows how little. Four clients
call `ledger.post` for durable transfers between a thousand accounts. Clients, binder and PostgreSQL share the
processors, so that whatever the binder uses is taken from the clients; in each window it binds what the window before
left, which is what a binder that runs every second does.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from florin.kit import embedded
from florin.kit.migrations import migrate

CLIENTS = 4
ACCOUNTS = 1_000
WINDOW_S = 1.0
GOAL = 0.95
NAMES = {
    "bound": "leaf queue and binder",
    "queued": "leaf queue only",
    "plain": "neither",
    "control": "neither, once more",
}
LEAST_ROUNDS = 11
_LEAF_STATEMENTS = ("v_lines[v_leg.leg] := ", "INSERT INTO ledger.leaf_queue (entry_id, leaf_hash)")
_POST = "SELECT ledger.post('bench', $1, 'transfer', $2, $3, $4)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31, help=f"how many rounds, at least {LEAST_ROUNDS}")
    parser.add_argument("--binder", nargs=2, metavar=("URL", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.binder is not None:
        return run_binder(*options.binder)
    if options.rounds < LEAST_ROUNDS:
        parser.error(f"{options.rounds} rounds are too few for a median; use {LEAST_ROUNDS} or more")
    with database() as (url, folder):
        asyncio.run(measure(url, folder, rounds=options.rounds))
    return 0


async def measure(url: str, folder: Path, *, rounds: int) -> None:
    urls = {name: await prepare(url, name) for name in NAMES}
    for name in ("plain", "control"):
        await forget_leaves(urls[name])
    binder = start_binder(urls["bound"], folder / "log")
    for name, first in urls.items():  # the first window fills caches and is not counted
        await window(first, WINDOW_S, binder=binder if name == "bound" else None)
    found: dict[str, list[float]] = {name: [] for name in urls}
    order = list(urls)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            found[name].append(await window(urls[name], WINDOW_S, binder=binder if name == "bound" else None))
    left = await waiting(urls["bound"])
    binder.communicate()
    for name, text in NAMES.items():
        print(f"{text:<22} {statistics.median(found[name]):7.0f} transfers/s")
    print(f"ratio   {ratio(found, 'queued'):.3f}   leaf queue only to neither, median of {rounds} rounds; goal {GOAL}")
    print(f"ratio   {ratio(found, 'bound'):.3f}   leaf queue and binder to neither: the binder takes processors, too")
    print(f"noise   {ratio(found, 'control'):.3f}   without to without, which would be 1 on a quiet machine")
    print(f"leaves that waited at the end: {left}")


def ratio(found: dict[str, list[float]], name: str) -> float:
    return statistics.median(ours / plain for ours, plain in zip(found[name], found["plain"], strict=True))


async def window(url: str, seconds: float, *, binder: subprocess.Popen[str] | None = None) -> float:
    """Transfers a second of all clients together, while the binder takes what the window before it left."""
    connections = [await asyncpg.connect(url, server_settings={"role": "florin_app"}) for _ in range(CLIENTS)]
    try:
        started = time.perf_counter()
        if binder is not None and binder.stdin is not None:
            binder.stdin.write("go\n")
            binder.stdin.flush()
        counts = await asyncio.gather(*(client(connection, started + seconds) for connection in connections))
        return sum(counts) / (time.perf_counter() - started)
    finally:
        for connection in connections:
            await connection.close()


async def client(connection: asyncpg.Connection, deadline: float) -> int:
    chance = random.Random(uuid.uuid4().int)  # noqa: S311  which accounts move, not what to hide
    post = await connection.prepare(_POST)
    done, deployment = 0, uuid.UUID(int=1)
    while time.perf_counter() < deadline:
        debit, credit = chance.sample(range(ACCOUNTS), 2)
        await post.fetchval(str(uuid.uuid4()), deployment, [f"a{debit}", f"a{credit}"], [-5, 5])
        done += 1
    return done


def start_binder(url: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--binder", url, str(folder)]
    binder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert binder.stdout is not None
    assert binder.stdout.readline() == "ready\n"
    return binder


def run_binder(url: str, folder: str) -> int:
    """Bind all that waits at each line of input, into a log of its own on the same disk."""
    from datetime import UTC, datetime

    from mintmark.evidence.binder import Binder
    from mintmark.evidence.ledger.database import open_ledger
    from mintmark.pipelines.locations import Locations
    from mintmark.pipelines.sign.local_key import local_signer
    from mintmark.pipelines.workshop import open_evidence

    home = Path(folder)
    locations = Locations(state=home / "state", keys=home / "keys", checkpoints=home / "archive", cache=home / "cache")
    log, signer = open_evidence(locations), local_signer(locations.keys)
    with open_ledger(url) as database:
        binder = Binder(log=log, database=database, sign=signer.sign)
        print("ready", flush=True)
        for _ in sys.stdin:
            for _bound in binder.drain(lambda: datetime.now(UTC)):
                pass
    return 0


@contextmanager
def database() -> Iterator[tuple[str, Path]]:
    """A PostgreSQL of its own with its default, durable settings."""
    folder = Path(tempfile.mkdtemp(prefix="fl", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield embedded.start(folder / "pg"), folder
    finally:
        embedded.stop(folder / "pg")
        shutil.rmtree(folder)


async def prepare(url: str, name: str) -> str:
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    made = url.replace("/postgres?", f"/{name}?")
    await migrate(made)
    connection = await asyncpg.connect(made)
    await connection.execute(
        "SELECT ledger.open_account('a' || n, 'EUR', NULL) FROM generate_series(0, $1::int - 1) AS n", ACCOUNTS
    )
    await connection.close()
    return made


async def forget_leaves(url: str) -> None:
    """The same function without the statements that make and write the leaf; what else it does stays."""
    connection = await asyncpg.connect(url)
    source = str(
        await connection.fetchval("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE oid = 'ledger.post'::regproc")
    )
    for statement in _LEAF_STATEMENTS:
        start = source.index(statement)
        source = source[:start] + source[source.index(";\n", start) + 1 :]
    await connection.execute(source)
    await connection.close()


async def waiting(url: str) -> int:
    connection = await asyncpg.connect(url)
    left = int(await connection.fetchval("SELECT count(*) FROM ledger.leaf_queue"))
    await connection.close()
    return left


if __name__ == "__main__":
    sys.exit(main())
