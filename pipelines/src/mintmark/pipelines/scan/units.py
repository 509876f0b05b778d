"""What a scanner can analyse by itself: the least set of files whose findings depend on no other file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from mintmark.pipelines.scan.export import Tree

_LOCAL_MODULE = re.compile(r'^\s*source\s*=\s*"(\.{1,2}/[^"]*)"', re.MULTILINE)
_TERRAFORM = (".tf", ".tf.json", ".tfvars")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """`files` are what the scanner is given; `reads` are the further files that its answer depends on."""

    files: tuple[str, ...]
    reads: tuple[str, ...] = ()


def units(tool: str, tree: Tree, given: tuple[str, ...]) -> tuple[Unit, ...] | None:
    """Split what a scanner is given, or return None for one whose answer must not be kept."""
    split = _SPLIT.get(tool)
    return None if split is None else tuple(split(tree, given))


def _each_file(_tree: Tree, given: tuple[str, ...]) -> Iterable[Unit]:
    return (Unit(files=(path,)) for path in given)


def _by_module(tree: Tree, given: tuple[str, ...]) -> Iterable[Unit]:
    """
    Terraform by modules that call each other, manifests all together, and what is left file by file.

    checkov's graph checks look from one resource to another: across the files of a Terraform module and the local
    modules that it calls, and across the manifests of a cluster.
    """
    terraform = [path for path in given if path.endswith(_TERRAFORM)]
    manifests = tuple(path for path in given if path.endswith((".yaml", ".yml", ".json")) and path not in terraform)
    alone = [path for path in given if path not in terraform and path not in manifests]
    yield from (Unit(files=module) for module in _modules(tree, terraform))
    if manifests:
        yield Unit(files=manifests)
    yield from _each_file(tree, tuple(alone))


def _modules(tree: Tree, paths: list[str]) -> Iterable[tuple[str, ...]]:
    """Folders joined by their local `source`s: the connected components."""
    leader = {str(PurePosixPath(path).parent): str(PurePosixPath(path).parent) for path in paths}

    def find(folder: str) -> str:
        while leader[folder] != folder:
            folder = leader[folder]
        return folder

    for path in paths:
        folder = PurePosixPath(path).parent
        text = (tree.root / path).read_text(encoding="utf-8", errors="replace")
        for source in _LOCAL_MODULE.findall(text):
            called = _normal(folder / source)
            if called in leader:
                leader[find(called)] = find(str(folder))
    components: dict[str, list[str]] = {}
    for path in paths:
        components.setdefault(find(str(PurePosixPath(path).parent)), []).append(path)
    return (tuple(sorted(files)) for files in components.values())


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part not in {"", ".", ".."}:
            parts.append(part)
    return "/".join(parts) or "."


def _whole_lock(tree: Tree, given: tuple[str, ...]) -> Iterable[Unit]:
    """The pins follow from the lock and from every project file that it was made from."""
    projects = tuple(path for path in tree.files if PurePosixPath(path).name == "pyproject.toml")
    yield Unit(files=given, reads=projects)


_SPLIT: Mapping[str, Callable[[Tree, tuple[str, ...]], Iterable[Unit]]] = {
    "bandit": _each_file,
    "checkov": _by_module,
    "detect-secrets": _each_file,
    "hadolint": _each_file,
    "licences": _whole_lock,
    "pip-audit": _whole_lock,
    "semgrep": _each_file,
    "zizmor": _each_file,
}
