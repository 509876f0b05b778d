"""The tree under test: exported from a commit, without the files by which a repository could switch scanners off."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mintmark.pipelines.errors import IntegrityError, UsageError
from mintmark.pipelines.scan import fingerprint
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Severity, Sha256Hex

# Each of these was seen to change what its scanner reports.
CONFIGURATION_FILES = frozenset(
    {".bandit", ".checkov.yaml", ".checkov.yml", ".semgrepignore", ".hadolint.yaml", ".hadolint.yml", "zizmor.yml"}
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
    """Write `paths` of a commit (never of the work tree) to `destination`, which must not exist yet."""
    done = subprocess.run(
        ["git", "-C", str(checkout), "archive", "--format=tar", commit, "--", *paths], capture_output=True, check=False
    )
    if done.returncode != 0:
        raise UsageError(
            f"{checkout}: {commit} cannot be exported: {done.stderr.decode(errors='replace').strip()}",
            reason="no_commit",
            remedy="name a commit and paths that are in this repository",
        )
    destination.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        _refuse_escapes(archive)
        archive.extractall(destination, filter="data")
    removed = [_remove(destination, path) for path in _files(destination) if _configures(path)]
    files = tuple(_files(destination))
    return Tree(
        root=destination, files=files, commit=commit, digest=_digest(destination, files), removed=tuple(removed)
    )


def _refuse_escapes(archive: tarfile.TarFile) -> None:
    for member in archive.getmembers():
        if member.issym() or member.islnk():
            target = PurePosixPath(os.path.normpath(PurePosixPath(member.name).parent / member.linkname))
            if target.is_absolute() or target.parts[:1] == ("..",):
                raise UsageError(
                    f"{member.name} links to {member.linkname}, outside the repository",
                    reason="link_escapes",
                    remedy="replace the link by the file itself",
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
