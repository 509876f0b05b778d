"""Our own look at the locks of a tree: where each package comes from, and whether its hash holds it."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from mintmark.pipelines.scan import fingerprint
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.interface import Observation, ScanScope, Workbench
from mintmark.pipelines.scan.locked import (
    MAX_LOCK_BYTES,
    Lock,
    LockedPackage,
    LockUnreadable,
    is_strong,
    read_toml_lock,
)
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Isolation, Severity, Sha256Hex, Unread
from mintmark.pipelines.scan.popular import PopularNames, popular_names
from mintmark.pipelines.scan.requirements_file import read_requirements
from mintmark.pipelines.version import __version__

# Rule → how bad, and its title. The table, with the list of names, is what the report's digest of rules is of.
RULES = {
    "dep_confusion": (Severity.CRITICAL, "A package that somebody else could publish under its name"),
    "dep_unhashed": (Severity.HIGH, "A package that no strong hash holds"),
    "dep_typosquat": (Severity.HIGH, "A name that looks like a popular package's"),
    "dep_index": (Severity.HIGH, "A package from an index that is not trusted"),
    "dep_direct_url": (Severity.MEDIUM, "A package from outside the indexes"),
}
_LOCKS = re.compile(r"(uv|poetry|pdm)\.lock|pylock(\.[^.]+)?\.toml")
_REQUIREMENTS = re.compile(r"(.*[-_.])?requirements([-_.].*)?\.txt")
_FILE_HOSTS = {"pypi.org": "files.pythonhosted.org"}


class LockScanner:
    name = "lock"

    def files(self, tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:
        """Every lock of the tree, wherever it lies: somebody installs from it."""
        return tuple(path for path in tree.files if is_lock(path)) if scope.lock_package else None

    def scan(self, bench: Workbench) -> Observation:
        """No tool and no process: what is a lock here is parsed whole, or reported as unread."""
        names = popular_names()
        locks: dict[str, Lock] = {}
        unread: list[Unread] = []
        for path in bench.given:
            try:
                locks[path] = _read(path, (bench.view / path).read_bytes())
            except LockUnreadable as cause:
                unread.append(Unread(path=path, reason=str(cause)))
        unread += [
            Unread(path=included, reason=f"{path} stands on it, and it is not a file that is read here")
            for path, lock in locks.items()
            for included in lock.included
            if included not in locks
        ]
        findings = tuple(
            _unique(item for path, lock in locks.items() for item in judge(path, lock, bench.scope, names))
        )
        return Observation(
            tool_version=__version__,
            rules=len(RULES),
            rules_digest=_rules_digest(names),
            given=bench.given,
            read=frozenset(locks),
            unread=tuple(unread),
            findings=findings,
            isolation=Isolation.NONE,
            raw=_raw(locks, findings),
        )


def is_lock(path: str) -> bool:
    """By name: `uv.lock`, `poetry.lock`, `pdm.lock`, `pylock.toml` and its like, and requirements files."""
    name, folder = PurePosixPath(path).name, PurePosixPath(path).parent.name
    in_folder = folder == "requirements" and name.endswith(".txt")
    return bool(_LOCKS.fullmatch(name) or _REQUIREMENTS.fullmatch(name)) or in_folder


def _read(path: str, content: bytes) -> Lock:
    if len(content) > MAX_LOCK_BYTES:
        raise LockUnreadable(f"{len(content)} bytes, over {MAX_LOCK_BYTES}")
    try:
        text = content.decode("utf-8")
        return read_requirements(path, text) if path.endswith(".txt") else read_toml_lock(path, text)
    except UnicodeDecodeError as cause:
        raise LockUnreadable("not UTF-8") from cause
    except ValueError as cause:
        raise LockUnreadable(str(cause)[:200]) from cause


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """`source` is what a waiver for this finding is for, besides rule and name."""

    rule: str
    name: str
    version: str
    line: int
    source: str
    message: str


def judge(path: str, lock: Lock, scope: ScanScope, names: PopularNames) -> Iterator[Finding]:
    """Hold each package of one lock against every rule."""
    for package in lock.packages:
        for seen in (
            *_confused(package, scope),
            *_unhashed(package),
            *_imitating(package, scope, names),
            *_direct(package),
            *_from_untrusted(package, scope),
        ):
            yield _finding(path, seen)
    for seen in (*_served_twice(lock.packages), *_other_indexes(lock, scope)):
        yield _finding(path, seen)


def _confused(package: LockedPackage, scope: ScanScope) -> Iterator[_Seen]:
    """
    Fail closed: an internal name may come from the tree, or from a trusted index that is not the public one.

    And so may its files: an installer takes them from where the lock says, whatever index it names.
    """
    if package.index is None or not is_internal(package.name, scope.internal_packages):
        return
    public = sorted({host for item in package.files if (host := _host(item.address)) in _PUBLIC_HOSTS})
    private = _host(package.index) not in {"", *_PUBLIC_HOSTS} and _is_trusted(package.index, scope)
    if not private or public:
        place = shown(package.index) if not private else public[0]
        place = place or "an index that the lock does not name"
        yield _seen("dep_confusion", package, place, f"{package.name} is an internal name, and comes from {place}")


_PUBLIC_HOSTS = frozenset({"pypi.org", "www.pypi.org", "test.pypi.org", "pypi.python.org", "files.pythonhosted.org"})


def is_internal(name: str, patterns: Sequence[str]) -> bool:
    """`till-*` covers every name that begins so, however it is written; any other pattern is one name."""
    return any(
        name.startswith(_folded(pattern[:-1])) if pattern.endswith("*") else name == _folded(pattern)
        for pattern in patterns
    )


def _folded(pattern: str) -> str:
    return re.sub(r"[-_.]+", "-", pattern).lower()


def _unhashed(package: LockedPackage) -> Iterator[_Seen]:
    """A commit holds what comes from a repository, and the tree what is in it; everything else needs a hash."""
    if package.index is None and (package.held or not package.direct):
        return
    weak = [item for item in package.files if not is_strong(item.hash)]
    if weak or not package.files:
        what = f"{len(weak)} of {len(package.files)} files have none" if package.files else "it has none"
        yield _seen("dep_unhashed", package, "", f"{_label(package)} has no hash of SHA-256 or more: {what}")


def _imitating(package: LockedPackage, scope: ScanScope, names: PopularNames) -> Iterator[_Seen]:
    if not package.name or (package.index is None and not package.direct):
        return
    imitated = "" if is_internal(package.name, scope.internal_packages) else names.imitated_by(package.name)
    if imitated:
        yield _seen("dep_typosquat", package, "", f"{package.name} is not {imitated}, and could be taken for it")


def _direct(package: LockedPackage) -> Iterator[_Seen]:
    if package.index is None and package.direct:
        place = shown(package.direct)
        yield _seen("dep_direct_url", package, place, f"{_label(package)} comes from {place}, and from no index")


def _from_untrusted(package: LockedPackage, scope: ScanScope) -> Iterator[_Seen]:
    """The index by name, and the hosts of its files: an installer takes them from where the lock says."""
    if package.index and not _is_trusted(package.index, scope):
        place = shown(package.index)
        yield _seen("dep_index", package, place, f"{_label(package)} comes from {place}, which is not a trusted index")
        return
    allowed = {host for index in scope.trusted_indexes for host in (_host(index), _FILE_HOSTS.get(_host(index)))}
    if package.index is None:
        return
    for item in package.files:
        parts = urlsplit(item.address)
        if item.address and (parts.scheme != "https" or parts.hostname not in allowed):
            place = shown(f"{parts.scheme}://{parts.netloc}")
            yield _seen(
                "dep_index", package, place, f"a file of {_label(package)} comes from {place}, not from its index"
            )
            return


def _served_twice(packages: Sequence[LockedPackage]) -> Iterator[_Seen]:
    indexes: dict[str, dict[str, LockedPackage]] = defaultdict(dict)
    for package in packages:
        if package.index:
            indexes[package.name].setdefault(_plain(package.index), package)
    for name, by_index in sorted(indexes.items()):
        if len(by_index) > 1:
            places = " and ".join(shown(index) for index in sorted(by_index))
            last = by_index[max(by_index)]
            yield _seen("dep_confusion", last, places, f"{name} comes from {places}: either could serve the other's")


def _other_indexes(lock: Lock, scope: ScanScope) -> Iterator[_Seen]:
    """With a second index pip takes the highest version, whoever offers it."""
    for item in lock.indexes:
        place = shown(item.address)
        entry = LockedPackage(name="", version="", line=item.line, index=item.address)
        if item.option == "--extra-index-url":
            yield _seen("dep_confusion", entry, place, f"every package could come from {place} as well ({item.option})")
        if item.option != "--index-url" and not _is_trusted(item.address, scope):
            yield _seen("dep_index", entry, place, f"{item.option} names {place}, which is not a trusted index")
        elif item.option == "--index-url" and not _is_trusted(item.address, scope) and not lock.packages:
            yield _seen("dep_index", entry, place, f"{place} is not a trusted index")


def _is_trusted(index: str, scope: ScanScope) -> bool:
    return urlsplit(index).scheme == "https" and _plain(index) in {_plain(item) for item in scope.trusted_indexes}


def _plain(index: str) -> str:
    """Scheme, host and path: a login in an address does not make it another index."""
    parts = urlsplit(index)
    port = f":{parts.port}" if parts.port not in {None, 443} else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path.rstrip('/')}"


def _host(index: str) -> str:
    return urlsplit(index).hostname or ""


def shown(address: str) -> str:
    """An address without its login and query, which may be secrets."""
    parts = urlsplit(address)
    if not parts.netloc:
        return re.sub(r"[?#].*$", "", address)[:200]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:200]


def _label(package: LockedPackage) -> str:
    return f"{package.name} {package.version}".strip() or "a package without a name"


def _seen(rule: str, package: LockedPackage, source: str, message: str) -> _Seen:
    return _Seen(
        rule=rule, name=package.name, version=package.version, line=package.line, source=source, message=message
    )


def _finding(path: str, seen: _Seen) -> Finding:
    graded, title = RULES[seen.rule]
    return Finding(
        tool=LockScanner.name,
        rule=seen.rule,
        title=title,
        category=Category.SUPPLY_CHAIN,
        severity=graded,
        severity_origin=_TABLE,
        confidence=Confidence.MEDIUM if seen.rule == "dep_typosquat" else Confidence.HIGH,
        fingerprint=fingerprint.supply_chain(seen.rule, "pypi", seen.name, seen.source),
        message=seen.message,
        path=path,
        line=seen.line,
        end_line=seen.line,
        resource=seen.source,
        package=seen.name,
        version=seen.version,
    )


_TABLE = "mintmark-lock/1"


def _unique(findings: Iterator[Finding]) -> list[Finding]:
    """One of a fingerprint: a lock may hold two versions of a package, and a tree two locks."""
    found: dict[str, Finding] = {}
    for finding in findings:
        found.setdefault(finding.fingerprint, finding)
    return sorted(found.values(), key=lambda item: (item.path, item.line, item.rule, item.fingerprint))


def _rules_digest(names: PopularNames) -> Sha256Hex:
    table = json.dumps({rule: [graded.value, title] for rule, (graded, title) in RULES.items()}, sort_keys=True)
    return Sha256Hex(hashlib.sha256(table.encode() + b"\n" + names.text).hexdigest())


def _raw(locks: dict[str, Lock], findings: Sequence[Finding]) -> bytes:
    document = {
        "locks": {path: len(lock.packages) for path, lock in sorted(locks.items())},
        "findings": [finding.to_json() for finding in findings],
    }
    return json.dumps(document, sort_keys=True).encode()
