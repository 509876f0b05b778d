#!/usr/bin/env python3
"""
Verifies an exported evidence log: this one file, Python 3.9 or later, and nothing of whoever made the export.

    python3 verify.py EXPORT --policy log.policy --trust trust.toml [--tsa-roots tsa.pem] [--seen CHECKPOINT]
    python3 verify.py [EXPORT] --policy log.policy --receipt FILE --entry FILE

Bring the policy, the trust file, the certificates and this file itself from where you trust them, and not from the
export. Signatures are checked with the `cryptography` package where it is installed, or else with the `openssl`
command (3.0 or later); timestamps always with `openssl ts`. It reads, writes nothing, and opens no connection.

It is written from the published formats (RFC 6962, RFC 9162, RFC 3161, C2SP signed-note, tlog-checkpoint, tlog-tiles,
tlog-cosignature, tlog-policy and tlog-proof, DSSE, in-toto Statement v1), as a second implementation of them.

  L0  one receipt: its entry is in the tree of a checkpoint that the log signed
  L1  every entry is in canonical form, the entries lead to the tiles, and the tiles to the root of the checkpoint
  L2  every archived checkpoint is signed by the log and is a prefix of this tree; witnesses; timestamps
  L3  what queries read is what the entries say
  L4  every journal entry of the ledger is bound by exactly one batch, unchanged, and sums to zero
  L5  every payload opens its commitment and is signed by a key that may say so; what was erased is listed apart

The answer is one of three: verified (exit code 0), not verifiable (3: nothing is wrong, and something could not be
checked), failed (4). A wrong call is 2.
"""

from __future__ import annotations

import argparse
import base64
import bisect
import calendar
import collections
import hashlib
import importlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

VERIFIED, FAILED, NOT_VERIFIABLE = "verified", "failed", "not verifiable"
EXIT_CODES = {VERIFIED: 0, NOT_VERIFIABLE: 3, FAILED: 4}
USAGE = 2

LEVELS = {
    "L0": "the receipt",
    "L1": "entries, tiles, root",
    "L2": "checkpoints, witnesses, timestamps",
    "L3": "query tables",
    "L4": "ledger",
    "L5": "payloads",
}
# Folders in which each file must be accounted for, and the level that does it.
CHECKED_FOLDERS = {
    "tile": "L1",
    "checkpoint-archive": "L2",
    "timestamp": "L2",
    "projection": "L3",
    "ledger": "L4",
    "payload": "L5",
}

# Nothing of an export is read without a bound: whoever made it may want this program to run out of memory.
MAX_ENTRY = 65_535
MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
MAX_RECEIPT = 1_100_000
MAX_TIMESTAMP = 1_000_000
MAX_PAYLOAD = 32 + 16 * 1024 * 1024
MAX_LINE = 2 * 1024 * 1024 + 1
MAX_OWN_FILE = 16 * 1024 * 1024
MAX_JSON_PARTS = 2_000_000
MAX_DIGITS = 300
MAX_SAFE_INTEGER = 2**53 - 1
MAX_ITEMS = 200
OPENSSL_TIMEOUT_S = 60
CLOCK_SKEW_S = 300

TILE_WIDTH = 256
HASH_SIZE = 32
SALT_SIZE = 32
ED25519, COSIGNATURE_V1 = 0x01, 0x04
COMMITMENT_PREFIX = b"mintmark/payload/v1\x00"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPES = {
    "provenance": "https://slsa.dev/provenance/v1",
    "sbom": "https://cyclonedx.org/bom",
    "vsa": "https://slsa.dev/verification_summary/v1",
    "scan": "https://mintmark.dev/scan/v1",
    "decision": "https://mintmark.dev/decision/v1",
    "deployment": "https://mintmark.dev/deployment/v1",
    "waiver": "https://mintmark.dev/waiver/v1",
    "refusal": "https://mintmark.dev/refusal/v1",
    "erasure": "https://mintmark.dev/erasure/v1",
    "epoch": "https://mintmark.dev/epoch/v1",
    "gap": "https://mintmark.dev/gap/v1",
    "ledger-batch": "https://mintmark.dev/ledger-batch/v1",
    "test-result": "https://in-toto.io/attestation/test-result/v0.1",
    "approval": "https://mintmark.dev/approval/v1",
    "break-glass": "https://mintmark.dev/break-glass/v1",
    "review-item": "https://mintmark.dev/review-item/v1",
    "policy": "https://mintmark.dev/policy/v1",
    "deploy-token": "https://mintmark.dev/deploy-token/v1",
}
UNWITNESSED = "no witness is required by the policy: a rewrite by who holds the log key is not detectable"


class Wrong(Exception):
    """What was read does not hold: `reason` is a stable code, the message a sentence."""

    def __init__(self, reason: str, detail: str, *, place: str = "", index: int | None = None) -> None:
        super().__init__(detail)
        self.reason, self.place, self.index = reason, place, index


class Usage(Exception):
    """The auditor's own files or words are at fault, and not the export."""


# ---------------------------------------------------------------------------------------------------------------------
# The report
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Item:
    """One thing that does not hold, or could not be checked; `index` is an entry of the log, where there is one."""

    level: str
    place: str
    index: int | None
    reason: str
    detail: str

    def to_json(self) -> dict[str, object]:
        return {
            "level": self.level,
            "place": printable(self.place),
            "index": self.index,
            "reason": self.reason,
            "detail": printable(self.detail),
        }


class Report:
    """Gathers what was found. The first `MAX_ITEMS` things of a kind are kept, and all are counted."""

    def __init__(self) -> None:
        self.origin = ""
        self.size: int | None = None
        self.root: bytes | None = None
        self.witnessed = False
        self.broken: list[Item] = []
        self.unchecked: list[Item] = []
        self.warnings: list[str] = []
        self.said: dict[str, list[str]] = {level: [] for level in LEVELS}
        self.counts: dict[str, int] = collections.Counter()
        self.first_bad_index: int | None = None
        self._states: dict[str, str] = {}

    def begin(self, level: str) -> None:
        """From here on the level was checked, unless something says otherwise."""
        self._states.setdefault(level, VERIFIED)

    def fail(self, level: str, place: str, reason: str, detail: str, *, index: int | None = None) -> None:
        self._states[level] = FAILED
        self.counts["broken"] += 1
        if index is not None and (self.first_bad_index is None or index < self.first_bad_index):
            self.first_bad_index = index
        if len(self.broken) < MAX_ITEMS:
            self.broken.append(Item(level, place, index, reason, detail))

    def wrong(self, level: str, place: str, cause: Wrong, *, index: int | None = None) -> None:
        self.fail(
            level, cause.place or place, cause.reason, str(cause), index=index if cause.index is None else cause.index
        )

    def cannot(self, level: str, place: str, reason: str, detail: str, *, index: int | None = None) -> None:
        if self._states.get(level) != FAILED:
            self._states[level] = NOT_VERIFIABLE
        self.counts["not_verifiable"] += 1
        if len(self.unchecked) < MAX_ITEMS:
            self.unchecked.append(Item(level, place, index, reason, detail))

    def say(self, level: str, sentence: str) -> None:
        self.said[level].append(sentence)

    def warn(self, sentence: str) -> None:
        self.counts["warnings"] += 1
        if len(self.warnings) < MAX_ITEMS:
            self.warnings.append(sentence)

    def state(self, level: str) -> str:
        return self._states.get(level, "not asked")

    @property
    def answer(self) -> str:
        if FAILED in self._states.values():
            return FAILED
        if NOT_VERIFIABLE in self._states.values() or not self._states:
            return NOT_VERIFIABLE
        return VERIFIED

    def to_json(self) -> dict[str, object]:
        return {
            "answer": self.answer,
            "exit_code": EXIT_CODES[self.answer],
            "origin": printable(self.origin),
            "size": self.size,
            "root": None if self.root is None else self.root.hex(),
            "witnessed": self.witnessed,
            "first_bad_index": self.first_bad_index,
            "levels": {
                level: {
                    "what": what,
                    "state": self.state(level),
                    "said": [printable(line) for line in self.said[level]],
                }
                for level, what in LEVELS.items()
            },
            "counts": dict(self.counts),
            "broken": [item.to_json() for item in self.broken],
            "not_verifiable": [item.to_json() for item in self.unchecked],
            "warnings": [printable(line) for line in self.warnings],
        }

    def describe(self) -> str:
        size = "" if self.size is None else f"  {self.size} entries"
        root = "" if self.root is None else f"  root {self.root.hex()[:16]}"
        lines = [f"{self.answer.upper()}  {printable(self.origin)}{size}{root}"]
        if self.first_bad_index is not None:
            lines.append(f"  first bad entry: {self.first_bad_index}")
        for level, what in LEVELS.items():
            lines.append(f"  {level}  {self.state(level):<14}  {what}")
            lines += [f"        {printable(line)}" for line in self.said[level]]
        lines += _listed("failed", self.broken, self.counts["broken"])
        lines += _listed("not verifiable", self.unchecked, self.counts["not_verifiable"])
        lines += [f"  warning: {printable(line)}" for line in self.warnings]
        return "\n".join(lines) + "\n"


def _listed(title: str, items: Sequence[Item], count: int) -> list[str]:
    lines = []
    for item in items[:20]:
        entry = "" if item.index is None else f", entry {item.index}"
        lines.append(
            f"  {title}: {item.level}  {printable(item.place)}{entry}: {printable(item.detail)} [{item.reason}]"
        )
    return lines + ([f"  {title}: and {count - 20} more"] if count > 20 else [])


