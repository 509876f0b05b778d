"""Notes, checkpoints, receipts, canonical JSON and bundles: strict, and readable by tools that are not ours."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from sigstore_models.bundle.v1 import Bundle
from tests.evidence.builders import bench

from mintmark.evidence.canonical import canonical, parse_strict
from mintmark.evidence.checkpoint import Checkpoint, open_checkpoint
from mintmark.evidence.errors import EvidenceError, FormatError, NoteError, ProofError
from mintmark.evidence.note import NoteSigner, VerifierKey, open_note
from mintmark.evidence.receipt import parse_receipt, verify_receipt

VECTOR_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
VECTOR_SIGNATURE = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
VECTOR = f"This is an example message.\n\n\u2014 example.com/foo {VECTOR_SIGNATURE}\n".encode()


def test_the_signed_note_vector_verifies() -> None:
    text, signed = open_note(VECTOR, [VerifierKey.decode(VECTOR_KEY)])

    assert text == "This is an example message.\n"
    assert [key.name for key in signed] == ["example.com/foo"]


def test_an_unknown_signer_is_ignored_and_a_known_one_must_be_right() -> None:
    key, stranger = VerifierKey.decode(VECTOR_KEY), NoteSigner.generate("stranger")
    line = stranger.sign("This is an example message.\n").split("\n\n")[1]

    open_note(VECTOR + line.encode(), [key])
    with pytest.raises(NoteError) as unsigned:
        open_note(VECTOR, [stranger.verifier])
    with pytest.raises(NoteError) as broken:
        open_note(VECTOR.replace(b"example message", b"exemplar message"), [key])

    assert (unsigned.value.reason, broken.value.reason) == ("unsigned", "signature_invalid")


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\nno dash\n",
        VECTOR[:-1],
        VECTOR.replace(b"This", b"Th\tis"),
        b"\xff" + VECTOR,
    ],
)
def test_a_malformed_note_is_refused(note: bytes) -> None:
    with pytest.raises(NoteError):
        open_note(note, [VerifierKey.decode(VECTOR_KEY)])


def test_keys_come_back_as_they_went() -> None:
    signer = NoteSigner.generate("log.example/1")

    assert NoteSigner.decode(signer.encode()) == signer
    assert VerifierKey.decode(signer.vkey) == signer.verifier
    with pytest.raises(NoteError):
        VerifierKey.decode(signer.vkey.replace("log.example/1", "log.example/2"))


def test_a_checkpoint_verifies_for_its_own_log_only() -> None:
    signer, other = NoteSigner.generate("log.example/1"), NoteSigner.generate("log.example/1")
    checkpoint = Checkpoint(origin="log.example/1", size=3, root=b"r" * 32)

    assert open_checkpoint(checkpoint.sign(signer), signer.verifier) == checkpoint
    with pytest.raises(NoteError):
        open_checkpoint(checkpoint.sign(signer), other.verifier)


def test_a_receipt_proves_its_entry_and_no_other(tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.fill(5)
    receipt, entry = log.receipt(3).encode(), log.entry(3).encode()

    assert verify_receipt(receipt, entry=entry, log_vkey=place.signer.vkey).index == 3
    assert parse_receipt(receipt).encode() == receipt
    with pytest.raises(ProofError):
        verify_receipt(receipt, entry=log.entry(2).encode(), log_vkey=place.signer.vkey)
    with pytest.raises(EvidenceError):
        verify_receipt(receipt.replace(b"index 3", b"index 2"), entry=entry, log_vkey=place.signer.vkey)
    with pytest.raises(FormatError):
        parse_receipt(receipt.replace(b"@v1", b"@v2"))


Texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(
    lambda text: __import__("unicodedata").normalize("NFC", text)
)
Keys = st.text(st.characters(max_codepoint=127), max_size=8)
Documents = st.dictionaries(
    Keys,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | Texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(Keys, inner, max_size=4),
        max_leaves=12,
    ),
    max_size=6,
)


@given(document=Documents)
def test_the_fast_serialiser_gives_the_bytes_of_the_reference(document: dict[str, Any]) -> None:
    assert canonical(document) == rfc8785.dumps(document)


@pytest.mark.parametrize("value", [1.5, 2**53, "e\u0301", {"é": 1}, b"raw", "\ud800"])
def test_what_cannot_be_written_exactly_is_refused(value: object) -> None:
    with pytest.raises(FormatError):
        canonical({"value": value})


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":1,"a":2}',
        b'{"a":"\\u0000"}',
        b'{"a":NaN}',
        b"\xff{}",
        b"[]",
        b"{" * 100,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
)
def test_hostile_json_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError):
        parse_strict(content, what="test")


def test_brackets_in_a_string_are_not_depth() -> None:
    assert parse_strict(json.dumps({"a": "[" * 500}).encode(), what="test") == {"a": "[" * 500}


def test_our_bundle_is_of_the_sigstore_bundle_schema(tmp_path: Path) -> None:
    content = bench(tmp_path).bundle()

    Bundle.from_json(content)
    assert base64.b64decode(json.loads(content)["dsseEnvelope"]["payload"])
