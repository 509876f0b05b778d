"""The committed pack is what its sources build, byte for byte, wherever they lie."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.policies.builders import PAGES, POLICIES, ROOT

from mintmark.pipelines.gate import build, canary
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.wasm import WasmEngine
from mintmark.pipelines.scan.rules import scanner_pins


def test_building_again_in_another_place_gives_the_same_pack(opa: Path, pack: PolicyPack, tmp_path: Path) -> None:
    shutil.copytree(POLICIES, tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "elsewhere" / "bundle")

    build.build(tmp_path / "elsewhere")

    for name in ("policy.wasm", "data.json", "rules.json", "manifest.json"):
        assert (tmp_path / "elsewhere/bundle" / name).read_bytes() == (POLICIES / "bundle" / name).read_bytes()
    assert PolicyPack.load(tmp_path / "elsewhere").digest == pack.digest


def test_the_committed_pack_and_pages_are_not_stale(opa: Path) -> None:
    assert build.build(POLICIES, pages=PAGES, write=False) == []


def test_a_changed_parameter_makes_the_pack_stale(opa: Path, tmp_path: Path) -> None:
    shutil.copytree(POLICIES, tmp_path / "policies")
    data = tmp_path / "policies/gates/data.json"
    data.write_text(data.read_text().replace('"clock_skew_s": 60', '"clock_skew_s": 61'))

    stale = build.build(tmp_path / "policies", write=False)

    assert tmp_path / "policies/bundle/data.json" in stale
    assert tmp_path / "policies/bundle/manifest.json" in stale


def test_the_script_says_what_is_stale(opa: Path, tmp_path: Path) -> None:
    shutil.copytree(POLICIES, tmp_path / "policies")
    (tmp_path / "policies/gates/data.json").write_text("{}")
    command = [sys.executable, str(ROOT / "scripts/build_policies.py"), "--check", "--policies"]

    done = subprocess.run([*command, str(tmp_path / "policies")], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "stale: " in done.stderr


def test_the_manifest_names_every_file_and_the_compiler(pack: PolicyPack) -> None:
    manifest = json.loads((POLICIES / "bundle/manifest.json").read_bytes())

    assert manifest["opa_version"] == (POLICIES / "OPA_VERSION").read_text().strip()
    assert "gates/verdict.rego" in manifest["files"]
    assert not any(path.endswith("_test.rego") for path in manifest["files"])


def test_the_pins_of_the_policy_are_those_of_the_scanners_lock(pack: PolicyPack) -> None:
    pins = json.loads(pack.data)["mintmark"]["params"]["scanners"]

    assert {tool: pin["versions"] for tool, pin in pins.items()} == {
        tool: sorted(pin["versions"]) for tool, pin in scanner_pins().items()
    }
    assert pins["semgrep"]["rules_digests"]
    assert all(digest.startswith("sha256:") for pin in pins.values() for digest in pin["rules_digests"])


def test_another_version_of_a_scanner_needs_no_edit_but_a_build(
    opa: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(POLICIES, policies)
    newer = {tool: {**pin, "versions": ["99.0.1"]} for tool, pin in scanner_pins().items()}
    monkeypatch.setattr(build, "scanner_pins", lambda: newer)

    stale = build.build(policies, write=False)
    build.build(policies)

    assert {policies / build.PINS, policies / build.BASELINE} <= set(stale)
    built = PolicyPack.load(policies)
    assert built.baseline["scans"][0]["tool_version"] == "99.0.1"
    canary.prove_alive(built, WasmEngine(built))
