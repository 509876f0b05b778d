"""The release manifest: every file of a release by its SHA-256, and the commit that they came from."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from mintmark.pipelines.errors import IntegrityError

SCHEMA = "https://mintmark.dev/release-manifest/v1"
MAX_WHEEL_MEMBERS = 10_000


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def describe(
    *, name: str, version: str, source_uri: str, commit: str, tree_digest: str, artifacts: Mapping[str, bytes]
) -> bytes:
    """
    Return the manifest as canonical JSON (sorted keys, no spaces, ASCII).

    `artifacts` maps file name to content. The members of a wheel are listed one by one, so that what was installed
    from it can be compared file by file.
    """
    document = {
        "schema": SCHEMA,
        "name": name,
        "version": version,
        "source": {"uri": source_uri, "commit": commit, "tree_digest": tree_digest},
        "artifacts": [_artifact(file_name, content) for file_name, content in sorted(artifacts.items())],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _artifact(file_name: str, content: bytes) -> dict[str, Any]:
    artifact: dict[str, Any] = {"name": file_name, "sha256": sha256(content), "size": len(content)}
    if file_name.endswith(".whl"):
        artifact["files"] = [
            {"path": path, "sha256": sha256(data), "size": len(data)} for path, data in wheel_members(content)
        ]
    return artifact


def wheel_members(wheel: bytes) -> list[tuple[str, bytes]]:
    """Return (path, content) of each file in a wheel, by path; refuse one that is not a plain archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
            if len(names) > MAX_WHEEL_MEMBERS or len(set(names)) != len(names):
                raise IntegrityError(
                    f"the wheel has {len(names)} members, {len(set(names))} of them different",
                    reason="wheel_malformed",
                    remedy="build it again from its source",
                )
            return [(name, archive.read(name)) for name in sorted(names)]
    except zipfile.BadZipFile as cause:
        raise IntegrityError(
            f"the wheel cannot be read: {cause}", reason="wheel_malformed", remedy="build it again from its source"
        ) from cause


def file_count(manifest: bytes) -> int:
    """How many files the manifest names, members of the wheel included."""
    artifacts = json.loads(manifest)["artifacts"]
    return len(artifacts) + sum(len(artifact.get("files", [])) for artifact in artifacts)
