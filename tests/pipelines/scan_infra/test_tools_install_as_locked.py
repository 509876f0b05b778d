"""A scanner is installed exactly as it is locked, or not at all; the second time nothing is to do."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from mintmark.pipelines.scan.environments import PACKAGES, TOOLS, install_tools
from mintmark.pipelines.scan.environments import locked_versions as versions_in

ROOT = Path(__file__).resolve().parents[3]


def _project(folder: Path) -> Path:
    """A toolchain in which every scanner is one small wheel, with the hash that our own lock has for it."""
    entry = re.search(r'\[\[package\]\]\nname = "idna"\n.*?(?=\n\[\[package\]\]|\Z)', _our_lock(), re.DOTALL)
    assert entry is not None
    version = tomllib.loads(entry[0])["package"][0]["version"]
    groups = "".join(f'{tool} = ["idna=={version}"]\n' for tool in TOOLS)
    held = "".join(f'{tool} = [{{ name = "idna" }}]\n' for tool in TOOLS)
    asked = "".join(f'{tool} = [{{ name = "idna", specifier = "=={version}" }}]\n' for tool in TOOLS)
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "tools"\nversion = "1"\nrequires-python = ">=3.11"\n\n[dependency-groups]\n{groups}\n'
        "[tool.uv]\npackage = false\nno-build = true\n",
        encoding="utf-8",
    )
    (folder / "uv.lock").write_text(
        f'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n{entry[0]}\n\n[[package]]\nname = "tools"\n'
        f'version = "1"\nsource = {{ virtual = "." }}\n\n[package.dev-dependencies]\n{held}\n'
        f"[package.metadata]\n\n[package.metadata.requires-dev]\n{asked}",
        encoding="utf-8",
    )
    return folder


def _our_lock() -> str:
    return (ROOT / "uv.lock").read_text(encoding="utf-8")


def test_an_honest_lock_is_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project, told = _project(tmp_path / "tools"), list[str]()
    first = install_tools(told.append, project=project)
    second = install_tools(told.append, project=project)

    assert first == second
    assert len(told) == 1
    assert all(tool in told[0] for tool in TOOLS)
    for tool in TOOLS:
        assert list((first.root / tool).glob("lib/python3*/site-packages/idna/__pycache__/*.pyc")), tool


def test_an_environment_that_lost_its_interpreter_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project, told = _project(tmp_path / "tools"), list[str]()
    root = install_tools(told.append, project=project).root
    (root / "bandit/bin/python").unlink()
    install_tools(told.append, project=project)

    assert told[1].startswith("installing bandit, once")
    assert (root / "bandit/bin/python").exists()


def test_every_scanner_is_pinned_by_the_lock_that_ships() -> None:
    folder = files("mintmark.pipelines.scan") / "toolchain"
    asked = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    locked = (folder / "uv.lock").read_text(encoding="utf-8")

    assert {tool: [f"{PACKAGES.get(tool, tool)}=={version}"] for tool, version in versions_in(locked).items()} == asked
    assert set(asked) == set(TOOLS)
