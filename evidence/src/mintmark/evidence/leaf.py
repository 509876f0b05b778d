"""What the tree holds: a small canonical envelope, and a salted commitment to the payload beside it. Pure."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from mintmark.evidence.bundle import MEDIA_TYPE
from mintmark.evidence.canonical import canonical, parse_strict
from mintmark.evidence.errors import FormatError
from mintmark.evidence.statement import KINDS, Subject, read_subject
from mintmark.evidence.tiles import MAX_ENTRY_BYTES

VERSION = 1
SALT_SIZE = 32
_DOMAIN = b"mintmark/payload/v1\x00"
_FIELDS = {"v", "id", "kind", "at", "producer", "subjects", "controls", "refs", "payload"}
_REF = re.compile(r"[A-Za-z0-9:._/-]{1,200}")
_ID = re.compile(r"[A-Za-z0-9:._-]{1,100}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOMENT = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}\.[0-9]{3}Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """
    One entry. It holds no personal data and no free text, for it can never be taken back.

    `at` is UTC with milliseconds; `producer` is a key id; `commitment` is hex.
    """

    id: str
    kind: str
    at: str
    producer: str
    subjects: tuple[Subject, ...]
    controls: tuple[str, ...]
    refs: tuple[str, ...]
    media_type: str
    size: int
    commitment: str

    def encode(self) -> bytes:
        document = {
            "v": VERSION,
            "id": self.id,
            "kind": self.kind,
            "at": self.at,
            "producer": self.producer,
            "subjects": [{"name": subject.name, "digest": subject.digest} for subject in self.subjects],
            "controls": list(self.controls),
            "refs": list(self.refs),
            "payload": {"mediaType": self.media_type, "size": self.size, "commitment": self.commitment},
        }
        content = canonical(document)
        if len(content) > MAX_ENTRY_BYTES:
            raise FormatError("entry", why=f"{len(content)} bytes, over {MAX_ENTRY_BYTES}", reason="entry_too_large")
        return content


def commit(payload: bytes, salt: bytes) -> str:
    """`SHA256("mintmark/payload/v1\\0" ‖ salt ‖ payload)`: with the salt gone, nobody can guess the payload."""
    if len(salt) != SALT_SIZE:
        raise ValueError(f"a salt has {SALT_SIZE} bytes, not {len(salt)}")
    return hashlib.sha256(_DOMAIN + salt + payload).hexdigest()


def parse_leaf(content: bytes) -> Leaf:
    """Raises `FormatError`: a store or an export may hold anything, and what is read here has its form."""
    document = parse_strict(content, what="entry", limit=MAX_ENTRY_BYTES)
    if set(document) != _FIELDS or document["v"] != VERSION:
        raise FormatError("entry", why="not a version 1 envelope")
    payload = document["payload"]
    try:
        leaf = Leaf(
            id=document["id"],
            kind=document["kind"],
            at=document["at"],
            producer=document["producer"],
            subjects=tuple(read_subject(item["name"], item["digest"]) for item in document["subjects"]),
            controls=tuple(document["controls"]),
            refs=tuple(document["refs"]),
            media_type=payload["mediaType"],
            size=payload["size"],
            commitment=payload["commitment"],
        )
        _check_form(leaf)
    except (TypeError, KeyError) as cause:
        raise FormatError("entry", why=f"a field is missing or of another type: {cause}") from cause
    if leaf.encode() != content:
        raise FormatError("entry", why="not in canonical form")
    return leaf


def _check_form(leaf: Leaf) -> None:
    """Raises `TypeError` for what is no text."""
    check_id(leaf.id)
    check_refs((*leaf.controls, *leaf.refs))
    wrong = {
        "kind": leaf.kind not in KINDS,
        "at": not _MOMENT.fullmatch(leaf.at),
        "producer": not _DIGEST.fullmatch(leaf.producer),
        "subjects": not leaf.subjects,
        "mediaType": leaf.media_type != MEDIA_TYPE,
        "size": type(leaf.size) is not int or leaf.size < 0,
        "commitment": not _DIGEST.fullmatch(leaf.commitment),
    }
    for field, is_wrong in wrong.items():
        if is_wrong:
            raise FormatError("entry", why=f"its {field} is not in the form that it has")


def check_refs(refs: Sequence[str]) -> tuple[str, ...]:
    """References are ids: what reads like prose or an e-mail address is refused before it is in the log for ever."""
    for ref in refs:
        if not _REF.fullmatch(ref):
            raise FormatError("reference", why=f"{ref!r} is not an id of letters, digits and :._/- (at most 200)")
    return tuple(refs)


def check_id(identity: str) -> str:
    """A UUIDv7, or an id of the producer's own that makes a second submission the same entry."""
    if not _ID.fullmatch(identity):
        raise FormatError("entry", why=f"{identity[:80]!r} is not an id of letters, digits and :._- (at most 100)")
    return identity


@lru_cache(maxsize=16)  # the entries of a batch have one moment
def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, so that the order of the texts is the order of the moments."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone could be any of 38")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def uuid7(moment: datetime, random: bytes) -> str:
    """RFC 9562 §5.7: 48 bits of Unix milliseconds, and ten random bytes less the version and variant bits."""
    milliseconds = int(moment.timestamp() * 1000)
    raw = bytearray(milliseconds.to_bytes(6, "big") + random[:10])
    raw[6] = (raw[6] & 0x0F) | 0x70
    raw[8] = (raw[8] & 0x3F) | 0x80
    return str(uuid.UUID(bytes=bytes(raw)))