def printable(text: str) -> str:
    """What stands in an export goes to a terminal only as plain ASCII, and not at length."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:400])
    return plain.encode("ascii", "backslashreplace").decode()


# ---------------------------------------------------------------------------------------------------------------------
# The export: a folder that may be hostile
# ---------------------------------------------------------------------------------------------------------------------


class Export:
    """
    The files below a folder. Links are never followed, and nothing but a regular file is opened.

    A file that was read is accounted for; `left` are those that were not.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, int] = {}
        self.odd: dict[str, str] = {}
        self._read: set[str] = set()
        pending = [""]
        while pending:
            self._list(pending.pop(), pending)

    def _list(self, below: str, pending: list[str]) -> None:
        try:
            with os.scandir(self.folder / below) as found:
                for item in found:
                    path = f"{below}/{item.name}" if below else item.name
                    if item.is_symlink():
                        self.odd[path] = "a symbolic link"
                    elif item.is_dir(follow_symlinks=False):
                        pending.append(path)
                    elif item.is_file(follow_symlinks=False):
                        self.files[path] = item.stat(follow_symlinks=False).st_size
                    else:
                        self.odd[path] = "neither a file nor a folder"
        except OSError as cause:
            self.odd[below or "."] = f"cannot be listed: {cause.strerror}"

    def has(self, path: str) -> bool:
        return path in self.files or path in self.odd

    def read(self, path: str, limit: int) -> bytes:
        """The whole file. Raises `Wrong`: `missing`, `not_a_file`, `too_large`, `unreadable`."""
        self._admit(path)
        if self.files[path] > limit:
            raise Wrong("too_large", f"{self.files[path]} bytes, over {limit}", place=path)
        try:
            with self._open(path) as handle:
                content = handle.read(limit + 1)
        except OSError as cause:
            raise Wrong("unreadable", f"it cannot be read: {cause.strerror}", place=path) from cause
        if len(content) > limit:
            raise Wrong("too_large", f"over {limit} bytes", place=path)
        return bytes(content)

    def lines(self, path: str) -> Iterator[bytes]:
        """Each line without its newline. Raises `Wrong` as `read` does, and `malformed` for a line without an end."""
        self._admit(path)
        try:
            with self._open(path) as handle:
                while True:
                    line = handle.readline(MAX_LINE)
                    if not line:
                        return
                    if not line.endswith(b"\n"):
                        raise Wrong("malformed", f"a line does not end, or is over {MAX_LINE} bytes", place=path)
                    yield line[:-1]
        except OSError as cause:
            raise Wrong("unreadable", f"it cannot be read: {cause.strerror}", place=path) from cause

    def below(self, folder: str) -> list[str]:
        return sorted(path for path in self.files if path.startswith(f"{folder}/"))

    def left(self) -> list[str]:
        return sorted(self.files.keys() - self._read)

    def _admit(self, path: str) -> None:
        if path in self.odd:
            raise Wrong("not_a_file", f"it is {self.odd[path]}", place=path)
        if path not in self.files:
            raise Wrong("missing", "the file is missing", place=path)
        self._read.add(path)

    def _open(self, path: str) -> Any:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self.folder / path, flags)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise Wrong("not_a_file", "it is not a regular file any more", place=path)
        return os.fdopen(descriptor, "rb")


# ---------------------------------------------------------------------------------------------------------------------
# Signatures: by `cryptography`, or by the `openssl` command
# ---------------------------------------------------------------------------------------------------------------------


class Crypto(Protocol):
    """Answers whether a signature holds. `spki` is a DER SubjectPublicKeyInfo of a P-256 key."""

    name: str

    def ed25519(self, public: bytes, signature: bytes, message: bytes) -> bool: ...

    def p256(self, spki: bytes, signature: bytes, message: bytes) -> bool: ...


class CryptographyPackage:
    """Raises `ImportError` where the package is not installed."""

    name = "cryptography"

    def __init__(self) -> None:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        self._invalid, self._ed25519, self._ec = InvalidSignature, Ed25519PublicKey, EllipticCurvePublicKey
        self._load, self._ecdsa = load_der_public_key, ECDSA(hashes.SHA256())

    def ed25519(self, public: bytes, signature: bytes, message: bytes) -> bool:
        try:
            self._ed25519.from_public_bytes(public).verify(signature, message)
        except (self._invalid, ValueError):
            return False
        return True

    def p256(self, spki: bytes, signature: bytes, message: bytes) -> bool:
        try:
            key = self._load(spki)
            if not isinstance(key, self._ec):
                return False
            key.verify(signature, message, self._ecdsa)
        except (self._invalid, ValueError):
            return False
        return True


class OpensslCommand:
    """Raises `OSError` where there is no such command."""

    name = "openssl"

    def __init__(self) -> None:
        program = shutil.which("openssl")
        if program is None:
            raise FileNotFoundError("openssl")
        self._program = program
        self._scratch = tempfile.TemporaryDirectory(prefix="verify-")
        self._folder = Path(self._scratch.name)

    def run(self, *words: str) -> tuple[bool, str]:
        """Return whether it succeeded, and what it printed. Raises `Wrong` (`openssl_hangs`)."""
        try:
            done = subprocess.run(
                [self._program, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=OPENSSL_TIMEOUT_S,
                env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
            )
        except subprocess.TimeoutExpired as cause:
            raise Wrong("openssl_hangs", f"openssl ran over {OPENSSL_TIMEOUT_S} s on it") from cause
        return done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")

    def put(self, name: str, content: bytes) -> str:
        path = self._folder / name
        path.write_bytes(content)
        return str(path)

    def ed25519(self, public: bytes, signature: bytes, message: bytes) -> bool:
        key = self.put("key.pem", pem("PUBLIC KEY", bytes.fromhex("302a300506032b6570032100") + public))
        data, proof = self.put("message", message), self.put("signature", signature)
        return self.run("pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", data, "-sigfile", proof)[0]

    def p256(self, spki: bytes, signature: bytes, message: bytes) -> bool:
        key = self.put("key.pem", pem("PUBLIC KEY", spki))
        data, proof = self.put("message", message), self.put("signature", signature)
        return self.run("dgst", "-sha256", "-verify", key, "-signature", proof, data)[0]


def pem(label: str, der: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n".encode()


def find_crypto(wanted: str) -> Crypto | None:
    """The first way to check signatures that is there and gives the right answers to known questions."""
    candidates: list[Any] = [CryptographyPackage, OpensslCommand]
    for candidate in candidates:
        if wanted not in ("auto", candidate.name):
            continue
        try:
            crypto: Crypto = candidate()
            if answers_rightly(crypto):
                return crypto
        except (ImportError, OSError, Wrong):
            continue
    return None


def answers_rightly(crypto: Crypto) -> bool:
    """A program that says yes to everything, or cannot do these signatures, is found here."""
    message, other = b"This is an example message.\n", b"This is another message.\n"
    public, signature = EXAMPLE_ED25519
    spki, proof = EXAMPLE_P256
    return (
        crypto.ed25519(public, signature, message)
        and crypto.p256(spki, proof, message)
        and not crypto.ed25519(public, signature, other)
        and not crypto.p256(spki, proof, other)
    )


# Key and signature over "This is an example message.\n": that of the signed-note specification, and one of P-256.
EXAMPLE_ED25519 = (
    base64.b64decode("6TJ5GubnqECkYWTJBHhkJtXngh3YspoA1hyucq/dTaQ="),
    base64.b64decode("SfyytXXIkaHZVhGUvVOdqC/VgSrpN9emnOLY42dwCVOArtm2DURFg1lexiM4EfeYVeZEq7AeMbVi7vYid7JpAw=="),
)
EXAMPLE_P256 = (
    base64.b64decode(
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAfExNiWrJVQjgqOAKz2OsSSCq1aP6pIZbHvm6fiIP9UchwTnuoCWtipYRh989seRs0JviIHwZhf/"
        "O5o/ANBsHw=="
    ),
    base64.b64decode(
        "MEUCIFel2IxmNV+46fKFhUvLyauyJAyiqgMNt8pALMNX4mLFAiEAxJgx+si1IhZ5q3tkgYVUEPVW2pxNemoDNwf9Nk99VFQ="
    ),
)


# ---------------------------------------------------------------------------------------------------------------------
# Formats: JSON, base64, signed notes, checkpoints, the policy
# ---------------------------------------------------------------------------------------------------------------------


def read_json(content: bytes, what: str) -> Any:
    """Strict JSON: no key twice, no lone surrogate, no NaN; bounded in depth by the parser and in parts by us."""
    if content.count(b",") + content.count(b"[") + content.count(b"{") > MAX_JSON_PARTS:
        raise Wrong("too_large", f"the {what} has more than {MAX_JSON_PARTS} parts")
    try:
        document = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
        if b"\\u" in content:
            json.dumps(document, ensure_ascii=False).encode("utf-8")  # a lone surrogate does not survive this
    except (ValueError, RecursionError) as cause:
        raise Wrong(
            "malformed", f"the {what} is not strict JSON: {type(cause).__name__}: {str(cause)[:100]}"
        ) from cause
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is not finite")
    return number


def _bounded(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def read_canonical(content: bytes, what: str, *, ascii_only: bool = False) -> dict[str, Any]:
    """
    An object in the one form that it has: keys sorted and ASCII, no spaces, NFC text, integers within ±(2^53 - 1).

    Lines of JSON files are in the same form with ASCII escapes.
    """
    document = read_json(content, what)
    if not isinstance(document, dict):
        raise Wrong("malformed", f"the {what} is not an object")
    pending: list[Any] = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if not all(key.isascii() for key in value):
                raise Wrong("not_canonical", f"a key of the {what} is not ASCII")
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, float) or (isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER):
            raise Wrong("not_canonical", f"a number of the {what} cannot be written in one way only")
        elif isinstance(value, str) and not ascii_only and unicodedata.normalize("NFC", value) != value:
            raise Wrong("not_canonical", f"a text of the {what} is not NFC")
    written = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=ascii_only).encode("utf-8")
    if written != content:
        raise Wrong("not_canonical", f"the {what} is not in canonical form")
    return document


def read_base64(text: str, what: str, *, size: int | None = None) -> bytes:
    """Base64 in its one form, so that one signature has one spelling."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as cause:
        raise Wrong("malformed", f"the {what} is not base64") from cause
    if base64.b64encode(raw).decode() != text or (size is not None and len(raw) != size):
        raise Wrong("malformed", f"the {what} is not {'' if size is None else f'{size} bytes of '}canonical base64")
    return raw


@dataclass(frozen=True)
class Key:
    """A verifier key of a note: `name+hex8(id)+base64(algorithm, public key)`."""

    name: str
    algorithm: int
    public: bytes

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode("utf-8", "surrogateescape") + b"\n" + bytes([self.algorithm]) + self.public)[:4]


def read_key(text: str) -> Key:
    name, _, rest = text.partition("+")
    identity, _, encoded = rest.partition("+")
    raw = read_base64(encoded, f"key of {name}")
    if not is_key_name(name) or len(raw) != 1 + HASH_SIZE:
        raise Wrong("key_malformed", f"{text[:60]!r} is not an Ed25519 key of the form name+id+base64")
    key = Key(name, raw[0], raw[1:])
    if key.id.hex() != identity:
        raise Wrong("key_malformed", f"the key of {name} has the id {key.id.hex()}, not {identity[:20]}")
    return key


def is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(character.isspace() for character in name)


@dataclass(frozen=True)
class Signature:
    name: str
    key_id: bytes
    value: bytes


def split_note(content: bytes) -> tuple[str, list[Signature]]:
    """The text of a note, with its last newline, and its signature lines (C2SP signed-note)."""
    if len(content) > MAX_NOTE:
        raise Wrong("too_large", f"a note of {len(content)} bytes")
    try:
        whole = content.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise Wrong("note_malformed", "the note is not UTF-8") from cause
    if any(character < " " and character != "\n" for character in whole):
        raise Wrong("note_malformed", "the note has a control character")
    text, blank, signatures = whole.rpartition("\n\n")
    if not blank or not text or not signatures.endswith("\n"):
        raise Wrong("note_malformed", "a note is a text, a blank line, and signature lines")
    lines = signatures[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise Wrong("too_large", f"{len(lines)} signatures, over {MAX_SIGNATURES}")
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> Signature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014" or not is_key_name(parts[1]):
        raise Wrong("note_malformed", "a signature line is an em dash, a name and a signature")
    raw = read_base64(parts[2], "signature")
    if len(raw) <= 4:
        raise Wrong("note_malformed", "a signature is too short")
    return Signature(parts[1], raw[:4], raw[4:])


@dataclass(frozen=True)
class Checkpoint:
    """`text` is what is signed, cosigned and timestamped: origin, size and root, a line each."""

    origin: str
    size: int
    root: bytes
    text: str


def read_checkpoint(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0] or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1], re.ASCII):
        raise Wrong("checkpoint_malformed", "a checkpoint is three lines: origin, decimal size, root")
    return Checkpoint(lines[0], int(lines[1]), read_base64(lines[2], "root", size=HASH_SIZE), text)


@dataclass(frozen=True)
class Policy:
    """C2SP tlog-policy. `groups` are in the order of their lines: each refers to what stands before it alone."""

    logs: tuple[Key, ...]
    witnesses: dict[str, Key]
    groups: dict[str, tuple[int, tuple[str, ...]]]
    quorum: str

    def satisfied_by(self, public_keys: set[bytes]) -> bool:
        """Whether witnesses with these keys are a quorum. One key is one witness, whatever names it signs under."""
        met = {name: key.public in public_keys for name, key in self.witnesses.items()}
        for name, (threshold, members) in self.groups.items():
            met[name] = sum(met[member] for member in members) >= threshold
        return self.quorum == "none" or met[self.quorum]


def read_policy(content: bytes) -> Policy:
    """Raises `Wrong` (`log_policy`) with the number of the line."""
    if len(content) > MAX_NOTE or re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", content):
        raise Wrong("log_policy", "it is too large, or has a control character")
    reader = _PolicyReader()
    for number, line in enumerate(content.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reader.read(words)
        except Wrong as cause:
            raise Wrong("log_policy", f"line {number}: {cause}") from cause
    if not reader.logs or not reader.quorum:
        raise Wrong("log_policy", "it needs a line `log` and a line `quorum`")
    shared = {key.public for key in reader.logs} & {key.public for key in reader.witnesses.values()}
    if shared:
        raise Wrong("log_policy", "a log's key is also a witness's: nobody is a witness to himself")
    return Policy(tuple(reader.logs), reader.witnesses, reader.groups, reader.quorum)


class _PolicyReader:
    def __init__(self) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, tuple[str, ...]]] = {}
        self.quorum = ""
        self._members: set[str] = set()

    def read(self, words: list[str]) -> None:
        kind, rest = words[0], words[1:]
        if kind == "log" and 1 <= len(rest) <= 2:
            self.logs.append(self._key(rest[0], ED25519, self.logs))
        elif kind == "witness" and 2 <= len(rest) <= 3:
            self._new_name(rest[0])
            self.witnesses[rest[0]] = self._key(rest[1], COSIGNATURE_V1, list(self.witnesses.values()))
        elif kind == "group" and len(rest) >= 3:
            self._new_name(rest[0])
            self.groups[rest[0]] = (self._threshold(rest[1], len(rest) - 2), self._known(rest[2:]))
        elif kind == "quorum" and len(rest) == 1 and not self.quorum:
            self.quorum = "none" if rest[0] == "none" else self._known(rest)[0]
        else:
            raise Wrong(
                "log_policy", f"{kind[:40]!r} with {len(rest)} words is not a line of a policy, or is a second one"
            )

    def _key(self, text: str, algorithm: int, others: Sequence[Key]) -> Key:
        key = read_key(text)
        if key.algorithm != algorithm:
            raise Wrong("log_policy", f"algorithm {key.algorithm:#04x} where {algorithm:#04x} is known")
        if any(other.public == key.public for other in others):
            raise Wrong("log_policy", f"the key of {key.name} stands twice")
        return key

    def _new_name(self, name: str) -> None:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise Wrong("log_policy", f"the name {name[:40]!r} stands twice, or is none")

    def _threshold(self, word: str, count: int) -> int:
        if word in ("all", "any"):
            return count if word == "all" else 1
        if not re.fullmatch(r"[1-9][0-9]{0,5}", word, re.ASCII) or int(word) > count:
            raise Wrong("log_policy", f"{word[:40]!r} of {count} cannot be met")
        return int(word)

    def _known(self, names: Sequence[str]) -> tuple[str, ...]:
        for name in names:
            if name not in self.witnesses and name not in self.groups:
                raise Wrong("log_policy", f"{name[:40]!r} is not defined before")
            if name in self._members:
                raise Wrong("log_policy", f"{name[:40]!r} would count twice")
            self._members.add(name)
        return tuple(names)


@dataclass(frozen=True)
class Opened:
    """A checkpoint whose signature by the log holds; `cosigned` maps a witness's key to the time of its cosignature."""

    checkpoint: Checkpoint
    cosigned: dict[bytes, int]


def open_checkpoint(content: bytes, policy: Policy, crypto: Crypto, *, now: int) -> Opened:
    """
    Unknown signers are ignored; a known one whose signature does not hold rejects the note (C2SP signed-note).

    Raises `Wrong`: `note_malformed`, `checkpoint_malformed`, `unsigned`, `signature_invalid`, `future`.
    """
    text, signatures = split_note(content)
    checkpoint = read_checkpoint(text)
    logs = {(key.name, key.id): key for key in policy.logs if key.name == checkpoint.origin}
    witnesses = {(key.name, key.id): key for key in policy.witnesses.values()}
    signed = False
    cosigned: dict[bytes, int] = {}
    for line in signatures:
        known = (line.name, line.key_id)
        if known in logs:
            if not crypto.ed25519(logs[known].public, line.value, text.encode()):
                raise Wrong("signature_invalid", f"the signature of {line.name} does not hold")
            signed = True
        elif known in witnesses:
            moment = _cosignature_time(witnesses[known], line.value, text, crypto)
            if moment > now + CLOCK_SKEW_S:
                raise Wrong("future", f"the witness {line.name} cosigned at {utc(moment)}, which is yet to come")
            cosigned.setdefault(witnesses[known].public, moment)
    if not signed:
        raise Wrong("unsigned", f"no log of the policy signed this checkpoint of {checkpoint.origin}")
    return Opened(checkpoint, cosigned)


def _cosignature_time(key: Key, value: bytes, text: str, crypto: Crypto) -> int:
    moment = int.from_bytes(value[:8], "big")
    message = f"cosignature/v1\ntime {moment}\n{text}".encode()
    if len(value) != 8 + 64 or moment >= 2**63 or not crypto.ed25519(key.public, value[8:], message):
        raise Wrong("signature_invalid", f"the cosignature of {key.name} does not hold")
    return moment


def utc(moment: float) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    except (OverflowError, OSError, ValueError):
        return f"{moment} s after 1970"


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


# ---------------------------------------------------------------------------------------------------------------------
# L0: one receipt (C2SP tlog-proof, RFC 9162 §2.1.3.2)
# ---------------------------------------------------------------------------------------------------------------------


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry)


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right)


