"""What changed since the last release, and everybody who had a hand in it, by their pseudonyms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mintmark.evidence.reader import LogReader
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.people.directory import UNKNOWN, Directory
from mintmark.pipelines.people.history import History
from mintmark.pipelines.proof import prove

MAX_CO_AUTHORS = 200
MAX_CONTRIBUTORS = 1_000
MAX_DECISIONS = 1_000


def change_facts(history: History, directory: Directory, *, base: str, commit: str, requester: str) -> dict[str, Any]:
    """
    The gate input's `change`: of everything that `commit` has and `base` (empty: nothing) has not.

    Whom the directory does not know is `unknown`. Who signed a commit off passed it on, and contributed; who only
    reviewed it did not. Raises `UsageError` (`change_too_large`).
    """
    made = {item.id: item for item in history.between(base, commit)}
    head = made[commit]
    co_authors = _ids(directory, (name for item in made.values() for name in item.co_authors))
    everybody = (
        name for item in made.values() for name in (*item.authors, *item.committers, *item.co_authors, *item.signed_off)
    )
    contributors = _ids(directory, everybody)
    if len(co_authors) > MAX_CO_AUTHORS or len(contributors) > MAX_CONTRIBUTORS:
        raise UsageError(
            f"{len(contributors)} people contributed since {base[:12] or 'the beginning'}",
            reason="change_too_large",
            remedy="release more often, or name a later commit that was reviewed as the base",
        )
    return {
        "present": True,
        "base": base,
        "author": _one(directory, head.authors),
        "committer": _one(directory, head.committers),
        "co_authors": co_authors,
        "requester": directory.resolve(requester),
        "contributors": contributors,
        "files": history.files(base, commit),
        "committed_epoch": head.committed_epoch,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What was released before: an empty `commit` and 0 where nothing was; `epoch` is when."""

    commit: str = ""
    epoch: int = 0


def last_released(log: LogReader, *, environment: str, repository: str, commit: str) -> Base:
    """
    The commit of the newest proven ALLOW for this environment and repository, and its moment.

    One of `commit` itself is passed over: judged again, it is still everything since the release before. Raises
    `ProofFailed` where an entry does not hold.
    """
    rows = log.search(kind="decision", ref=f"environment:{environment}", limit=MAX_DECISIONS)
    for row in reversed(rows):
        decision = prove(log, row.index, kind="decision").predicate
        source = decision.get("source")
        if decision.get("decision") != "ALLOW" or decision.get("environment") != environment:
            continue
        if isinstance(source, dict) and source.get("uri") == repository and source.get("commit") != commit:
            return Base(commit=str(source["commit"]), epoch=int(decision["as_of_epoch"]))
    return Base()


def _ids(directory: Directory, names: Iterable[str]) -> list[str]:
    return sorted({directory.resolve(name) for name in names})


def _one(directory: Directory, names: tuple[str, ...]) -> str:
    """A commit object that was made by hand may name two authors; who is meant is then not known."""
    return directory.resolve(names[0]) if len(names) == 1 else UNKNOWN
