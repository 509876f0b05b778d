"""The house keeps its shape: one namespace over two halves, short functions, every dependency accounted for."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ("pipelines/src", "evidence/src", "service/src", "scripts")
LONGEST_FUNCTION = 60
WORKSPACE = {"mintmark", "florin"}
NOT_FROM_PYPI = {"opa", "golang.org/x/mod", "filippo.io/torchwood", "strace"}


def test_no_file_claims_the_namespace_and_hides_the_other_half() -> None:
    claims = [str(path) for source in SOURCES for path in (ROOT / source).glob("mintmark/__init__.py*")]

    assert claims == []
    assert (ROOT / "pipelines/src/mintmark/pipelines").is_dir()
    assert (ROOT / "evidence/src/mintmark/evidence").is_dir()


@pytest.mark.parametrize("source", SOURCES)
def test_every_function_fits_a_screen(source: str) -> None:
    lengths = {name: length for path in (ROOT / source).rglob("*.py") for name, length in function_lengths(path)}

    assert source == "service/src" or lengths, "no function was read: the folder has moved"
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_a_function_of_61_lines_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "fits.py").write_text("def fits():\n" + "    pass\n" * 59, encoding="utf-8")
    (tmp_path / "long.py").write_text("class A:\n    async def long(self):\n" + "        pass\n" * 60, encoding="utf-8")

    assert [length for _, length in function_lengths(tmp_path / "fits.py")] == [60]
    assert [length for _, length in function_lengths(tmp_path / "long.py")] == [61]


def test_every_direct_dependency_has_a_line_that_says_why() -> None:
    assert sorted(direct_dependencies() - documented_dependencies()) == []


def test_no_line_explains_a_dependency_that_is_gone() -> None:
    assert sorted(documented_dependencies() - direct_dependencies() - NOT_FROM_PYPI) == []


def function_lengths(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield f"{path}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def direct_dependencies() -> set[str]:
    """Names out of dependencies, extras, groups and build systems, of both members and of the scanners' project."""
    files = (
        "pyproject.toml",
        "service/pyproject.toml",
        "pipelines/src/mintmark/pipelines/scan/toolchain/pyproject.toml",
    )
    requirements = (requirement for file in files for requirement in requirements_of(ROOT / file))
    return {canonical_name(requirement) for requirement in requirements} - WORKSPACE


def requirements_of(path: Path) -> Iterator[str]:
    document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    project = document["project"]
    yield from project.get("dependencies", [])
    yield from document.get("build-system", {}).get("requires", [])
    for group in (*project.get("optional-dependencies", {}).values(), *document.get("dependency-groups", {}).values()):
        yield from group


def canonical_name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    assert match is not None, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def documented_dependencies() -> set[str]:
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \| (.+) \| (.+) \|$", text, flags=re.MULTILINE)
    assert all(cell.strip() for row in rows for cell in row), "a line has an empty cell"
    return {name for name, *_ in rows}
