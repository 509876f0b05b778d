"""The log collects cosignatures, believes none that it has not verified, and stops when a witness contradicts it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.witness.builders import (
    Log,
    answering,
    http_reply,
    quorum_of,
    serving,
    three_witnesses,
    witness,
)

from mintmark.evidence.checkpoint import open_checkpoint
from mintmark.evidence.errors import LogRefused, StoreUnavailable
from mintmark.evidence.log_policy import LogPolicy, LogPolicyInvalid, PolicyWitness
from mintmark.evidence.note import CosignatureSigner, open_note, parse_signature_lines
from mintmark.evidence.witness.answers import Why, read_answer
from mintmark.evidence.witness.client import Cosigned, QuorumMissing, WitnessClient, require_quorum
from mintmark.evidence.witness.transport import HttpAnswer, TransportFailed, post

SIZE_TYPE = "text/x.tlog.size"


def cosign(client: WitnessClient, log: Log, size: int | None = None, newest: int | None = None) -> Cosigned:
    return client.cosign(
        log.note(size),
        log.checkpoint(size),
        log.prove(size),
        newest=None if newest is None else lambda: newest,
    )


def reasons(cosigned: Cosigned) -> dict[str, str]:
    return {failure.witness: failure.why.value for failure in cosigned.failures}


def test_a_growing_log_is_cosigned_by_all_and_the_note_still_opens_with_the_logs_key(tmp_path: Path) -> None:
    log = Log()
    with three_witnesses(tmp_path, log) as witnesses:
        policy = quorum_of(log, 3, witnesses)
        client = WitnessClient(policy=policy)
        for size in (1, 2, 300, 300):
            cosigned = cosign(client, log.grow(size))

            text, signed = open_note(require_quorum(cosigned), policy.witness_keys)
            assert text == log.checkpoint().text()
            assert [one.key for one in signed] == list(policy.witness_keys)
            assert all(one.time_s is not None and abs(one.time_s - time.time()) < 60 for one in signed)
            assert open_checkpoint(cosigned.note, log.signer.verifier) == log.checkpoint()


def test_a_client_that_knows_nothing_of_what_was_seen_asks_and_proves_from_there(tmp_path: Path) -> None:
    log = Log()
    with three_witnesses(tmp_path, log) as witnesses:
        policy = quorum_of(log, 3, witnesses)
        cosign(WitnessClient(policy=quorum_of(log, 1, witnesses[:1])), log.grow(5))
        cosign(WitnessClient(policy=quorum_of(log, 1, witnesses[1:2])), log.grow(7))

        assert cosign(WitnessClient(policy=policy), log.grow(9)).quorum


def test_a_note_that_was_cosigned_is_not_cosigned_twice_by_the_same(tmp_path: Path) -> None:
    log = Log().grow(5)
    with three_witnesses(tmp_path, log) as witnesses:
        first = cosign(WitnessClient(policy=quorum_of(log, 1, witnesses[:1])), log)
        client = WitnessClient(policy=quorum_of(log, 3, witnesses))
        again = client.cosign(first.note, log.checkpoint(), log.prove())

    assert again.quorum
    assert again.note.startswith(first.note)
    assert again.note.count(b"\xe2\x80\x94 w1.example ") == 1


def test_a_quorum_may_lack_a_witness_and_too_few_are_no_quorum(tmp_path: Path) -> None:
    log = Log().grow(5)
    with three_witnesses(tmp_path, log) as witnesses:
        gone = socket.create_server(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{gone.getsockname()[1]}"
        gone.close()
        some = [witnesses[0], (witnesses[1][0], nowhere), (witnesses[2][0], None)]

        enough = cosign(WitnessClient(policy=quorum_of(log, 1, some)), log)
        too_few = cosign(WitnessClient(policy=quorum_of(log, 2, some)), log)

    assert require_quorum(enough) == enough.note
    assert reasons(enough) == {"W2": "unreachable", "W3": "no_url"}
    with pytest.raises(QuorumMissing) as missing:
        require_quorum(too_few)
    assert isinstance(missing.value, StoreUnavailable)
    assert (missing.value.reason, missing.value.exit_code) == ("quorum_missing", 5)
    assert [one.key.name for one in missing.value.cosigned.signed] == ["w1.example"]


def test_a_log_restored_from_a_backup_is_stopped_by_any_witness_that_saw_more(tmp_path: Path) -> None:
    log = Log().grow(9)
    with three_witnesses(tmp_path, log) as witnesses:
        cosign(WitnessClient(policy=quorum_of(log, 1, witnesses[:1])), log)
        client = WitnessClient(policy=quorum_of(log, 1, witnesses))

        attempts: list[Callable[[], object]] = [
            lambda: cosign(client, log, 6),
            lambda: client.survey(log.note(6), log.checkpoint(6)),
            lambda: client.survey(log.note(0), log.checkpoint(0)),
        ]
        for ask in attempts:
            with pytest.raises(LogRefused, match="W1: it has seen 9 entries") as refused:
                ask()
            assert (refused.value.reason, refused.value.exit_code) == ("rollback", 4)
        assert cosign(client, log.grow(10)).quorum


def test_a_log_restored_and_grown_again_is_stopped_as_a_fork(tmp_path: Path) -> None:
    log = Log().grow(9)
    with three_witnesses(tmp_path, log) as witnesses:
        client = WitnessClient(policy=quorum_of(log, 1, witnesses))
        cosign(client, log)
        fork = log.forked(6)

        for size in (9, 12):
            fork.grow(size)
            for asking in (client, WitnessClient(policy=client.policy)):
                with pytest.raises(LogRefused) as refused:
                    cosign(asking, fork)
                assert refused.value.reason == "fork"
        with pytest.raises(LogRefused) as surveyed:
            client.survey(fork.note(9), fork.checkpoint(9))
        assert surveyed.value.reason == "fork"


def test_a_survey_says_what_each_has_seen_and_changes_nothing(tmp_path: Path) -> None:
    log = Log().grow(9)
    with three_witnesses(tmp_path, log) as witnesses:
        cosign(WitnessClient(policy=quorum_of(log, 1, witnesses[:1])), log, 9)
        cosign(WitnessClient(policy=quorum_of(log, 1, witnesses[1:2])), log, 4)
        some = [*witnesses, (witness(tmp_path / "w4", log.policy(), "w4.example"), None)]

        surveyed = WitnessClient(policy=quorum_of(log, 1, some)).survey(log.note(), log.checkpoint())

        assert dict(surveyed.sizes) == {"W1": 9, "W2": 4, "W3": 0}
        assert [(one.witness, one.why) for one in surveyed.failures] == [("W4", Why.NO_URL)]
        assert [one.state.seen(log.signer.name).size for one, _ in witnesses] == [9, 4, 0]


def test_a_witness_that_another_publisher_has_served_is_no_rollback(tmp_path: Path) -> None:
    log = Log().grow(9)
    with three_witnesses(tmp_path, log) as witnesses:
        policy = quorum_of(log, 1, witnesses[:1])
        cosign(WitnessClient(policy=policy), log)

        late = cosign(WitnessClient(policy=policy), log, 6, newest=9)
        with pytest.raises(LogRefused):
            cosign(WitnessClient(policy=policy), log, 6, newest=8)

    assert reasons(late) == {"W1": "superseded"}
    assert not late.quorum


def line_of(signer: CosignatureSigner, text: str) -> bytes:
    return signer.line(text, time_s=1_700_000_000).encode()


def backdated(signer: CosignatureSigner, text: str) -> bytes:
    """A cosignature whose time was changed after it was made."""
    (line,) = parse_signature_lines(signer.line(text, time_s=1_700_000_000))
    return replace(line, signature=(1_600_000_000).to_bytes(8, "big") + line.signature[8:]).encode().encode()


OURS = CosignatureSigner.generate("w.example/1")
NAMESAKE = CosignatureSigner.generate("w.example/1")
ANSWERS: dict[str, tuple[str, Callable[[str], tuple[int, bytes, str]]]] = {
    "of another text": ("signature_invalid", lambda text: (200, line_of(OURS, text.replace("5", "6")), "text/plain")),
    "of a namesake": ("no_cosignature", lambda text: (200, line_of(NAMESAKE, text), "text/plain")),
    "with the time changed": ("signature_invalid", lambda text: (200, backdated(OURS, text), "text/plain")),
    "nothing": ("refused", lambda _: (200, b"", "text/plain")),
    "a page": ("refused", lambda _: (200, b"<html>\n", "text/html")),
    "a line without its end": ("refused", lambda text: (200, line_of(OURS, text)[:-1], "text/plain")),
    "bytes": ("refused", lambda _: (200, b"\xff\xfe\n", "text/plain")),
    "101 lines": ("refused", lambda text: (200, line_of(NAMESAKE, text) * 101, "text/plain")),
    "too much": ("unreachable", lambda text: (200, line_of(OURS, text) * 1_000, "text/plain")),
    "a size that is none": ("refused", lambda _: (409, b"many\n", SIZE_TYPE)),
    "a size over 63 bits": ("refused", lambda _: (409, b"9223372036854775808\n", SIZE_TYPE)),
    "the size that was proven from": ("refused", lambda _: (409, b"0\n", SIZE_TYPE)),
    "a size again": ("refused", lambda _: (409, b"2\n", SIZE_TYPE)),
    "a redirect": ("refused", lambda _: (302, b"", "text/plain")),
    "an error": ("refused", lambda _: (500, b"\x1b[31mno", "text/plain")),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_that_is_no_cosignature_is_left_out(what: str) -> None:
    reason, answer = ANSWERS[what]
    log = Log().grow(5)
    with answering(http_reply(*answer(log.checkpoint().text()))) as url:
        listed = PolicyWitness(name="W", key=OURS.verifier, url=url)
        client = WitnessClient(policy=LogPolicy(logs=(), witnesses=(listed,), groups=(), quorum="W"))
        cosigned = cosign(client, log)

    assert (reasons(cosigned), cosigned.quorum, cosigned.note) == ({"W": reason}, False, log.note())
    assert all(failure.detail.isprintable() for failure in cosigned.failures)


def test_a_good_cosignature_among_others_is_taken_alone() -> None:
    """The control of the answers above, and what a witness with two keys answers."""
    log = Log().grow(5)
    text = log.checkpoint().text()
    lines = line_of(NAMESAKE, text) + line_of(OURS, text) + line_of(CosignatureSigner.generate("else"), text)
    with answering(http_reply(200, lines)) as url:
        listed = PolicyWitness(name="W", key=OURS.verifier, url=f"{url}/")
        client = WitnessClient(policy=LogPolicy(logs=(), witnesses=(listed,), groups=(), quorum="W"))
        cosigned = cosign(client, log)

    assert require_quorum(cosigned) == log.note() + line_of(OURS, text)
    assert [(one.name, one.time_s) for one in cosigned.signed] == [("w.example/1", 1_700_000_000)]


@pytest.mark.parametrize("status", [409, 422])
def test_both_ways_in_which_the_protocol_has_told_a_fork_are_one(status: int) -> None:
    log = Log().grow(5)
    with answering(http_reply(status, b"roots differ\n")) as url:
        listed = PolicyWitness(name="W", key=OURS.verifier, url=url)
        client = WitnessClient(policy=LogPolicy(logs=(), witnesses=(listed,), groups=(), quorum="none"))
        with pytest.raises(LogRefused) as refused:
            cosign(client, log)

    assert refused.value.reason == "fork"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


def drip(connection: socket.socket) -> None:
    for byte in HEAD + b"x" * 1_000:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def drip_the_body(connection: socket.socket) -> None:
    connection.sendall(HEAD)
    for _ in range(1_000):
        connection.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("stall", [drip, drip_the_body, lambda _: time.sleep(3)])
def test_slow_witnesses_cost_one_timeout_and_the_others_are_not_lost(
    stall: Callable[[socket.socket], None], tmp_path: Path
) -> None:
    log = Log().grow(5)
    with ExitStack() as stack:
        good = witness(tmp_path / "w", log.policy())
        slow = [CosignatureSigner.generate(f"slow.example/{at}") for at in range(3)]
        listed = [PolicyWitness(name="good", key=good.signer.verifier, url=stack.enter_context(serving(good)))]
        listed += [
            PolicyWitness(name=f"slow{at}", key=one.verifier, url=stack.enter_context(answering(stall)))
            for at, one in enumerate(slow)
        ]
        client = WitnessClient(
            policy=LogPolicy(logs=(), witnesses=tuple(listed), groups=(), quorum="good"), timeout_s=0.5
        )
        started = time.monotonic()
        cosigned = cosign(client, log)
        took = time.monotonic() - started

    assert cosigned.quorum
    assert reasons(cosigned) == {"slow0": "unreachable", "slow1": "unreachable", "slow2": "unreachable"}
    assert took < 1.5


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://w.example", "http://", "w.example", "http://u:p@w.example", "http://w:x/"]
)
def test_a_policy_whose_witness_has_no_http_address_is_refused(url: str) -> None:
    policy = LogPolicy(logs=(), witnesses=(PolicyWitness(name="W", key=OURS.verifier, url=url),), groups=(), quorum="W")

    with pytest.raises(LogPolicyInvalid) as refused:
        WitnessClient(policy=policy)
    WitnessClient(policy=replace(policy, witnesses=(replace(policy.witnesses[0], url="https://w.example:8443/x"),)))

    assert refused.value.reason == "log_policy"


def test_an_answer_that_breaks_off_is_no_answer() -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    with answering(lambda connection: connection.sendall(half)) as url, pytest.raises(TransportFailed):
        post(url, b"", content_type="text/plain", timeout_s=2, max_bytes=100)
    with answering(http_reply(200, b"whole")) as url:
        assert post(url, b"", content_type="text/plain", timeout_s=2, max_bytes=100).body == b"whole"


@given(st.integers(100, 599), st.sampled_from([SIZE_TYPE, "text/plain", ""]), st.binary(max_size=200))
def test_no_answer_of_a_witness_breaks_its_reader(status: int, media_type: str, body: bytes) -> None:
    listed = PolicyWitness(name="W", key=OURS.verifier)
    note = Log(leaves=[bytes(32)]).note()

    read_answer(listed, HttpAnswer(status=status, media_type=media_type, body=body), note)
