"""Which shipped files no scanner was given, although there is one for their kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.interface import Scanner, ScanScope, whole_tree

MAX_NAMED = 20
WORKFLOWS = ".github"
ACTIONS = {"action.yml", "action.yaml"}


def coverage(tree: Tree, scope: ScanScope, scanners: Sequence[Scanner], *, shipped: str) -> list[dict[str, object]]:
    """
    For each scanner, of the files of its kind below `shipped` and among workflows and actions: how many it was given.

    The scope stands in the repository under test: whoever is judged could leave out of it what they want to hide.
    Elements of the gate input's `coverage`, with a scanner's name as the kind.
    """
    found: list[dict[str, object]] = []
    for scanner in scanners:
        present = [path for path in scanner.files(tree, whole_tree(scope)) or () if _matters(path, shipped)]
        given = set(scanner.files(tree, scope) or ())
        left_out = [path for path in present if path not in given]
        found.append(
            {
                "kind": scanner.name,
                "present": len(present),
                "given": len(present) - len(left_out),
                "left_out": left_out[:MAX_NAMED],
            }
        )
    return found


def _matters(path: str, shipped: str) -> bool:
    """A workflow may use an action from anywhere in its repository."""
    if PurePosixPath(path).name in ACTIONS:
        return True
    return shipped == "." or any(path == folder or path.startswith(f"{folder}/") for folder in (shipped, WORKFLOWS))
