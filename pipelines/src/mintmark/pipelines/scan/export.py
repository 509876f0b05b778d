"""The tree under test: exported from a commit, without the files by which a repository could switch scanners off."""

from __future__ import annotations

import hashlib
import posixpath
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from mintmark.pipelines.errors import IntegrityError, UsageError
from mintmark.pipelines.scan import fingerprint
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Severity, Sha256Hex

# Each of these was seen to change what its scanner reports; the last is a list of secrets to be passed over.
CONFIGURATION_FILES = frozenset(
    {
        ".bandit",
        ".checkov.yaml",
        ".checkov.yml",
        ".semgrepignore",
        ".hadolint.yaml",
        ".hadolint.yml",
        "zizmor.yml",
        "zizmor.yaml",
        ".secrets.baseline",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Regular files below `root`, by path; `digest` is the SHA-256 over path, mode and SHA-256 of each."""

    root: Path
    files: tuple[str, ...]
    commit: str
    digest: Sha256Hex
    removed: tuple[Finding, ...]

    def verify(self) -> None:
        """Refuse a tree that was written to since: what was scanned must be what is shipped."""
        found = _digest(self.root, self.files)
        if found != self.digest:
            raise IntegrityError(
                "the exported source changed while it was scanned",
                reason="tree_changed",
                remedy="run it again; if it happens again, a scanner writes into the tree",
            )


def export_tree(checkout: Path, commit: str, paths: Sequence[str], destination: Path) -> Tree:
    """
    Write `paths` of a commit (never of the work tree) to `destination`, which must not exist yet.

    The objects are read one by one: `git archive` would leave out and rewrite what a `.gitattributes` in the repository
    under test asks for. A link to a file in the tree is written as that file, so that it is scanned where it is built.
    A link to a folder or to nothing, and a submodule, are left out: neither scanned nor built.
    """
    identity = _git(checkout, "rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}").decode().strip()
    listing = _git(checkout, "ls-tree", "-r", "-z", "--full-tree", identity, *_pathspec(paths))
    if not listing:
        raise _no_commit(checkout, f"{identity} holds nothing at {', '.join(paths)}")
    entries = {entry.path: entry for entry in map(_entry, listing.rstrip(b"\0").split(b"\0"))}
    destination.mkdir(parents=True)
    with _Objects(checkout) as objects:
        for entry in entries.values():
            source = _resolved(entry, entries, objects)
            if source is not None:
                _write(destination / entry.path, objects.content(source.object), executable=source.mode == "100755")
    removed = [_remove(destination, path) for path in _files(destination) if _configures(path)]
    files = tuple(_files(destination))
    return Tree(
        root=destination, files=files, commit=identity, digest=_digest(destination, files), removed=tuple(removed)
    )


def read_tree(folder: Path) -> Tree:
    """
    A folder as it lies there, of no commit: regular files, without git's own and what would configure a scanner.

    For a clean checkout the digest is that of its exported commit.
    """
    root = folder.absolute()
    found = (path for path in _files(root) if not _configures(path) and PurePosixPath(path).parts[0] != ".git")
    files = tuple(found)
    return Tree(root=root, files=files, commit="", digest=_digest(root, files), removed=())


def _pathspec(paths: Sequence[str]) -> list[str]:
    return [] if "." in paths else ["--", *paths]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    mode: str
    object: str
    path: str


def _entry(line: bytes) -> _Entry:
    """One line of `git ls-tree -z`. A tree object can be made by hand, so its names are not to be trusted."""
    about, _, name = line.partition(b"\t")
    mode, _, identity = about.decode("ascii").split(" ")
    path = name.decode("utf-8", errors="replace")
    parts = path.split("/")
    if "\ufffd" in path or any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts):
        raise UsageError(
            f"{path!r} is not a path that can be exported",
            reason="path_escapes",
            remedy="rename it: UTF-8, below the repository, and not in a folder called .git",
        )
    return _Entry(mode=mode, object=identity, path=path)


def _resolved(entry: _Entry, entries: Mapping[str, _Entry], objects: _Objects) -> _Entry | None:
    """The regular file that stands behind an entry, or nothing."""
    seen = set()
    while entry.mode == "120000" and entry.path not in seen:
        seen.add(entry.path)
        link = objects.content(entry.object).decode("utf-8", errors="replace")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), link))
        if target.startswith("/") or target.split("/")[0] == "..":
            raise UsageError(
                f"{entry.path} links to {link}, outside the repository",
                reason="link_escapes",
                remedy="replace the link by the file itself",
            )
        if target not in entries:
            return None
        entry = entries[target]
    return entry if entry.mode in {"100644", "100755"} else None


def _write(path: Path, content: bytes, *, executable: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755 if executable else 0o644)


class _Objects:
    """Reads objects through one `git cat-file --batch`."""

    def __init__(self, checkout: Path) -> None:
        self._process = subprocess.Popen(
            [*_command(checkout), "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def content(self, identity: str) -> bytes:
        """`<id> <type> <size>`, a line feed, the bytes, a line feed."""
        questions, answers = self._process.stdin, self._process.stdout
        if questions is None or answers is None:
            raise ValueError("both ends are pipes")
        questions.write(f"{identity}\n".encode())
        questions.flush()
        header = answers.readline().split()
        if len(header) != 3:
            raise _no_commit(Path(), f"object {identity} is missing")
        size = int(header[2])
        return answers.read(size + 1)[:size]


def _command(checkout: Path) -> list[str]:
    return ["git", "--no-replace-objects", "--literal-pathspecs", "-C", str(checkout)]


def _git(checkout: Path, *arguments: str) -> bytes:
    done = subprocess.run([*_command(checkout), *arguments], capture_output=True, check=False)
    if done.returncode != 0:
        raise _no_commit(checkout, done.stderr.decode(errors="replace").strip())
    return done.stdout


def _no_commit(checkout: Path, detail: str) -> UsageError:
    return UsageError(
        f"{checkout}: cannot be exported: {detail}",
        reason="no_commit",
        remedy="name a commit and paths that are in this repository; a shallow clone may need `git fetch --unshallow`",
    )


def _files(root: Path) -> list[str]:
    found = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path.relative_to(root).as_posix() for path in found)


def _configures(path: str) -> bool:
    return PurePosixPath(path).name in CONFIGURATION_FILES


def _remove(root: Path, path: str) -> Finding:
    (root / path).unlink()
    return Finding(
        tool="mintmark",
        rule="tool-configuration",
        title="A file that configures a scanner is in the repository under test",
        category=Category.CONFIGURATION,
        severity=Severity.HIGH,
        severity_origin="mintmark-table/1",
        confidence=Confidence.HIGH,
        fingerprint=fingerprint.configuration("mintmark", "tool-configuration", path),
        message="the file was left out of the scan: whoever is judged does not choose how",
        cwe=("CWE-693",),
        path=path,
        line=1,
        end_line=1,
    )


def _digest(root: Path, files: Sequence[str]) -> Sha256Hex:
    total = hashlib.sha256()
    for path in files:
        executable = bool((root / path).stat().st_mode & stat.S_IXUSR)
        content = hashlib.sha256((root / path).read_bytes()).hexdigest()
        total.update(f"{path}\0{'755' if executable else '644'}\0{content}\n".encode())
    return Sha256Hex(total.hexdigest())
