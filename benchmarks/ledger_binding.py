"""
What binding the ledger costs those who post: transfers a second with the leaf queue and a binder at work, against the
same schema whose `ledger.post` writes no leaf and that nobody binds. Windows alternate in pairs; the median of the
pairs' ratios counts, for a machine's absolute numbers come and go.

Clients, binder and PostgreSQL share this machine's processors, so that whatever the binder uses is taken from the
clients. Each window's last leaves are left for the next one's binder: work is not put off beyond the measurement.
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
BINDER_PAUSE_S = 1.0
GOAL = 0.95
LEAST_PAIRS = 5
_LEAF_STATEMENTS = ("v_lines[v_leg.leg] := ", "INSERT INTO ledger.leaf_queue (entry_id, leaf_hash)")
_POST = "SELECT ledger.post('bench', $1, 'transfer', $2, $3, $4)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=9, help=f"how many pairs of windows, at least {LEAST_PAIRS}")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long a window is")
    parser.add_argument("--binder", nargs=2, metavar=("URL", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.binder is not None:
        return run_binder(*options.binder)
    if options.pairs < LEAST_PAIRS:
        parser.error(f"{options.pairs} pairs are too few for a median; use {LEAST_PAIRS} or more")
    with database() as (url, folder):
        asyncio.run(measure(url, folder, pairs=options.pairs, window_s=options.seconds))
    return 0


async def measure(url: str, folder: Path, *, pairs: int, window_s: float) -> None:
    bound_url, plain_url = await prepare(url, "bound"), await prepare(url, "plain")
    await forget_leaves(plain_url)
    binder = start_binder(bound_url, folder / "log")
    await window(bound_url, window_s / 3), await window(plain_url, window_s / 3)
    measured = []
    for number in range(pairs):
        plain_first = number % 2 == 0
        before = await window(plain_url, window_s) if plain_first else 0.0
        bound = await window(bound_url, window_s, binder=binder)
        plain = before or await window(plain_url, window_s)
        measured.append((bound, plain))
        print(f"pair {number + 1:2}   bound {bound:7.0f}/s   plain {plain:7.0f}/s   ratio {bound / plain:.3f}")
    left = await waiting(bound_url)
    binder.communicate()
    ratio = statistics.median(bound / plain for bound, plain in measured)
    print(f"transfers with leaf queue and binder   {statistics.median(bound for bound, _ in measured):7.0f}/s")
    print(f"transfers without either               {statistics.median(plain for _, plain in measured):7.0f}/s")
    print(f"ratio {ratio:.3f}   median of {pairs} pairs, {CLIENTS} connections; the goal is {GOAL} or more")
    print(f"leaves that waited at the end of the last window: {left}")


def start_binder(url: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--binder", url, str(folder)]
    binder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert binder.stdout is not None
    assert binder.stdout.readline() == "ready\n"
    return binder


async def window(url: str, seconds: float, *, binder: subprocess.Popen[str] | None = None) -> float:
    """Transfers a second of all clients together; the binder is called every second of the window."""
    deadline = time.perf_counter() + seconds
    started = time.perf_counter()
    calls = asyncio.create_task(call(binder)) if binder is not None else None
    counts = await asyncio.gather(*(client(url, deadline) for _ in range(CLIENTS)))
    took = time.perf_counter() - started
    if calls is not None:
        calls.cancel()
    return sum(counts) / took


async def client(url: str, deadline: float) -> int:
    chance = random.Random(uuid.uuid4().int)  # noqa: S311  which accounts move, not what to hide
    connection = await asyncpg.connect(url, server_settings={"role": "florin_app"})
    try:
        post = await connection.prepare(_POST)
        done, deployment = 0, uuid.UUID(int=1)
        while time.perf_counter() < deadline:
            debit, credit = chance.sample(range(ACCOUNTS), 2)
            await post.fetchval(str(uuid.uuid4()), deployment, [f"a{debit}", f"a{credit}"], [-5, 5])
            done += 1
        return done
    finally:
        await connection.close()


async def call(binder: subprocess.Popen[str]) -> None:
    assert binder.stdin is not None
    while True:
        binder.stdin.write("go\n")
        binder.stdin.flush()
        await asyncio.sleep(BINDER_PAUSE_S)


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
