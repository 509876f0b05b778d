"""Cosignatures and requests, byte for byte: what is written reads as it was, and nothing else is read."""

from __future__ import annotations

import base64
import hashlib
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.witness.builders import Log

from mintmark.evidence.checkpoint import MAX_SIZE, Witnessed, open_checkpoint, open_witnessed
from mintmark.evidence.errors import FormatError, NoteError
from mintmark.evidence.log_policy import parse_log_policy
from mintmark.evidence.note import (
    COSIGNATURE,
    MAX_TIME_S,
    CosignatureSigner,
    NoteSigner,
    VerifierKey,
    add_lines,
    open_note,
    parse_signature_lines,
)
from mintmark.evidence.witness.protocol import AddCheckpoint, parse_add_checkpoint, parse_size

LOG = Log().grow(5)
TEXT = LOG.checkpoint().text()
WITNESS = CosignatureSigner.generate("w.example/1")
AT = 1_700_000_000


def test_a_cosignature_has_the_bytes_of_the_specification() -> None:
    line = WITNESS.line(TEXT, time_s=AT)

    dash, name, encoded = line.removesuffix("\n").split(" ")
    raw = base64.b64decode(encoded)
    public = WITNESS.verifier.public
    assert (dash, name) == ("\u2014", "w.example/1")
    assert raw[:4] == hashlib.sha256(b"w.example/1\n\x04" + public).digest()[:4]
    assert raw[4:12] == AT.to_bytes(8, "big")
    Ed25519PublicKey.from_public_bytes(public).verify(raw[12:], f"cosignature/v1\ntime {AT}\n{TEXT}".encode())
    assert WITNESS.vkey == f"w.example/1+{raw[:4].hex()}+{base64.b64encode(bytes([4]) + public).decode()}"


def test_a_note_tells_who_signed_it_and_when() -> None:
    note = add_lines(LOG.note(), [WITNESS.line(TEXT, time_s=AT)])

    text, signed = open_note(note, [LOG.signer.verifier, WITNESS.verifier])

    assert text == TEXT
    assert [(one.key, one.time_s) for one in signed] == [(LOG.signer.verifier, None), (WITNESS.verifier, AT)]
    assert open_checkpoint(note, LOG.signer.verifier) == LOG.checkpoint()


def test_a_checkpoint_is_opened_under_a_policy_with_its_witnesses_and_its_quorum() -> None:
    other = CosignatureSigner.generate("w.example/2")
    text = f"log {LOG.signer.vkey}\nwitness A {WITNESS.vkey}\nwitness B {other.vkey}\ngroup Q all A B\nquorum Q\n"
    policy = parse_log_policy(text.encode())
    one = add_lines(LOG.note(), [WITNESS.line(TEXT, time_s=AT)])
    both = add_lines(one, [other.line(TEXT, time_s=AT + 1)])

    assert open_witnessed(LOG.note(), policy) == Witnessed(checkpoint=LOG.checkpoint(), signed=(), quorum=False)
    assert [(found.name, found.time_s) for found in open_witnessed(one, policy).signed] == [("w.example/1", AT)]
    assert [open_witnessed(note, policy).quorum for note in (one, both)] == [False, True]


def test_witnesses_alone_do_not_make_a_checkpoint_of_a_log() -> None:
    policy = parse_log_policy(f"log {LOG.signer.vkey}\nwitness A {WITNESS.vkey}\nquorum A\n".encode())
    cosigned = f"{TEXT}\n{WITNESS.line(TEXT, time_s=AT)}".encode()
    refused = {
        "unsigned": cosigned,
        "origin_mismatch": Log(signer=NoteSigner.generate("other.example")).grow(5).note(),
        "signature_invalid": add_lines(LOG.note(), [WITNESS.line(LOG.checkpoint(4).text(), time_s=AT)]),
    }

    for reason, note in refused.items():
        with pytest.raises(NoteError) as error:
            open_witnessed(note, policy)
        assert error.value.reason == reason
    assert open_witnessed(add_lines(LOG.note(), [WITNESS.line(TEXT, time_s=AT)]), policy).quorum


def test_a_key_that_signs_twice_is_counted_once() -> None:
    note = add_lines(LOG.note(), [WITNESS.line(TEXT, time_s=at) for at in (AT, AT + 1)])

    assert [one.time_s for one in open_note(note, [WITNESS.verifier])[1]] == [AT]


