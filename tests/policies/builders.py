"""What the tests of the policies and of the gate build on: the pack's baseline, the corpus, and an OPA of their own."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mintmark.pipelines.gate import canonical, opa, patch
from mintmark.pipelines.gate.pack import PolicyPack

ROOT = Path(__file__).resolve().parents[2]
POLICIES = ROOT / "policies"
PAGES = ROOT / "docs" / "policies"
CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One input of the corpus, as a patch on the baseline, and what must be said of it."""

    topic: str
    name: str
    patch: Sequence[Mapping[str, Any]]
    decision: str
    reasons: tuple[str, ...]
    why: tuple[str, ...]
    waived: int


def corpus() -> list[Case]:
    return [
        Case(topic=topic, **{**case, "reasons": tuple(case["reasons"]), "why": tuple(case["why"])})
        for file in sorted(CORPUS.glob("*.json"))
        for topic, cases in json.loads(file.read_bytes()).items()
        for case in cases
    ]


def case_id(case: object) -> str:
    return f"{case.topic}: {case.name}" if isinstance(case, Case) else str(case)


def gate_input(pack: PolicyPack, operations: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """The canonical bytes of the pack's baseline, patched."""
    return canonical.encode(patch.apply(pack.baseline, operations))


def opa_or_skip() -> Path:
    try:
        return opa.find(opa.pinned_version(POLICIES))
    except opa.OpaFailed as missing:
        pytest.skip(f"{missing}; to run this test: {missing.remedy}")


@contextmanager
def opa_server(binary: Path, folder: Path, *, address: str = "") -> Iterator[str]:
    """Start an empty OPA server on the loopback, at `address` or any free one, and yield where."""
    if not address:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
    with (folder / "opa.log").open("wb") as log:
        server = subprocess.Popen(
            [str(binary), "run", "--server", "--addr", address, "--skip-version-check"], stdout=log, stderr=log
        )
    try:
        _wait_for(f"http://{address}/health", server)
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if server.poll() is not None:
            raise RuntimeError(f"OPA ended with {server.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("OPA did not become healthy within ten seconds")
