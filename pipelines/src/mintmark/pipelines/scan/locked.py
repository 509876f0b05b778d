"""What a lock says of each package: which index or address it comes from, and the hashes that hold its files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from packaging.utils import InvalidName, canonicalize_name

PYPI = "https://pypi.org/simple"
MAX_LOCK_BYTES = 32 * 1024 * 1024


class LockUnreadable(ValueError):
    """A file is not a lock of a layout that is known here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFile:
    """One file of a release. `address` is empty where the lock names none, `hash` reads `algorithm:hex`."""

    address: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPackage:
    """
    One entry of a lock; `line` is where the lock names it.

    `index` is None for what comes from elsewhere, and empty where the lock does not say which. `direct` is then the
    repository, address or folder outside the tree; it is empty for what is part of the tree itself. `held` says that
    a commit holds it.
    """

    name: str
    version: str
    line: int
    index: str | None
    direct: str = ""
    held: bool = False
    files: tuple[LockedFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherIndex:
    """A place to look for packages that a requirements file names besides them."""

    option: str
    address: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """`included` are paths in the tree of files that this one stands on."""

    packages: tuple[LockedPackage, ...]
    indexes: tuple[OtherIndex, ...] = ()
    included: tuple[str, ...] = ()


def read_toml_lock(path: str, text: str) -> Lock:
    """Read `uv.lock`, `poetry.lock`, `pdm.lock` or `pylock.toml` (PEP 751), or raise `LockUnreadable`."""
    try:
        document = tomllib.loads(text)
        layout = _layout(PurePosixPath(path).name, document)
        key = "packages" if layout == "pylock" else "package"
        entries = document.get(key, [])
        lines = _lines(text, key, len(entries))
        folder = PurePosixPath(path).parent
        read = {"uv": _uv, "poetry": _poetry, "pdm": _pdm, "pylock": _pylock}[layout]
        packages = tuple(read(entry, line, document, folder) for entry, line in zip(entries, lines, strict=True))
    except tomllib.TOMLDecodeError as cause:
        raise LockUnreadable(f"not TOML: {str(cause)[:100]}") from cause
    except RecursionError as cause:
        raise LockUnreadable("nested too deep") from cause
    except InvalidName as cause:
        raise LockUnreadable(f"not the name of a package: {str(cause)[:100]}") from cause
    except (KeyError, TypeError, AttributeError) as cause:
        raise LockUnreadable(f"not of its layout: {cause!r}"[:150]) from cause
    if not packages:
        raise LockUnreadable("it names no package")
    return Lock(packages=packages)


_LAYOUTS = {
    "uv": (("version",), re.compile(r"1")),
    "poetry": (("metadata", "lock-version"), re.compile(r"[12]\.\d+")),
    "pdm": (("metadata", "lock_version"), re.compile(r"4\.\d+(\.\d+)?")),
    "pylock": (("lock-version",), re.compile(r"1\.\d+")),
}


def _layout(name: str, document: Mapping[str, Any]) -> str:
    """What a later layout means cannot be guessed."""
    layout = name.removesuffix(".toml").removesuffix(".lock").partition(".")[0]
    steps, known = _LAYOUTS[layout]
    stated: Any = document
    for step in steps:
        stated = stated.get(step, {}) if isinstance(stated, dict) else {}
    if isinstance(stated, bool) or not known.fullmatch(str(stated)):
        raise LockUnreadable(f"a layout that is not known: {'.'.join(steps)} is {str(stated)[:20]!r}")
    return layout


def _uv(entry: dict[str, Any], line: int, _document: dict[str, Any], folder: PurePosixPath) -> LockedPackage:
    source = entry["source"]
    index, direct = source.get("registry"), ""
    if index is None:
        (kind,) = {"git", "url", "path", "directory", "editable", "virtual"} & set(source) or {"registry"}
        direct = source[kind] if kind in {"git", "url"} else _outside(folder, source[kind])
    held = COMMIT.search(source.get("git", "")) is not None
    return LockedPackage(
        name=canonical(entry["name"]),
        version=entry.get("version", ""),
        line=line,
        index=index,
        direct=direct,
        held=held,
        files=_files([*([entry["sdist"]] if "sdist" in entry else []), *entry.get("wheels", [])]),
    )


def _poetry(entry: dict[str, Any], line: int, document: dict[str, Any], folder: PurePosixPath) -> LockedPackage:
    source = entry.get("source", {})
    kind = source.get("type", "pypi")
    index = {"pypi": PYPI, "legacy": source.get("url", "")}.get(kind)
    direct = "" if index is not None else source["url"]
    if kind in {"directory", "file"}:
        direct = _outside(folder, direct)
    listed = entry.get("files") or document["metadata"].get("files", {}).get(entry["name"], [])
    return LockedPackage(
        name=canonical(entry["name"]),
        version=entry["version"],
        line=line,
        index=index,
        direct=direct,
        held=COMMIT.search(source.get("resolved_reference", "")) is not None,
        files=_files(listed),
    )


def _pdm(entry: dict[str, Any], line: int, _document: dict[str, Any], folder: PurePosixPath) -> LockedPackage:
    """Its indexes are in pyproject.toml: which of them an entry comes from is not said."""
    remote = entry.get("git") or entry.get("hg") or entry.get("svn") or entry.get("url")
    local = entry.get("path")
    return LockedPackage(
        name=canonical(entry["name"]),
        version=entry.get("version", ""),
        line=line,
        index=None if remote or local else "",
        direct=remote or (_outside(folder, local) if local else ""),
        held=COMMIT.search(entry.get("revision", "")) is not None,
        files=_files(entry.get("files", [])),
    )


def _pylock(entry: dict[str, Any], line: int, _document: dict[str, Any], folder: PurePosixPath) -> LockedPackage:
    vcs, archive, directory = entry.get("vcs"), entry.get("archive"), entry.get("directory")
    direct = ""
    if vcs is not None:
        direct = vcs.get("url") or _outside(folder, vcs["path"])
    elif archive is not None:
        direct = archive.get("url") or _outside(folder, archive["path"])
    elif directory is not None:
        direct = _outside(folder, directory["path"])
    elsewhere = any(item is not None for item in (vcs, archive, directory))
    listed = [*([entry["sdist"]] if "sdist" in entry else []), *entry.get("wheels", [])]
    return LockedPackage(
        name=canonical(entry["name"]),
        version=entry.get("version", ""),
        line=line,
        index=None if elsewhere else entry.get("index", ""),
        direct=direct,
        held=vcs is not None and COMMIT.search(vcs.get("commit-id", "")) is not None,
        files=_files([archive] if archive is not None else listed),
    )


COMMIT = re.compile(r"(?:^|[@#])([0-9a-f]{40}|[0-9a-f]{64})(?=$|[#&])")


def canonical(name: str) -> str:
    return canonicalize_name(name, validate=True)


def _files(listed: Iterable[Mapping[str, Any]]) -> tuple[LockedFile, ...]:
    """PEP 751 has a table of hashes, the others one: the first that is strong, else the first."""
    found = []
    for item in listed:
        hashes = [f"{kind}:{value}" for kind, value in item.get("hashes", {}).items()] or [item.get("hash", "")]
        kept = next((text for text in hashes if is_strong(text)), hashes[0])
        found.append(LockedFile(address=str(item.get("url", "")), hash=kept))
    return tuple(found)


_STRONG = {"sha256": 64, "sha384": 96, "sha512": 128}


def is_strong(hashed: object) -> bool:
    """SHA-256 or more, and of its length: MD5 and SHA-1 can be made to collide, and hold nothing."""
    kind, _, value = str(hashed).partition(":")
    return _STRONG.get(kind) == len(value) and re.fullmatch(r"[0-9a-fA-F]+", value) is not None


def _outside(folder: PurePosixPath, local: str) -> str:
    """The path as the lock has it where it leaves the tree, and an empty string where it stays inside."""
    return "" if inside(folder, local) is not None else local


def inside(folder: PurePosixPath, local: str) -> str | None:
    """The path from the root of the tree, or None where it leaves the tree."""
    if PurePosixPath(local).is_absolute() or re.match(r"[A-Za-z]:|[\\~]", local):
        return None
    steps: list[str] = []
    for part in (folder / local).parts:
        if part == "..":
            if not steps:
                return None
            steps.pop()
        elif part != ".":
            steps.append(part)
    return "/".join(steps)


def _lines(text: str, key: str, entries: int) -> list[int]:
    """The line of each entry's name; 1 where the headers in the text are not the entries that were parsed."""
    header, found, waiting = f"[[{key}]]", [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() == header:
            found.append(number)
            waiting = True
        elif waiting and re.match(r"name\s*=", line):
            found[-1] = number
            waiting = False
    return found if len(found) == entries else [1] * entries