def test_sixteen_witnesses_fit_in_a_note_and_a_hundred_do_not_fit_twice() -> None:
    witnesses = [CosignatureSigner.generate(f"w.example/{at}") for at in range(16)]
    note = add_lines(LOG.note(), [one.line(TEXT, time_s=AT) for one in witnesses])

    assert len(open_note(note, [one.verifier for one in witnesses])[1]) == 16
    with pytest.raises(NoteError):
        add_lines(note, [WITNESS.line(TEXT, time_s=AT)] * 100)


def test_a_cosignature_is_no_signature_and_a_signature_no_cosignature() -> None:
    """One seed, both kinds of key: what one signed does not pass for what the other signs."""
    log = NoteSigner(name="same.example", seed=bytes(range(32)))
    twin = CosignatureSigner(name="same.example", seed=log.seed)
    assert log.verifier.public == twin.verifier.public
    assert log.verifier.id != twin.verifier.id
    signed, cosigned = parse_signature_lines(log.line(TEXT) + twin.line(TEXT, time_s=AT))

    assert log.verifier.verifies(TEXT, signed.signature)
    assert twin.verifier.verifies(TEXT, cosigned.signature)
    assert not log.verifier.verifies(TEXT, cosigned.signature[8:])
    assert not twin.verifier.verifies(TEXT, AT.to_bytes(8, "big") + signed.signature)
    assert not log.verifier.verifies(f"cosignature/v1\ntime {AT}\n{TEXT}", signed.signature)


@pytest.mark.parametrize("length", [0, 8, 63, 64, 71, 73])
def test_a_cosignature_of_another_length_does_not_hold(length: int) -> None:
    assert not WITNESS.verifier.verifies(TEXT, bytes(length))


def test_a_time_beyond_63_bits_is_neither_made_nor_believed() -> None:
    for time_s in (-1, MAX_TIME_S + 1):
        with pytest.raises(ValueError, match="time"):
            WITNESS.line(TEXT, time_s=time_s)
    line = WITNESS.line(TEXT, time_s=MAX_TIME_S)
    (parsed,) = parse_signature_lines(line)

    assert WITNESS.verifier.verifies(TEXT, parsed.signature)
    assert not WITNESS.verifier.verifies(TEXT, b"\xff" + parsed.signature[1:])


def test_keys_of_witnesses_come_back_as_they_went_and_other_kinds_are_unknown() -> None:
    assert CosignatureSigner.decode(WITNESS.encode()) == WITNESS
    assert VerifierKey.decode(WITNESS.vkey) == WITNESS.verifier
    assert WITNESS.verifier.algorithm == COSIGNATURE
    with pytest.raises(NoteError) as mixed:
        NoteSigner.decode(WITNESS.encode())
    for algorithm in (0, 2, 5, 6, 255):
        with pytest.raises(NoteError) as unknown:
            VerifierKey.decode(VerifierKey(name="w", public=bytes(32), algorithm=algorithm).encode())
        assert unknown.value.reason == "weak_algorithm"

    assert mixed.value.reason == "key_malformed"


HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=63)


@given(st.integers(0, MAX_SIZE), HASHES)
def test_a_request_reads_as_it_was_written(old_size: int, proof: list[bytes]) -> None:
    request = AddCheckpoint(old_size=old_size, proof=tuple(proof), note=LOG.note())

    assert parse_add_checkpoint(request.encode()) == request


@given(st.binary(max_size=120), st.integers(0, 300))
def test_a_mutilated_request_is_read_or_refused_and_never_reads_as_something_else(noise: bytes, at: int) -> None:
    body = LOG.request(3)
    changed = body[:at] + noise + body[at:]

    with suppress(FormatError, NoteError):
        assert parse_add_checkpoint(changed).encode() == changed


@pytest.mark.parametrize(
    "body", [b"", b"7", b"07\n", b"-1\n", b"7\n\n", b"+7\n", b" 7\n", b"\xd9\xa7\n", b"9" * 30 + b"\n"]
)
def test_a_size_that_is_none_is_refused(body: bytes) -> None:
    assert parse_size(b"7\n") == 7
    assert parse_size(b"0\n") == 0
    with pytest.raises(FormatError):
        parse_size(body)