@dataclass(frozen=True)
class Receipt:
    index: int
    path: tuple[bytes, ...]
    note: bytes


def read_receipt(content: bytes) -> Receipt:
    head, blank, note = content.partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    if not blank or lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Wrong("malformed", "the receipt is not a c2sp.org/tlog-proof@v1")
    if lines and lines[0].startswith("extra "):
        lines.pop(0)  # carried, and not authenticated: nothing here believes it
    found = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines.pop(0) if lines else "", re.ASCII)
    if found is None or len(lines) > 64:
        raise Wrong("malformed", "the receipt has no index, or too many hashes")
    return Receipt(int(found[1]), tuple(read_base64(line, "hash", size=HASH_SIZE) for line in lines), note)


def root_from_path(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root to which the leaf leads. Raises `Wrong` (`proof_invalid`) for a path of another length."""
    if index >= size:
        raise Wrong("proof_invalid", f"entry {index} is not in a tree of {size}")
    first, last, reached = index, size - 1, leaf
    for hashed in path:
        if last == 0:
            raise Wrong("proof_invalid", "the proof is too long")
        if first % 2 or first == last:
            reached = node_hash(hashed, reached)
            while first % 2 == 0 and first:
                first, last = first // 2, last // 2
        else:
            reached = node_hash(reached, hashed)
        first, last = first // 2, last // 2
    if last:
        raise Wrong("proof_invalid", "the proof is too short")
    return reached


def check_receipt(receipt: Receipt, entry: bytes, opened: Opened) -> None:
    checkpoint = opened.checkpoint
    if root_from_path(receipt.index, checkpoint.size, leaf_hash(entry), receipt.path) != checkpoint.root:
        raise Wrong("proof_invalid", f"the entry is not entry {receipt.index} of the tree that was signed")


# ---------------------------------------------------------------------------------------------------------------------
# L1: entries, tiles, root (RFC 6962 §2.1, C2SP tlog-tiles)
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """The envelope that the log holds of one piece of evidence."""

    index: int
    id: str
    kind: str
    at: str
    producer: str
    subjects: tuple[tuple[str, str], ...]
    refs: tuple[str, ...]
    size: int
    commitment: str


ENTRY_MEMBERS = {"v", "id", "kind", "at", "producer", "subjects", "controls", "refs", "payload"}
HEX = re.compile(r"[0-9a-f]{64}")
ID = re.compile(r"[A-Za-z0-9:._-]{1,100}")
REFERENCE = re.compile(r"[A-Za-z0-9:._/-]{1,200}")
SUBJECT_NAME = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,256}")
LATER_EPOCH = re.compile(r".+/([2-9]|[1-9][0-9]+)", re.ASCII)
MOMENT = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}\.[0-9]{3}Z")


def read_entry(index: int, content: bytes, ids: set[str]) -> Entry:
    """Raises `Wrong`: `malformed`, `not_canonical`, `id_conflict`. `ids` are those of the entries before."""
    document = read_canonical(content, "entry")
    if set(document) != ENTRY_MEMBERS or type(document["v"]) is not int or document["v"] != 1:
        raise Wrong("malformed", "it has not the members of a version 1 entry")
    if not isinstance(document["kind"], str) or document["kind"] not in PREDICATE_TYPES:
        raise Wrong("malformed", "its kind is not known")
    for member, pattern in (("id", ID), ("at", MOMENT), ("producer", HEX)):
        if not matches(pattern, document[member]):
            raise Wrong("malformed", f"its {member} is not in the form that it has")
    for member in ("controls", "refs"):
        if not isinstance(document[member], list) or not all(matches(REFERENCE, item) for item in document[member]):
            raise Wrong("malformed", f"its {member} are not a list of ids")
    if document["id"] in ids:
        raise Wrong("id_conflict", f"its id {document['id']} is that of an entry before")
    ids.add(document["id"])
    payload = document["payload"]
    if not isinstance(payload, dict) or set(payload) != {"mediaType", "size", "commitment"}:
        raise Wrong("malformed", "its payload is not mediaType, size and commitment")
    size = payload["size"]
    if (
        payload["mediaType"] != BUNDLE_TYPE
        or type(size) is not int
        or size < 0
        or not matches(HEX, payload["commitment"])
    ):
        raise Wrong("malformed", "its payload has a member of another form")
    return Entry(
        index=index,
        id=document["id"],
        kind=document["kind"],
        at=document["at"],
        producer=document["producer"],
        subjects=read_subjects(document["subjects"]),
        refs=tuple(document["refs"]),
        size=size,
        commitment=payload["commitment"],
    )


def read_subjects(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list) or not value:
        raise Wrong("malformed", "it has no subjects")
    for item in value:
        if not isinstance(item, dict) or set(item) != {"name", "digest"}:
            raise Wrong("malformed", "a subject is not a name and a digest")
        if not matches(SUBJECT_NAME, item["name"]) or not matches(HEX, item["digest"]):
            raise Wrong("malformed", "a subject's name or digest is not in the form that it has")
    return tuple((item["name"], item["digest"]) for item in value)


def matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def tile_path(level: str, index: int, width: int) -> str:
    """C2SP tlog-tiles: 1234067 is `x001/x234/067`; a partial tile has its width behind `.p/`."""
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03d}")
    return f"tile/{level}/" + "/".join(groups) + ("" if width == TILE_WIDTH else f".p/{width}")


class Frontier:
    """The roots of the full subtrees of a growing tree, largest first: enough to know its root at any moment."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        node, rest = leaf, self.size
        while rest % 2:
            node, rest = node_hash(self._peaks.pop(), node), rest // 2
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        if not self._peaks:
            return sha256(b"")
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


class Tiles:
    """Makes each hash tile from the leaves and compares it with its file; a full tile's root goes one level up."""

    def __init__(self, export: Export, report: Report) -> None:
        self.compared = 0
        self._export, self._report = export, report
        self._levels: list[list[bytes]] = []
        self._done: list[int] = []

    def add(self, leaf: bytes, level: int = 0) -> None:
        if level == len(self._levels):
            self._levels.append([])
            self._done.append(0)
        self._levels[level].append(leaf)
        if len(self._levels[level]) == TILE_WIDTH:
            full = self._cut(level)
            above = Frontier()
            for hashed in full:
                above.add(hashed)
            self.add(above.root(), level + 1)

    def finish(self) -> None:
        for level, pending in enumerate(self._levels):
            if pending:
                self._cut(level)

    def _cut(self, level: int) -> list[bytes]:
        hashes, self._levels[level] = self._levels[level], []
        index, self._done[level] = self._done[level], self._done[level] + 1
        path = tile_path(str(level), index, len(hashes))
        first, under = index * TILE_WIDTH, TILE_WIDTH**level
        try:
            found = self._export.read(path, TILE_WIDTH * HASH_SIZE)
        except Wrong as cause:
            self._report.wrong("L1", path, cause, index=first * under)
            return hashes
        self.compared += 1
        for at, hashed in enumerate(hashes):
            if found[at * HASH_SIZE : (at + 1) * HASH_SIZE] != hashed:
                detail = f"hash {at} of the tile is not that of what is below it: the tile or an entry was changed"
                known = level > 0 and self._report.first_bad_index is not None
                index_below = None if known else (first + at) * under
                self._report.fail("L1", path, "tile_mismatch", detail, index=index_below)
                break
        else:
            if len(found) != len(hashes) * HASH_SIZE:
                detail = f"{len(found)} bytes where {len(hashes)} hashes should be"
                self._report.fail("L1", path, "tile_mismatch", detail, index=first * under)
        return hashes


def entries_of(export: Export, size: int) -> Iterator[tuple[int, str, bytes]]:
    """Every entry with its index and the file that it is in. Raises `Wrong` at the first that cannot be had."""
    for first in range(0, size, TILE_WIDTH):
        width = min(TILE_WIDTH, size - first)
        path = tile_path("entries", first // TILE_WIDTH, width)
        try:
            bundle = export.read(path, TILE_WIDTH * (2 + MAX_ENTRY))
        except Wrong as cause:
            raise Wrong(cause.reason, str(cause), place=path, index=first) from cause
        at = 0
        for index in range(first, first + width):
            length = int.from_bytes(bundle[at : at + 2], "big")
            content = bundle[at + 2 : at + 2 + length]
            if at + 2 > len(bundle) or len(content) != length:
                raise Wrong("malformed", "the bundle ends within this entry", place=path, index=index)
            at += 2 + length
            yield index, path, content
        if at != len(bundle):
            raise Wrong("malformed", "there is more in the bundle than its entries", place=path, index=first + width)


# ---------------------------------------------------------------------------------------------------------------------
# L3: what queries read
# ---------------------------------------------------------------------------------------------------------------------


class Projection:
    """The query tables, read beside the entries: each row must be the next that the entries say."""

    TABLES = ("view_entry", "view_subject", "view_ref")

    def __init__(self, export: Export, report: Report) -> None:
        self.rows = 0
        self._report = report
        self._tables: dict[str, Iterator[bytes]] = {name: export.lines(self.path(name)) for name in self.TABLES}

    @staticmethod
    def path(table: str) -> str:
        return f"projection/{table}.jsonl"

    def compare(self, entry: Entry) -> None:
        self._expect(
            "view_entry",
            entry.index,
            {"idx": entry.index, "kind": entry.kind, "at": entry.at, "producer": entry.producer},
        )
        for position, (name, digest) in enumerate(entry.subjects):
            row = {"idx": entry.index, "position": position, "name": name, "digest": digest}
            self._expect("view_subject", entry.index, row)
        for position, ref in enumerate(entry.refs):
            self._expect("view_ref", entry.index, {"idx": entry.index, "position": position, "ref": ref})

    def finish(self) -> None:
        for table in tuple(self._tables):
            row = self._next(table, None)
            if row is not None:
                self._fail(table, None, f"the row {row[:200]!r} is not in the log")

    def _expect(self, table: str, index: int, wanted: dict[str, Any]) -> None:
        if table not in self._tables:
            return
        row = self._next(table, index)
        expected = json.dumps(wanted, sort_keys=True, separators=(",", ":")).encode()
        if row == expected:
            self.rows += 1
        elif table in self._tables:
            said = "the table ends" if row is None else f"the table says {row[:200]!r}"
            self._fail(table, index, f"{said} where the entry says {expected[:200]!r}")

    def _next(self, table: str, index: int | None) -> bytes | None:
        try:
            return next(self._tables[table], None)
        except Wrong as cause:
            self._report.wrong("L3", self.path(table), cause, index=index)
            del self._tables[table]
            return None

    def _fail(self, table: str, index: int | None, detail: str) -> None:
        self._report.fail("L3", self.path(table), "row_mismatch", detail, index=index)
        del self._tables[table]  # the rows behind it stand elsewhere; the first difference is what there is to say


# ---------------------------------------------------------------------------------------------------------------------
# L5: payloads: commitment, signature, and what they say
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrustedKey:
    """`spki` is the DER key, `id` its SHA-256; the moments are seconds since 1970, where they are given."""

    id: str
    origin: str
    kinds: frozenset[str]
    spki: bytes
    not_before: float | None
    not_after: float | None
    revoked_at: float | None


@dataclass(frozen=True)
class Trust:
    keys: dict[str, TrustedKey]
    ignored: tuple[str, ...]


KEY_MEMBERS = {"id", "origin", "kinds", "public_key", "not_before", "not_after", "revoked_at"}
P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def read_trust(text: str) -> Trust:
    """Raises `Wrong`: `trust_policy`, or `weak_algorithm` for a key that is not ECDSA P-256."""
    document = read_toml(text)
    keys = document.get("keys", [])
    if document.get("version") != 1 or not isinstance(keys, list):
        raise Wrong("trust_policy", "it is not a trust file of version 1")
    read = [_trusted_key(item) for item in keys]
    if len({key.spki for key in read}) != len(read):
        raise Wrong("trust_policy", "a key stands twice")
    return Trust({key.id: key for key in read}, tuple(sorted(document.keys() - {"version", "keys"})))


def _trusted_key(item: Any) -> TrustedKey:
    if (
        not isinstance(item, dict)
        or item.keys() - KEY_MEMBERS
        or not {"id", "origin", "kinds", "public_key"} <= item.keys()
    ):
        raise Wrong("trust_policy", f"a key has the members {', '.join(sorted(KEY_MEMBERS))}, and no others")
    kinds, identity, origin, text = item["kinds"], item["id"], item["origin"], item["public_key"]
    if not isinstance(kinds, list) or not kinds or not all(isinstance(kind, str) for kind in kinds):
        raise Wrong("trust_policy", "a key's kinds are a list of names")
    found = re.fullmatch(
        r"\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]{1,2000})-----END PUBLIC KEY-----\s*", str(text)
    )
    spki = b"" if found is None else read_base64("".join(found[1].split()), "public key")
    if not spki.startswith(P256_SPKI) or len(spki) != len(P256_SPKI) + 64:
        raise Wrong("weak_algorithm", f"key {str(identity)[:12]}: not an ECDSA P-256 key in PEM")
    if sha256(spki).hex() != identity:
        raise Wrong("trust_policy", f"key {str(identity)[:12]}: its id is {sha256(spki).hex()}")
    moments = [_seconds(item.get(member)) for member in ("not_before", "not_after", "revoked_at")]
    return TrustedKey(identity, str(origin), frozenset(kinds), spki, *moments)


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Wrong("trust_policy", "a key's moments are dates with a time and a zone")
    return value.timestamp()


def read_toml(text: str) -> dict[str, Any]:
    """By the standard library from Python 3.11 on, and before it by what follows."""
    try:
        tomllib = importlib.import_module("tomllib")
    except ImportError:
        return read_small_toml(text)
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except ValueError as cause:
        raise Wrong("trust_policy", f"it is not TOML: {str(cause)[:100]}") from cause
    return document


def read_small_toml(text: str) -> dict[str, Any]:
    """
    The TOML that trust files are written in: tables, lists of tables, texts, lists of texts, whole numbers, dates.

    Raises `Wrong` for any other: what is not understood is not guessed at.
    """
    document: dict[str, Any] = {}
    table = document
    lines = iter(text.split("\n"))
    for line in lines:
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        header = re.fullmatch(r"(\[\[?)([a-z_]+)(\]\]?)", bare)
        if header and len(header[1]) == len(header[3]):
            table = {}
            if len(header[1]) == 2:
                document.setdefault(header[2], []).append(table)
            else:
                document[header[2]] = table
            continue
        name, equals, value = (part.strip() for part in bare.partition("="))
        if not equals or not re.fullmatch(r"[a-z_-]+", name) or name in table:
            raise Wrong("trust_policy", f"this Python has no TOML parser, and {bare[:60]!r} is not understood without")
        table[name] = _long_text(value, lines) if value.startswith('"""') else _small_value(value)
    return document


def _long_text(value: str, lines: Iterator[str]) -> str:
    parts = [value[3:]] if value[3:] else []
    for line in lines:
        if line.rstrip().endswith('"""'):
            text = "\n".join([*parts, line.rstrip()[:-3]])
            if "\\" not in text and '"' not in text:
                return text
            break
        parts.append(line)
    raise Wrong("trust_policy", "a long text is not closed, or has a quote or an escape in it")


def _small_value(value: str) -> Any:
    moment = re.fullmatch(
        r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9:]{8}(?:\.[0-9]{3})?)(Z|[+-][0-9]{2}:[0-9]{2})", value
    )
    literal = re.fullmatch(r"'([^'\x00-\x1f]*)'", value)
    if literal:
        return literal[1]
    try:
        if moment:
            return datetime.fromisoformat(f"{moment[1]}T{moment[2]}{moment[3].replace('Z', '+00:00')}")
        read = json.loads(value)
    except ValueError as cause:
        raise Wrong("trust_policy", f"this Python has no TOML parser, and {value[:60]!r} is not understood") from cause
    if isinstance(read, (float, dict)) or read is None:
        raise Wrong("trust_policy", f"this Python has no TOML parser, and {value[:60]!r} is not understood without")
    return read


