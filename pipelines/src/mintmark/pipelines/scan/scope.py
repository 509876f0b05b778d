"""Which files of a tree a scanner must read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.interface import ScanScope


def below(tree: Tree, prefixes: Sequence[str], wanted: Callable[[str], bool]) -> tuple[str, ...]:
    """Files of the tree below any prefix; `.` is the whole tree."""
    return tuple(
        path
        for path in tree.files
        if wanted(path) and any(prefix == "." or path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)
    )


def python_files(tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:
    return below(tree, scope.code, lambda path: path.endswith(".py")) if scope.code else None


def is_image_build(path: str) -> bool:
    """
    By name, as Docker and buildah go by it: `Dockerfile`, `Containerfile`, and either before or behind a dot.

    What a build leaves out (`Dockerfile.dockerignore`) is none.
    """
    name = PurePosixPath(path).name.lower()
    if name.endswith(".dockerignore"):
        return False
    stem, _, rest = name.partition(".")
    return stem in _BUILDS or (bool(rest) and name.rpartition(".")[2] in _BUILDS)


_BUILDS = {"dockerfile", "containerfile"}
