"""
Secrets and card numbers are never recorded: what looks like one is refused before it is hashed.

An entry cannot be taken back, and the erasure of a payload does not un-tell what was replicated. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from mintmark.evidence.canonical import MAX_DOCUMENT_BYTES
from mintmark.evidence.confidential.cards import card_numbers
from mintmark.evidence.confidential.detectors import DETECTORS
from mintmark.evidence.confidential.values import is_literal, looks_random
from mintmark.evidence.errors import IngestRefused

CARD_NUMBER = "card-number"
NAMED_SECRET = "named-secret"  # noqa: S105 - the name of a kind, not a secret
_SEPARATOR = "\x00"  # no stored text holds it
_REMEDY = "take it out where the statement is made, sign it again, and revoke the secret if it was real"


def check(
    statement: bytes | Mapping[str, Any],
    *,
    identity: str | None = None,
    controls: Sequence[str] = (),
    refs: Sequence[str] = (),
) -> None:
    """
    Refuse a statement, or the ids that go into its entry, when any text or number in them looks confidential.

    Keys and values are looked at, as what they say and not as how they are written: an escape hides nothing. The
    refusal names the place by its JSON pointer and the kind, and nothing of the value.

    Raises `IngestRefused`: `secret_in_evidence`, `card_number_in_evidence`, `malformed`.
    """
    document = {"statement": _parsed(statement), "id": identity, "controls": list(controls), "refs": list(refs)}
    texts, names = _gathered(document)
    if any(True for _ in _found(_SEPARATOR.join(texts))) or (names and _has_named(document)):
        _refuse_first(document)


def redact(text: str) -> str:
    """The text with `[redacted:<kind>]` for whatever `check` would refuse in it."""
    for _ in range(_MAX_ROUNDS):
        spans = sorted(_found(text), key=lambda span: span[0])  # stable: the more telling kinds come first
        if not spans:
            return text
        text = _replaced(text, spans)
    kind = next((kind for _, _, kind in _found(text)), None)
    return text if kind is None else f"[redacted:{kind}]"


_MAX_ROUNDS = 4  # what stood on two sides of a secret may look like another one together


def kinds_in(text: str) -> frozenset[str]:
    """Which kinds of confidential text stand in it."""
    return frozenset(kind for _, _, kind in _found(text))


def is_secret_under(name: str, value: str) -> bool:
    """
    Whether a member or variable of that name should hold a secret, and this value could be one.

    Words with spaces between them are none, but what was read from a file ends in a newline, and a key has several.
    """
    least = _least_under(name)
    value = "".join(value.split("\n")).strip() if least is not None else value
    if least is None or (len(value) > _MAX_NAMED_SECRET) or any(map(str.isspace, value)):
        return False
    return is_literal(value, least=least) if least < _RANDOM else looks_random(value) and is_literal(value, least=least)


_RANDOM = 16
_MAX_NAMED_SECRET = 4096
# Under these names any value counts …
_SURE = ("password", "passwd", "passphrase", "pwd", "secret", "secretkey", "secretaccesskey", "privatekey")
# … and under these only one that looks random, for they also name what is public.
_MAYBE = ("token", "apikey", "accesskey", "accountkey", "authorization", "credential", "credentials", "authkey")


@lru_cache(maxsize=4096)
def _least_under(name: str) -> int | None:
    plain = name[-64:].lower().replace("_", "").replace("-", "").replace(".", "").replace(" ", "")
    return 4 if plain.endswith(_SURE) else _RANDOM if plain.endswith(_MAYBE) else None


def _parsed(statement: bytes | Mapping[str, Any]) -> Any:
    if not isinstance(statement, bytes):
        return statement
    if len(statement) > MAX_DOCUMENT_BYTES:
        raise IngestRefused(f"{len(statement)} bytes", reason="malformed", remedy="record less in one statement")
    try:
        return orjson.loads(statement)
    except orjson.JSONDecodeError as cause:
        raise IngestRefused("not strict JSON", reason="malformed", remedy="make it again with its producer") from cause


def _gathered(document: Any) -> tuple[set[str], bool]:
    """Every text and long number that could be confidential; and whether any stands under a name that makes it so."""
    texts: set[str] = set()
    names: set[str] = set()
    pairs = False
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            texts.add(value)
        elif isinstance(value, dict):
            names.update(value)
            pairs = pairs or ("name" in value and "value" in value)
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, int | float) and abs(value) >= _LEAST_CARD:
            texts.add(_digits(value))
    named = pairs or any(_least_under(name) is not None for name in names)
    return {text for text in texts | names if len(text) >= _SHORTEST and not _is_digest(text)}, named


_SHORTEST = 8  # characters of the shortest thing that any detector finds: `pwd=abcd`, `://a:b@c`
_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{64}")


def _is_digest(text: str) -> bool:
    """Half of the text of evidence is digests, and no detector finds anything in one."""
    return len(text) in {64, 71} and _DIGEST.fullmatch(text) is not None


def _has_named(document: Any) -> bool:
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if any(True for _ in _named(value)):
                return True
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return False


_LEAST_CARD = 10**11


def _digits(number: float) -> str:
    return str(int(number)) if abs(number) < 10**19 else ""


def _named(members: Mapping[str, Any]) -> Iterator[str]:
    """
    The members whose name makes their text a secret.

    `{"name": "DB_PASSWORD", "value": "…"}` is one too: so environments and properties are written.
    """
    for name, value in members.items():
        if _least_under(name) is not None and any(is_secret_under(name, text) for text in _texts_of(value)):
            yield name
    named, held = members.get("name"), members.get("value")
    if isinstance(named, str) and isinstance(held, str) and is_secret_under(named, held):
        yield "value"


def _texts_of(value: Any) -> list[str]:
    """A text, a number, or a list of texts; what an object holds is looked at under its own names."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    return [str(value)] if isinstance(value, int) and not isinstance(value, bool) else []


