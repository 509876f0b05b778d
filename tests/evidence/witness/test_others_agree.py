"""Others agree: litewitness cosigns our checkpoints, and torchwood opens what our witness cosigned."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.evidence.witness.builders import Log, quorum_of, three_witnesses

from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.errors import LogRefused
from mintmark.evidence.log_policy import LogPolicy, PolicyLog, PolicyWitness
from mintmark.evidence.note import VerifierKey, open_note
from mintmark.evidence.tree import EMPTY_ROOT
from mintmark.evidence.witness.client import WitnessClient, require_quorum
from mintmark.evidence.witness.transport import post

SOURCE = Path(__file__).parent / "gopolicy"


@pytest.fixture
def litewitness(tmp_path: Path) -> Iterator[tuple[Log, PolicyWitness]]:
    """A log, and litewitness with a key in an agent of its own, which has been told of that log."""
    program, agent = shutil.which("litewitness"), shutil.which("ssh-agent")
    if program is None or agent is None:
        pytest.skip("litewitness or ssh-agent is not installed: our client is not held to a witness that is not ours")
    log = Log()
    # a socket's path has 108 bytes at most, which a test's folder may exceed
    with tempfile.TemporaryDirectory(prefix="agent-") as short:
        agent_socket = Path(short) / "s"
        key = tmp_path / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        with running([agent, "-D", "-a", str(agent_socket)], tmp_path / "agent.log"):
            wait_for(agent_socket.exists)
            environment = os.environ | {"SSH_AUTH_SOCK": str(agent_socket)}
            subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True)
            printed = subprocess.run(["ssh-keygen", "-lf", str(key)], check=True, capture_output=True, text=True).stdout
            with socket.create_server(("127.0.0.1", 0)) as free:
                address = f"127.0.0.1:{free.getsockname()[1]}"
            said = tmp_path / "litewitness.log"
            words = [program, f"-db={tmp_path / 'lite.db'}", f"-ssh-agent={agent_socket}", f"-listen={address}"]
            with running([*words, "-name=lite.example/1", f"-key={printed.split()[1]}"], said):
                wait_for(lambda: "vkey=" in said.read_text(), said)
                wait_for(lambda: answers(address), said)
                introduce(tmp_path / "lite.db", log)
                vkey = re.findall(r"vkey=(\S+)", said.read_text())[0]
                yield log, PolicyWitness(name="lite", key=VerifierKey.decode(vkey), url=f"http://{address}")


def introduce(database: Path, log: Log) -> None:
    """What `witnessctl add-log` and `add-key` do."""
    root = Checkpoint(origin=log.signer.name, size=0, root=EMPTY_ROOT).text().split("\n")[2]
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        connection.execute("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", (log.signer.name, root))
        connection.execute("INSERT INTO key (origin, key) VALUES (?, ?)", (log.signer.name, log.signer.vkey))


@contextmanager
def running(words: list[str], output: Path) -> Iterator[None]:
    with output.open("wb") as handle:
        process = subprocess.Popen(words, stdout=handle, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def answers(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=1)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def wait_for(ready: object, said: Path | None = None) -> None:
    assert callable(ready)
    deadline = time.monotonic() + 10
    while not ready():
        assert time.monotonic() < deadline, said.read_text() if said else "not in time"
        time.sleep(0.02)


def test_litewitness_cosigns_our_log_as_it_grows_and_nothing_that_contradicts_it(
    litewitness: tuple[Log, PolicyWitness],
) -> None:
    log, listed = litewitness
    policy = LogPolicy(logs=(PolicyLog(key=log.signer.verifier),), witnesses=(listed,), groups=(), quorum="lite")
    client = WitnessClient(policy=policy)
    for size in (1, 2, 255, 257, 257):
        log.grow(size)
        note = require_quorum(client.cosign(log.note(), log.checkpoint(), log.prove()))
        _, signed = open_note(note, policy.witness_keys)
        assert signed[0].key == listed.key
        assert signed[0].time_s is not None
        assert abs(signed[0].time_s - time.time()) < 60

    assert dict(client.survey(log.note(), log.checkpoint()).sizes) == {"lite": 257}
    newcomer = WitnessClient(policy=policy)
    log.grow(600)
    assert newcomer.cosign(log.note(), log.checkpoint(), log.prove()).quorum, "a wrong old size, and then the right one"

    fork = log.forked(100)
    for size, asking in ((600, client), (600, newcomer), (700, WitnessClient(policy=policy))):
        fork.grow(size)
        with pytest.raises(LogRefused) as forked:
            asking.cosign(fork.note(), fork.checkpoint(), fork.prove())
        assert forked.value.reason == "fork"
    with pytest.raises(LogRefused) as restored:
        client.survey(log.note(300), log.checkpoint(300))
    assert restored.value.reason == "rollback"
    log.grow(601)
    assert client.cosign(log.note(), log.checkpoint(), log.prove()).quorum


def test_litewitness_gives_the_statuses_that_our_own_witness_gives(
    litewitness: tuple[Log, PolicyWitness], tmp_path: Path
) -> None:
    log, listed = litewitness
    log.grow(10)
    stranger = replace(log, signer=Log().signer)
    fork = log.forked(2).grow(12)
    bodies = [
        log.request(3, 5),  # nothing was seen
        log.request(0, 5),
        log.request(0, 5),  # five were seen
        log.request(5, 5),
        log.request(5, 10),
        fork.request(10, 10),
        fork.request(10, 12),
        stranger.request(10, 10),
        replace(log, signer=type(log.signer).generate("unknown.example")).request(0, 5),
        log.request(5, 10).replace(b"old 5", b"old 11"),
        log.request(5, 10).replace(b"old 5", b"old five"),
    ]
    with three_witnesses(tmp_path, log) as ours:
        answered = [
            [
                post(f"{url}/add-checkpoint", body, content_type="text/plain", timeout_s=5, max_bytes=10_000)
                for body in bodies
            ]
            for url in (listed.url, ours[0][1])
        ]

    statuses = [[answer.status for answer in answers] for answers in answered]
    assert statuses[0] == statuses[1] == [409, 200, 409, 200, 200, 422, 422, 403, 404, 400, 400]
    sizes = [[(one.media_type, one.body) for one in answers if one.status == 409] for answers in answered]
    assert sizes[0] == sizes[1] == [("text/x.tlog.size", b"0\n"), ("text/x.tlog.size", b"5\n")]


@pytest.fixture(scope="module")
def gopolicy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed: the independent verifier cannot be built")
    program = tmp_path_factory.mktemp("go") / "gopolicy"
    built = subprocess.run(
        [go, "build", "-o", str(program), "."], cwd=SOURCE, capture_output=True, text=True, check=False
    )
    if built.returncode != 0 and "dial tcp" in built.stderr:
        pytest.skip("filippo.io/torchwood cannot be fetched")
    assert built.returncode == 0, built.stderr
    return program


def test_torchwood_counts_our_cosignatures_against_our_policies_as_we_do(gopolicy: Path, tmp_path: Path) -> None:
    log = Log().grow(20)

    def accepted(policy: LogPolicy, note: bytes) -> bool:
        (tmp_path / "policy").write_bytes(policy.encode())
        (tmp_path / "note").write_bytes(note)
        words = [str(gopolicy), str(tmp_path / "policy"), str(tmp_path / "note")]
        return subprocess.run(words, capture_output=True, check=False, timeout=60).returncode == 0

    with three_witnesses(tmp_path, log) as witnesses:
        two_answer = [*witnesses[:2], (witnesses[2][0], None)]
        policies = {wanted: quorum_of(log, wanted, two_answer) for wanted in (1, 2, 3)}
        cosigned = {
            wanted: WitnessClient(policy=policy).cosign(log.note(), log.checkpoint(), log.prove())
            for wanted, policy in policies.items()
        }

    for wanted, policy in policies.items():
        assert accepted(policy, cosigned[wanted].note) is cosigned[wanted].quorum is (wanted < 3)
        assert not accepted(policy, log.note())
    broken = bytearray(cosigned[1].note)
    broken[-10] ^= 1
    assert not accepted(policies[1], bytes(broken))
    assert accepted(replace(policies[1], quorum="none"), log.note())
