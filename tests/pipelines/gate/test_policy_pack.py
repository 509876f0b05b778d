"""A pack is what its manifest says, file by file, or it is not used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.policies.builders import POLICIES

from mintmark.pipelines.errors import ExitCode
from mintmark.pipelines.gate import canonical
from mintmark.pipelines.gate.errors import PackNotFound, PolicyTampered
from mintmark.pipelines.gate.pack import MANIFEST, PolicyPack


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(POLICIES, tmp_path / "policies")
    return tmp_path / "policies"


def test_the_pack_of_this_checkout_is_found(pack: PolicyPack) -> None:
    assert PolicyPack.locate().digest == pack.digest


def test_a_pack_of_the_users_is_found(copied: Path, pack: PolicyPack) -> None:
    assert PolicyPack.locate(copied).digest == pack.digest


def test_a_folder_without_a_pack_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackNotFound) as missing:
        PolicyPack.locate(tmp_path)

    assert missing.value.reason == "pack_not_found"
    assert str(tmp_path) in str(missing.value)


def test_the_digest_is_that_of_the_canonical_manifest(pack: PolicyPack) -> None:
    manifest = json.loads((POLICIES / MANIFEST).read_bytes())

    assert pack.digest == canonical.sha256(canonical.encode(manifest))


EVERY_FILE = sorted(json.loads((POLICIES / MANIFEST).read_bytes())["files"])


@pytest.mark.parametrize("path", EVERY_FILE)
def test_one_changed_byte_in_any_file_is_tampering(path: str, copied: Path) -> None:
    content = bytearray((copied / path).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / path).write_bytes(content)

    with pytest.raises(PolicyTampered) as tampered:
        PolicyPack.load(copied)

    assert tampered.value.reason == "policy_tampered"
    assert tampered.value.exit_code is ExitCode.INTEGRITY
    assert tampered.value.path == path


@pytest.mark.parametrize("path", ["bundle/policy.wasm", "gates/verdict.rego", "gates/scan/fresh.canary.json"])
def test_a_file_that_is_gone_is_tampering(path: str, copied: Path) -> None:
    (copied / path).unlink()

    with pytest.raises(PolicyTampered) as tampered:
        PolicyPack.load(copied)

    assert (tampered.value.reason, tampered.value.path) == ("policy_tampered", path)


@pytest.mark.parametrize(
    "path", ["gates/scan/more.rego", "gates/lib/data.json", "bundle/data.yaml", "schemas/x.json", "controls/.hidden"]
)
def test_a_file_that_nobody_named_is_extra(path: str, copied: Path) -> None:
    (copied / path).write_text("package mintmark.gate\n")

    with pytest.raises(PolicyTampered) as tampered:
        PolicyPack.load(copied)

    assert (tampered.value.reason, tampered.value.path) == ("policy_extra_file", path)


def test_a_test_beside_a_rule_is_no_part_of_the_pack(copied: Path, pack: PolicyPack) -> None:
    (copied / "gates/scan/more_test.rego").write_text("package mintmark.gate\n")

    assert PolicyPack.load(copied).digest == pack.digest
    assert "scan/more_test.rego" not in PolicyPack.load(copied).sources


def test_another_pack_than_the_pinned_one_is_refused(copied: Path, pack: PolicyPack) -> None:
    manifest = json.loads((copied / MANIFEST).read_bytes())
    (copied / MANIFEST).write_text(json.dumps({**manifest, "opa_version": "9.9.9"}))

    with pytest.raises(PolicyTampered) as tampered:
        PolicyPack.load(copied, expected_digest=pack.digest)

    assert tampered.value.path == MANIFEST


@pytest.mark.parametrize("prefix", ["", "sha256:"])
def test_the_pinned_pack_is_taken(copied: Path, pack: PolicyPack, prefix: str) -> None:
    assert PolicyPack.load(copied, expected_digest=f"{prefix}{pack.digest}").digest == pack.digest


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        "{}",
        '{"schema":"https://mintmark.dev/policy-manifest/v1","opa_version":"1","files":{}}',
        '{"schema":"https://mintmark.dev/policy-manifest/v2","opa_version":"1","files":{"a":"b"}}',
        '{"schema":"https://mintmark.dev/policy-manifest/v1","opa_version":"1","files":{"a":"b"},"more":1}',
        '{"schema":"x","schema":"https://mintmark.dev/policy-manifest/v1","opa_version":"1","files":{"a":"b"}}',
        '{"schema":"https://mintmark.dev/policy-manifest/v1","opa_version":"1","files":{"a":7}}',
    ],
)
def test_what_is_no_manifest_is_tampering(manifest: str, copied: Path) -> None:
    (copied / MANIFEST).write_text(manifest)

    with pytest.raises(PolicyTampered) as tampered:
        PolicyPack.load(copied)

    assert tampered.value.path == MANIFEST


def test_a_manifest_that_points_out_of_the_pack_is_tampering(copied: Path) -> None:
    (copied.parent / "outside.rego").write_text("package x\n")
    manifest = json.loads((copied / MANIFEST).read_bytes())
    manifest["files"]["gates/../../outside.rego"] = "0" * 64
    (copied / MANIFEST).write_text(json.dumps(manifest))

    with pytest.raises(PolicyTampered) as tampered:
        PolicyPack.load(copied)

    assert tampered.value.path == "gates/../../outside.rego"


def test_sources_come_after_what_they_import(pack: PolicyPack) -> None:
    order = list(pack.sources)

    assert order.index("lib/evidence.rego") < order.index("lib/waivers.rego") < order.index("lib/findings.rego")
    assert order.index("waiver/invalid.rego") < order.index("verdict.rego")
