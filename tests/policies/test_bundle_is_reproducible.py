"""The committed pack is what its sources build, byte for byte, wherever they lie."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.policies.builders import PAGES, POLICIES, ROOT

from mintmark.pipelines.gate import build
from mintmark.pipelines.gate.pack import PolicyPack


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
