"""
Results kept by content, so that what did not change is not scanned again.

A key is made of everything that an answer depends on: the tool as it is locked, our rules and our adapters, the
advisories, and the path and bytes of each file of a unit. Only a whole answer is kept: never a failure, and never a
unit of which anything went unread. A report says where its results came from; a deploy gate takes none from here.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.interface import Observation, ScanScope
from mintmark.pipelines.scan.model import (
    AdvisoryFacts,
    AdvisorySource,
    Cached,
    Category,
    Confidence,
    Finding,
    Fingerprint,
    Isolation,
    Severity,
    Sha256Hex,
)
from mintmark.pipelines.scan.rules import rules_folder
from mintmark.pipelines.scan.units import Unit

FORMAT = "mintmark-scan-cache/1"
MAX_ENTRY_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanCache:
    """`folder` belongs to whoever `origin` says; entries are files named by their keys."""

    folder: Path
    origin: Cached = Cached.LOCAL

    def load(self, key: str) -> Observation | None:
        """Return what was kept, or None for nothing and for anything that is not exactly an entry of this key."""
        path = self._path(key)
        try:
            if path.stat().st_size > MAX_ENTRY_BYTES:
                return None
            document = json.loads(path.read_bytes())
            return _parse(document["observation"]) if document["format"] == FORMAT and document["key"] == key else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, key: str, observation: Observation) -> None:
        """Write an answer, whole or not at all. A cache that cannot be written to is no reason to fail a scan."""
        document = {"format": FORMAT, "key": key, "observation": _serialised(observation)}
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                file.write(json.dumps(document, sort_keys=True).encode())
            Path(file.name).replace(path)
        except OSError:
            return

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def key_of(
    tool: str, unit: Unit, tree: Tree, scope: ScanScope, environments: ToolEnvironments, data: AdvisoryFacts | None
) -> str:
    """The SHA-256 of all that this tool's answer on this unit follows from."""
    files = [(path, _content(tree, path)) for path in (*unit.files, *unit.reads)]
    parts = {
        "format": FORMAT,
        "tool": tool,
        "version": environments.version(tool),
        "lock": environments.root.name,
        "ours": _our_side(),
        "files": sorted(files),
        "data": None if data is None else data.to_json(),
        "package": scope.lock_package,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _content(tree: Tree, path: str) -> str:
    return hashlib.sha256((tree.root / path).read_bytes()).hexdigest()


@lru_cache(maxsize=1)
def _our_side() -> str:
    """Adapters and rules: another line in either may read another answer out of the same report."""
    rules = rules_folder()
    total = hashlib.sha256()
    for folder in (Path(__file__).parent, rules, rules.parent / "checkov"):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                total.update(f"{path.relative_to(folder)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def part_of(observation: Observation, unit: Unit, *, whole: bool) -> Observation:
    """What an observation says of one unit. With `whole` the unit is all that was given."""
    if whole:
        return observation
    own = frozenset(unit.files)
    return replace(
        observation,
        given=unit.files,
        read=observation.read & own,
        unread=tuple(item for item in observation.unread if item.path in own),
        findings=tuple(item for item in observation.findings if item.path in own),
        raw=b"{}",
    )


def is_complete(part: Observation, expected_version: str) -> bool:
    """Only an answer that the gate could rest on is worth keeping."""
    return (
        part.tool_version == expected_version
        and part.rules > 0
        and not part.unread
        and set(part.given) <= part.read
        and len(part.given) > 0
    )


def merged(parts: Iterable[Observation], keys: Mapping[str, Sha256Hex], report: bytes | None) -> Observation | None:
    """
    One observation of several units, or None when they are not of one tool and one set of rules.

    The report that is kept as evidence names the entries that it rests on, by key and SHA-256, beside the tool's own
    `report`: on what was fresh, or the kept one where a single unit is all there is.
    """
    found = list(parts)
    if len({(part.tool_version, part.rules, part.rules_digest, part.data) for part in found}) != 1:
        return None
    findings = sorted(
        (finding for part in found for finding in part.findings),
        key=lambda item: (item.path, item.line, item.rule, item.resource, item.fingerprint),
    )
    raw = {
        "cached": dict(sorted(keys.items())),
        "report": None if report is None else json.loads(report),
        "findings": [finding.to_json() for finding in findings],
    }
    isolations = {part.isolation for part in found}
    return replace(
        found[0],
        given=tuple(sorted(path for part in found for path in part.given)),
        read=frozenset(path for part in found for path in part.read),
        unread=tuple(sorted(item for part in found for item in part.unread)),
        findings=tuple(findings),
        isolation=Isolation.NAMESPACE if isolations == {Isolation.NAMESPACE} else Isolation.NONE,
        raw=json.dumps(raw, sort_keys=True).encode(),
    )


def digest_of(observation: Observation) -> Sha256Hex:
    content = json.dumps(_serialised(observation), sort_keys=True).encode()
    return Sha256Hex(hashlib.sha256(content).hexdigest())


def _serialised(observation: Observation) -> dict[str, Any]:
    return {
        "tool_version": observation.tool_version,
        "rules": observation.rules,
        "rules_digest": observation.rules_digest,
        "given": list(observation.given),
        "findings": [finding.to_json() for finding in observation.findings],
        "isolation": observation.isolation.value,
        "raw": json.loads(observation.raw),
        "data": None if observation.data is None else observation.data.to_json(),
    }


def _parse(document: dict[str, Any]) -> Observation:
    """Read is what was given, for nothing else is kept."""
    data = document["data"]
    return Observation(
        tool_version=document["tool_version"],
        rules=int(document["rules"]),
        rules_digest=Sha256Hex(document["rules_digest"]),
        given=tuple(document["given"]),
        read=frozenset(document["given"]),
        unread=(),
        findings=tuple(_finding(item) for item in document["findings"]),
        isolation=Isolation(document["isolation"]),
        raw=json.dumps(document["raw"], sort_keys=True).encode(),
        data=None if data is None else _facts(data),
    )


def _finding(item: dict[str, Any]) -> Finding:
    """Who suppressed it and since when it is known are of a history, and not of a content."""
    return Finding(
        tool=str(item["tool"]),
        rule=str(item["rule"]),
        title=str(item["title"]),
        message=str(item["message"]),
        severity_origin=str(item["severity_origin"]),
        path=str(item["path"]),
        resource=str(item["resource"]),
        package=str(item["package"]),
        version=str(item["version"]),
        category=Category(item["category"]),
        severity=Severity(item["severity"]),
        confidence=Confidence(item["confidence"]),
        fingerprint=Fingerprint(item["fingerprint"]),
        cwe=tuple(item["cwe"]),
        line=int(item["line"]),
        end_line=int(item["end_line"]),
        fixed_in=tuple(item["fixed_in"]),
        aliases=tuple(item["aliases"]),
        suppressed_inline=item["suppressed_inline"] is not False,
    )


def _facts(data: dict[str, Any]) -> AdvisoryFacts:
    return AdvisoryFacts(
        source=AdvisorySource(data["source"]),
        as_of=int(data["as_of"]),
        complete=data["complete"] is True,
        records=int(data["records"]),
        digest=Sha256Hex(str(data["digest"]).removeprefix("sha256:")),
    )
