"""Signed notes (C2SP signed-note) with Ed25519 keys: strict to parse, and unknown signers are ignored. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mintmark.evidence.errors import NoteError

ED25519 = 0x01
KEY_SIZE = 32
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
_DASH = "\u2014 "
_PRIVATE = "PRIVATE+KEY+"


def key_id(name: str, algorithm: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """`name+hex8(key id)+base64(algorithm ‖ public key)`."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        return key_id(self.name, ED25519, self.public)

    def encode(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_b64(bytes([ED25519]) + self.public)}"

    @classmethod
    def decode(cls, text: str) -> VerifierKey:
        name, identity, public = _split_key(text)
        key = cls(name=name, public=public)
        if key.id.hex() != identity:
            raise NoteError(f"verifier key of {name}: its id is {key.id.hex()}, not {identity}", reason="key_malformed")
        return key

    def verifies(self, text: str, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSigner:
    """A signer with a name; the name of a log's signer is the log's origin."""

    name: str
    seed: bytes

    @classmethod
    def generate(cls, name: str) -> NoteSigner:
        _check_name(name)
        key = Ed25519PrivateKey.generate()
        return cls(name=name, seed=key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))

    @classmethod
    def decode(cls, text: str) -> NoteSigner:
        """Read `PRIVATE+KEY+<name>+<id>+<base64>`."""
        if not text.startswith(_PRIVATE):
            raise NoteError("a signer key starts with PRIVATE+KEY+", reason="key_malformed")
        name, identity, seed = _split_key(text.removeprefix(_PRIVATE))
        signer = cls(name=name, seed=seed)
        if signer.verifier.id.hex() != identity:
            raise NoteError(f"signer key of {name}: its id does not match", reason="key_malformed")
        return signer

    def encode(self) -> str:
        return f"{_PRIVATE}{self.name}+{self.verifier.id.hex()}+{_b64(bytes([ED25519]) + self.seed)}"

    @property
    def verifier(self) -> VerifierKey:
        public = self._key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return VerifierKey(name=self.name, public=public)

    @property
    def vkey(self) -> str:
        return self.verifier.encode()

    def sign(self, text: str) -> str:
        """Return the whole note: text, blank line, signature line."""
        _check_text(text)
        signature = self.verifier.id + self._key().sign(text.encode())
        return f"{text}\n{_DASH}{self.name} {_b64(signature)}\n"

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureLine:
    name: str
    key_id: bytes
    signature: bytes


def parse_note(note: bytes) -> tuple[str, list[SignatureLine]]:
    """Split a note into its text (with the last newline) and its signature lines; nothing is verified yet."""
    if len(note) > MAX_NOTE_BYTES:
        raise NoteError(f"a note of {len(note)} bytes, over {MAX_NOTE_BYTES}")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise NoteError("a note is UTF-8") from cause
    text, separator, signatures = whole.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise NoteError("a note is text, a blank line and signature lines")
    _check_text(text + "\n")
    lines = signatures[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(f"{len(lines)} signatures, over {MAX_SIGNATURES}")
    return text + "\n", [_parse_signature(line) for line in lines]


def open_note(note: bytes, keys: Sequence[VerifierKey]) -> tuple[str, list[VerifierKey]]:
    """
    Return the text and the known keys that signed it.

    Unknown signers are ignored; a known one with a bad signature rejects the whole note (C2SP signed-note).
    """
    text, lines = parse_note(note)
    known = {(key.name, key.id): key for key in keys}
    signed: list[VerifierKey] = []
    for line in lines:
        key = known.get((line.name, line.key_id))
        if key is None or key in signed:
            continue
        if not key.verifies(text, line.signature):
            raise NoteError(f"the signature of {key.name} does not hold", reason="signature_invalid")
        signed.append(key)
    if not signed:
        raise NoteError("no known key signed this note", reason="unsigned")
    return text, signed


def _parse_signature(line: str) -> SignatureLine:
    if not line.startswith(_DASH) or line.count(" ") != 2:
        raise NoteError("a signature line is an em dash, a name and a signature")
    _, name, encoded = line.split(" ")
    _check_name(name)
    raw = _unb64(encoded)
    if len(raw) <= 4:
        raise NoteError("a signature is too short")
    return SignatureLine(name=name, key_id=raw[:4], signature=raw[4:])


def _split_key(text: str) -> tuple[str, str, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise NoteError("a key is name+id+base64", reason="key_malformed")
    name, identity, encoded = parts
    _check_name(name)
    raw = _unb64(encoded)
    if len(raw) != 1 + KEY_SIZE or raw[0] != ED25519:
        raise NoteError(f"key of {name}: only Ed25519 (0x01) is known", reason="weak_algorithm")
    return name, identity, raw[1:]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() for character in name):
        raise NoteError(f"{name!r} is not a key name: no spaces, no plus, not empty", reason="key_malformed")


def _check_text(text: str) -> None:
    if not text.endswith("\n") or any(ord(character) < 0x20 and character != "\n" for character in text):
        raise NoteError("a note's text ends in a newline and has no other control character")


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _unb64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as cause:
        raise NoteError("not base64") from cause
    if _b64(raw) != text:
        raise NoteError("base64 that is not canonical")
    return raw
