"""What a scanner can analyse by itself: the least set of files whose findings depend on no other file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from mintmark.pipelines.scan.export import Tree

_TERRAFORM = (".tf", ".tf.json", ".tfvars", ".tfvars.json")
_MANIFESTS = (".yaml", ".yml", ".json")


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


def _by_kind(_tree: Tree, given: tuple[str, ...]) -> Iterable[Unit]:
    """
    All of Terraform together, all manifests together, and what is left file by file.

    checkov's graph checks look from one resource to another: through modules, whose sources may be written in more ways
    than could be followed here, and across the manifests of a cluster.
    """
    terraform = tuple(path for path in given if path.endswith(_TERRAFORM))
    manifests = tuple(path for path in given if path.endswith(_MANIFESTS) and path not in terraform)
    yield from (Unit(files=files) for files in (terraform, manifests) if files)
    yield from (Unit(files=(path,)) for path in given if path not in terraform and path not in manifests)


def _whole_lock(tree: Tree, given: tuple[str, ...]) -> Iterable[Unit]:
    """The pins follow from the lock and from every project file that it was made from."""
    projects = tuple(path for path in tree.files if PurePosixPath(path).name == "pyproject.toml")
    yield Unit(files=given, reads=projects)


_SPLIT: Mapping[str, Callable[[Tree, tuple[str, ...]], Iterable[Unit]]] = {
    "bandit": _each_file,
    "checkov": _by_kind,
    "detect-secrets": _each_file,
    "hadolint": _each_file,
    "licences": _whole_lock,
    "pip-audit": _whole_lock,
    "semgrep": _each_file,
    "zizmor": _each_file,
}
