"""docs/verify-without-us.md says what is so: its commands are run, and their output is what it shows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.evidence.single_file.exports import Exported, receipt_files

from mintmark.evidence import single_file

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "verify-without-us.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def desk(small: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An auditor's folder: what was brought, and the export."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(small.folder, folder / "export")
    single_file.write_single_file(folder / "verify.py")
    shutil.copyfile(small.policy, folder / "log.policy")
    shutil.copyfile(small.trust, folder / "trust.toml")
    shutil.copyfile(str(small.tsa_roots), folder / "tsa.pem")
    shutil.copyfile(small.folder / "checkpoint", folder / "last-visit.note")
    receipt_files(small.place, 2, folder, note=(small.folder / "checkpoint").read_bytes())
    (folder / "bin").mkdir()
    (folder / "bin" / "python3").symlink_to(sys.executable)
    return folder


BLOCKS = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_session_on_the_page_goes_as_it_is_shown(block: str, desk: Path) -> None:
    commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    shown = [line for line in block.splitlines() if not line.startswith("$ ")]
    # A line of `…` stands for any lines, and within a line it stands for any text.
    pattern = "".join("(?:.*\n)*" if line == "…" else re.escape(line).replace("…", ".*") + "\n" for line in shown)

    done = subprocess.run(
        ["sh", "-c", "\n".join(commands)],
        cwd=desk,
        env={"PATH": f"{desk / 'bin'}:/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert re.fullmatch(pattern, done.stdout), done.stdout + done.stderr


def test_the_page_names_the_file_and_every_option() -> None:
    assert Path(single_file.__file__).relative_to(ROOT).as_posix() in PAGE
    for option in (
        "--policy",
        "--trust",
        "--tsa-roots",
        "--seen",
        "--receipt",
        "--entry",
        "--json",
        "--allow-unwitnessed",
    ):
        assert option in PAGE


def test_every_level_is_explained() -> None:
    for level in single_file.LEVELS:
        assert f"\n| {level} | " in PAGE
