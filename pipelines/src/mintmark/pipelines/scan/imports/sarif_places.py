"""Where a SARIF run says that things are: `originalUriBaseIds` and `artifacts` resolved to paths below the tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from mintmark.pipelines.scan.flagged import Look
from mintmark.pipelines.scan.imports.interface import Background
from mintmark.pipelines.scan.imports.places import look_at, path_of_uri, roots
from mintmark.pipelines.scan.imports.reading import items, members, optional, optional_text, text, whole

# names that tools give to the root of the source
_ROOTS = frozenset({"SRCROOT", "SOURCEROOT", "PROJECTROOT", "ROOTPATH", "ROOT", "EXECUTIONROOT"})
_MAX_BASES = 20
MAX_STEP = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    A path, empty for a result that is of no file, and lines, 0 for a whole file. `quoted` is the report's own.

    `route` is the way through a YAML file, as zizmor tells it, and `None` where nothing is told.
    """

    path: str = ""
    line: int = 0
    column: int = 0
    end_line: int = 0
    quoted: str = ""
    resource: str = ""
    route: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """`bases` are folders by id, absolute or below the root; `roots` are what absolute paths may begin with."""

    bases: Mapping[str, str]
    roots: tuple[str, ...]
    artifacts: tuple[Mapping[str, Any], ...]
    background: Background
    files: frozenset[str]

    @classmethod
    def of(cls, run: Mapping[str, Any], background: Background) -> Self:
        given = optional(run.get("originalUriBaseIds"), "originalUriBaseIds")
        if len(given) > _MAX_BASES:
            raise ValueError(f"{len(given)} base ids, over {_MAX_BASES}")
        said = {name: optional(item, "a base") for name, item in given.items()}
        bases = {name: _resolved(name, said) for name in said}
        absolute = {name: base for name, base in bases.items() if base.startswith("/")}
        own = [base for name, base in absolute.items() if name.strip("%").upper() in _ROOTS]
        return cls(
            bases=bases,
            roots=(*roots(background), *(own or (absolute.values() if len(absolute) == 1 else ()))),
            artifacts=tuple(members(item, "an artifact") for item in items(run.get("artifacts"), "artifacts")),
            background=background,
            files=frozenset(background.tree.files if background.tree else ()),
        )

    def targets(self) -> set[str]:
        """The files that the run lists as looked at (§3.24.6)."""
        return {
            self._path(members(item["location"], "a location"))
            for item in self.artifacts
            if "location" in item and "analysisTarget" in items(item.get("roles"), "roles")
        }

    def of_location(self, location: Mapping[str, Any]) -> Place:
        """Raise `ValueError` for a place outside the tree."""
        physical = optional(location.get("physicalLocation"), "a physicalLocation")
        logical = [members(item, "a logicalLocation") for item in items(location.get("logicalLocations"), "logical")]
        names = (optional_text(item.get("fullyQualifiedName") or item.get("name"), "a name") for item in logical)
        artifact = optional(physical.get("artifactLocation"), "an artifactLocation")
        region = optional(physical.get("region"), "a region")
        first = whole(region.get("startLine"), "startLine")
        snippet = optional(region.get("snippet"), "a snippet")
        return Place(
            path=self._path(artifact) if artifact else "",
            line=first,
            column=whole(region.get("startColumn"), "startColumn"),
            end_line=whole(region.get("endLine"), "endLine") or first,
            quoted=optional_text(snippet.get("text"), "a snippet"),
            resource=next(filter(None, names), ""),
            route=next((route for item in logical if (route := _route(item)) is not None), None),
        )

    def require(self, path: str) -> None:
        """Raise `ValueError` for a file that the tree at hand does not have: the report is of another one."""
        tree = self.background.tree
        if path and tree is not None and path not in self.files:
            raise ValueError(f"a result in a file that the tree does not have: {path[:200]!r}")

    def look(self, quoted: dict[tuple[str, int, int], str]) -> Look:
        return look_at(self.background, quoted)

    def _path(self, location: Mapping[str, Any]) -> str:
        if "uri" not in location:
            index = location.get("index", -1)
            if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(self.artifacts):
                raise ValueError("a location without a URI and without an artifact")
            location = members(self.artifacts[index]["location"], "a location")
        uri = text(location["uri"], "a URI")
        base = self.bases.get(text(location["uriBaseId"], "a base"), "") if "uriBaseId" in location else ""
        if not base or urlsplit(uri).scheme or uri.startswith("/"):
            return path_of_uri(uri, self.roots)
        path_of_uri(uri)  # what leaves its own base is refused, even where it stays in the tree
        return path_of_uri(f"{base.rstrip('/')}/{uri}", self.roots)


def _route(logical: Mapping[str, Any]) -> str | None:
    """`jobs.build.steps.0.run`, from steps that are each a key or an index; written as our own adapter writes it."""
    properties = optional(logical.get("properties"), "properties")
    symbolic = optional(properties.get("symbolic"), "a symbolic location")
    if "route" not in symbolic:
        return None
    steps = items(members(symbolic["route"], "a route")["route"], "the steps of a route")
    named = (value for step in steps for value in members(step, "a step").values())
    return ".".join(str(value)[:MAX_STEP] for value in named)


def _resolved(name: str, said: Mapping[str, Mapping[str, Any]]) -> str:
    """A base's folder: an absolute path, or one below a base that says nothing. §3.14.14: bases may stand on bases."""
    parts: list[str] = []
    for _ in range(_MAX_BASES):
        base = said.get(name, {})
        uri = optional_text(base.get("uri"), "a URI")
        parts.insert(0, uri)
        if urlsplit(uri).scheme or uri.startswith("/") or "uriBaseId" not in base:
            return _folder("/".join(part.rstrip("/") for part in parts if part))
        name = text(base["uriBaseId"], "a base")
    raise ValueError("base ids that stand on each other in a circle")


def _folder(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"}:
        raise ValueError(f"a base that is not a folder here: {uri[:200]!r}")
    path = unquote(parts.path, errors="strict")
    if ".." in path.split("/") or "\\" in path:
        raise ValueError(f"a base that climbs: {uri[:200]!r}")
    return path
