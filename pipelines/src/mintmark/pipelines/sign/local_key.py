"""Signs with a key on this machine: made on first use, outside the repository, readable by its owner only."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mintmark.evidence.bundle import encode_bundle, key_hint
from mintmark.evidence.dsse import pae
from mintmark.evidence.statement import PAYLOAD_TYPE
from mintmark.pipelines.errors import IntegrityError, UsageError

ORIGIN = "local"
PERSON_KEY = "person.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSigner:
    """ECDSA P-256 with SHA-256. What it signs is worth as much as this machine is, and says so: `origin=local`."""

    key: ec.EllipticCurvePrivateKey

    @property
    def origin(self) -> str:
        return ORIGIN

    @property
    def identity(self) -> str:
        return key_hint(self.key.public_key())

    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, statement: bytes) -> bytes:
        signature = self.key.sign(pae(PAYLOAD_TYPE, statement), ec.ECDSA(hashes.SHA256()))
        return encode_bundle(statement, signature, hint=self.identity)


def local_signer(folder: Path) -> LocalSigner:
    """Load the signing key from `folder`, or make it there."""
    return make_key(folder / "signing.pem")


def person_signer(path: Path) -> LocalSigner:
    """Load a person's own key. It is never made by the way: others have to learn it first."""
    if not path.is_file():
        raise UsageError(
            f"{path}: there is no key of a person here",
            reason="no_person_key",
            remedy="make one with `mintmark approve --init-key`, or name yours with --key",
        )
    return _load(path)


def make_key(path: Path) -> LocalSigner:
    """Load the key at `path`, or make it there."""
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        write_secret(
            path,
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
    return _load(path)


def _load(path: Path) -> LocalSigner:
    try:
        loaded = serialization.load_pem_private_key(read_secret(path), password=None)
    except (ValueError, TypeError) as cause:
        raise IntegrityError(
            f"{path}: not a private key in PEM without a password",
            reason="malformed",
            remedy="bring the key back from a backup, or move the file away and make a new one",
        ) from cause
    if not isinstance(loaded, ec.EllipticCurvePrivateKey) or not isinstance(loaded.curve, ec.SECP256R1):
        raise IntegrityError(
            f"{path}: not an ECDSA P-256 key",
            reason="weak_algorithm",
            remedy="move the file away; a new key is made on the next run",
        )
    return LocalSigner(key=loaded)


def write_secret(path: Path, content: bytes) -> None:
    """Write a secret with mode 0600 in a folder with mode 0700; the first one wins, none is ever replaced."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".key-")  # mkstemp creates with 0600
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        Path(temporary).unlink()


def read_secret(path: Path) -> bytes:
    """Read a secret, and refuse it when others could have read or replaced it."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise IntegrityError(
            f"{path}: mode {mode:o}: others may read or change this key",
            reason="key_permissions",
            remedy=f"if nobody did, run `chmod 600 {path}`; else move it away, a new key is made on the next run",
        )
    return path.read_bytes()
