"""What changed since the last release, and everybody who had a hand in it, by their pseudonyms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mintmark.evidence.reader import LogReader
from mintmark.evidence.statement import parse_time
from mintmark.pipelines.errors import IncompleteError, UsageError
from mintmark.pipelines.people.directory import UNKNOWN, Directory
from mintmark.pipelines.people.history import History
from mintmark.pipelines.proof import prove_if_trusted

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

    Which is newest is said by the times that were signed: a copy of an old one, recorded once more, would bring back
    the people of its day. One of `commit` itself is passed over: judged again, it is still everything since the release
    before. Raises `ProofFailed` where an entry does not hold, and `IncompleteError` (`base_unknown`) where there were
    verdicts and none by a key that is still trusted names a release: without a base a change appoints who approves it.
    """
    rows = log.search(kind="decision", ref=f"environment:{environment}", limit=MAX_DECISIONS)
    newest, left_out = Base(), len(rows) >= MAX_DECISIONS
    for row in reversed(rows):
        if newest.commit and parse_time(row.at, what="at").timestamp() < newest.epoch:
            break  # no verdict is dated after its entry
        proven = prove_if_trusted(log, row.index, kind="decision")
        if proven is None:
            left_out = True
        elif _releases(proven.predicate, environment=environment, repository=repository, but=commit):
            found = Base(commit=str(proven.predicate["source"]["commit"]), epoch=int(proven.predicate["as_of_epoch"]))
            newest = max(newest, found, key=lambda base: base.epoch)
    if left_out and not newest.commit:
        raise IncompleteError(
            f"what was released to {environment} before is not known: of {len(rows)} verdicts none that counts says it",
            reason="base_unknown",
            remedy="name the commit that was released last with --base",
        )
    return newest


def _releases(decision: Mapping[str, Any], *, environment: str, repository: str, but: str) -> bool:
    source = decision.get("source")
    return (
        decision.get("decision") == "ALLOW"
        and decision.get("environment") == environment
        and isinstance(source, dict)
        and source.get("uri") == repository
        and source.get("commit") != but
    )


def _ids(directory: Directory, names: Iterable[str]) -> list[str]:
    return sorted({directory.resolve(name) for name in names})


def _one(directory: Directory, names: tuple[str, ...]) -> str:
    """A commit object that was made by hand may name two authors; who is meant is then not known."""
    return directory.resolve(names[0]) if len(names) == 1 else UNKNOWN
