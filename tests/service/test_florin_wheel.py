"""What is shipped is Florin's wheel: it holds the migrations, and the same source makes the same bytes."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

from uv import find_uv_bin

SERVICE = Path(__file__).parents[2] / "service"


def _build(folder: Path) -> Path:
    command = [find_uv_bin(), "build", "--quiet", "--wheel", "--out-dir", str(folder), str(SERVICE)]
    subprocess.run(command, check=True, env=os.environ | {"SOURCE_DATE_EPOCH": "1790000000"}, timeout=120)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_migration_and_is_the_same_twice(tmp_path: Path) -> None:
    first, second = _build(tmp_path / "a"), _build(tmp_path / "b")
    names = set(zipfile.ZipFile(first).namelist())
    wanted = {
        f"florin/migrations/{path.relative_to(SERVICE / 'migrations')}"
        for path in (SERVICE / "migrations").rglob("*")
        if path.suffix in {".py", ".sql", ".mako"}
    }

    assert first.read_bytes() == second.read_bytes()
    assert len(wanted) >= 4
    assert wanted <= names


def test_the_migrations_of_the_wheel_run_without_a_checkout(tmp_path: Path, short_folder: Path) -> None:
    """The wheel is put before the checkout on the path, and says where its migrations are."""
    with zipfile.ZipFile(_build(tmp_path)) as wheel:
        wheel.extractall(tmp_path / "installed")
    program = "from florin.kit.migrations import head_revision, migrations_folder as m; print(m(), head_revision())"
    found = subprocess.run(
        [find_uv_bin(), "run", "--frozen", "--quiet", "--no-sync", "python", "-c", program],
        cwd=SERVICE.parent,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert found == [str(tmp_path / "installed" / "florin" / "migrations"), "0002"]
