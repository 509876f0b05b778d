"""A release on disk: its files in one folder that is named by the digest of its wheel."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mintmark.pipelines.build.manifest import sha256
from mintmark.pipelines.errors import IntegrityError, UsageError

MANIFEST = "manifest.json"
REQUIREMENTS = "requirements.txt"
LOCAL_REQUIREMENTS = "requirements-local.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """
    The bytes of one release, in memory: what is judged is what is signed is what is run.

    `digest` is the SHA-256 (hex) of the wheel, which is the subject of every statement about the release.
    """

    wheel_name: str
    wheel: bytes
    requirements: bytes
    local_requirements: bytes
    manifest: bytes

    @property
    def digest(self) -> str:
        return sha256(self.wheel)

    @property
    def manifest_digest(self) -> str:
        return sha256(self.manifest)

    @property
    def source(self) -> dict[str, str]:
        source: dict[str, str] = json.loads(self.manifest)["source"]
        return source

    def wheel_files(self) -> dict[str, str]:
        """Path → SHA-256 of each file that the wheel installs, as the manifest has them."""
        return {item["path"]: item["sha256"] for item in self._artifact(self.wheel_name)["files"]}

    def _artifact(self, name: str) -> dict[str, Any]:
        artifacts: list[dict[str, Any]] = json.loads(self.manifest)["artifacts"]
        return next(artifact for artifact in artifacts if artifact["name"] == name)


def keep(release: Release, folder: Path) -> Path:
    """Write a release below `folder`; one that is there already is replaced file by file, by the same bytes."""
    target = folder / release.digest
    target.mkdir(parents=True, exist_ok=True)
    for name, content in (
        (release.wheel_name, release.wheel),
        (REQUIREMENTS, release.requirements),
        (LOCAL_REQUIREMENTS, release.local_requirements),
        (f"{release.manifest_digest}.{MANIFEST}", release.manifest),
    ):
        _write_whole(target / name, content)
    return target


def _write_whole(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
    Path(temporary).replace(path)


def load(folder: Path, digest: str, manifest_digest: str) -> Release:
    """
    Read the release that was judged, and refuse bytes that are not those.

    Each file is read once into memory and compared there, so nothing can change between the check and the use.
    Raises `IntegrityError` with reason `digest_mismatch`.
    """
    target = folder / digest
    if not target.is_dir():
        raise UsageError(
            f"no release {digest} below {folder}",
            reason="no_release",
            remedy="ship it again; the same source gives the same digest",
        )
    manifest = _read(target / f"{manifest_digest}.{MANIFEST}", manifest_digest)
    artifacts: list[dict[str, Any]] = json.loads(manifest)["artifacts"]
    content = {item["name"]: _read(target / str(item["name"]), str(item["sha256"])) for item in artifacts}
    wheel_name = next(name for name in content if name.endswith(".whl"))
    release = Release(
        wheel_name=wheel_name,
        wheel=content[wheel_name],
        requirements=content[REQUIREMENTS],
        local_requirements=content[LOCAL_REQUIREMENTS],
        manifest=manifest,
    )
    if release.digest != digest:
        raise _mismatch(target / wheel_name, expected=digest, found=release.digest)
    return release


def _read(path: Path, expected: str) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError as cause:
        raise IntegrityError(
            f"{path}: a file of the release is missing",
            reason="release_incomplete",
            remedy="ship it again; the same source gives the same digest",
        ) from cause
    found = sha256(content)
    if found != expected:
        raise _mismatch(path, expected=expected, found=found)
    return content


def _mismatch(path: Path, *, expected: str, found: str) -> IntegrityError:
    return IntegrityError(
        f"{path}: sha256:{found} is not what the gate allowed, sha256:{expected}",
        reason="digest_mismatch",
        remedy="the file changed after the verdict: find out who changed it, then ship again",
    )
