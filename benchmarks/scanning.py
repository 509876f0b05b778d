"""
What scanning costs: all scanners side by side against the least that it could take, then with nothing changed and with
one file changed, against scanning everything.

The least is max(the longest tool alone, the processor time of all tools / cores). Every round runs each tool alone, all
of them cold, all of them with nothing changed, and all of them with one Python file changed, in random order; medians
of the rounds' ratios count, since a busy machine's absolute numbers mean little.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mintmark.pipelines.configuration import load_project
from mintmark.pipelines.gather import scope_of
from mintmark.pipelines.scan.advisories import Advisories, open_advisories
from mintmark.pipelines.scan.cache import ScanCache
from mintmark.pipelines.scan.environments import ToolEnvironments, install_tools
from mintmark.pipelines.scan.export import Tree, export_tree
from mintmark.pipelines.scan.interface import Scanner, ScanScope
from mintmark.pipelines.scan.model import Status
from mintmark.pipelines.scan.registry import SCANNERS
from mintmark.pipelines.scan.run import cores, scan_release

ROOT = Path(__file__).resolve().parents[1]
CHANGED = "service/src/florin/health.py"
COLD_GOAL, WARM_GOAL = 1.10, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every measurement works on."""

    tree: Tree
    changed: Tree
    scope: ScanScope
    environments: ToolEnvironments
    advisories: Advisories
    folder: Path

    def scan(
        self, *, tree: Tree | None = None, scanners: Sequence[Scanner] = SCANNERS, cache: ScanCache | None = None
    ) -> float:
        """Seconds that one scan took; one that did not finish its work is no measurement."""
        begun = time.perf_counter()
        reports = scan_release(
            tree or self.tree,
            self.scope,
            self.environments,
            self.advisories,
            Path(tempfile.mkdtemp(dir=self.folder)),
            lambda: datetime.now(UTC),
            scanners=scanners,
            cache=cache,
        )
        took = time.perf_counter() - begun
        unfinished = [report.tool for report in reports if report.status not in {Status.COMPLETE, Status.SKIPPED}]
        if unfinished:
            raise RuntimeError(f"not whole: {', '.join(unfinished)}")
        return took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how many rounds, at least 3")
    options = parser.parse_args()
    if options.rounds < 3:
        parser.error("fewer than 3 rounds have no median worth the name")
    with tempfile.TemporaryDirectory() as folder:
        measure(prepare(Path(folder)), rounds=options.rounds)
    return 0


def prepare(folder: Path) -> Bench:
    """Two commits of a clone of this repository: as it is, and with one Python file changed."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True)
    before = _git(clone, "rev-parse", "HEAD")
    with (clone / CHANGED).open("a", encoding="utf-8") as file:
        file.write("\n\nMEASURED = True\n")
    _git(clone, "-c", "user.name=B", "-c", "user.email=b@example.org", "commit", "--quiet", "-am", "Change a file")
    return Bench(
        tree=export_tree(clone, before, ["."], folder / "before"),
        changed=export_tree(clone, "HEAD", ["."], folder / "after"),
        scope=scope_of(load_project(ROOT)),
        environments=install_tools(lambda text: print(text, file=sys.stderr)),
        advisories=open_advisories("snapshot", cache=folder / "advisories"),
        folder=folder,
    )


def _git(clone: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(clone), *words], check=True, capture_output=True, text=True).stdout.strip()


def measure(bench: Bench, *, rounds: int) -> None:
    bench.scan()  # the files of the tools and of the tree are in memory from here on
    kept = ScanCache(folder=bench.folder / "kept")
    bench.scan(cache=kept)
    taken: dict[str, list[float]] = {"cold": [], "warm": [], "changed": []}
    alone: dict[str, list[float]] = {scanner.name: [] for scanner in SCANNERS}
    least, ratios = [], []
    for number in range(rounds):
        copy = ScanCache(folder=bench.folder / f"copy-{number}")
        shutil.copytree(kept.folder, copy.folder)
        steps: list[tuple[str, Callable[[], float]]] = [
            ("cold", bench.scan),
            ("warm", lambda: bench.scan(cache=kept)),
            ("changed", lambda copy=copy: bench.scan(tree=bench.changed, cache=copy)),  # type: ignore[misc]
        ]
        random.shuffle(steps)
        for name, step in steps:
            taken[name].append(step())
        spent = 0.0
        for scanner in random.sample(SCANNERS, len(SCANNERS)):
            before = _children_s()
            alone[scanner.name].append(bench.scan(scanners=[scanner]))
            spent += _children_s() - before
        least.append(max(*(times[-1] for times in alone.values()), spent / cores()))
        ratios.append(taken["cold"][-1] / least[-1])
    report(taken, alone, least, ratios)


def _children_s() -> float:
    """Processor seconds of all that this process started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(
    taken: dict[str, list[float]], alone: dict[str, list[float]], least: list[float], ratios: list[float]
) -> None:
    for name, times in sorted(alone.items(), key=lambda item: -statistics.median(item[1])):
        print(f"{name:<16} alone            {statistics.median(times):6.2f} s")
    print(f"{'all scanners':<16} the least        {statistics.median(least):6.2f} s   on {cores()} cores")
    for name, times in taken.items():
        print(f"{'all scanners':<16} {name:<16} {statistics.median(times):6.2f} s")
    pairs = {
        name: [one / cold for one, cold in zip(times, taken["cold"], strict=True)] for name, times in taken.items()
    }
    print(f"cold / the least        {statistics.median(ratios):.3f}   (goal {COLD_GOAL} or less)")
    print(f"nothing changed / cold  {statistics.median(pairs['warm']):.3f}   (goal {WARM_GOAL} or less)")
    print(f"one file changed / cold {statistics.median(pairs['changed']):.3f}")


if __name__ == "__main__":
    sys.exit(main())
