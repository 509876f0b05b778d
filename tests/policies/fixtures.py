"""Fixtures of the policy and gate tests; conftest.py of both folders takes them from here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.policies import builders

from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.opa_server import OpaServerEngine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.wasm import WasmEngine


@pytest.fixture(scope="session")
def pack() -> PolicyPack:
    return PolicyPack.load(builders.POLICIES)


@pytest.fixture(scope="session")
def wasm(pack: PolicyPack) -> WasmEngine:
    return WasmEngine(pack)


@pytest.fixture(scope="session")
def gate(pack: PolicyPack, wasm: WasmEngine) -> Gate:
    return Gate.open(pack, wasm)


@pytest.fixture(scope="session")
def opa() -> Path:
    return builders.opa_or_skip()


@pytest.fixture
def server(opa: Path, tmp_path: Path) -> Iterator[str]:
    """An OPA server of this test alone, without any policy."""
    with builders.opa_server(opa, tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
def published(opa: Path, pack: PolicyPack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpaServerEngine]:
    """An OPA server that runs the pack. Tests only ask it."""
    with builders.opa_server(opa, tmp_path_factory.mktemp("opa")) as url:
        engine = OpaServerEngine(pack, url)
        engine.publish()
        yield engine
        engine.close()
