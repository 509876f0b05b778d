"""Small OSV exports, and scanners that are not there to scan."""

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.interface import Observation, ScanScope, Workbench
from mintmark.pipelines.scan.model import Isolation, Sha256Hex, Unread
from mintmark.pipelines.scan.sandbox import Sandbox

NOTHING = Sha256Hex("0" * 64)


def advisory(
    identity: str,
    name: str,
    *events: dict[str, str],
    versions: Sequence[str] = (),
    ecosystem: str = "PyPI",
    **more: Any,
) -> dict[str, Any]:
    affected: dict[str, Any] = {"package": {"name": name, "ecosystem": ecosystem}, "versions": list(versions)}
    if events:
        affected["ranges"] = [{"type": "ECOSYSTEM", "events": list(events)}]
    return {"id": identity, "modified": "2024-05-06T07:08:09Z", "summary": "It leaks", "affected": [affected], **more}


def osv_zip(path: Path, *documents: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for document in documents:
            archive.writestr(f"{document['id']}.json", json.dumps(document))
    return path


def sandbox(folder: Path) -> Sandbox:
    scratch = folder / "scratch"
    scratch.mkdir()
    environments = ToolEnvironments(root=folder / "tools", versions={})
    return Sandbox(scanner="probe", scratch=scratch, environments=environments)


def _nothing_else(_: Workbench) -> None:
    """Just read."""


def _everything(tree: Tree) -> tuple[str, ...] | None:
    return tree.files


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeScanner:
    """Reads what it is given and says so, except for what a test makes it do otherwise."""

    name: str = "probe"
    version: str = "1.0"
    rules: int = 1
    silent: frozenset[str] = frozenset()  # given, and never mentioned
    unread: tuple[Unread, ...] = ()
    choose: Callable[[Tree], tuple[str, ...] | None] = _everything
    then: Callable[[Workbench], None] = _nothing_else

    def files(self, tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:  # noqa: ARG002  the protocol's parameter
        return self.choose(tree)

    def scan(self, bench: Workbench) -> Observation:
        self.then(bench)
        return Observation(
            tool_version=self.version,
            rules=self.rules,
            rules_digest=NOTHING,
            given=bench.given,
            read=frozenset(bench.given) - self.silent,
            unread=self.unread,
            findings=(),
            isolation=Isolation.NONE,
            raw=b'{"probe": true}',
        )
