"""Review items: what a used break-glass leaves to be looked at, opened with its use and closed by somebody else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mintmark.evidence.inbox import Submission
from mintmark.evidence.leaf import timestamp
from mintmark.evidence.log import EvidenceLog, Recorded
from mintmark.evidence.statement import parse_time
from mintmark.pipelines.build.manifest import sha256
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.people.break_glass import requester_of, terms_of
from mintmark.pipelines.people.directory import UNKNOWN
from mintmark.pipelines.people.words import Listener, NotCounted, Word, public
from mintmark.pipelines.proof import ProvenStatement
from mintmark.pipelines.sign import statements
from mintmark.pipelines.sign.interface import Signer

_SAME = ("id", "about", "environment", "due")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """`requester` asked for the break-glass that was used, and does not close this."""

    id: str
    about: str
    environment: str
    requester: str
    opened_epoch: int
    due_epoch: int
    terms: Mapping[str, Any]

    def to_gate(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "environment": self.environment,
            "opened_epoch": self.opened_epoch,
            "due_epoch": self.due_epoch,
        }


def owed_review(
    signer: Signer,
    *,
    subject: Mapping[str, Any],
    environment: str,
    repository: str,
    used: Mapping[str, Any],
    decision_id: str,
    pack: PolicyPack,
    now: datetime,
) -> Submission:
    """
    Sign that the break-glass `used` (as the gate's input has it) let a decision through, and by when to look at it.

    To be recorded together with the decision: neither a crash nor somebody quicker comes between the two.
    """
    about = f"break-glass:{used['id']}/decision:{decision_id}"
    due = now + timedelta(seconds=int(terms_of(pack, environment)["review_s"]))
    item = {
        "id": _id(about, environment),
        "state": "opened",
        "about": about,
        "environment": environment,
        "at": timestamp(now),
        "due": timestamp(due),
        "person": str(used["requested_by"]),
    }
    bundle = signer.sign(statements.review_item(item, repository=repository, subject=subject))
    refs = (f"environment:{environment}", f"review:{item['id']}", f"decision:{decision_id}")
    return Submission(bundle=bundle, refs=refs)


def close_review(
    log: EvidenceLog,
    signer: Signer,
    listener: Listener,
    identity: str,
    *,
    finding: str,
    person: str,
    repository: str,
    now: datetime,
) -> Recorded:
    """
    Sign and record what somebody found who looked at it.

    Raises `UsageError`: `no_review`; `no_finding`; `sod` for the one who asked for the break-glass.
    """
    item = next((item for item in open_items(listener, repository=repository)[0] if item.id == identity), None)
    if item is None:
        raise UsageError(f"no review {identity} is open", reason="no_review", remedy="`mintmark review list` has them")
    if not finding.strip():
        raise UsageError("a review finds something", reason="no_finding", remedy="say with --finding what was found")
    if person in {item.requester, UNKNOWN}:
        raise UsageError(
            f"{person} asked for the break-glass and cannot close its review",
            reason="sod",
            remedy="ask somebody else to look at it",
        )
    closed = {**item.terms, "state": "closed", "at": timestamp(now), "person": person, "finding": public(finding)}
    bundle = signer.sign(statements.review_item(closed, repository=repository))
    return log.record(bundle, now=now, refs=(f"environment:{item.environment}", f"review:{identity}"))


def open_items(listener: Listener, *, repository: str) -> tuple[list[ReviewItem], list[NotCounted]]:
    """
    What was opened in this repository and not closed since by another human than who asked, by id.

    Raises `TooManyEntries`.
    """
    subject = sha256(repository.encode())
    indexes = listener.found("review-item", subject=subject)
    opened, closing, not_counted = _sorted_out(listener, indexes, subject)
    heard = listener.hear(closing, kind="review-item", subject=subject)
    not_counted += heard.not_counted
    for word in sorted(heard.words, key=lambda word: word.index):
        found = opened.get(str(word.predicate["id"]))
        if found is None or found[0] > word.index or any(word.predicate[n] != found[1].terms[n] for n in _SAME):
            not_counted.append(_not_closed(word, "it closes nothing that was open", "no_review"))
        elif word.person == found[1].requester or listener.directory.is_bot(word.person):
            not_counted.append(_not_closed(word, f"{word.person} cannot close it", "sod"))
        else:
            del opened[found[1].id]
    return [opened[name][1] for name in sorted(opened)], not_counted


def _sorted_out(
    listener: Listener, indexes: list[int], subject: str
) -> tuple[dict[str, tuple[int, ReviewItem]], list[int], list[NotCounted]]:
    """Items by id with the place of their first opening, the places of closings, and what does not count."""
    opened: dict[str, tuple[int, ReviewItem]] = {}
    closing, not_counted = [], []
    for index in sorted(indexes):
        try:
            proven = listener.proven(index, kind="review-item", subject=subject)
        except NotCounted as failure:
            not_counted.append(failure)
            continue
        if proven.predicate["state"] == "closed":
            closing.append(index)
        elif proven.predicate["id"] == _id(proven.predicate["about"], proven.predicate["environment"]):
            opened.setdefault(str(proven.predicate["id"]), (index, _item(listener, proven)))
    return opened, closing, not_counted


def _item(listener: Listener, proven: ProvenStatement) -> ReviewItem:
    """Who asked is known by the request itself; what the item says of it counts where that is not found."""
    predicate = proven.predicate
    identity = str(predicate["about"]).removeprefix("break-glass:").partition("/")[0]
    return ReviewItem(
        id=str(predicate["id"]),
        about=str(predicate["about"]),
        environment=str(predicate["environment"]),
        requester=requester_of(listener, identity, subjects=proven.subjects) or str(predicate.get("person", UNKNOWN)),
        opened_epoch=int(parse_time(predicate["at"], what="at").timestamp()),
        due_epoch=int(parse_time(predicate["due"], what="due").timestamp()),
        terms={name: predicate[name] for name in _SAME},
    )


def _id(about: str, environment: str) -> str:
    return f"RV-{hashlib.sha256(json.dumps([about, environment]).encode()).hexdigest()[:20]}"


def _not_closed(word: Word, why: str, reason: str) -> NotCounted:
    return NotCounted(word.index, why, reason=reason, remedy="have another person close it: `mintmark review close ID`")
