"""A witness answers as C2SP tlog-witness says, is bounded, and never cosigns two histories."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.evidence.witness.builders import Log, serving, witness

from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.errors import LogRefused, StoreUnavailable
from mintmark.evidence.log_policy import parse_log_policy
from mintmark.evidence.note import CosignatureSigner, NoteSigner, add_lines, open_note, parse_note
from mintmark.evidence.tree import EMPTY_ROOT
from mintmark.evidence.witness import server, state
from mintmark.evidence.witness.protocol import MAX_REQUEST_BYTES, AddCheckpoint, Answer, Seen, WitnessRefused
from mintmark.evidence.witness.server import Witness
from mintmark.evidence.witness.state import KEY_FILE, STATE_FILE, WitnessState


@pytest.fixture
def log() -> Log:
    return Log().grow(10)


@pytest.fixture
def served(tmp_path: Path, log: Log) -> Witness:
    return witness(tmp_path / "w", log.policy())


@pytest.fixture
def url(served: Witness) -> Iterator[str]:
    with serving(served) as address:
        yield address


def send(url: str, body: bytes, method: str = "POST", path: str = "/add-checkpoint") -> tuple[int, str | None, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, body=body)
        response = connection.getresponse()
        return response.status, response.headers["content-type"], response.read()
    finally:
        connection.close()


def test_a_growing_log_is_cosigned_each_time(url: str, served: Witness, log: Log) -> None:
    for old, new in ((0, 3), (3, 4), (4, 4), (4, 10)):
        before = int(time.time())
        status, _, line = send(url, log.request(old, new))

        assert status == 200
        text, signed = open_note(add_lines(log.note(new), [line.decode()]), [served.signer.verifier])
        assert text == log.checkpoint(new).text()
        assert signed[0].time_s is not None
        assert before <= signed[0].time_s <= time.time()
        assert served.state.seen(log.signer.name).size == new


def test_the_empty_tree_may_be_cosigned_and_everything_extends_it(url: str, log: Log) -> None:
    assert send(url, log.request(0, 0))[0] == 200
    assert send(url, log.request(0, 0))[0] == 200
    assert send(url, log.request(0, 7))[0] == 200


def test_a_wrong_old_size_is_answered_with_the_right_one(url: str, log: Log) -> None:
    assert send(url, log.request(2, 10)) == (409, "text/x.tlog.size", b"0\n")
    assert send(url, log.request(0, 5))[0] == 200
    assert send(url, log.request(0, 10)) == (409, "text/x.tlog.size", b"5\n")
    assert send(url, log.request(2, 10)) == (409, "text/x.tlog.size", b"5\n")
    assert send(url, log.request(5, 10))[0] == 200


def test_a_checkpoint_from_a_restored_backup_is_not_cosigned(url: str, log: Log) -> None:
    assert send(url, log.request(0, 10))[0] == 200

    assert send(url, log.request(0, 6)) == (409, "text/x.tlog.size", b"10\n")
    assert send(url, log.request(6, 6)) == (409, "text/x.tlog.size", b"10\n")


def test_a_fork_is_refused_at_the_same_size_and_at_a_larger_one_and_both_notes_are_kept(
    url: str, served: Witness, log: Log
) -> None:
    assert send(url, log.request(0, 10))[0] == 200
    fork = log.forked(4).grow(12)

    assert send(url, fork.request(10, 10))[0] == 422
    assert send(url, fork.request(10, 12))[0] == 422
    assert send(url, fork.request(10, 12))[0] == 422
    assert served.state.refused(log.signer.name) == [
        (fork.note(10), log.note(10)),
        (fork.note(12), log.note(10)),
    ]
    assert send(url, log.grow(12).request(10, 12))[0] == 200


def other_signature(log: Log) -> bytes:
    return Log(signer=NoteSigner.generate(log.signer.name), leaves=log.leaves).request(0, 5)


def of_size(log: Log, size: int) -> bytes:
    """A first checkpoint of any size, with a root of zeros."""
    note = Checkpoint(origin=log.signer.name, size=size, root=bytes(32)).sign(log.signer)
    return AddCheckpoint(old_size=0, proof=(), note=note).encode()


REFUSED: dict[str, tuple[int, Callable[[Log], bytes]]] = {
    "an unknown log": (404, lambda _: Log(signer=NoteSigner.generate("log.example/2")).grow(5).request(0)),
    "another key of that name": (403, other_signature),
    "a bad signature of the log": (403, lambda log: log.request(0, 5).replace(b"\n5\n", b"\n4\n")),
    "an old size over the new one": (400, lambda log: AddCheckpoint(old_size=6, proof=(), note=log.note(5)).encode()),
    "a proof from nothing": (422, lambda log: AddCheckpoint(old_size=0, proof=(bytes(32),), note=log.note(5)).encode()),
    "an empty tree with a root": (
        422,
        lambda log: of_size(log, 0),
    ),
    "nothing": (400, lambda _: b""),
    "no old size": (400, lambda log: b"\n" + log.note(5)),
    "no blank line": (400, lambda _: b"old 0\n"),
    "a padded old size": (400, lambda log: b"old 00\n\n" + log.note(5)),
    "an old size over 63 bits": (400, lambda log: b"old 9223372036854775808\n\n" + log.note(5)),
    "a size over 63 bits": (
        400,
        lambda log: of_size(log, 2**63),
    ),
    "64 hashes": (400, lambda log: AddCheckpoint(old_size=1, proof=(bytes(32),) * 64, note=log.note(5)).encode()),
    "a short hash": (400, lambda log: b"old 1\nAAAA\n\n" + log.note(5)),
    "a hash that is not base64": (400, lambda log: b"old 1\n!\n\n" + log.note(5)),
    "no signature": (400, lambda log: b"old 0\n\n" + log.checkpoint(5).text().encode()),
    "an extension line": (
        400,
        lambda log: b"old 0\n\n" + log.signer.sign(log.checkpoint(5).text() + "extension\n").encode(),
    ),
    "no UTF-8": (400, lambda log: b"old 0\n\n\xff" + log.note(5)),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_malformed_or_unsigned_is_refused_and_changes_nothing(what: str, served: Witness, log: Log) -> None:
    status, made = REFUSED[what]

    with pytest.raises(WitnessRefused) as refused:
        served.add_checkpoint(made(log))

    assert refused.value.answer == status
    assert served.state.all_seen() == {}
    served.add_checkpoint(log.request(0, 5))


def test_a_bad_proof_is_refused_and_a_good_one_is_not(served: Witness, log: Log) -> None:
    served.add_checkpoint(log.request(0, 3))
    for proof in ((), (bytes(32),), (*log.prove()(3), bytes(32)), tuple(log.prove()(3))[::-1]):
        with pytest.raises(WitnessRefused) as refused:
            served.add_checkpoint(AddCheckpoint(old_size=3, proof=proof, note=log.note(10)).encode())
        assert (refused.value.answer, refused.value.reason) == (Answer.INCONSISTENT, "fork")

    served.add_checkpoint(log.request(3, 10))


def test_signatures_of_strangers_beside_the_logs_are_ignored(served: Witness, log: Log) -> None:
    text = log.checkpoint(5).text()
    strangers = [NoteSigner.generate(f"stranger.example/{at}").line(text) for at in range(20)]
    note = add_lines(log.note(5), strangers)

    line = served.add_checkpoint(AddCheckpoint(old_size=0, proof=(), note=note).encode())

    assert parse_note(add_lines(note, [line]))[0] == text


def test_a_log_may_have_two_keys_while_one_is_replaced(tmp_path: Path, log: Log) -> None:
    new = Log(signer=NoteSigner.generate(log.signer.name), leaves=log.leaves)
    both = f"log {log.signer.vkey}\nlog {new.signer.vkey}\nquorum none\n"
    served = witness(tmp_path / "two", parse_log_policy(both.encode()))

    served.add_checkpoint(log.request(0, 5))
    served.add_checkpoint(new.request(5, 10))


def test_only_its_own_paths_and_methods_are_answered(url: str, log: Log) -> None:
    assert send(url, log.request(0, 5), path="/other")[0] == 404
    assert send(url, b"", method="GET")[0] == 405
    assert send(url, b"", method="POST", path="/")[0] == 405


def test_its_health_says_who_it_is_and_what_it_has_seen(url: str, served: Witness, log: Log) -> None:
    send(url, log.request(0, 5))

    status, _, body = send(url, b"", method="GET", path="/")

    assert status == 200
    assert json.loads(body) == {
        "witness": "w.example/1",
        "vkey": served.signer.vkey,
        "logs": [{"origin": log.signer.name, "size": 5, "refused": 0}],
    }


def test_a_long_body_is_not_read_to_its_end(url: str, log: Log) -> None:
    assert send(url, b"x" * (MAX_REQUEST_BYTES + 1))[0] == 413
    assert send(url, log.request(0, 5))[0] == 200


def test_slow_clients_are_let_go_and_others_are_served(
    monkeypatch: pytest.MonkeyPatch, served: Witness, log: Log
) -> None:
    monkeypatch.setattr(server, "HEAD_TIMEOUT_S", 0.4)
    monkeypatch.setattr(server.witness_app, "__kwdefaults__", {"body_timeout_s": 0.4})
    with serving(served) as url:
        host, port = urlsplit(url).hostname, urlsplit(url).port
        assert host is not None
        assert port is not None
        head = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n"
        slow = [socket.create_connection((host, port), timeout=5) for _ in range(3)]
        slow[1].sendall(head)
        slow[2].sendall(head + b"Content-Length: 100\r\n\r\nold")

        assert send(url, log.request(0, 5))[0] == 200
        answers = [read_all(connection) for connection in slow]

    assert answers[:2] == [b"", b""]
    assert answers[2].startswith(b"HTTP/1.1 408")


def read_all(connection: socket.socket) -> bytes:
    received = b""
    with connection:
        try:
            while chunk := connection.recv(4096):
                received += chunk
        except ConnectionResetError:
            pass
    return received


def test_what_a_cosignature_says_is_durable_before_it_is_made(served: Witness, log: Log) -> None:
    seen_while_signing = []

    class Watched(CosignatureSigner):
        def line(self, text: str, *, time_s: int) -> str:
            """Look at the state as another process would."""
            seen_while_signing.append(WitnessState(folder=served.state.folder).seen(log.signer.name))
            return super().line(text, time_s=time_s)

    watched = replace(served, signer=Watched(name=served.signer.name, seed=served.signer.seed))
    watched.add_checkpoint(log.request(0, 5))
    watched.add_checkpoint(log.request(5, 10))

    assert seen_while_signing == [Seen(size=size, root=log.checkpoint(size).root) for size in (5, 10)]


def test_a_state_that_cannot_be_written_gives_no_cosignature(
    monkeypatch: pytest.MonkeyPatch, served: Witness, log: Log
) -> None:
    served.add_checkpoint(log.request(0, 5))
    blocking = sqlite3.connect(served.state.folder / STATE_FILE, isolation_level=None)
    blocking.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(state, "BUSY_TIMEOUT_S", 0.1)
    with pytest.raises(StoreUnavailable) as refused:
        served.add_checkpoint(log.request(5, 10))
    blocking.execute("ROLLBACK")
    blocking.close()

    assert (refused.value.reason, served.state.seen(log.signer.name).size) == ("store_unavailable", 5)
    served.add_checkpoint(log.request(5, 10))


def test_the_sizes_only_grow_even_by_hand(served: Witness, log: Log) -> None:
    served.add_checkpoint(log.request(0, 5))
    connection = sqlite3.connect(served.state.folder / STATE_FILE)

    for statement in ("UPDATE seen SET size = 4", "UPDATE seen SET root = zeroblob(32)", "DELETE FROM seen"):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
    connection.close()


def test_a_witness_without_its_state_does_not_start_anew(served: Witness, log: Log) -> None:
    served.add_checkpoint(log.request(0, 5))
    kept = (served.state.folder / STATE_FILE).read_bytes()
    assert served.state.open() == served.signer

    (served.state.folder / STATE_FILE).unlink()
    with pytest.raises(LogRefused) as missing:
        served.state.open()
    with pytest.raises(StoreUnavailable):
        served.add_checkpoint(log.request(0, 5))
    with pytest.raises(LogRefused) as again:
        served.state.create("w.example/1")

    assert (missing.value.reason, again.value.reason) == ("state_missing", "state_exists")
    assert not (served.state.folder / STATE_FILE).exists()
    (served.state.folder / STATE_FILE).write_bytes(kept)
    served.add_checkpoint(log.request(5, 10))


def test_a_key_that_others_can_read_or_that_belongs_elsewhere_is_refused(served: Witness) -> None:
    key = served.state.folder / KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    reasons = []

    key.chmod(0o640)
    with pytest.raises(LogRefused) as exposed:
        served.state.open()
    reasons.append(exposed.value.reason)
    key.chmod(0o600)
    for content in (
        CosignatureSigner.generate("w.example/1").encode(),
        "PRIVATE+KEY+x",
        NoteSigner.generate("w").encode(),
    ):
        key.write_text(content)
        with pytest.raises(LogRefused) as refused:
            served.state.open()
        reasons.append(refused.value.reason)

    assert reasons == ["key_exposed", "key_mismatch", "key_malformed", "key_malformed"]


def race(folder: Path, bodies: list[bytes], log: Log, worker: int) -> list[str]:
    """One worker of many: every body again and again, in an order of its own."""
    state = WitnessState(folder=folder)
    served = Witness(state=state, signer=state.open(), policy=log.policy())
    lines = []
    for at in range(len(bodies) * 3):
        body = bodies[(at * (2 * worker + 1) + worker) % len(bodies)]
        try:
            lines.append(body.split(b"\n\n")[1].decode() + "\n" + served.add_checkpoint(body))
        except WitnessRefused:
            os.sched_yield()
    return lines


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_however_many_ask_at_once_one_history_is_cosigned(kind: str, tmp_path: Path) -> None:
    """Two histories that share two entries, offered from every size to every size."""
    log = Log().grow(6)
    fork = log.forked(2).grow(6)
    bodies = [one.request(old, new) for one in (log, fork) for old in range(6) for new in range(max(old, 1), 7)]
    served = witness(tmp_path / "w", log.policy())
    pool = (
        ThreadPoolExecutor(4)
        if kind == "threads"
        else ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn"))
    )
    with pool:
        jobs = [pool.submit(race, served.state.folder, bodies, log, worker) for worker in range(4)]
        cosigned = {line.split("\u2014")[0] for job in jobs for line in job.result()}

    sizes = [text.split("\n")[1] for text in cosigned]
    assert len(sizes) == len(set(sizes)), "two roots of one size were cosigned"
    assert any({one.checkpoint(size).text() for size in map(int, sizes)} == cosigned for one in (log, fork))
    assert served.state.seen(log.signer.name).size == 6


def test_the_times_of_cosignatures_are_in_the_order_of_sizes(served: Witness, log: Log) -> None:
    times = []
    for size in range(1, 8):
        line = served.add_checkpoint(log.request(size - 1, size))
        times.append(open_note(add_lines(log.note(size), [line]), [served.signer.verifier])[1][0].time_s)

    assert times == sorted(times, key=str)
    assert Log().checkpoint().root == EMPTY_ROOT