@dataclass(frozen=True)
class Bundle:
    """A Sigstore bundle around a DSSE envelope. `hint` is the id of the key, or nothing where a certificate signed."""

    hint: str | None
    statement: bytes
    signature: bytes


def read_bundle(content: bytes) -> Bundle:
    """Raises `Wrong`: `malformed`, `type_mismatch`, `unsigned`, `key_unknown`. What would go unchecked is refused."""
    document = read_json(content, "bundle")
    material, envelope = _members(
        document, "bundle", {"mediaType", "verificationMaterial", "dsseEnvelope"}, BUNDLE_TYPE
    )
    _only(envelope, "envelope", {"payload", "payloadType", "signatures"})
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        raise Wrong("type_mismatch", f"its payload type is not {PAYLOAD_TYPE}")
    signatures = envelope.get("signatures")
    if not signatures:
        raise Wrong("unsigned", "it has no signature")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise Wrong("malformed", "a bundle has exactly one signature")
    _only(signatures[0], "signature", {"sig", "keyid"})
    hint: str | None = None
    if "publicKey" in material:
        _only(material, "material", {"publicKey", "tlogEntries"})
        key = material["publicKey"]
        if material.get("tlogEntries"):
            raise Wrong("malformed", "it carries entries of another log, which go with a certificate only")
        if not isinstance(key, dict) or set(key) != {"hint"} or not matches(HEX, key["hint"]):
            raise Wrong("key_unknown", "it does not name the key that signed it")
        hint = key["hint"]
        if signatures[0].get("keyid", "") not in ("", hint):
            raise Wrong("malformed", "its keyid is not the key that it names, and would go unchecked")
    elif not isinstance(material.get("certificate"), dict):
        raise Wrong("key_unknown", "it names neither a key nor a certificate")
    return Bundle(hint, _decoded(envelope.get("payload")), _decoded(signatures[0].get("sig")))


