"""The scanners are installed as they are locked, once, or not at all."""

import re
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from mintmark.pipelines.scan import environments as module
from mintmark.pipelines.scan.environments import (
    TOOLS,
    ToolEnvironments,
    ToolInstallFailed,
    install_tools,
    locked_versions,
)

FORKS = {("checkov", "detect-secrets")}  # checkov brings a fork of its own, under the old name of the program
PROJECT = Path(str(files("mintmark.pipelines.scan"))) / "toolchain"


def test_the_second_install_has_nothing_to_do(environments: ToolEnvironments) -> None:
    said: list[str] = []
    again = install_tools(said.append)

    assert again == environments
    assert said == []


def test_each_tool_stands_in_an_environment_of_its_own(environments: ToolEnvironments) -> None:
    for tool in TOOLS:
        others = [other for other in TOOLS if other != tool and (tool, other) not in FORKS]
        assert environments.executable(tool).exists()
        assert not [other for other in others if (environments.root / tool / "bin" / other).exists()]


def test_the_lock_pins_every_tool_and_every_file_by_hash() -> None:
    lock = (PROJECT / "uv.lock").read_text(encoding="utf-8")
    wheels = re.findall(r"^    \{ url = .*", lock, re.MULTILINE)

    assert locked_versions(lock) == {
        "bandit": "1.9.4",
        "checkov": "3.3.30",
        "detect-secrets": "1.5.0",
        "hadolint": "2.15.1",
        "pip-audit": "2.10.1",
        "semgrep": "1.180.0",
        "zizmor": "1.32.0",
    }
    assert wheels
    assert not [line for line in wheels if 'hash = "sha256:' not in line]


def test_a_hash_that_does_not_match_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "toolchain"
    shutil.copytree(PROJECT, project)
    lock = (project / "uv.lock").read_text(encoding="utf-8")
    start = lock.index('name = "bandit"\nversion')
    place = lock.index("wheels = [", start)
    forged = lock[:place] + re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", lock[place:], count=1)
    (project / "uv.lock").write_text(forged, encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setattr(module, "TOOLS", ("bandit",))
    with pytest.raises(ToolInstallFailed) as refused:
        install_tools(print, project=project)

    assert refused.value.reason == "tool_install_failed"
    assert "hash" in str(refused.value).lower()
    assert not list((tmp_path / "cache").rglob(".ready"))
