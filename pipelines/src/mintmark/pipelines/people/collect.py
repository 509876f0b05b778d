"""Collects everything that the gate hears about people, changes and clocks, from git, the directory and the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mintmark.evidence.reader import LogReader
from mintmark.pipelines.errors import IncompleteError, UsageError
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.people.approvals import approval_facts
from mintmark.pipelines.people.break_glass import break_glass_facts
from mintmark.pipelines.people.change import Base, change_facts, last_released
from mintmark.pipelines.people.clocks import clocks, freeze_timezones
from mintmark.pipelines.people.directory import FILE_NAME, Directory, parse_directory
from mintmark.pipelines.people.history import History
from mintmark.pipelines.people.promotions import promotion_facts
from mintmark.pipelines.people.reviews import open_items
from mintmark.pipelines.people.waiver_records import resolved, waiver_record_facts
from mintmark.pipelines.people.words import Listener, NotCounted
from mintmark.pipelines.waivers import read_waivers

Fact = dict[str, Any]
WAIVERS = "waivers"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleFacts:
    """
    Facts, and no verdict on any of them. `not_counted` are entries that hold and are nobody's word, in their order.

    Every list has one order, whatever the log's.
    """

    change: Fact
    people: list[Fact]
    approvals: list[Fact]
    waivers: list[Fact]
    break_glass: Fact | None
    open_reviews: list[Fact]
    promotions: list[Fact]
    clocks: list[Fact]
    not_counted: tuple[NotCounted, ...] = ()

    def to_gate(self) -> dict[str, Any]:
        """The keywords of `build_input` that these facts are for."""
        return {
            "change": self.change,
            "people": self.people,
            "approvals": self.approvals,
            "waivers": self.waivers,
            "break_glass": self.break_glass,
            "open_reviews": self.open_reviews,
            "promotions": self.promotions,
            "clocks": self.clocks,
        }


def collect_people_facts(
    project_root: Path,
    log: LogReader,
    *,
    subject_sha256: str,
    commit: str,
    base: str | None,
    environment: str,
    repository: str,
    requester: str,
    as_of: datetime,
    pack: PolicyPack,
) -> PeopleFacts:
    """
    Collect the facts about one artefact of one commit, for one environment, at one moment.

    `base` is the commit that was released before, where the log does not know it; an empty text says that there was
    none. The directory and the waivers are those of the commit, the directory confined to what it said at the base.
    Raises `UsageError` (`directory`, `no_commit`, `base_mismatch`, `change_too_large`, `unknown_timezone`,
    `waiver_malformed`), `IncompleteError` (`shallow`, `base_unknown`, `too_many_entries`), `ProofFailed`, and what the
    store fails with: facts that cannot be had are none.
    """
    history = History.open(project_root)
    commit = history.commit_id(commit)
    before = _base(history, log, base, environment=environment, repository=repository, commit=commit)
    directory = directory_at(history, commit, base=history.commit_id(before.commit) if before.commit else "")
    listener = Listener(log=log, directory=directory, pack=pack)
    approvals, approvals_out = approval_facts(
        listener, subject_sha256=subject_sha256, repository=repository, base=before, as_of=as_of
    )
    records, waivers_out = waiver_record_facts(listener, environment=environment, repository=repository, as_of=as_of)
    broken, broken_out = break_glass_facts(
        listener, subject_sha256=subject_sha256, environment=environment, as_of=as_of
    )
    reviews, reviews_out = open_items(listener, repository=repository)
    promotions, promotions_out = promotion_facts(listener, subject_sha256=subject_sha256)
    waivers = [*resolved(directory, read_waivers(history.files_in(commit, WAIVERS))), *records]
    left_out = [*approvals_out, *waivers_out, *broken_out, *reviews_out, *promotions_out]
    return PeopleFacts(
        change=change_facts(history, directory, base=before.commit, commit=commit, requester=requester),
        people=directory.to_gate(),
        approvals=approvals,
        waivers=sorted(waivers, key=lambda waiver: str(waiver["id"])),
        break_glass=broken,
        open_reviews=[item.to_gate() for item in reviews],
        promotions=promotions,
        clocks=clocks(as_of, freeze_timezones(pack)),
        not_counted=tuple(sorted(left_out, key=lambda failure: failure.index)),
    )


def directory_of(project_root: Path) -> Directory:
    """Who is who, as the commit that is checked out says it. Nobody is known where it has no `people.toml`."""
    history = History.open(project_root)
    return directory_at(history, history.commit_id("HEAD"), base="")


def _base(
    history: History, log: LogReader, given: str | None, *, environment: str, repository: str, commit: str
) -> Base:
    """What the log says was released before; somebody's word only where it says nothing, and never against it."""
    try:
        known = last_released(log, environment=environment, repository=repository, commit=commit)
    except IncompleteError as unknown:
        if unknown.reason != "base_unknown" or not given:
            raise
        known = Base()
    if given is None or (given and known.commit and history.commit_id(given) == known.commit):
        return known
    if known.commit:
        raise UsageError(
            f"{given or 'nothing'} was released to {environment} before, they say, and the log says {known.commit}",
            reason="base_mismatch",
            remedy="leave --base out: it is for a log that knows of no release",
        )
    return _named(history, given, commit) if given else Base()


def _named(history: History, base: str, commit: str) -> Base:
    """
    Of a base that was named nobody knows when it was released; not before it was committed.

    A change lies between the two, or whoever names the base would leave out who made it.
    """
    named = history.commit_id(base)
    if named == commit or not history.has_ancestor(commit, named):
        raise UsageError(
            f"{base} does not come before {commit[:12]}",
            reason="base_mismatch",
            remedy="name the commit that was released before this one, of which it is made",
        )
    return Base(commit=named, epoch=history.between(named, named)[0].committed_epoch)


def directory_at(history: History, commit: str, *, base: str) -> Directory:
    """
    The directory of a commit, in which nobody has a key or a group that they had not at the base.

    Where there was no directory at the base, as before the first one, that of the commit stands alone.
    """
    now = history.file(commit, FILE_NAME)
    if now is None:
        return Directory()
    directory = parse_directory(now, source=f"{FILE_NAME} at {commit[:12]}")
    before = history.file(base, FILE_NAME) if base else None
    if before is None:
        return directory
    return directory.confined_to(parse_directory(before, source=f"{FILE_NAME} at {base[:12]}"))
