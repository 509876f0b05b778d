"""Break-glass: an emergency release that one person asks for and others approve, recorded before it has any effect."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from mintmark.evidence.leaf import timestamp
from mintmark.evidence.log import EvidenceLog, Recorded
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.people.words import Listener, NotCounted, Word, public
from mintmark.pipelines.sign import statements
from mintmark.pipelines.sign.interface import Signer

TERMS = ("environment", "reason", "expires")


def terms_of(pack: PolicyPack, environment: str) -> dict[str, Any]:
    """What the policy asks of a break-glass there: `approvals`, `group`, `max_s`, `review_s`."""
    terms: dict[str, Any] = pack.settings(environment)["break_glass"]
    return terms


def request_break_glass(
    log: EvidenceLog,
    signer: Signer,
    *,
    subject: Mapping[str, Any],
    environment: str,
    reason: str,
    person: str,
    expires: datetime,
    now: datetime,
    pack: PolicyPack,
) -> tuple[str, Recorded]:
    """
    Sign and record a request; return the id that others approve it by.

    Raises `UsageError`: `no_reason`; `too_long` for more than the policy lets stand.
    """
    longest = int(terms_of(pack, environment)["max_s"])
    if not reason.strip():
        raise UsageError(
            "an emergency has a reason", reason="no_reason", remedy="say with --reason what happens while this waits"
        )
    if (expires - now).total_seconds() > longest:
        raise UsageError(
            f"a break-glass for {environment} may last {longest} s",
            reason="too_long",
            remedy="ask for less; another one can follow",
        )
    said = {
        "person": person,
        "environment": environment,
        "reason": public(reason),
        "at": timestamp(now),
        "expires": timestamp(expires),
    }
    said = {"id": _id(said, str(subject["digest"]["sha256"])), "stage": "requested", **said}
    return str(said["id"]), _record(log, signer, said, subject, now=now)


def approve_break_glass(
    log: EvidenceLog, signer: Signer, listener: Listener, identity: str, *, person: str, now: datetime
) -> Recorded:
    """
    Sign and record one person's approval of a request, word for word.

    Raises `UsageError`: `no_break_glass`; `sod` for the one who asked; `break_glass_expired`.
    """
    rows = listener.log.search(kind="break-glass", ref=f"break-glass:{identity}")
    heard = listener.hear((row.index for row in rows), kind="break-glass")
    request = _requests(heard.words).get(identity)
    if request is None:
        raise UsageError(
            f"no break-glass {identity} is recorded",
            reason="no_break_glass",
            remedy="give the id that `mintmark break-glass request` printed",
        )
    if request.person == person:
        raise UsageError(
            f"{person} asked for {identity} and cannot approve it", reason="sod", remedy="ask somebody else to approve"
        )
    if request.moment("expires") <= now.timestamp():
        raise UsageError(
            f"{identity} has expired", reason="break_glass_expired", remedy="ask for a new one, if it is needed still"
        )
    terms = {name: request.predicate[name] for name in TERMS}
    said = {"id": identity, "stage": "approved", "person": person, "at": timestamp(now), **terms}
    subject = {"name": f"release/{request.subjects[0][:12]}", "digest": {"sha256": request.subjects[0]}}
    return _record(log, signer, said, subject, now=now)


def break_glass_facts(
    listener: Listener, *, subject_sha256: str, environment: str, as_of: datetime
) -> tuple[dict[str, Any] | None, list[NotCounted]]:
    """
    The one break-glass for this artefact that the policy should look at, or `None`; whether it is sound it says itself.

    Of several it is one for this environment before others, one that has not ended, the one that most people approved,
    the newest. A second request in a hurry then hides none that was approved. Raises `TooManyEntries`.
    """
    indexes = listener.found("break-glass", subject=subject_sha256)
    heard = listener.hear(indexes, kind="break-glass", subject=subject_sha256)
    requests = _requests(heard.words)
    approvals: dict[str, set[str]] = {name: set() for name in requests}
    not_counted = list(heard.not_counted)
    for word in heard.words:
        if word.predicate["stage"] == "approved":
            request = requests.get(str(word.predicate["id"]))
            if request is None or not _same_text(word, request):
                not_counted.append(_other_text(word))
            else:
                approvals[str(request.predicate["id"])].add(word.person)
    facts = [_facts(request, sorted(approvals[name])) for name, request in sorted(requests.items())]
    best = max(facts, key=lambda fact: _preference(fact, environment, int(as_of.timestamp())), default=None)
    return best, not_counted


def requester_of(listener: Listener, identity: str, *, subjects: Iterable[str]) -> str | None:
    """Who asked for a break-glass of one of these artefacts, by the key that signed the request."""
    indexes = [index for subject in subjects for index in listener.found("break-glass", subject=subject)]
    request = _requests(listener.hear(indexes, kind="break-glass").words).get(identity)
    return request.person if request else None


def _record(
    log: EvidenceLog, signer: Signer, said: Mapping[str, Any], subject: Mapping[str, Any], *, now: datetime
) -> Recorded:
    bundle = signer.sign(statements.break_glass(subject, said))
    return log.record(bundle, now=now, refs=(f"environment:{said['environment']}", f"break-glass:{said['id']}"))


def _id(said: Mapping[str, Any], sha256: str) -> str:
    """Made of what is asked for and by whom, so that nobody can ask for something else under the same id."""
    terms = [sha256, said["person"], *(said[name] for name in (*TERMS, "at"))]
    return f"BG-{hashlib.sha256(json.dumps(terms).encode()).hexdigest()[:20]}"


def _requests(words: Iterable[Word]) -> dict[str, Word]:
    """Requests for one artefact whose id is that of their terms."""
    return {
        str(word.predicate["id"]): word
        for word in words
        if word.predicate["stage"] == "requested"
        and len(word.subjects) == 1
        and word.predicate["id"] == _id(word.predicate, word.subjects[0])
    }


def _same_text(approval: Word, request: Word) -> bool:
    return approval.subjects == request.subjects and all(
        approval.predicate[name] == request.predicate[name] for name in TERMS
    )


def _other_text(word: Word) -> NotCounted:
    return NotCounted(
        word.index,
        f"{word.person} approved {word.predicate['id']} with other terms than any request of that name",
        reason="break_glass_text_mismatch",
        remedy="approve the request as it was recorded: `mintmark break-glass approve ID`",
    )


def _facts(request: Word, approvers: list[str]) -> dict[str, Any]:
    return {
        "present": True,
        "id": request.predicate["id"],
        "environment": request.predicate["environment"],
        "sha256": request.subjects[0],
        "reason": public(str(request.predicate["reason"])),
        "requested_by": request.person,
        "approved_by": approvers,
        "at_epoch": request.epoch("at"),
        "expires_epoch": request.epoch("expires"),
        "origin": request.origin or "local",
    }


def _preference(fact: Mapping[str, Any], environment: str, now: int) -> tuple[Any, ...]:
    approvers = {person for person in fact["approved_by"] if person != fact["requested_by"]}
    here, unexpired = fact["environment"] == environment, fact["expires_epoch"] > now
    return here, unexpired, len(approvers), fact["at_epoch"], fact["id"]
