"""What docs/policy-packs.md says to write and to run is written and run, in its order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.pipelines.gate.signers import signer
from tests.pipelines.people.builders import git
from tests.policies.builders import POLICIES, ROOT, gate_input

from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.sign.local_key import LocalSigner, write_secret

PAGE = (ROOT / "docs/policy-packs.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`(acme/[^`]+)`:\n\n```\w+\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))
BLOCKS = [
    re.findall(r"^\$ mintmark (.+)$", block, re.MULTILINE)
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
]


def write_files(folder: Path) -> None:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


@pytest.fixture(scope="module")
def desk(opa: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    write_files(folder)
    shutil.copytree(POLICIES, folder / "policies")
    shutil.copyfile(ROOT / "mintmark.toml", folder / "mintmark.toml")
    (folder / "gate-input.json").write_bytes(gate_input(PolicyPack.load(POLICIES)))
    for words in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "First")):  # a project is a checkout
        git(folder, *words)
    (folder / "trust.toml").write_text("version = 1\n" + "".join(_trusted(folder, name) for name in ("ana", "ben")))
    return folder


def _trusted(folder: Path, name: str) -> str:
    from cryptography.hazmat.primitives import serialization

    made: LocalSigner = signer()
    pem = made.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_secret(folder / f"{name}.pem", pem)
    (folder / f"{name}.id").write_text(made.identity)
    return (
        f'\n[[keys]]\nid = "{made.identity}"\norigin = "ci"\nkinds = ["policy"]\n'
        f'public_key = """\n{made.public_pem().decode()}"""\n'
    )


def mintmark(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    for name in ("ana", "ben"):
        line = line.replace(f"${name.upper()}", (folder / f"{name}.id").read_text())
    places = {name: str(folder / name.lower()) for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    return subprocess.run(
        [sys.executable, "-m", "mintmark.pipelines.cli.main", *line.split()],
        cwd=folder,
        env={**os.environ, **places},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_page_has_the_blocks_that_are_run_here() -> None:
    assert (len(FILES), [len(block) for block in BLOCKS]) == (5, [2, 4, 2, 3, 1])


def test_every_command_of_the_page_does_what_it_says(desk: Path) -> None:
    said = {}
    for line in [line for block in BLOCKS for line in block]:
        done = mintmark(desk, line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        said[line] = done.stdout

    assert re.search(r"^\d\d+ passed, 0 failed, ", said["policy test --pack acme-pack"], re.MULTILINE)
    assert "acme.known_source            refused its canary" in said["policy check --pack acme-pack"]
    assert "+ rule acme.known_source" in said["policy diff policies acme-pack"]
    assert "! canary:acme.known_source   ALLOW  →  DENY acme.known_source" in said["policy diff policies acme-pack"]
    assert "1 rules, wasm" in said["policy check --pack acme-alone"]
    assert "signed    version 1, by ana, ben" in said[BLOCKS[3][2]]
    assert "IDENTICAL" in said[BLOCKS[4][0]]


def test_one_signature_is_not_enough_on_the_command_line_either(desk: Path) -> None:
    sign, _, verify = (line.replace("acme-pack", "alone") for line in BLOCKS[3])
    shutil.copytree(POLICIES, desk / "alone")

    unsigned = mintmark(desk, verify)
    signed = mintmark(desk, sign)
    alone = mintmark(desk, verify)

    assert (unsigned.returncode, "policy_unsigned" in unsigned.stderr) == (4, True)
    assert signed.returncode == 0
    assert (alone.returncode, "policy_two_person" in alone.stderr) == (4, True)