def _members(document: Any, what: str, names: set[str], media_type: str) -> tuple[dict[str, Any], dict[str, Any]]:
    _only(document, what, names)
    material, envelope = document.get("verificationMaterial"), document.get("dsseEnvelope")
    if document.get("mediaType") != media_type or not isinstance(material, dict) or not isinstance(envelope, dict):
        raise Wrong("malformed", f"it is not a {media_type} with material and an envelope")
    return material, envelope


def _only(value: Any, what: str, names: set[str]) -> None:
    if not isinstance(value, dict):
        raise Wrong("malformed", f"the {what} is not an object")
    if value.keys() - names:
        raise Wrong("malformed", f"the {what} has {min(value.keys() - names)[:40]!r}, which would go unchecked")


def _decoded(text: Any) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError as cause:
        raise Wrong("malformed", "payload or signature is not base64") from cause
    if not raw:
        raise Wrong("unsigned", "payload or signature is empty")
    return raw


@dataclass(frozen=True)
class Statement:
    kind: str
    subjects: tuple[tuple[str, str], ...]
    predicate: dict[str, Any]


def read_statement(content: bytes) -> Statement:
    document = read_json(content, "statement")
    _only(document, "statement", {"_type", "subject", "predicateType", "predicate"})
    if document.get("_type") != STATEMENT_TYPE:
        raise Wrong("type_mismatch", "it is not an in-toto Statement v1")
    kinds = [kind for kind, name in PREDICATE_TYPES.items() if name == document.get("predicateType")]
    predicate, subjects = document.get("predicate"), document.get("subject")
    if not kinds or not isinstance(predicate, dict) or not isinstance(subjects, list):
        raise Wrong("type_mismatch", "its predicate is of no kind that is known")
    read = []
    for subject in subjects:
        digests = subject.get("digest") if isinstance(subject, dict) else None
        digest = digests.get("sha256") if isinstance(digests, dict) else None
        if not isinstance(digest, str) or not isinstance(subject.get("name"), str):
            raise Wrong("weak_algorithm", "a subject has no name, or no SHA-256")
        read.append((subject["name"], digest))
    return Statement(kinds[0], tuple(read), predicate)


def claimed_origin(statement: Statement) -> Any:
    """Where the statement says that it was made, if it says so."""
    if statement.kind != "provenance":
        return statement.predicate.get("origin")
    definition = statement.predicate.get("buildDefinition")
    internal = definition.get("internalParameters") if isinstance(definition, dict) else None
    return internal.get("origin") if isinstance(internal, dict) else None


@dataclass
class Payloads:
    """Checks each payload as its entry comes by; what only the end of the log can answer is kept until then."""

    export: Export
    report: Report
    crypto: Crypto
    trust: Trust | None
    opened: int = 0
    signed: int = 0
    by_certificate: int = 0
    batches: list[tuple[Entry, dict[str, Any]]] = field(default_factory=list)
    unread_batches: list[int] = field(default_factory=list)
    _absent: list[tuple[int, str]] = field(default_factory=list)
    _erasures: dict[str, int] = field(default_factory=dict)
    _revocable: list[tuple[Entry, TrustedKey]] = field(default_factory=list)

    def check(self, entry: Entry) -> None:
        if entry.kind == "erasure":
            for ref in entry.refs:
                if ref.startswith("erased:"):
                    self._erasures[ref[len("erased:") :]] = entry.index
        path = f"payload/{entry.commitment[:2]}/{entry.commitment}"
        statement = None
        if not self.export.has(path):
            self._absent.append((entry.index, entry.commitment))
        else:
            try:
                statement = self._open(entry, path)
            except Wrong as cause:
                self.report.wrong("L5", path, cause, index=entry.index)
        if entry.kind == "ledger-batch":
            if statement is None:
                self.unread_batches.append(entry.index)
            else:
                self.batches.append((entry, statement.predicate))

    def _open(self, entry: Entry, path: str) -> Statement:
        stored = self.export.read(path, MAX_PAYLOAD)
        salt, payload = stored[:SALT_SIZE], stored[SALT_SIZE:]
        if len(payload) != entry.size or sha256(COMMITMENT_PREFIX + salt + payload).hex() != entry.commitment:
            raise Wrong("commitment_mismatch", "it is not the payload that the entry commits to")
        self.opened += 1
        bundle = read_bundle(payload)
        statement = read_statement(bundle.statement)
        if (statement.kind, statement.subjects) != (entry.kind, entry.subjects):
            raise Wrong("subject_mismatch", "the signed statement says another kind or other subjects than its entry")
        if bundle.hint is None:
            self.by_certificate += 1
            detail = "signed with a certificate: the signature is not verified here, use `mintmark verify`"
            self.report.cannot("L5", path, "certificate", detail, index=entry.index)
        elif self.trust is not None:
            self._signature(entry, bundle, statement, self.trust)
        return statement

    def _signature(self, entry: Entry, bundle: Bundle, statement: Statement, trust: Trust) -> None:
        key = trust.keys.get(bundle.hint or "")
        if key is None:
            raise Wrong("key_unknown", f"the key {str(bundle.hint)[:16]} is not in the trust file")
        kind, body = PAYLOAD_TYPE.encode(), bundle.statement
        message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)
        if not self.crypto.p256(key.spki, bundle.signature, message):
            raise Wrong("signature_invalid", "its signature does not hold")
        if entry.producer != key.id:
            raise Wrong("producer_mismatch", "the entry names another producer than the key that signed")
        if entry.kind not in key.kinds:
            raise Wrong("kind_not_allowed", f"key {key.id[:16]} may not write {entry.kind}")
        if claimed_origin(statement) not in (None, key.origin):
            raise Wrong("origin_mismatch", f"it claims another origin than {key.origin!r}, which its key has")
        self._times(entry, key)
        self.signed += 1

    def _times(self, entry: Entry, key: TrustedKey) -> None:
        try:
            seconds = calendar.timegm(time.strptime(entry.at[:19], "%Y-%m-%dT%H:%M:%S"))
        except ValueError as cause:
            raise Wrong("time_invalid", f"{entry.at} is not a day of the calendar") from cause
        at = seconds + int(entry.at[20:23]) / 1000
        if (key.not_before is not None and at < key.not_before) or (key.not_after is not None and at > key.not_after):
            raise Wrong("time_invalid", f"key {key.id[:16]} was not valid at {entry.at}")
        if key.revoked_at is not None:
            if at >= key.revoked_at:
                raise Wrong("key_revoked", f"key {key.id[:16]} was revoked at {utc(key.revoked_at)}, before {entry.at}")
            self._revocable.append((entry, key))

    def finish(self, seen: Sequence[tuple[int, float]]) -> None:
        """`seen`: that so many entries were there at a time which somebody other than the log says."""
        erased = 0
        for index, commitment in self._absent:
            path, erasure = f"payload/{commitment[:2]}/{commitment}", self._erasures.get(commitment, -1)
            if erasure > index:
                erased += 1
            else:
                detail = "the payload is missing, and the log records no erasure of it"
                self.report.fail("L5", path, "payload_missing", detail, index=index)
        for entry, key in self._revocable:
            earliest = min((moment for size, moment in seen if size > entry.index), default=None)
            if earliest is None or earliest >= (key.revoked_at or 0):
                detail = f"key {key.id[:16]} was revoked, and nobody but the log says that this was signed before"
                self.report.cannot("L5", "payload", "no_trusted_time", detail, index=entry.index)
        missing = {commitment for _, commitment in self._absent}
        for commitment in sorted(self._erasures.keys() - missing):
            self.report.warn(f"entry {self._erasures[commitment]} erased a payload that is still here: {commitment}")
        self._say(erased)

    def _say(self, erased: int) -> None:
        self.report.counts.update(
            opened=self.opened, signed=self.signed, erased=erased, signed_by_certificate=self.by_certificate
        )
        self.report.say(
            "L5", f"payloads that open their commitments: {self.opened}, signatures that hold: {self.signed}"
        )
        if erased:
            self.report.say("L5", f"payloads erased, and the log says so: {erased}; what they said cannot be checked")
        if self.by_certificate:
            self.report.say("L5", f"payloads signed with a certificate, not verified here: {self.by_certificate}")
        if self.trust is None:
            detail = "no --trust was given, so that no signature of a payload was checked"
            self.report.cannot("L5", "payload", "no_trust", detail)
        elif self.trust.ignored:
            self.report.say("L5", f"of the trust file not checked here: {', '.join(self.trust.ignored)}")


