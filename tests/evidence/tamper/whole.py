"""What is done to a whole store: an old copy brought back, or every row made anew, with the log's own code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.evidence.tamper.logs import BATCHES, SIZE, Victim, opened, verify

from mintmark.evidence.archive import Archive
from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.leaf import parse_leaf
from mintmark.evidence.log_policy import LogPolicy
from mintmark.evidence.store.interface import NewEntry
from mintmark.evidence.store.open import open_backend, open_store
from mintmark.evidence.store.sql_store import SqlStore
from mintmark.evidence.verify.live import LiveSource
from mintmark.evidence.verify.report import Answer, VerificationReport

ALTERED = 300
NewStore = Callable[[str], str]  # a name → the URL of an empty store
Defence = Callable[[Victim, LiveSource], VerificationReport]

# What the auditor has; each is a column of the table.
DEFENCES: dict[str, Defence] = {
    "the archive as it is now": verify,
    "and one checkpoint that somebody else kept": lambda subject, source: verify(subject, source, seen=subject.kept()),
    "and a policy that asks for a witness": lambda subject, source: verify(subject, source, witnesses=True),
}
# How the log goes on from there.
OPENINGS = ("opening the log", "opening it with its witness")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruin:
    """A store and an archive as an attacker left them; `has` is what he needed for it."""

    title: str
    has: str
    url: str
    archive: Path
    unharmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    ruin: Ruin
    reports: dict[str, VerificationReport]
    openings: tuple[str, ...]

    @property
    def opening(self) -> str:
        return self.openings[0]


def ruins(subject: Victim, folder: Path, new_store: NewStore) -> Iterator[Ruin]:
    place = subject.place
    yield Ruin(title="nothing (the control)", has="", url=place.url, archive=place.archive, unharmed=True)
    yield Ruin(title="the archive is deleted", has="the archive", url=place.url, archive=folder / "none", unharmed=True)
    yield Ruin(title="the store is an old copy", has="the database", url=subject.old, archive=place.archive)
    yield Ruin(
        title="store and archive are old copies",
        has="the database, the archive",
        url=subject.old,
        archive=subject.old_archive,
    )
    unsigned, _ = rewritten(subject, new_store("unsigned"), folder / "unused", signed=False)
    yield Ruin(title="all rows are made anew, unsigned", has="the database", url=unsigned, archive=place.archive)
    signed, archive = rewritten(subject, new_store("signed"), folder / "forged", signed=True)
    yield Ruin(
        title="all rows are made anew and signed", has="the database, the log's key", url=signed, archive=place.archive
    )
    yield Ruin(
        title="all rows are made anew and signed, the archive too",
        has="the database, the log's key, the archive",
        url=signed,
        archive=archive,
    )


def judge(subject: Victim, ruin: Ruin) -> Judged:
    source = LiveSource(backend=open_backend(ruin.url), archive=Archive(folder=ruin.archive))
    reports = {name: defence(subject, source) for name, defence in DEFENCES.items()}
    return Judged(
        ruin=ruin, reports=reports, openings=tuple(_opening(subject, ruin, policy) for policy in (None, subject.policy))
    )


def rewritten(subject: Victim, url: str, archive: Path, *, signed: bool) -> tuple[str, Path]:
    """The same log but for one entry, in the same batches: entries, tiles, batches, head and projection agree."""
    place = subject.place
    old, new = SqlStore(open_backend(place.url)), open_store(url, origin=place.signer.name)
    entries = [_copied(old, index) for index in range(SIZE)]
    first = 0
    for count in _batches():
        new.append(entries[first : first + count])
        if signed:
            opened(replace(place, url=url, archive=archive), None).publish()
        first += count
    if not signed:  # the checkpoints of the true log are all that he has
        for _, note in Archive(folder=place.archive).notes():
            new.keep_checkpoint(int(note.split(b"\n")[1]), note)
    return url, archive


def _batches() -> Iterator[int]:
    """As the victim was filled; the erasure was recorded before the last batch."""
    yield from (*BATCHES[:-1], 1, BATCHES[-1])


def _copied(store: SqlStore, index: int) -> NewEntry:
    leaf = parse_leaf(store.entries(index, 1)[0].content)
    if index == ALTERED:
        leaf = replace(leaf, at=leaf.at.replace("2026", "2025", 1))
    salt, payload = store.payload(leaf.commitment) or (None, None)
    return NewEntry.of(leaf, salt=salt, payload=payload)


def _opening(subject: Victim, ruin: Ruin, policy: LogPolicy | None) -> str:
    """Whether the log itself would go on from there."""
    try:
        opened(replace(subject.place, url=ruin.url, archive=ruin.archive), policy)
    except EvidenceError as refused:
        return f"refused: `{refused.reason}`"
    return "opens"


def said(ruin: Ruin, report: VerificationReport) -> str:
    if report.answer is Answer.VERIFIED:
        return "verified" if ruin.unharmed else "**verified: not detectable**"
    if report.answer is Answer.NOT_VERIFIABLE:
        return "not verifiable: nobody witnessed it" if report.missing[0].place == "witnesses" else "not verifiable"
    levels = " ".join(sorted({item.level for item in report.broken}))
    return f"failed, {levels} · {report.first_bad_index}"
