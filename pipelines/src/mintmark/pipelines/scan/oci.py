"""Container images as files: which kind one is, and whether its bytes are those that its own digests name."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHUNK = 1024 * 1024
MAX_DOCUMENT_BYTES = 8 * 1024 * 1024


class ImageUnreadable(ValueError):
    """A path is not one whole image; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """`scheme` is syft's name for the kind; `digest` (`sha256:…`) is of the manifest, or of a docker archive itself."""

    path: Path
    scheme: str
    digest: str


def open_image(path: Path, unpacked: Path) -> Image:
    """
    Find out what is at `path` and check every byte of it against its digests, or raise `ImageUnreadable`.

    The archive of a layout is unpacked into the folder `unpacked` first: what was checked is what is scanned.
    """
    try:
        if path.is_dir():
            return Image(path=path, scheme="oci-dir", digest=_verified(path))
        with tarfile.open(path, "r:") as archive:
            members = {member.name.removeprefix("./"): member for member in archive if member.isfile()}
            if "oci-layout" in members:
                _unpack(archive, members, unpacked)
                return Image(path=unpacked, scheme="oci-dir", digest=_verified(unpacked))
            if "manifest.json" in members:
                return Image(path=path, scheme="docker-archive", digest=_digest(path))
    except (OSError, tarfile.TarError, KeyError, TypeError, AttributeError, ValueError) as cause:
        raise ImageUnreadable(f"not a whole image: {str(cause)[:150]}") from cause
    raise ImageUnreadable("neither an OCI layout nor an archive of one, nor of docker")


def _unpack(archive: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], folder: Path) -> None:
    """Files with the names of a layout and no others; nothing can be written beside the folder."""
    for name, member in members.items():
        content = archive.extractfile(member) if _NAMES.fullmatch(name) else None
        if content is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("wb") as out:
                shutil.copyfileobj(content, out, CHUNK)


_NAMES = re.compile(r"oci-layout|index\.json|blobs/sha256/[0-9a-f]{64}")


def _verified(root: Path) -> str:
    """
    Follow the descriptors from the index (OCI image-layout 1.0) down to each layer.

    An index of several images says nothing of which one is shipped.
    """
    layout = _document(root, "oci-layout")
    if layout["imageLayoutVersion"] != "1.0.0":
        raise ImageUnreadable("an OCI layout of another version")
    manifests = _document(root, "index.json")["manifests"]
    if len(manifests) != 1:
        raise ImageUnreadable(f"{len(manifests)} images in one layout, and one is wanted")
    manifest = _document(root, _check(root, manifests[0]))
    if "layers" not in manifest:
        raise ImageUnreadable("an index of several platforms, and one image is wanted")
    for descriptor in (manifest["config"], *manifest["layers"]):
        _check(root, descriptor)
    return str(manifests[0]["digest"])


def _check(root: Path, descriptor: Mapping[str, Any]) -> str:
    """Return the name of the blob that a descriptor names, when it is what the descriptor says."""
    found = re.fullmatch(r"sha256:([0-9a-f]{64})", str(descriptor["digest"]))
    if found is None:
        raise ImageUnreadable("a digest that is not SHA-256")
    name = f"blobs/sha256/{found[1]}"
    if _digest(_inside(root, name)) != found[0]:
        raise ImageUnreadable(f"{name} holds other bytes than its name says")
    return name


def _document(root: Path, name: str) -> dict[str, Any]:
    with _inside(root, name).open("rb") as content:
        document = json.loads(content.read(MAX_DOCUMENT_BYTES))
    if not isinstance(document, dict):
        raise ImageUnreadable(f"{name} is not an object")
    return document


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"


def _inside(root: Path, name: str) -> Path:
    path = root / name
    if path.is_symlink() or not path.is_file():
        raise ImageUnreadable(f"{name} is missing, or a link")
    return path
