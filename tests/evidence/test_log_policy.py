"""A policy names logs, witnesses and a quorum: one key counts once, and an error has the line that it is in."""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.evidence.errors import NoteError
from mintmark.evidence.log_policy import (
    MAX_POLICY_BYTES,
    LogPolicy,
    LogPolicyInvalid,
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
    parse_log_policy,
)
from mintmark.evidence.note import COSIGNATURE, ED25519, CosignatureSigner, NoteSigner, VerifierKey

LOG = VerifierKey(name="log.example/1", public=bytes(32))
KEYS = [VerifierKey(name=f"w{at}.example", public=bytes([at]) * 32, algorithm=COSIGNATURE) for at in range(1, 7)]
V = [key.encode() for key in KEYS]

TWO_LEVELS = f"""\
# two organisations
log {LOG.encode()} https://log.example

\t witness X1 {V[0]} https://x1.example/
witness X2 {V[1]}
witness X3 {V[2]}
group X-witnesses 2 X1 X2 X3
witness Y1 {V[3]}
witness Y2 {V[4]}
  # a comment may be indented
group Y-witnesses any Y1 Y2
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def read(text: str) -> LogPolicy:
    return parse_log_policy(text.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("signed", [set(some) for size in range(6) for some in itertools.combinations(range(5), size)])
def test_a_quorum_of_two_levels_holds_for_the_right_sets_of_witnesses_only(signed: set[int]) -> None:
    wanted = len(signed & {0, 1, 2}) >= 2 and len(signed & {3, 4}) >= 1

    assert read(TWO_LEVELS).satisfied_by([KEYS[at] for at in signed]) is wanted


def test_the_parts_of_a_policy_come_out_as_they_stand() -> None:
    policy = read(TWO_LEVELS)

    assert policy.log_key("log.example/1") == LOG
    assert policy.logs == (PolicyLog(key=LOG, url="https://log.example"),)
    assert policy.witnesses[:2] == (
        PolicyWitness(name="X1", key=KEYS[0], url="https://x1.example/"),
        PolicyWitness(name="X2", key=KEYS[1]),
    )
    assert policy.groups[0] == PolicyGroup(name="X-witnesses", threshold=2, members=("X1", "X2", "X3"))
    assert policy.quorum == "X-and-Y"


def test_a_single_witness_may_be_the_quorum_and_none_asks_for_nobody() -> None:
    single = read(f"witness W {V[0]}\nwitness X {V[1]}\nquorum W\n")

    assert single.satisfied_by([KEYS[0]])
    assert not single.satisfied_by([KEYS[1]])
    assert read("quorum none\n").satisfied_by([])


def test_a_key_that_only_shares_its_name_is_nobody() -> None:
    policy = read(f"witness W {V[0]}\nquorum W\n")
    namesake = VerifierKey(name=KEYS[0].name, public=KEYS[1].public, algorithm=COSIGNATURE)
    other_kind = VerifierKey(name=KEYS[0].name, public=KEYS[0].public, algorithm=ED25519)

    assert not policy.satisfied_by([namesake, other_kind])


RENAMED = VerifierKey(name="other.example", public=KEYS[0].public, algorithm=COSIGNATURE).encode()
REFUSED = {
    "one key under two names": (f"witness A {V[0]}\nwitness B {RENAMED}\nquorum none\n", 2),
    "one key twice": (f"witness A {V[0]}\nwitness B {V[0]}\nquorum none\n", 2),
    "a log's key twice": (f"log {LOG.encode()}\nlog {LOG.encode()}\nquorum none\n", 2),
    "a name twice": (f"witness A {V[0]}\nwitness A {V[1]}\nquorum A\n", 2),
    "a group with a witness's name": (f"witness A {V[0]}\ngroup A any A\nquorum A\n", 2),
    "an undefined member": (f"witness A {V[0]}\ngroup G any A B\nquorum G\n", 2),
    "a later member": (f"group G any A\nwitness A {V[0]}\nquorum G\n", 1),
    "a group in itself": ("group G any G\nquorum G\n", 1),
    "a member twice in a group": (f"witness A {V[0]}\nwitness B {V[1]}\ngroup G 2 A A B\nquorum G\n", 3),
    "a member of two groups": (f"witness A {V[0]}\ngroup G any A\ngroup H any A\nquorum H\n", 3),
    "none as a member": (f"witness A {V[0]}\ngroup G any none\nquorum G\n", 2),
    "none as a name": (f"witness none {V[0]}\nquorum none\n", 1),
    "a threshold of zero": (f"witness A {V[0]}\ngroup G 0 A\nquorum G\n", 2),
    "a threshold above its members": (f"witness A {V[0]}\ngroup G 2 A\nquorum G\n", 2),
    "a threshold with a sign": (f"witness A {V[0]}\ngroup G +1 A\nquorum G\n", 2),
    "a threshold in other digits": (f"witness A {V[0]}\ngroup G \u0661 A\nquorum G\n", 2),
    "a group of nobody": ("group G any\nquorum G\n", 1),
    "no quorum": (f"witness A {V[0]}\n", 0),
    "nothing": ("", 0),
    "two quorums": (f"witness A {V[0]}\nquorum A\nquorum none\n", 3),
    "an undefined quorum": ("quorum A\n", 1),
    "a quorum before its witness": (f"quorum A\nwitness A {V[0]}\n", 1),
    "an unknown keyword": ("quorom none\n", 1),
    "a comment behind words": (f"witness A {V[0]} https://a.example # here\nquorum A\n", 1),
    "a witness with a log's kind of key": (f"witness A {LOG.encode()}\nquorum A\n", 1),
    "a log with a witness's kind of key": (f"log {V[0]}\nquorum none\n", 1),
    "a key whose id is another's": (f"witness A {V[0].replace('w1.', 'w2.')}\nquorum A\n", 1),
    "a carriage return": (f"witness A {V[0]}\r\nquorum A\n", 1),
    "a NUL": ("# \x00\nquorum none\n", 1),
    "a last line without its newline": (f"witness A {V[0]}\nquorum A", 2),
    "a key of another alphabet's octets": (f"witness A \udcff{V[0]}\nquorum A\n", 1),
    "too many bytes": ("#" * MAX_POLICY_BYTES + "\nquorum none\n", 0),
    "a no-break space between words": (f"witness\u00a0A {V[0]}\nquorum A\n", 1),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_policy_is_refused_with_its_line(why: str) -> None:
    text, line = REFUSED[why]

    with pytest.raises(LogPolicyInvalid) as refused:
        read(text)

    assert (refused.value.reason, refused.value.line, refused.value.exit_code) == ("log_policy", line, 2)


def test_a_log_is_not_its_own_witness() -> None:
    signer = NoteSigner.generate("log.example/1")
    same = VerifierKey(name="w.example", public=signer.verifier.public, algorithm=COSIGNATURE)

    for text in (f"log {signer.vkey}\nwitness W {same.encode()}", f"witness W {same.encode()}\nlog {signer.vkey}"):
        with pytest.raises(LogPolicyInvalid, match="does not witness itself"):
            read(f"{text}\nquorum W\n")
    read(f"log {signer.vkey}\nwitness W {CosignatureSigner.generate('w.example').vkey}\nquorum W\n")


def test_the_key_of_an_unknown_log_is_refused_and_two_keys_are_no_one_key() -> None:
    other = VerifierKey(name=LOG.name, public=b"\x07" * 32)
    policy = read(f"log {LOG.encode()}\nlog {other.encode()}\nquorum none\n")

    assert policy.log_keys(LOG.name) == (LOG, other)
    assert policy.log_keys("log.example/2") == ()
    for origin in (LOG.name, "log.example/2"):
        with pytest.raises(NoteError) as refused:
            policy.log_key(origin)
        assert refused.value.reason == "origin_mismatch"


def test_octets_that_are_not_utf_8_may_stand_in_names_and_are_themselves() -> None:
    content = b"witness \xff " + V[0].encode() + b"\nwitness \xfe " + V[1].encode() + b"\nquorum \xff\n"
    policy = parse_log_policy(content)

    assert policy.satisfied_by([KEYS[0]])
    assert not policy.satisfied_by([KEYS[1]])
    assert parse_log_policy(policy.encode()) == policy


@st.composite
def policies(draw: st.DrawFn) -> LogPolicy:
    count = draw(st.integers(1, 6))
    witnesses = tuple(
        PolicyWitness(name=f"w{at}", key=KEYS[at], url=draw(st.sampled_from([None, f"https://w{at}.example"])))
        for at in range(count)
    )
    free, groups = [witness.name for witness in witnesses], []
    for at in range(draw(st.integers(0, 3))):
        members = tuple(free[: draw(st.integers(1, len(free)))])
        free = [*free[len(members) :], f"g{at}"]
        groups.append(PolicyGroup(name=f"g{at}", threshold=draw(st.integers(1, len(members))), members=members))
    names = [*(witness.name for witness in witnesses), *(group.name for group in groups), "none"]
    return LogPolicy(
        logs=(PolicyLog(key=LOG),), witnesses=witnesses, groups=tuple(groups), quorum=draw(st.sampled_from(names))
    )


@given(policies())
def test_a_policy_that_was_written_reads_as_it_was(policy: LogPolicy) -> None:
    assert parse_log_policy(policy.encode()) == policy


@given(policies(), st.sets(st.sampled_from(KEYS)), st.sampled_from(KEYS))
def test_one_more_cosignature_never_undoes_a_quorum(
    policy: LogPolicy, signed: set[VerifierKey], more: VerifierKey
) -> None:
    assert not policy.satisfied_by(signed) or policy.satisfied_by({*signed, more})


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with suppress(LogPolicyInvalid):
        parse_log_policy(content)


def test_a_policy_that_no_file_can_say_is_not_written() -> None:
    policy = LogPolicy(logs=(), witnesses=(PolicyWitness(name="a b", key=KEYS[0]),), groups=(), quorum="none")

    with pytest.raises(LogPolicyInvalid):
        policy.encode()
