"""Known vulnerabilities as an input of their own: from OSV exports, loaded once into a database of ours."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from mintmark.pipelines.errors import InfrastructureError, UsageError
from mintmark.pipelines.scan.debian_version import DebianVersion, NotADebianVersion
from mintmark.pipelines.scan.fetch import FetchFailed, Limits, fetch, is_safe
from mintmark.pipelines.scan.model import AdvisoryFacts, AdvisorySource, Sha256Hex

PYPI = "PyPI"
OSV = "https://api.osv.dev/v1"
MAX_ADVISORY_BYTES = 16 * 1024 * 1024
MAX_ARCHIVE_BYTES = 1024 * 1024 * 1024
MAX_EXPORT_BYTES = 4 * 1024 * 1024 * 1024
DOWNLOAD_WAIT_S = 30.0
DOWNLOAD_S = 600.0
_LAYOUT = 3  # of the database; part of its name, so that one made by an older release is not read


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisories:
    """
    Where advisories come from, and the database that holds them.

    Online there is a `service` (the URL of its `/v1`), and no database before it was asked about pins.
    """

    facts: AdvisoryFacts
    database: Path | None
    service: str = ""

    def document(self, identity: str) -> dict[str, Any] | None:
        """The advisory of that id, or of one of its aliases."""
        if self.database is None:
            return None
        with closing(connect(self.database)) as connection:
            row = connection.execute(
                "SELECT doc FROM advisory WHERE id = ? OR id = (SELECT id FROM alias WHERE alias = ?)", (identity,) * 2
            ).fetchone()
        return json.loads(row[0]) if row else None

    def ecosystems(self) -> set[str]:
        """Which kinds of packages these advisories speak of."""
        if self.database is None:
            return set()
        with closing(connect(self.database)) as connection:
            return {str(row[0]) for row in connection.execute("SELECT DISTINCT ecosystem FROM affected")}

    def same_as(self, identities: Iterable[str]) -> set[str]:
        """Every id by which these advisories go: aliases of aliases too, whichever record says so."""
        known = set(identities)
        if self.database is None:
            return known
        with closing(connect(self.database)) as connection:
            waiting = list(known)
            while waiting:
                identity = waiting.pop()
                rows = connection.execute(
                    "SELECT alias FROM alias WHERE id = ? UNION SELECT id FROM alias WHERE alias = ?", (identity,) * 2
                )
                fresh = {str(row[0]) for row in rows} - known
                known |= fresh
                waiting += fresh
        return known


def open_advisories(spec: str, *, cache: Path) -> Advisories:
    """
    Open `snapshot` (shipped and partial), an OSV export (`all.zip`) by path or URL, or a service.

    `online` is OSV's own service, and `online:URL` another that answers as its `/v1` does.
    """
    if spec == "online" or spec.startswith("online:"):
        return _online(spec.partition(":")[2] or OSV)
    if spec.startswith(("https://", "http://")):
        return _downloaded(spec, cache)
    with as_file(files("mintmark.pipelines.scan") / "data" / "osv-snapshot.zip") as shipped:
        if spec == "snapshot":
            return _load(shipped, AdvisorySource.SNAPSHOT, cache)
    path = Path(unquote(urlsplit(spec).path)) if spec.startswith("file://") else Path(spec)
    if not path.is_file():
        raise UsageError(
            f"advisories: {spec!r} is not a file",
            reason="no_advisories",
            remedy="use snapshot, online, or the path or URL of an OSV export (all.zip)",
        )
    return _load(path, AdvisorySource.OSV_EXPORT, cache)


def _online(service: str) -> Advisories:
    if not is_safe(service):
        raise UsageError(
            f"advisories: {service} is not an address of HTTPS",
            reason="no_advisories",
            remedy="use online, or online:https://HOST/v1",
        )
    facts = AdvisoryFacts(
        source=AdvisorySource.ONLINE,
        as_of=int(datetime.now().astimezone().timestamp()),
        complete=True,
        records=0,
        digest=Sha256Hex(hashlib.sha256(b"online").hexdigest()),
    )
    return Advisories(facts=facts, database=None, service=service.rstrip("/"))


def _downloaded(url: str, cache: Path) -> Advisories:
    """The archive is kept only as the database that it became."""
    cache.mkdir(parents=True, exist_ok=True)
    limits = Limits(wait_s=DOWNLOAD_WAIT_S, deadline=time.monotonic() + DOWNLOAD_S, size=MAX_ARCHIVE_BYTES)
    with tempfile.NamedTemporaryFile(dir=cache, prefix="osv-", suffix=".zip") as archive:
        try:
            fetch(url, archive, limits=limits)
        except FetchFailed as cause:
            raise InfrastructureError(
                f"the advisories could not be fetched: {cause}",
                reason="advisories_unreachable",
                remedy="try again, or fetch the export by hand and name its path",
            ) from cause
        archive.flush()
        return _load(Path(archive.name), AdvisorySource.OSV_EXPORT, cache)


def _load(archive: Path, source: AdvisorySource, cache: Path) -> Advisories:
    digest = Sha256Hex(hashlib.sha256(archive.read_bytes()).hexdigest())
    if digest == _shipped_digest():
        source = AdvisorySource.SNAPSHOT  # whatever name it is given: a partial source is never a complete one
    database = cache / "advisories" / f"{digest}-{_LAYOUT}.sqlite3"
    if not database.exists():
        try:
            with zipfile.ZipFile(archive) as exported:
                write_database(_documents(exported), database)
        except _BROKEN as cause:
            raise UsageError(
                f"{archive} is not an OSV export: {cause!r}",
                reason="no_advisories",
                remedy="use the ecosystem's all.zip as OSV publishes it",
            ) from cause
    with closing(connect(database)) as connection:
        records, newest = connection.execute(
            "SELECT count(*), max(modified) FROM advisory WHERE id IN (SELECT id FROM affected WHERE ecosystem = ?)",
            (PYPI,),
        ).fetchone()
    if not records:
        raise UsageError(
            f"{archive} holds no advisory for PyPI", reason="no_advisories", remedy="export the ecosystem again"
        )
    facts = AdvisoryFacts(
        source=source,
        as_of=int(newest),
        complete=source is AdvisorySource.OSV_EXPORT,
        records=int(records),
        digest=digest,
    )
    return Advisories(facts=facts, database=database)


# What reading a cut, damaged, encrypted or foreign archive raises; a part of the advisories must not pass for all.
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError),
    *(ValueError, KeyError, TypeError, AttributeError),
)


def _shipped_digest() -> str:
    shipped = files("mintmark.pipelines.scan") / "data" / "osv-snapshot.zip"
    return hashlib.sha256(shipped.read_bytes()).hexdigest()


def _documents(exported: zipfile.ZipFile) -> Iterator[dict[str, Any]]:
    if sum(entry.file_size for entry in exported.infolist()) > MAX_EXPORT_BYTES:
        raise ValueError(f"over {MAX_EXPORT_BYTES} bytes when it is unpacked")
    for entry in sorted(exported.infolist(), key=lambda entry: entry.filename):
        if entry.file_size > MAX_ADVISORY_BYTES:
            raise ValueError(f"{entry.filename}: {entry.file_size} bytes, over {MAX_ADVISORY_BYTES}")
        if entry.filename.endswith(".json"):
            yield json.loads(exported.read(entry))


def write_database(documents: Iterable[dict[str, Any]], database: Path) -> None:
    """Write all of them or nothing: the database has its name only when it is whole."""
    database.parent.mkdir(parents=True, exist_ok=True)
    temporary = database.with_suffix(f".{os.getpid()}-{threading.get_ident()}.new")
    temporary.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(temporary)) as connection:
            connection.executescript(
                "CREATE TABLE advisory (id TEXT PRIMARY KEY, modified INTEGER, doc TEXT);"
                "CREATE TABLE affected (ecosystem TEXT, name TEXT, id TEXT, PRIMARY KEY (ecosystem, name, id));"
                "CREATE TABLE alias (alias TEXT, id TEXT, PRIMARY KEY (alias, id));"
            )
            for document in documents:
                _add(connection, document)
            connection.commit()
        temporary.replace(database)
    finally:
        temporary.unlink(missing_ok=True)


def _add(connection: sqlite3.Connection, document: dict[str, Any]) -> None:
    """Withdrawn advisories are left out; names are canonical, since pip-audit compares them raw."""
    if document.get("withdrawn"):
        return
    names = set()
    for affected in document.get("affected", []):
        package = affected.get("package", {})
        if package.get("ecosystem") == PYPI:
            package["name"] = canonicalize_name(package["name"])
        if is_read(str(package.get("ecosystem", ""))):
            names.add((package["ecosystem"], package["name"]))
    if not names:
        return
    identity, modified = document["id"], _epoch(str(document.get("modified", "")))
    connection.execute("INSERT OR REPLACE INTO advisory VALUES (?, ?, ?)", (identity, modified, json.dumps(document)))
    connection.executemany("INSERT OR IGNORE INTO affected VALUES (?, ?, ?)", [(*name, identity) for name in names])
    connection.executemany(
        "INSERT OR IGNORE INTO alias VALUES (?, ?)", [(alias, identity) for alias in document.get("aliases", [])]
    )


def is_read(ecosystem: str) -> bool:
    """Those whose order of versions is known here: PyPI (PEP 440), and each release of Debian (`Debian:12`)."""
    return ecosystem == PYPI or ecosystem.startswith("Debian:")


def _epoch(text: str) -> int:
    """A few records of the public export bear a time that is none (year 1); they cannot make the data newer."""
    try:
        return max(int(datetime.fromisoformat(text).timestamp()), 0)
    except ValueError:
        return 0


def matching(database: Path, name: str, version: str, ecosystem: str = PYPI) -> list[dict[str, Any]]:
    """The advisories that affect this version of this package."""
    named = canonicalize_name(name) if ecosystem == PYPI else name
    with closing(connect(database)) as connection:
        rows = connection.execute(
            "SELECT doc FROM advisory JOIN affected USING (id) WHERE ecosystem = ? AND name = ? ORDER BY id",
            (ecosystem, named),
        ).fetchall()
    documents = [json.loads(row[0]) for row in rows]
    return [document for document in documents if _affects(document, named, version, ecosystem)]


def _affects(document: dict[str, Any], name: str, text: str, ecosystem: str) -> bool:
    read = _bound if ecosystem == PYPI else _debian_bound
    version = read(text)
    for affected in document["affected"]:
        package = affected.get("package", {})
        if package.get("name") != name or package.get("ecosystem") != ecosystem:
            continue
        if any(_equal(listed, version, read) for listed in affected.get("versions", [])):
            return True
        ranges = [item["events"] for item in affected.get("ranges", []) if item["type"] == "ECOSYSTEM"]
        if any(_in_range(events, version, read, unclear=not affected.get("versions")) for events in ranges):
            return True
    return False


Ordered = Version | DebianVersion


def _in_range(events: list[dict[str, str]], version: Ordered, read: Callable[[str], Any], *, unclear: bool) -> bool:
    """
    OSV schema, `affected[].ranges[].events`: evaluated in version order.

    `unclear` is the answer for bounds from before PEP 440, which have no order: affected, unless there is a list of
    the versions that are.
    """
    try:
        ordered = sorted((read(text), kind) for event in events for kind, text in event.items())
    except (InvalidVersion, NotADebianVersion):
        return unclear
    inside = False
    for bound, kind in ordered:
        if kind == "introduced" and version >= bound:
            inside = True
        elif (kind == "fixed" and version >= bound) or (kind == "last_affected" and version > bound):
            inside = False
    return inside


def _bound(text: str) -> Version:
    """`introduced: "0"` stands before every version there is (OSV schema), pre-releases of 0 included."""
    return Version("0.dev0" if text == "0" else text)


def _debian_bound(text: str) -> DebianVersion:
    return DebianVersion("0~~~" if text == "0" else text)


def _equal(listed: str, version: Ordered, read: Callable[[str], Any]) -> bool:
    try:
        return bool(read(listed) == version)
    except (InvalidVersion, NotADebianVersion):
        return False


def connect(database: Path) -> sqlite3.Connection:
    """Open for reading only."""
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
