"""The log that is attacked: over two tiles, several batches, two keys, and something erased and something waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection, create_engine
from tests.evidence.builders import NOW, Bench, Clerk, bench, signed, statement, trust_text
from tests.evidence.stores import copy_store
from tests.evidence.witness.builders import serving, witness

from mintmark.evidence.archive import Archive
from mintmark.evidence.endorsement import WitnessQuorum
from mintmark.evidence.inbox import Submission, enqueue
from mintmark.evidence.leaf import parse_leaf
from mintmark.evidence.log import EvidenceLog
from mintmark.evidence.log_policy import LogPolicy, parse_log_policy
from mintmark.evidence.store.interface import Backend
from mintmark.evidence.store.open import open_backend
from mintmark.evidence.trust import TrustPolicy
from mintmark.evidence.verify.check import ALL_LEVELS, Trust, verify_log
from mintmark.evidence.verify.interface import Note
from mintmark.evidence.verify.live import LiveSource
from mintmark.evidence.verify.report import Level, VerificationReport
from mintmark.evidence.witness.client import WitnessClient

BATCHES = (1, 255, 100, 164)
OLD, SIZE = 356, 521
ERASED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """
    `old` is a copy of the store as it was after `OLD` entries; `policy` asks for the cosignature of a witness.

    The witness saw every checkpoint of the log, and is still there.
    """

    place: Bench
    old: str
    old_archive: Path
    commitments: tuple[str, ...]
    policy: LogPolicy

    def trusted(self, *, witnesses: bool = False) -> Trust:
        return Trust(
            log_key=self.place.signer.verifier,
            policy=self.place.trust,
            witnesses=self.policy if witnesses else None,
        )

    def kept(self) -> list[Note]:
        """What somebody copied when it was new: the last checkpoint."""
        path, content = Archive(folder=self.place.archive).notes()[-1]
        return [Note(place=f"kept {path.name}", content=content)]


def two_keys(folder: Path, url: str | None) -> tuple[Bench, ec.EllipticCurvePrivateKey]:
    place, other = bench(folder, url=url), ec.generate_private_key(ec.SECP256R1())
    path = folder / "trust.toml"
    both = trust_text(place.key.public_key()) + trust_text(other.public_key()).replace("version = 1\n", "")
    path.write_text(both, encoding="utf-8")
    return replace(place, trust=TrustPolicy.load(path)), other


def victim(folder: Path, running: ExitStack, url: str | None = None) -> Victim:
    place, other = two_keys(folder, url)
    policy = _policy(place, folder, running)
    log, number, old, old_archive = opened(place, policy), 0, "", folder / "old-archive"
    for count in BATCHES:
        submissions = [submission(place, other, index) for index in range(number, number + count)]
        log.record_all(submissions, now=NOW + timedelta(hours=number))
        number += count
        if number == OLD:
            old = copy_store(place.url, folder)
            copy_archive(place.archive, old_archive)
            log.erase(ERASED, basis="gdpr-17", now=NOW)
    _wait(log, place)
    commitments = tuple(parse_leaf(entry.content).commitment for entry in log.store.entries(0, SIZE))
    return Victim(place=place, old=old, old_archive=old_archive, commitments=commitments, policy=policy)


def opened(place: Bench, policy: LogPolicy | None) -> EvidenceLog:
    """The log, with its witness or without."""
    return EvidenceLog.open(
        place.url,
        archive=place.archive,
        signer=place.signer,
        trust=place.trust,
        clerk=Clerk(place.key),
        endorsers=() if policy is None else (WitnessQuorum(client=WitnessClient(policy=policy)),),
    )


def _policy(place: Bench, folder: Path, running: ExitStack) -> LogPolicy:
    alone = f"log {place.signer.vkey}\n"
    served = witness(folder / "witness", parse_log_policy(f"{alone}quorum none\n".encode()))
    url = running.enter_context(serving(served))
    return parse_log_policy(f"{alone}witness W {served.signer.vkey} {url}\nquorum W\n".encode())


def submission(place: Bench, other: ec.EllipticCurvePrivateKey, number: int, **more: Any) -> Submission:
    """Neighbours differ in every field that is projected."""
    kind = ("scan", "decision")[number % 2]
    subjects = [
        {"name": f"{name}{number}.whl", "digest": {"sha256": f"{number:060x}{at:04x}"}}
        for at, name in enumerate(("a", "b"))
    ]
    document = statement(kind, {"origin": "local", "number": number, **more}, subject=subjects)
    key = (place.key, other)[number % 2]
    return Submission(bundle=signed(key, document), refs=(f"decision:{number}", f"run:{number}"))


def copy_archive(source: Path, target: Path) -> None:
    target.mkdir()
    for path in source.iterdir():
        if path.is_file():
            (target / path.name).write_bytes(path.read_bytes())


def _wait(log: EvidenceLog, place: Bench) -> None:
    """Two bundles that no sequencer took yet."""
    with log.store.backend.writing() as connection:
        for number in range(2):
            enqueue(
                connection,
                Submission(bundle=place.bundle(waits=number), controls=(f"c:{number}",), refs=(f"r:{number}",)),
                now=NOW,
            )


@dataclass(frozen=True, slots=True)
class Borrowed:
    """Verifies inside a transaction that will be rolled back: what is attacked there needs no copy of the database."""

    backend: Backend
    connection: Connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        yield self.connection

    def guards(self, connection: Connection) -> list[tuple[str, str]]:
        return self.backend.guards(connection)


@contextmanager
def attacked(subject: Victim) -> Iterator[tuple[Connection, LiveSource]]:
    """A connection to attack by, and the log to verify afterwards; whatever is done is gone at the end."""
    url, archive = subject.place.url, Archive(folder=subject.place.archive)
    backend = open_backend(url)
    if url.startswith("sqlite"):
        engine = create_engine(url)
    else:
        from mintmark.evidence.store.postgresql import engine as postgresql_engine

        engine = postgresql_engine(url, role=None, pooled=False)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN" if url.startswith("sqlite") else "SELECT 1")
        borrowed: Any = Borrowed(backend, connection)
        yield connection, LiveSource(backend=borrowed, archive=archive)
        connection.rollback()
    engine.dispose()


def verify(
    subject: Victim,
    source: LiveSource,
    *,
    levels: frozenset[Level] = ALL_LEVELS,
    seen: list[Note] | None = None,
    witnesses: bool = False,
) -> VerificationReport:
    return verify_log(source, subject.trusted(witnesses=witnesses), levels=levels, seen=seen or [])
