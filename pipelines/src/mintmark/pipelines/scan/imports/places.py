"""Where a stranger's report says that something is: a path below the tree, or the report is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.flagged import Flagged, Look, flagged_in
from mintmark.pipelines.scan.imports.interface import Background
from mintmark.pipelines.scan.imports.reading import TooLarge

MAX_PATH = 4096
_DRIVE = re.compile(r"^[A-Za-z]:")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")


def confined(path: str, roots: tuple[str, ...] = ()) -> str:
    """
    Return a path below the root of the tree, with `/` and without `.`.

    An absolute one must lie below one of `roots`. Raises `ValueError` for a path that is elsewhere, has a `..`, a
    backslash, a drive or a control character, or is the root itself.
    """
    if "\\" in path or _DRIVE.match(path) or any(not letter.isprintable() for letter in path) or len(path) > MAX_PATH:
        raise ValueError(f"not a path of this tree: {path[:200]!r}")
    if path.startswith("/"):
        path = _below(path, roots)
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if not parts or ".." in parts:
        raise ValueError(f"not a path below the tree: {path[:200]!r}")
    return "/".join(parts)


def _below(path: str, roots: tuple[str, ...]) -> str:
    for root in roots:
        folder = root.rstrip("/") + "/"
        if root.startswith("/") and path.startswith(folder):
            return path[len(folder) :]
    raise ValueError(f"an absolute path that is not below the root of the tree: {path[:200]!r}")


def path_of_uri(uri: str, roots: tuple[str, ...] = ()) -> str:
    """
    Return the path that a URI reference (RFC 3986) means, confined.

    It is decoded once. What would be another path if it were decoded again is refused: somebody else might.
    """
    if _SCHEME.match(uri):
        uri = _local(uri)
    path = unquote(uri, errors="strict")
    confined(unquote(path, errors="strict"), roots)
    return confined(path, roots)


def _local(uri: str) -> str:
    """The path of a `file:` URI of this machine, still encoded."""
    parts = urlsplit(uri)
    if parts.scheme.lower() != "file" or parts.netloc not in {"", "localhost"} or parts.query or parts.fragment:
        raise ValueError(f"not a file of this tree: {uri[:200]!r}")
    return parts.path


MAX_FLAGGED = 16 * 1024 * 1024


@dataclass(slots=True, kw_only=True)
class _Allowance:
    """How many characters one report may flag: each of its findings could flag a whole file."""

    left: int = MAX_FLAGGED

    def take(self, flagged: Flagged) -> Flagged:
        self.left -= len(flagged.text)
        if self.left < 0:
            raise TooLarge(f"it flags more than {MAX_FLAGGED} characters")
        return flagged


@dataclass(slots=True, kw_only=True)
class TreeLook:
    """Sees flagged lines in the tree at hand, and reads each file once."""

    tree: Tree
    allowance: _Allowance = field(default_factory=_Allowance)
    _files: frozenset[str] = frozenset()
    _read: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._files = frozenset(self.tree.files)

    def __call__(self, path: str, first: int, last: int) -> Flagged:
        """Raise `ValueError` for a file or lines that the tree does not have: the report is of another one."""
        self.require(path)
        if path not in self._read:
            source = (self.tree.root / path).read_text(encoding="utf-8", errors="replace")
            self._read = {path: (source, source.split("\n"))}  # one at a time: reports go file by file
        source, lines = self._read[path]
        return self.allowance.take(flagged_in(source, lines, first, last))

    def require(self, path: str) -> None:
        if path not in self._files:
            raise ValueError(f"a finding in a file that the tree does not have: {path[:200]!r}")


@dataclass(slots=True, kw_only=True)
class QuotedLook:
    """Without the tree, what a report quotes of flagged lines stands for them; nothing is known of secrets' places."""

    quoted: dict[tuple[str, int, int], str] = field(default_factory=dict)
    allowance: _Allowance = field(default_factory=_Allowance)

    def __call__(self, path: str, first: int, last: int) -> Flagged:
        text = self.quoted.get((path, first, last), "")
        return self.allowance.take(Flagged(text=text, above="", structure=""))


def roots(background: Background) -> tuple[str, ...]:
    """What absolute paths of a report may begin with."""
    tree = () if background.tree is None else (str(background.tree.root.absolute()),)
    return tuple(filter(None, (background.root, *tree)))


def look_at(background: Background, quoted: dict[tuple[str, int, int], str]) -> Look:
    return QuotedLook(quoted=quoted) if background.tree is None else TreeLook(tree=background.tree)
