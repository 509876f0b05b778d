"""A log that is only a tree and a key, and witnesses that are served on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.log_policy import LogPolicy, PolicyGroup, PolicyLog, PolicyWitness
from mintmark.evidence.note import NoteSigner
from mintmark.evidence.tree import consistency_proof, leaf_hash, root_of
from mintmark.evidence.witness.protocol import AddCheckpoint
from mintmark.evidence.witness.server import Witness, http_server
from mintmark.evidence.witness.state import WitnessState

ORIGIN = "log.example/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Two logs with one signer and other leaves are a fork."""

    signer: NoteSigner = field(default_factory=lambda: NoteSigner.generate(ORIGIN))
    seed: str = "leaf"
    leaves: list[bytes] = field(default_factory=list)

    def grow(self, size: int) -> Log:
        self.leaves.extend(leaf_hash(f"{self.seed} {at}".encode()) for at in range(len(self.leaves), size))
        return self

    def forked(self, at: int) -> Log:
        return Log(signer=self.signer, seed="other leaf", leaves=self.leaves[:at])

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = len(self.leaves) if size is None else size
        return Checkpoint(origin=self.signer.name, size=size, root=root_of(self.leaves[:size]))

    def note(self, size: int | None = None) -> bytes:
        return self.checkpoint(size).sign(self.signer)

    def prove(self, size: int | None = None) -> Callable[[int], Sequence[bytes]]:
        new = len(self.leaves) if size is None else size
        return lambda old: consistency_proof(old, new, lambda low, high: root_of(self.leaves[low:high]))

    def request(self, old: int, size: int | None = None) -> bytes:
        new = len(self.leaves) if size is None else size
        proof = self.prove(new)(old) if 0 < old < new else ()
        return AddCheckpoint(old_size=old, proof=tuple(proof), note=self.note(new)).encode()

    def policy(self) -> LogPolicy:
        return LogPolicy(logs=(PolicyLog(key=self.signer.verifier),), witnesses=(), groups=(), quorum="none")


def witness(folder: Path, policy: LogPolicy, name: str = "w.example/1") -> Witness:
    state = WitnessState(folder=folder)
    return Witness(state=state, signer=state.create(name), policy=policy)


@contextmanager
def serving(served: Witness) -> Iterator[str]:
    """The URL of a witness that is served by the real server, in a thread."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = http_server(served)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


@contextmanager
def answering(reply: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of a server that reads a request and then does whatever it likes with the connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=_converse, args=(connection, reply), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _converse(connection: socket.socket, reply: Callable[[socket.socket], None]) -> None:
    with connection:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65_536)
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l"))
        while len(body) < length:
            body += connection.recv(65_536)
        try:
            reply(connection)
        except OSError:
            return  # the client has left


def http_reply(status: int, body: bytes, content_type: str = "text/plain") -> Callable[[socket.socket], None]:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return lambda connection: connection.sendall(head + body)


def quorum_of(log: Log, threshold: int, witnesses: Sequence[tuple[Witness, str | None]]) -> LogPolicy:
    """A policy that wants `threshold` of these witnesses."""
    listed = tuple(
        PolicyWitness(name=f"W{at}", key=one.signer.verifier, url=url) for at, (one, url) in enumerate(witnesses, 1)
    )
    group = PolicyGroup(name="Q", threshold=threshold, members=tuple(one.name for one in listed))
    return LogPolicy(logs=(PolicyLog(key=log.signer.verifier),), witnesses=listed, groups=(group,), quorum="Q")


@contextmanager
def three_witnesses(folder: Path, log: Log) -> Iterator[list[tuple[Witness, str | None]]]:
    with ExitStack() as stack:
        made = [witness(folder / f"w{at}", log.policy(), f"w{at}.example") for at in (1, 2, 3)]
        yield [(one, stack.enter_context(serving(one))) for one in made]