def _found(text: str) -> Iterator[tuple[int, int, str]]:
    """(first, end, kind) of what looks confidential; where only another writing shows it, the whole text."""
    hits = False
    for hit in _found_as_written(text):
        hits = True
        yield hit
    if not hits and not text.isascii():
        plain = unicodedata.normalize("NFKC", text)  # full-width digits, no-break spaces
        kind = next((kind for _, _, kind in _found_as_written(plain)), None) if plain != text else None
        if kind is not None:
            yield 0, len(text), kind


def _found_as_written(text: str) -> Iterator[tuple[int, int, str]]:
    lowered = text.lower()
    if len(lowered) != len(text):  # some letters lower to two
        lowered = text.translate(_ASCII_LOWER)
    for detector in DETECTORS:
        looked_at = lowered if detector.any_case else text
        for first, end in _pieces(looked_at, detector.anchors):
            for low, high in detector.spans(text[first:end]):
                yield first + low, first + high, detector.kind
    for low, high in card_numbers(text):
        yield low, high, CARD_NUMBER


_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _pieces(text: str, anchors: Sequence[str]) -> set[tuple[int, int]]:
    """The texts, of those that were joined, in which an anchor stands."""
    pieces: set[tuple[int, int]] = set()
    for anchor in anchors:
        at = text.find(anchor)
        while at >= 0:
            end = text.find(_SEPARATOR, at)
            end = len(text) if end < 0 else end
            pieces.add((text.rfind(_SEPARATOR, 0, at) + 1, end))
            at = text.find(anchor, end)
    return pieces


_REST = re.compile(r"[0-9A-Za-z_+/=-]++")


def _replaced(text: str, spans: Sequence[tuple[int, int, str]]) -> str:
    parts, done = [], 0
    for first, end, kind in spans:
        if first >= done:
            parts += [text[done:first], f"[redacted:{kind}]"]
        rest = _REST.match(text, end)  # what is longer than a detector looks goes as a whole
        done = max(done, rest.end() if rest and kind != CARD_NUMBER else end)
    return "".join([*parts, text[done:]])


def _refuse_first(document: Mapping[str, Any]) -> None:
    """Look again, slowly, to name the place."""
    pending: deque[tuple[str, Any]] = deque((f"{name} ", document[name]) for name in document)
    while pending:
        place, value = pending.popleft()
        if isinstance(value, Mapping):
            for number, (key, item) in enumerate(value.items()):
                _refuse_text(f"{place}, the name of member {number}", key)
                pending.append((f"{place}/{_step(key)}", item))
            for key in _named(value):
                raise _refusal(f"{place}/{_step(key)}", NAMED_SECRET)
        elif isinstance(value, list | tuple):
            pending += [(f"{place}/{number}", item) for number, item in enumerate(value)]
        elif isinstance(value, str):
            _refuse_text(place, value)
        elif isinstance(value, int | float) and abs(value) >= _LEAST_CARD:
            _refuse_text(place, _digits(value))


def _refuse_text(place: str, text: str) -> None:
    for _, _, kind in _found(text):
        raise _refusal(place, kind)


def _refusal(place: str, kind: str) -> IngestRefused:
    card = kind == CARD_NUMBER
    return IngestRefused(
        f"{place.strip()} holds what looks like confidential text ({kind.replace('-', ' ')})",
        reason="card_number_in_evidence" if card else "secret_in_evidence",
        remedy="take the card number out, and refer to the card by its token" if card else _REMEDY,
    )


def _step(key: str) -> str:
    """A step of a JSON pointer (RFC 6901) that tells no secret and fits a line."""
    shown = redact(key[:80]).replace("~", "~0").replace("/", "~1")
    return "".join(letter if letter.isprintable() else "�" for letter in shown)
