"""Reads requirements files as pip does: each requirement with its hashes, and each place that it may come from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement

from mintmark.pipelines.scan.locked import (
    COMMIT,
    PYPI,
    Lock,
    LockedFile,
    LockedPackage,
    LockUnreadable,
    OtherIndex,
    inside,
)
from mintmark.pipelines.scan.locked import canonical as canonical_name

_VALUED = {
    "-i": "--index-url",
    "-f": "--find-links",
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "--pypi-url": "--index-url",
}
_INDEXES = {"--index-url", "--extra-index-url", "--find-links", "--trusted-host"}
_FILES = {"--requirement", "--constraint"}
_HARMLESS = {
    "--require-hashes",
    "--pre",
    "--prefer-binary",
    "--no-binary",
    "--only-binary",
    "--use-feature",
    "--no-index",
}


# pip believes such a comment in the first two lines (PEP 263): in UTF-7, say, the rest of a comment may be an option.
_CODING = re.compile(r"coding[:=]\s*([-\w.]+)")
_OURS = {"utf-8", "utf8", "ascii", "us-ascii"}


def read_requirements(path: str, text: str) -> Lock:
    """Return what the file at `path` in the tree asks for; a line that is not understood raises `LockUnreadable`."""
    for line in text.split("\n")[:2]:
        coding = _CODING.search(line) if line.startswith("#") else None
        if coding is not None and coding[1].lower() not in _OURS:
            raise LockUnreadable(f"it says that it is {coding[1][:20]}, and not UTF-8")
    folder = PurePosixPath(path).parent
    packages: list[LockedPackage] = []
    indexes: list[OtherIndex] = []
    included: list[str] = []
    for number, line in _logical(text):
        if not line.startswith("-"):
            packages.append(_requirement(line, number, folder))
            continue
        option, value = _option(line, number)
        if option in _INDEXES:
            if option != "--find-links" or inside(folder, value) is None or "://" in value:
                indexes.append(OtherIndex(option=option, address=value, line=number))
        elif option in _FILES:
            included.append(_included(folder, value, number))
        elif option == "--editable":
            packages.append(_editable(value, number, folder))
    index = next((item.address for item in reversed(indexes) if item.option == "--index-url"), PYPI)
    return Lock(
        packages=tuple(_from(index, item) for item in packages), indexes=tuple(indexes), included=tuple(included)
    )


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines as pip joins them: a comment ends a line, and a backslash continues it."""
    waiting, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        bare = re.sub(r"(^|\s+)#.*$", "", line)
        first = first or number
        if bare.endswith("\\"):
            waiting += bare[:-1] + " "
            continue
        joined, start = (waiting + bare).strip(), first
        waiting, first = "", 0
        if joined:
            yield start, joined
    if waiting.strip():
        yield first, waiting.strip()


def _option(line: str, number: int) -> tuple[str, str]:
    """The option in its long form and its value; one that is not known may change where packages come from."""
    joined = re.match(r"(--[a-z-]+)(?:[=\s]+(.*))?$|(-[a-z])[=\s]*(.*)$", line)
    if joined is None:
        raise LockUnreadable(f"line {number} is not understood")
    name = joined[1] or joined[3]
    option = _VALUED.get(name, name)
    value = (joined[2] or joined[4] or "").strip().strip("'\"")
    if option not in _INDEXES | _FILES | _HARMLESS | {"--editable"}:
        raise LockUnreadable(f"line {number}: {name} is not an option that is known")
    if re.search(r"\s", value):
        raise LockUnreadable(f"line {number}: more than {name} and its value")  # pip takes several options a line
    if not value and option in _INDEXES | _FILES | {"--editable"}:
        raise LockUnreadable(f"line {number}: {name} has no value")
    return option, value


def _included(folder: PurePosixPath, value: str, number: int) -> str:
    path = inside(folder, value)
    if path is None or "://" in value:
        raise LockUnreadable(f"line {number} takes in a file from outside the tree")
    return path


def _requirement(line: str, number: int, folder: PurePosixPath) -> LockedPackage:
    body, *options = re.split(r"\s+(?=--)", line)
    hashes = [found[1] for option in options if (found := re.match(r"--hash[=\s]+(\S+)$", option))]
    if len(hashes) != len(options):
        raise LockUnreadable(f"line {number}: an option of a requirement that is not known")
    if re.match(r"[./~]|file:|[A-Za-z]:[\\/]", body) or re.match(r"(?:[a-z]+\+)?[a-z]+://", body):
        return _editable(body, number, folder, hashes)
    try:
        asked = Requirement(body)
    except InvalidRequirement as cause:
        raise LockUnreadable(f"line {number} is not a requirement") from cause
    exact = [item.version for item in asked.specifier if item.operator in {"==", "==="}]
    return LockedPackage(
        name=canonical_name(asked.name),
        version=exact[0] if exact else "",
        line=number,
        index=None if asked.url else "",
        direct=_address(asked.url, folder) if asked.url else "",
        held=COMMIT.search(asked.url or "") is not None,
        files=tuple(LockedFile(address="", hash=item) for item in hashes),
    )


def _editable(value: str, number: int, folder: PurePosixPath, hashes: list[str] | None = None) -> LockedPackage:
    """A folder of the tree is the project itself; anything else has no name but its address."""
    named = re.search(r"#(?:.*&)?egg=([A-Za-z0-9._-]+)", value)
    direct = _address(value, folder)
    return LockedPackage(
        name=canonical_name(named[1]) if named else "",
        version="",
        line=number,
        index=None,
        direct=direct,
        held=COMMIT.search(value) is not None,
        files=tuple(LockedFile(address="", hash=item) for item in hashes or []),
    )


def _address(value: str, folder: PurePosixPath) -> str:
    local = re.sub(r"\[[^\]]*\]$", "", value.removeprefix("file:")) if "://" not in value else value
    return "" if "://" not in local and inside(folder, local) is not None else value


def _from(index: str, package: LockedPackage) -> LockedPackage:
    if package.index is None:
        return package
    return LockedPackage(
        name=package.name, version=package.version, line=package.line, index=index, files=package.files
    )
