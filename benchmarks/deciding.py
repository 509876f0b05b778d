"""
What a decision over ten thousand findings costs, against `opa eval` of the same policy on the same input.

Every round asks `opa eval` (whole process, as a pipeline would run it), the engine in process, an OPA server, and the
gate with everything that it checks before and after, in random order; medians of the rounds' ratios count.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.policies.builders import POLICIES, opa_server
from tests.policies.test_engines_agree import ten_thousand_findings

from mintmark.pipelines.gate import canonical, opa
from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.opa_server import OpaServerEngine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.wasm import WasmEngine

QUERY = "data.mintmark.gate.verdict"
NAMES = {"opa": "opa eval", "wasm": "in process", "server": "OPA server", "gate": "the gate, in process"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how many rounds, at least 3")
    options = parser.parse_args()
    if options.rounds < 3:
        parser.error("fewer than 3 rounds have no median worth the name")
    pack = PolicyPack.load(POLICIES)
    binary = opa.find(pack.opa_version)
    document = canonical.encode(ten_thousand_findings(pack))
    with tempfile.TemporaryDirectory() as folder, opa_server(binary, Path(folder)) as url:
        server, wasm = OpaServerEngine(pack, url), WasmEngine(pack)
        server.publish()
        gate = Gate.open(pack, wasm)
        steps: dict[str, Callable[[], object]] = {
            "opa": lambda: evaluate(binary, document),
            "wasm": lambda: wasm.evaluate(document),
            "server": lambda: server.evaluate(document),
            "gate": lambda: gate.judge(document),
        }
        report(measure(steps, rounds=options.rounds), len(document))
        server.close()
    return 0


def evaluate(binary: Path, document: bytes) -> None:
    data = ["--ignore", "*_test.rego", "--ignore", "meta", "--ignore", "*.canary.json", "--ignore", "baseline.json"]
    subprocess.run(
        [str(binary), "eval", "--format", "json", "--stdin-input", "--data", str(POLICIES / "gates"), *data, QUERY],
        input=document,
        capture_output=True,
        check=True,
    )


def measure(steps: dict[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name in random.sample(list(steps), len(steps)):
            begun = time.perf_counter()
            steps[name]()
            taken[name].append(time.perf_counter() - begun)
    return taken


def report(taken: dict[str, list[float]], size: int) -> None:
    print(f"10000 findings, {size / 1e6:.1f} MB")
    for name, times in taken.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(times, taken["opa"], strict=True))
        print(f"{NAMES[name]:<22} {statistics.median(times):6.2f} s   / opa eval {ratio:.2f}")


if __name__ == "__main__":
    sys.exit(main())