# ---------------------------------------------------------------------------------------------------------------------
# L4: the ledger
# ---------------------------------------------------------------------------------------------------------------------

LEDGER_FILE = "ledger/entries.jsonl"
AMOUNT = re.compile(r"0|[1-9][0-9]{0,37}")
POSTING = re.compile(r"posting ([1-9][0-9]{0,8}) (\S+) ([A-Z]{3}) (-?[1-9][0-9]{0,18}|0)", re.ASCII)


@dataclass
class Batch:
    """A batch of journal entries as the log says it, and what was found of it in the ledger."""

    index: int
    ledger: str
    number: int
    count: int
    root: str
    ranges: list[tuple[int, int]]
    balance: dict[str, int]
    previous: int | None
    frontier: Frontier = field(default_factory=Frontier)
    moved: dict[str, list[int]] = field(default_factory=dict)


def read_batch(entry: Entry, predicate: dict[str, Any]) -> Batch:
    """Raises `Wrong`: `malformed`, `subject_mismatch`, `trial_balance_mismatch`."""
    names, numbers = ("ledger", "root", "trial_balance_digest"), ("batch", "first", "last", "count")
    if not all(isinstance(predicate.get(name), str) for name in names) or not all(
        type(predicate.get(name)) is int for name in numbers
    ):
        raise Wrong("malformed", "the batch lacks a member, or has one of another type")
    if entry.subjects != ((f"{predicate['ledger']}/batch/{predicate['batch']}", predicate["root"]),):
        raise Wrong("subject_mismatch", "the subject of the batch is not its name and its root")
    ranges = _ranges(predicate.get("ranges"))
    count = sum(last - first + 1 for first, last in ranges)
    if (ranges[0][0], ranges[-1][1], count) != (predicate["first"], predicate["last"], predicate["count"]):
        raise Wrong("malformed", "first, last and count of the batch are not those of its ranges")
    balance = predicate.get("trial_balance")
    written = json.dumps(balance, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    if sha256(written).hex() != predicate["trial_balance_digest"]:
        raise Wrong("trial_balance_mismatch", "the digest of the trial balance is not that of the trial balance")
    previous = predicate.get("previous")
    if previous is not None and type(previous) is not int:
        raise Wrong("malformed", "the previous batch is not the index of an entry")
    return Batch(
        index=entry.index,
        ledger=predicate["ledger"],
        number=predicate["batch"],
        count=count,
        root=predicate["root"],
        ranges=ranges,
        balance=_balance(balance),
        previous=previous,
    )


def _ranges(value: Any) -> list[tuple[int, int]]:
    if not isinstance(value, list) or not value:
        raise Wrong("malformed", "the batch has no ranges of entries")
    ranges: list[tuple[int, int]] = []
    for item in value:
        if not isinstance(item, list) or len(item) != 2 or not all(type(end) is int for end in item):
            raise Wrong("malformed", "a range of the batch is not two ids")
        if item[0] > item[1] or (ranges and item[0] <= ranges[-1][1] + 1):
            raise Wrong("malformed", "the ranges of the batch do not ascend apart from one another")
        ranges.append((item[0], item[1]))
    return ranges


def _balance(value: Any) -> dict[str, int]:
    if not isinstance(value, list):
        raise Wrong("trial_balance_mismatch", "the batch has no trial balance")
    balance: dict[str, int] = {}
    for row in value:
        if not isinstance(row, dict) or set(row) != {"currency", "debits_minor", "credits_minor"}:
            raise Wrong("trial_balance_mismatch", "a row of the trial balance is not currency, debits and credits")
        currency, debits, credit = row["currency"], row["debits_minor"], row["credits_minor"]
        if not isinstance(currency, str) or currency in balance:
            raise Wrong("trial_balance_mismatch", "a currency of the trial balance stands twice, or is none")
        if not matches(AMOUNT, debits) or not matches(AMOUNT, credit):
            raise Wrong("trial_balance_mismatch", "a sum of the trial balance is not decimal text")
        if debits != credit:
            raise Wrong("trial_balance_mismatch", f"debits and credits in {currency} differ")
        balance[currency] = int(debits)
    return balance


def posted(identity: int, canonical: str, *, leaf: bytes, stated: Any) -> dict[str, int]:
    """
    What a journal entry moves in each currency.

    Raises `Wrong`: `leaf_mismatch`, `id_mismatch`, `malformed`, `unbalanced`.
    """
    if leaf.hex() != stated:
        raise Wrong("leaf_mismatch", "its text does not hash to its leaf")
    lines = canonical.split("\n")
    if lines[-1]:
        raise Wrong("malformed", "its text does not end in a newline")
    if f"id {identity}" not in lines[:2]:
        raise Wrong("id_mismatch", "its text is that of another entry")
    sums: dict[str, int] = collections.Counter()
    moved: dict[str, int] = collections.Counter()
    legs = 0
    for line in lines:
        if line.startswith("posting "):
            found = POSTING.fullmatch(line)
            legs += 1
            if found is None or int(found[1]) != legs:
                raise Wrong("malformed", f"leg {legs} is not in the form that it has")
            sums[found[3]] += int(found[4])
            moved[found[3]] += max(0, int(found[4]))
    if legs < 2 or any(sums.values()):
        raise Wrong("unbalanced", "its postings do not sum to zero in each currency")
    return dict(moved)


class Ledger:
    """Walks the journal entries in the order of their ids, beside the ranges of ids that the batches bind."""

    def __init__(self, report: Report, batches: Sequence[Batch]) -> None:
        self.report, self.batches = report, batches
        self.entries = 0
        spans = [(first, last, batch) for batch in batches for first, last in batch.ranges]
        self._spans = sorted(spans, key=lambda span: span[:2])
        self._firsts = [span[0] for span in self._spans]
        self._at, self._expected = 0, self._firsts[0] if spans else 0
        self._last_id: int | None = None

    def disjoint(self) -> bool:
        for (_, last, one), (first, _, other) in pairs(self._spans):
            if first <= last:
                detail = f"journal entry {first} is bound by batch {one.number} and by batch {other.number}"
                self.report.fail("L4", LEDGER_FILE, "double_bound", detail, index=max(one.index, other.index))
                return False
        return True

    def take(self, line: bytes) -> None:
        row = read_canonical(line, "journal entry", ascii_only=True)
        identity, canonical = row.get("id"), row.get("canonical")
        if set(row) != {"canonical", "id", "leaf_hash"} or type(identity) is not int or not isinstance(canonical, str):
            raise Wrong("malformed", "a journal entry is not canonical, id and leaf_hash")
        if self._last_id is not None and identity <= self._last_id:
            raise Wrong("malformed", f"journal entry {identity} stands behind {self._last_id}")
        self._last_id = identity
        self.entries += 1
        batch = self._batch_of(identity)
        leaf = leaf_hash(canonical.encode("utf-8"))
        try:
            moved = posted(identity, canonical, leaf=leaf, stated=row["leaf_hash"])
        except Wrong as cause:
            detail = f"journal entry {identity}: {cause}"
            self.report.fail("L4", LEDGER_FILE, cause.reason, detail, index=None if batch is None else batch.index)
            moved = {}
        if batch is None:
            self._unbound(identity)
            return
        batch.frontier.add(leaf)
        for currency, amount in moved.items():
            batch.moved.setdefault(currency, [0])[0] += amount

    def _batch_of(self, identity: int) -> Batch | None:
        at = bisect.bisect_right(self._firsts, identity) - 1
        while self._at < len(self._spans) and (at > self._at or self._spans[self._at][1] < identity):
            self._missing(self._spans[self._at][1])
            self._at += 1
            if self._at < len(self._spans):
                self._expected = self._firsts[self._at]
        if at < 0 or identity > self._spans[at][1]:
            return None
        self._missing(identity - 1)
        self._expected = identity + 1
        return self._spans[at][2]

    def _missing(self, until: int) -> None:
        if self._expected <= until:
            batch = self._spans[self._at][2]
            more = "" if self._expected == until else f" to {until}"
            detail = f"journal entry {self._expected}{more} of batch {batch.number} is not in the ledger"
            self.report.fail("L4", LEDGER_FILE, "entry_missing", detail, index=batch.index)
            self._expected = until + 1

    def _unbound(self, identity: int) -> None:
        """Entries that wait to be bound are not exported: what is here and in no batch was put in behind the log."""
        detail = f"no batch binds journal entry {identity}"
        self.report.fail("L4", LEDGER_FILE, "unbound_entry", detail)

    def finish(self) -> None:
        while self._at < len(self._spans):
            self._missing(self._spans[self._at][1])
            self._at += 1
            if self._at < len(self._spans):
                self._expected = self._firsts[self._at]
        totals: dict[str, int] = collections.Counter()
        previous: Batch | None = None
        for batch in self.batches:
            if batch.frontier.size == batch.count and batch.frontier.root().hex() != batch.root:
                detail = f"the journal entries of batch {batch.number} do not lead to its root: one of them was changed"
                self.report.fail("L4", LEDGER_FILE, "root_mismatch", detail, index=batch.index)
            for currency, amount in batch.moved.items():
                totals[currency] += amount[0]
            stated = {currency: debits for currency, debits in batch.balance.items() if debits}
            if stated != {currency: amount for currency, amount in totals.items() if amount}:
                detail = f"the trial balance of batch {batch.number} is not that of the ledger up to it"
                self.report.fail("L4", LEDGER_FILE, "trial_balance_mismatch", detail, index=batch.index)
            if batch.number != (1 if previous is None else previous.number + 1):
                detail = (
                    f"batch {batch.number} stands where another number should: a batch is missing, or is here twice"
                )
                self.report.fail("L4", "payload", "batch_order", detail, index=batch.index)
            elif batch.previous != (None if previous is None else previous.index):
                detail = f"batch {batch.number} does not name the entry of the batch before it"
                self.report.fail("L4", "payload", "previous_mismatch", detail, index=batch.index)
            previous = batch


def pairs(items: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    for at in range(1, len(items)):
        yield items[at - 1], items[at]


def check_ledger(export: Export, report: Report, payloads: Payloads) -> None:
    bound, present = bool(payloads.batches or payloads.unread_batches), export.has(LEDGER_FILE)
    if not bound and not present:
        report.say("L4", "no ledger is bound to this log")
        return
    report.begin("L4")
    batches = read_batches(report, payloads)
    if not present:
        report.cannot("L4", LEDGER_FILE, "ledger_missing", "the log binds a ledger, and the export does not hold it")
    elif batches is None:
        report.cannot("L4", LEDGER_FILE, "batch_unread", "the ledger was not compared, for a batch could not be read")
    elif len({batch.ledger for batch in batches}) > 1:
        report.cannot("L4", LEDGER_FILE, "two_ledgers", "the log binds more than one ledger, and one is here")
    else:
        compare_ledger(export, report, Ledger(report, batches))


def read_batches(report: Report, payloads: Payloads) -> list[Batch] | None:
    """Nothing when one of them cannot be read: what it binds is then not known."""
    batches = []
    for entry, predicate in payloads.batches:
        try:
            batches.append(read_batch(entry, predicate))
        except Wrong as cause:
            report.wrong("L4", "payload", cause, index=entry.index)
    for index in payloads.unread_batches:
        report.cannot("L4", "payload", "batch_unread", "the payload of this batch could not be read", index=index)
    return batches if len(batches) == len(payloads.batches) and not payloads.unread_batches else None


def compare_ledger(export: Export, report: Report, ledger: Ledger) -> None:
    if not ledger.disjoint():
        return
    try:
        for line in export.lines(LEDGER_FILE):
            ledger.take(line)
    except Wrong as cause:
        report.wrong("L4", LEDGER_FILE, cause)
        return
    ledger.finish()
    report.say("L4", f"journal entries: {ledger.entries}, batches: {len(ledger.batches)}")


# ---------------------------------------------------------------------------------------------------------------------
# L2: checkpoints, witnesses, timestamps
# ---------------------------------------------------------------------------------------------------------------------


@dataclass
class Checkpoints:
    """The newest checkpoint, those that were archived, and those that the auditor brought."""

    newest: Opened | None = None
    kept: dict[str, Opened] = field(default_factory=dict)  # by place, for the checks of level L2
    cosigned: dict[str, dict[bytes, int]] = field(default_factory=dict)  # text → witness key → time

    def add(self, place: str, opened: Opened) -> None:
        self.kept[place] = opened
        known = self.cosigned.setdefault(opened.checkpoint.text, {})
        for key, moment in opened.cosigned.items():
            known[key] = min(moment, known.get(key, moment), key=lambda time_s: time_s or MAX_SAFE_INTEGER)


NOTE_NAME = re.compile(r"checkpoint-archive/([0-9]{12,19})-([0-9a-f]{16})\.note", re.ASCII)
STAMP_NAME = re.compile(r"timestamp/([0-9]{12,19}-[0-9a-f]{16})\.[0-9]{1,9}\.tsr", re.ASCII)


def open_checkpoints(
    export: Export, report: Report, policy: Policy, crypto: Crypto, seen: Sequence[Path]
) -> Checkpoints:
    """Open every note: signatures first, so that all that follows speaks of what the log has signed."""
    found, now = Checkpoints(), int(time.time())
    for place in ["checkpoint", *(path for path in export.below("checkpoint-archive") if NOTE_NAME.fullmatch(path))]:
        try:
            opened = open_checkpoint(export.read(place, MAX_NOTE), policy, crypto, now=now)
            check_name(place, opened.checkpoint)
        except Wrong as cause:
            report.wrong("L2", place, cause)
            continue
        found.add(place, opened)
    # Without its own, the tree is still compared with what the log signed last.
    largest = max(found.kept.values(), key=lambda opened: opened.checkpoint.size, default=None)
    found.newest = found.kept.get("checkpoint", largest)
    for path in seen:
        try:
            found.add(str(path), open_checkpoint(read_own(path, MAX_NOTE), policy, crypto, now=now))
        except Wrong as cause:
            raise Usage(f"{path}: {cause}") from cause
    return found


def check_name(place: str, checkpoint: Checkpoint) -> None:
    name = NOTE_NAME.fullmatch(place)
    if name and (int(name[1]), name[2]) != (checkpoint.size, checkpoint.root.hex()[:16]):
        detail = f"it holds a checkpoint over {checkpoint.size} entries, with root {checkpoint.root.hex()[:16]}"
        raise Wrong("name_mismatch", detail)


def check_prefixes(report: Report, found: Checkpoints, roots: dict[int, bytes], reached: int) -> None:
    """Whatever was signed, at any time, is a prefix of the tree that is there now."""
    sound = 0
    for place, opened in sorted(found.kept.items(), key=lambda item: (item[1].checkpoint.size, item[0])):
        checkpoint = opened.checkpoint
        if found.newest is not None and checkpoint.origin != found.newest.checkpoint.origin:
            report.fail("L2", place, "origin_mismatch", f"it is a checkpoint of {checkpoint.origin}")
        elif checkpoint.size > reached:
            detail = f"the log signed {checkpoint.size} entries, and {reached} are here: the tail is gone"
            report.fail("L2", place, "rollback", detail, index=reached)
        elif roots[checkpoint.size] != checkpoint.root:
            detail = f"the first {checkpoint.size} entries are not those that the log signed"
            report.fail("L2", place, "fork", detail, index=sound if report.first_bad_index is None else None)
        else:
            sound = checkpoint.size


def check_archive(report: Report, found: Checkpoints) -> None:
    archived = [opened for place, opened in found.kept.items() if NOTE_NAME.fullmatch(place)]
    newest = found.newest
    if newest is not None and all(opened.checkpoint.text != newest.checkpoint.text for opened in archived):
        detail = "the newest checkpoint is not among the archived ones: the archive is missing, or parts of it"
        report.cannot("L2", "checkpoint-archive", "archive_missing", detail)
    report.say("L2", f"archived checkpoints that the log signed: {len(archived)}")
    report.counts["archived_checkpoints"] = len(archived)


def check_witnesses(report: Report, found: Checkpoints, policy: Policy, *, allow_unwitnessed: bool) -> None:
    if found.newest is None:
        return
    if policy.quorum == "none":
        report.say("L2", UNWITNESSED)
        report.warn(UNWITNESSED)
        return
    newest = found.newest.checkpoint
    times = found.cosigned[newest.text]
    for name, key in policy.witnesses.items():
        if key.public in times:
            report.say("L2", f"witness {name} saw {newest.size} entries at {utc(times[key.public])}")
    if policy.satisfied_by(set(times)):
        report.witnessed = True
        return
    sizes = [opened.checkpoint.size for opened in found.kept.values() if quorum_met(found, policy, opened)]
    upto = max(sizes, default=0)
    detail = (
        f"{len(times)} witnesses saw the newest checkpoint, which is no quorum; entries from {upto} on are unwitnessed"
    )
    if allow_unwitnessed:
        report.say("L2", detail)
        report.warn(f"{detail}: a rewrite of them by who holds the log key is not detectable")
    else:
        report.cannot("L2", "checkpoint", "quorum_missing", detail)


def quorum_met(found: Checkpoints, policy: Policy, opened: Opened) -> bool:
    times = found.cosigned.get(opened.checkpoint.text, opened.cosigned)
    return policy.quorum != "none" and policy.satisfied_by(set(times))


def trusted_times(found: Checkpoints, policy: Policy) -> list[tuple[int, float]]:
    """(size, time): by that time a quorum of witnesses had seen so many entries."""
    times = []
    for opened in found.kept.values():
        moment = quorum_time(found.cosigned[opened.checkpoint.text], policy)
        if moment is not None:
            times.append((opened.checkpoint.size, float(moment)))
    return times


def quorum_time(cosigned: dict[bytes, int], policy: Policy) -> int | None:
    """When enough witnesses for a quorum had cosigned: a single one may say any time, and time 0 says none."""
    seen: set[bytes] = set()
    for key, moment in sorted(cosigned.items(), key=lambda item: item[1]):
        if moment:
            seen.add(key)
        if policy.quorum != "none" and policy.satisfied_by(seen):
            return moment
    return None


def check_timestamps(
    export: Export, report: Report, found: Checkpoints, roots: bytes | None
) -> list[tuple[int, float]]:
    """RFC 3161, by `openssl ts`. Return (size, time) of those that hold."""
    stamps = [path for path in export.below("timestamp") if STAMP_NAME.fullmatch(path)]
    try:
        openssl = None if roots is None else OpensslCommand()
    except OSError:
        openssl = None
    if roots is not None and not stamps:
        report.cannot("L2", "timestamp", "no_trusted_time", "--tsa-roots were given, and the export has no timestamp")
    holding: list[tuple[int, float]] = []
    for path in stamps:
        try:
            response, checkpoint = export.read(path, MAX_TIMESTAMP), stamped_checkpoint(path, found)
            if roots is None or openssl is None:
                detail = "not checked: that needs --tsa-roots and the openssl command"
                report.cannot("L2", path, "no_tsa_roots", detail)
                continue
            holding.append((checkpoint.size, stamped_at(openssl, response, checkpoint.text.encode(), roots)))
        except Wrong as cause:
            report.wrong("L2", path, cause)
    if holding:
        size, moment = max(holding)
        report.say("L2", f"timestamps: {len(holding)}; entries at {utc(moment)}: {size}")
    return holding


def stamped_checkpoint(path: str, found: Checkpoints) -> Checkpoint:
    name = STAMP_NAME.fullmatch(path)
    opened = found.kept.get(f"checkpoint-archive/{name[1]}.note") if name else None
    if opened is None:
        raise Wrong("unexpected", "there is no archived checkpoint that it stamps")
    return opened.checkpoint


def stamped_at(openssl: OpensslCommand, response: bytes, text: bytes, roots: bytes) -> float:
    """The time that a trusted authority gave. Its certificate is judged at that time: timestamps outlive it."""
    stamp, data, trusted = openssl.put("stamp", response), openssl.put("text", text), openssl.put("roots", roots)
    read, said = openssl.run("ts", "-reply", "-in", stamp, "-text")
    moment = re.search(
        r"^Time stamp: ([A-Z][a-z]{2} {1,2}[0-9]{1,2} [0-9:]{8})(?:\.[0-9]+)? ([0-9]{4}) GMT", said, re.MULTILINE
    )
    algorithm = re.search(r"^Hash Algorithm: (\S+)", said, re.MULTILINE)
    if not read or moment is None or algorithm is None:
        raise Wrong("timestamp_invalid", "it is not a granted RFC 3161 response")
    if algorithm[1].lower().replace("-", "") not in ("sha256", "sha384", "sha512"):
        raise Wrong("weak_algorithm", f"it is over a digest by {algorithm[1][:20]}")
    try:
        at = calendar.timegm(time.strptime(f"{moment[1]} {moment[2]}", "%b %d %H:%M:%S %Y"))
    except ValueError as cause:
        raise Wrong("timestamp_invalid", "its time is not a time") from cause
    if not openssl.run("ts", "-verify", "-in", stamp, "-data", data, "-CAfile", trusted, "-attime", str(at))[0]:
        raise Wrong("timestamp_invalid", "it is not over this checkpoint, or not by an authority of --tsa-roots")
    return float(at)


# ---------------------------------------------------------------------------------------------------------------------
# All of it
# ---------------------------------------------------------------------------------------------------------------------


def walk(
    export: Export, report: Report, newest: Checkpoint, wanted: set[int], payloads: Payloads
) -> tuple[dict[int, bytes], int]:
    """L1, and beside it L3 and L5, in one pass. Return the roots over the wanted sizes, and how far it got."""
    tree, tiles, projection = Frontier(), Tiles(export, report), Projection(export, report)
    roots = {0: tree.root()}
    ids: set[str] = set()
    whole = True
    try:
        for index, path, content in entries_of(export, newest.size):
            leaf = leaf_hash(content)
            tree.add(leaf)
            tiles.add(leaf)
            if tree.size in wanted:
                roots[tree.size] = tree.root()
            try:
                entry = read_entry(index, content, ids)
            except Wrong as cause:
                report.wrong("L1", path, cause, index=index)
                whole = False
                continue
            if index == 0 and LATER_EPOCH.fullmatch(newest.origin) and entry.kind != "epoch":
                detail = f"{newest.origin} does not say which checkpoint it goes on from"
                report.fail("L2", path, "epoch_missing", detail, index=0)
            projection.compare(entry)
            payloads.check(entry)
    except Wrong as cause:
        report.wrong("L1", "tile/entries", cause)
        for level in ("L3", "L5"):
            report.cannot(
                level, "tile/entries", "not_reached", f"checked up to entry {tree.size} only", index=tree.size
            )
        return roots, tree.size
    tiles.finish()
    projection.finish()
    if tree.root() != newest.root:
        report.fail(
            "L1", "checkpoint", "root_mismatch", f"the {newest.size} entries do not lead to the root that was signed"
        )
    if whole:
        account(export, report)
    report.say("L1", f"entries: {tree.size}, hash tiles: {tiles.compared}")
    report.say("L3", f"rows: {projection.rows}")
    return roots, tree.size


def account(export: Export, report: Report) -> None:
    """Nothing may lie among what is checked that no check has read."""
    for path in export.left():
        level = CHECKED_FOLDERS.get(path.partition("/")[0])
        if level is not None and path != LEDGER_FILE and not STAMP_NAME.fullmatch(path):
            report.fail(level, path, "unexpected", "nothing in the log asks for this file")
    for path, what in sorted(export.odd.items()):
        level = CHECKED_FOLDERS.get(path.partition("/")[0])
        if level is None:
            report.warn(f"{path}: {what}, not looked at")
        else:
            report.fail(level, path, "not_a_file", f"it is {what}")


def account_for_the_rest(export: Export, report: Report, own: dict[str, bytes]) -> None:
    """Copies of what the auditor brought are compared; any other file is named, for nobody has checked it."""
    for path in export.left():
        if path.partition("/")[0] in CHECKED_FOLDERS:
            continue
        if path not in own:
            report.warn(f"{path}: nothing checks this file")
            continue
        try:
            same = export.read(path, MAX_OWN_FILE) == own[path]
        except Wrong as cause:
            report.warn(f"{path}: {cause}")
            continue
        if not same:
            report.warn(f"{path}: differs from the one that you brought, which was used")


def check_export(options: argparse.Namespace, report: Report, policy: Policy, crypto: Crypto) -> None:
    export = Export(options.export)
    trust = read_trust_file(options.trust)
    found = open_checkpoints(export, report, policy, crypto, options.seen)
    for level in ("L1", "L2", "L3", "L5"):
        report.begin(level)
    if found.newest is None:
        detail = "there is no checkpoint that the log signed: nothing says what should be here"
        for level in ("L1", "L3", "L5"):
            report.cannot(level, "checkpoint", "no_checkpoint", detail)
        return
    newest = found.newest.checkpoint
    report.origin, report.size, report.root = newest.origin, newest.size, newest.root
    receipt = open_receipt(options, report, policy, crypto)
    if receipt is not None:
        found.add(str(options.receipt), receipt)
    payloads = Payloads(export, report, crypto, trust)
    wanted = {opened.checkpoint.size for opened in found.kept.values()}
    roots, reached = walk(export, report, newest, wanted, payloads)
    check_prefixes(report, found, roots, reached)
    check_archive(report, found)
    check_witnesses(report, found, policy, allow_unwitnessed=options.allow_unwitnessed)
    roots_pem = None if options.tsa_roots is None else read_own(options.tsa_roots, MAX_OWN_FILE)
    times = check_timestamps(export, report, found, roots_pem) + trusted_times(found, policy)
    if reached == newest.size:
        payloads.finish(times)
        check_ledger(export, report, payloads)
    own = {"trust/log.policy": options.policy, "trust/trust.toml": options.trust, "trust/tsa.pem": options.tsa_roots}
    copies = {name: read_own(path, MAX_OWN_FILE) for name, path in own.items() if path is not None}
    account_for_the_rest(export, report, {**copies, "verify.py": Path(__file__).read_bytes()})


def open_receipt(options: argparse.Namespace, report: Report, policy: Policy, crypto: Crypto) -> Opened | None:
    """L0. Return its checkpoint, which the export, where there is one, must go on from."""
    if options.receipt is None:
        return None
    report.begin("L0")
    place, entry = str(options.receipt), read_own(options.entry, MAX_NOTE)
    try:
        receipt = read_receipt(read_own(options.receipt, MAX_RECEIPT))
        opened = open_checkpoint(receipt.note, policy, crypto, now=int(time.time()))
        check_receipt(receipt, entry, opened)
        read_entry(receipt.index, entry, set())
    except Wrong as cause:
        report.wrong("L0", place, cause)
        return None
    checkpoint = opened.checkpoint
    report.origin = report.origin or checkpoint.origin
    report.say("L0", f"the entry is entry {receipt.index} of {checkpoint.size} in {checkpoint.origin}")
    if not policy.satisfied_by(set(opened.cosigned)):
        detail = f"{len(opened.cosigned)} witnesses saw the receipt's checkpoint, which is no quorum"
        if options.allow_unwitnessed:
            report.warn(detail)
        else:
            report.cannot("L0", place, "quorum_missing", detail, index=receipt.index)
    elif policy.quorum == "none":
        report.warn(UNWITNESSED)
    return opened


def read_trust_file(path: Path | None) -> Trust | None:
    if path is None:
        return None
    try:
        return read_trust(read_own(path, MAX_NOTE).decode("utf-8"))
    except (Wrong, UnicodeDecodeError) as cause:
        raise Usage(f"{path}: {cause}") from cause


def read_own(path: Path, limit: int) -> bytes:
    """A file of the auditor's own. Raises `Usage`."""
    try:
        with path.open("rb") as handle:
            content = handle.read(limit + 1)
    except OSError as cause:
        raise Usage(f"{path}: {cause.strerror}") from cause
    if len(content) > limit:
        raise Usage(f"{path}: over {limit} bytes")
    return content


def verify(options: argparse.Namespace) -> Report:
    """Raises `Usage` for what the auditor can mend."""
    report = Report()
    try:
        policy = read_policy(read_own(options.policy, MAX_OWN_FILE))
    except Wrong as cause:
        raise Usage(f"{options.policy}: {cause}") from cause
    crypto = find_crypto(options.crypto)
    if crypto is None:
        detail = "signatures need the cryptography package or the openssl command (3.0 or later): neither works here"
        report.cannot("L2", "this machine", "no_crypto", detail)
        return report
    try:
        if options.export is None:
            open_receipt(options, report, policy, crypto)
        else:
            check_export(options, report, policy, crypto)
    except Wrong as cause:
        report.cannot("L2", cause.place or "this machine", cause.reason, str(cause))
    return report


def arguments(words: Sequence[str]) -> argparse.Namespace:
    lines = (__doc__ or "").strip().split("\n")
    parser = argparse.ArgumentParser(
        prog="verify.py",
        description=lines[0],
        epilog="\n".join(lines[1:]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("export", nargs="?", type=Path, metavar="EXPORT", help="the exported folder")
    parser.add_argument(
        "--policy", required=True, type=Path, help="C2SP tlog-policy: the log, its witnesses, the quorum"
    )
    parser.add_argument("--trust", type=Path, help="trust.toml: which keys may sign which kinds of evidence")
    parser.add_argument("--tsa-roots", type=Path, help="PEM certificates of the timestamp authorities")
    parser.add_argument("--seen", type=Path, action="append", default=[], help="a checkpoint you kept; may be repeated")
    parser.add_argument("--receipt", type=Path, help="a receipt (.tlog-proof) to verify")
    parser.add_argument("--entry", type=Path, help="the entry that the receipt is for")
    parser.add_argument(
        "--allow-unwitnessed", action="store_true", help="go on where the quorum of witnesses is missing"
    )
    parser.add_argument(
        "--crypto", choices=("auto", "cryptography", "openssl"), default="auto", help="who checks signatures"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(words)
    if (options.receipt is None) != (options.entry is None):
        parser.error("--receipt and --entry go together")
    if options.export is None and options.receipt is None:
        parser.error("give the exported folder, or a receipt and its entry")
    if options.export is not None and not options.export.is_dir():
        parser.error(f"{options.export} is not a folder")
    return options


def source() -> bytes:
    """This file, as the verifier that needs nothing else."""
    return Path(__file__).read_bytes()


def write_single_file(path: Path) -> None:
    path.write_bytes(source())


def main(words: Sequence[str]) -> int:
    options = arguments(words)
    try:
        report = verify(options)
    except Usage as cause:
        print(f"verify.py: {printable(str(cause))}", file=sys.stderr)
        return USAGE
    except Exception as cause:  # noqa: BLE001 - a hostile export gets an answer, and never a traceback
        report = Report()
        report.cannot("L1", "this program", "internal_error", f"it stopped: {type(cause).__name__}: {cause}")
    print(json.dumps(report.to_json(), indent=2) + "\n" if options.json else report.describe(), end="")
    return EXIT_CODES[report.answer]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
