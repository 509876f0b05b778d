"""How much longer `mintmark --version` takes than `python -c pass`: whole processes in pairs, and the median."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

LEAST_PAIRS = 21
LIMIT = 4.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=51, help=f"how many pairs, at least {LEAST_PAIRS}")
    pairs = parser.parse_args().pairs
    if pairs < LEAST_PAIRS:
        parser.error(f"{pairs} pairs are too few for a median; use {LEAST_PAIRS} or more")
    # The command and the interpreter of one environment, so that both start the same Python.
    mintmark = [str(Path(sys.executable).with_name("mintmark")), "--version"]
    python = [sys.executable, "-c", "pass"]
    # An installed program has its bytecode: the first, uncounted run may write it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    measure(mintmark, environment), measure(python, environment)
    measured = [(measure(mintmark, environment), measure(python, environment)) for _ in range(pairs)]

    ratio = statistics.median(ours / theirs for ours, theirs in measured)
    print(f"mintmark --version   {statistics.median(ours for ours, _ in measured) * 1000:6.1f} ms")
    print(f"python -c pass       {statistics.median(theirs for _, theirs in measured) * 1000:6.1f} ms")
    print(f"ratio                {ratio:6.2f}      median of {pairs} pairs; the limit is {LIMIT:.0f}")
    return 0


def measure(command: Sequence[str], environment: dict[str, str]) -> float:
    """Seconds from before the process exists until it is gone."""
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=60)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
