"""
Signed notes (C2SP signed-note), with Ed25519 keys of two kinds: a log's own (0x01) and a witness's (0x04). Pure.

A witness's key makes cosignatures (C2SP tlog-cosignature, `cosignature/v1`), which say when they were made.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mintmark.evidence.errors import NoteError

ED25519 = 0x01
COSIGNATURE = 0x04
KEY_SIZE = 32
MAX_TIME_S = 2**63 - 1
MAX_DATE_S = 253_402_300_799  # the end of the year 9999: what a cosignature may say is more than a date can be
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
_DASH = "\u2014 "
_PRIVATE = "PRIVATE+KEY+"


def key_id(name: str, algorithm: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """`name+hex8(key id)+base64(algorithm ‖ public key)`; the algorithm is `ED25519` or `COSIGNATURE`."""

    name: str
    public: bytes
    algorithm: int = ED25519

    @property
    def id(self) -> bytes:
        return key_id(self.name, self.algorithm, self.public)

    def encode(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_b64(bytes([self.algorithm]) + self.public)}"

    @classmethod
    def decode(cls, text: str) -> VerifierKey:
        name, identity, algorithm, public = _split_key(text)
        key = cls(name=name, public=public, algorithm=algorithm)
        if key.id.hex() != identity:
            raise NoteError(f"verifier key of {name}: its id is {key.id.hex()}, not {identity}", reason="key_malformed")
        return key

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether `signature`, the bytes behind the key id, is this key's over `text`."""
        if self.algorithm == ED25519:
            return _verifies(self.public, text.encode(), signature)
        time_s = cosigned_at(signature)
        return time_s is not None and _verifies(self.public, _cosigned(text, time_s), signature[8:])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signer:
    """A name and a secret; as text `PRIVATE+KEY+<name>+<id>+<base64(algorithm ‖ secret)>`."""

    algorithm: ClassVar[int]

    name: str
    seed: bytes

    @classmethod
    def generate(cls, name: str) -> Self:
        check_name(name)
        key = Ed25519PrivateKey.generate()
        return cls(name=name, seed=key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read `PRIVATE+KEY+…`; a key of the other kind is refused."""
        if not text.startswith(_PRIVATE):
            raise NoteError("a signer key starts with PRIVATE+KEY+", reason="key_malformed")
        name, identity, algorithm, seed = _split_key(text.removeprefix(_PRIVATE))
        signer = cls(name=name, seed=seed)
        if algorithm != cls.algorithm or signer.verifier.id.hex() != identity:
            raise NoteError(f"signer key of {name}: its kind or its id does not match", reason="key_malformed")
        return signer

    def encode(self) -> str:
        encoded = _b64(bytes([self.algorithm]) + self.seed)
        return f"{_PRIVATE}{self.name}+{self.verifier.id.hex()}+{encoded}"

    @property
    def verifier(self) -> VerifierKey:
        public = self._key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return VerifierKey(name=self.name, public=public, algorithm=self.algorithm)

    @property
    def vkey(self) -> str:
        return self.verifier.encode()

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def _line(self, signature: bytes) -> str:
        return SignatureLine(name=self.name, key_id=self.verifier.id, signature=signature).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSigner(_Signer):
    """A signer with a name; the name of a log's signer is the log's origin."""

    algorithm: ClassVar[int] = ED25519

    def sign(self, text: str) -> str:
        """Return the whole note: text, blank line, signature line."""
        return f"{text}\n{self.line(text)}"

    def line(self, text: str) -> str:
        """The signature line alone; a note may have the lines of several signers."""
        _check_text(text)
        return self._line(self._key().sign(text.encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignatureSigner(_Signer):
    """A witness's signer. Its caller answers for what a cosignature says: that no larger tree was seen at that time."""

    algorithm: ClassVar[int] = COSIGNATURE

    def line(self, text: str, *, time_s: int) -> str:
        """The cosignature line to add to the note of `text`; the time is in seconds since 1970."""
        _check_text(text)
        if not 0 <= time_s <= MAX_TIME_S:
            raise ValueError(f"{time_s} is not a time of a cosignature")
        return self._line(time_s.to_bytes(8, "big") + self._key().sign(_cosigned(text, time_s)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureLine:
    """`— <name> <base64(key id ‖ signature)>`."""

    name: str
    key_id: bytes
    signature: bytes

    def encode(self) -> str:
        return f"{_DASH}{self.name} {_b64(self.key_id + self.signature)}\n"


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
    _check_text(whole)
    return text + "\n", parse_signature_lines(signatures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A known key whose signature holds; `time_s` is when a cosignature says that it was made, and else None."""

    key: VerifierKey
    time_s: int | None

    @property
    def name(self) -> str:
        return self.key.name


def open_note(note: bytes, keys: Sequence[VerifierKey]) -> tuple[str, list[Signed]]:
    """
    Return the text and the known keys that signed it, each once.

    Unknown signers are ignored; a known one with a bad signature rejects the whole note (C2SP signed-note).
    """
    text, lines = parse_note(note)
    known = {(key.name, key.id): key for key in keys}
    signed: dict[VerifierKey, Signed] = {}
    for line in lines:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        if not key.verifies(text, line.signature):
            raise NoteError(f"the signature of {key.name} does not hold", reason="signature_invalid")
        time_s = cosigned_at(line.signature) if key.algorithm == COSIGNATURE else None
        signed.setdefault(key, Signed(key=key, time_s=time_s))
    if not signed:
        raise NoteError("no known key signed this note", reason="unsigned")
    return text, list(signed.values())


def cosigned_at(signature: bytes) -> int | None:
    """The time in a cosignature, `u64be seconds ‖ 64 bytes`; None where there is none. Nothing is verified."""
    if len(signature) != 8 + 64:
        return None
    time_s = int.from_bytes(signature[:8], "big")
    return time_s if time_s <= MAX_TIME_S else None


def add_lines(note: bytes, lines: Sequence[str]) -> bytes:
    """The note with more signature lines behind those that it has. Refuses what would not be a note any more."""
    longer = note + "".join(lines).encode()
    parse_note(longer)
    return longer


def parse_signature_lines(text: str) -> list[SignatureLine]:
    """Signature lines alone, as a witness answers with them; each ends in a newline. Nothing is verified."""
    if not text.endswith("\n"):
        raise NoteError("a signature line ends in a newline")
    lines = text[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(f"{len(lines)} signatures, over {MAX_SIGNATURES}")
    return [_parse_signature(line) for line in lines]


def _parse_signature(line: str) -> SignatureLine:
    if not line.startswith(_DASH) or line.count(" ") != 2:
        raise NoteError("a signature line is an em dash, a name and a signature")
    _, name, encoded = line.split(" ")
    check_name(name)
    raw = _unb64(encoded)
    if len(raw) <= 4:
        raise NoteError("a signature is too short")
    return SignatureLine(name=name, key_id=raw[:4], signature=raw[4:])


def _split_key(text: str) -> tuple[str, str, int, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise NoteError("a key is name+id+base64", reason="key_malformed")
    name, identity, encoded = parts
    check_name(name)
    raw = _unb64(encoded)
    if len(raw) != 1 + KEY_SIZE or raw[0] not in {ED25519, COSIGNATURE}:
        raise NoteError(
            f"key of {name}: only Ed25519 (0x01) and its cosignatures (0x04) are known", reason="weak_algorithm"
        )
    return name, identity, raw[0], raw[1:]


def _cosigned(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def _verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_name(name: str) -> None:
    """A key name has no space, no plus, and something in it; else `key_malformed`."""
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
