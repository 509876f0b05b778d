"""Container images made by hand: one layer with the files that a test wants, as an OCI layout or an archive."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nNAME="Debian"\nPRETTY_NAME="Debian 12"\n'
MEDIA = "application/vnd.oci.image"


def python_package(name: str, version: str) -> dict[str, str]:
    folder = f"usr/lib/python3/site-packages/{name}-{version}.dist-info"
    return {f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", f"{folder}/RECORD": ""}


def debian_package(name: str, version: str, source: str) -> dict[str, str]:
    entry = (
        f"Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n"
        f"Maintainer: Somebody <a@example.org>\nSource: {source}\nDescription: of a test\n\n"
    )
    return {"etc/os-release": OS_RELEASE, "var/lib/dpkg/status": entry}


def layout(files: Mapping[str, str]) -> dict[str, bytes]:
    """Path → content of an OCI layout (image-layout 1.0) with one image of one layer."""
    blobs: dict[str, bytes] = {}
    layer = _packed({path: content.encode() for path, content in files.items()})
    described_layer = _put(blobs, layer, f"{MEDIA}.layer.v1.tar")
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [described_layer["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{MEDIA}.manifest.v1+json",
        "config": _put(blobs, json.dumps(configuration).encode(), f"{MEDIA}.config.v1+json"),
        "layers": [described_layer],
    }
    index = {"schemaVersion": 2, "manifests": [_put(blobs, json.dumps(manifest).encode(), manifest["mediaType"])]}
    return {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": json.dumps(index).encode(), **blobs}


def write_layout(folder: Path, content: Mapping[str, bytes]) -> Path:
    for path, text in content.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text)
    return folder


def write_oci_archive(path: Path, files: Mapping[str, str]) -> Path:
    path.write_bytes(_packed(layout(files)))
    return path


def write_docker_archive(path: Path, files: Mapping[str, str]) -> Path:
    """As `docker save` leaves it."""
    layer = _packed({name: content.encode() for name, content in files.items()})
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    encoded = json.dumps(configuration).encode()
    name = f"{hashlib.sha256(encoded).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": ["till:1"], "Layers": ["layer.tar"]}]
    path.write_bytes(_packed({name: encoded, "layer.tar": layer, "manifest.json": json.dumps(manifest).encode()}))
    return path


def _put(blobs: dict[str, bytes], content: bytes, media: object) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    blobs[f"blobs/sha256/{digest}"] = content
    return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(content)}


def _packed(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
