"""Keeps what decisions were made from, each file under its own digest: gate inputs, and the packs that judged them."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mintmark.pipelines.errors import IncompleteError, IntegrityError
from mintmark.pipelines.gate import canonical
from mintmark.pipelines.gate.canonical import Sha256Hex
from mintmark.pipelines.gate.pack import MANIFEST, MANIFEST_SCHEMA, PolicyPack

INPUTS = "inputs"
PACKS = "packs"


def keep_input(folder: Path, content: bytes) -> Sha256Hex:
    """Keep the bytes of a gate input durably, and return their digest; the same bytes are kept once."""
    digest = canonical.sha256(content)
    path = folder / INPUTS / f"{digest}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).replace(path)
    return digest


def load_input(folder: Path, digest: str) -> bytes:
    """Return kept bytes, with or without `sha256:` before the digest. Raises `IncompleteError`, `IntegrityError`."""
    wanted = _digest(digest)
    path = folder / INPUTS / f"{wanted}.json"
    if not path.is_file():
        raise _missing(f"gate input sha256:{wanted}", path, "input_not_kept")
    content = path.read_bytes()
    if canonical.sha256(content) != wanted:
        raise IntegrityError(
            f"{path}: its SHA-256 is {canonical.sha256(content)}",
            reason="input_tampered",
            remedy="bring the file back from a backup; the decision pins the digest of the right one",
        )
    return content


def kept_inputs(folder: Path) -> Iterator[tuple[Sha256Hex, bytes]]:
    """Every kept input, verified, in the order of digests."""
    for path in sorted((folder / INPUTS).glob("*.json")):
        yield Sha256Hex(path.stem), load_input(folder, path.stem)


def keep_pack(folder: Path, pack: PolicyPack) -> Sha256Hex:
    """Keep every file of a pack, and return its digest. A reader sees the whole pack or none."""
    place = folder / PACKS / pack.digest
    if place.is_dir():
        return pack.digest
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".new-") as temporary:
        copy = Path(temporary, "pack")
        for path, content in {**pack.files, MANIFEST: _manifest(pack)}.items():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            (copy / path).write_bytes(content)
        try:
            copy.rename(place)
        except OSError:  # another run kept it meanwhile
            if not place.is_dir():
                raise
    return pack.digest


def load_pack(folder: Path, digest: str) -> PolicyPack:
    """Return a kept pack, verified file by file. Raises `IncompleteError`, `PolicyTampered`."""
    wanted = _digest(digest)
    place = folder / PACKS / wanted
    if not (place / MANIFEST).is_file():
        raise _missing(f"policy pack sha256:{wanted}", place, "pack_not_kept")
    return PolicyPack.load(place, expected_digest=wanted)


def _manifest(pack: PolicyPack) -> bytes:
    files = {path: canonical.sha256(content) for path, content in pack.files.items()}
    manifest = {"schema": MANIFEST_SCHEMA, "opa_version": pack.opa_version, "files": files}
    return (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()


def _digest(text: str) -> str:
    """A digest becomes a part of a path, so it is one and nothing else."""
    digest = text.removeprefix("sha256:")
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(f"{text!r} is not a SHA-256")
    return digest


def _missing(what: str, place: Path, reason: str) -> IncompleteError:
    return IncompleteError(
        f"{what} is not at hand: there is no {place}",
        reason=reason,
        remedy="copy it there from the machine that decided, or name it on the command line",
    )
