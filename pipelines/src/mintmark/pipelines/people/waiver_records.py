"""Waivers as records: one person's key asked for these exact terms, and others' keys approved the same terms."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from mintmark.evidence.log import EvidenceLog, Recorded
from mintmark.pipelines.build.manifest import sha256
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.people.directory import UNKNOWN, Directory
from mintmark.pipelines.people.words import Listener, NotCounted, Word, public
from mintmark.pipelines.sign import statements
from mintmark.pipelines.sign.interface import Signer

TERMS = ("rule", "fingerprint", "environment", "reason", "requested_by", "requested_epoch", "expires_epoch")
# One that ended just now is shown to the policy, which says that it ended. An old one says nothing any more.
SHOWN_AFTER_END = timedelta(days=30)


def terms_digest(waiver: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of all that is asked for. Whoever approves signs this."""
    terms = {name: waiver[name] for name in TERMS}
    return sha256(json.dumps(terms, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode())


def waiver_id(waiver: Mapping[str, Any]) -> str:
    """A waiver's name is made of its terms, so nobody can put other terms under the name that was approved."""
    return f"W-{terms_digest(waiver)[:20]}"


def request_waiver(
    log: EvidenceLog,
    signer: Signer,
    *,
    rule: str,
    fingerprint: str,
    environment: str,
    reason: str,
    person: str,
    repository: str,
    expires: datetime,
    now: datetime,
) -> tuple[str, Recorded]:
    """Sign and record a request; return the id that others approve it by."""
    terms = {
        "rule": rule,
        "fingerprint": fingerprint,
        "environment": environment,
        "reason": public(reason),
        "requested_by": person,
        "requested_epoch": int(now.timestamp()),
        "expires_epoch": int(expires.timestamp()),
    }
    waived = {"id": waiver_id(terms), **terms, "approved_by": [], "means": "record", "status": "requested"}
    return str(waived["id"]), _record(log, signer, waived, repository=repository, now=now)


def approve_waiver(
    log: EvidenceLog,
    signer: Signer,
    listener: Listener,
    identity: str,
    *,
    person: str,
    repository: str,
    now: datetime,
) -> Recorded:
    """
    Sign and record one person's approval of a request, word for word.

    Raises `UsageError`: `no_waiver`; `sod` for the one who asked; `waiver_expired`.
    """
    request = _requests(_waiver_words(listener, repository)[0]).get(identity)
    if request is None:
        raise UsageError(
            f"no request {identity} is recorded for this repository",
            reason="no_waiver",
            remedy="`mintmark waiver list` says which there are",
        )
    if request.person == person:
        raise UsageError(
            f"{person} asked for {identity} and cannot approve it", reason="sod", remedy="ask somebody else to approve"
        )
    if request.predicate["expires_epoch"] <= now.timestamp():
        raise UsageError(
            f"{identity} has expired", reason="waiver_expired", remedy="ask for a new one, if it is needed still"
        )
    waived = {**request.predicate, "approved_by": [person], "status": "approved"}
    return _record(log, signer, waived, repository=repository, now=now)


def waiver_record_facts(
    listener: Listener, *, environment: str, repository: str, as_of: datetime
) -> tuple[list[dict[str, Any]], list[NotCounted]]:
    """
    Requests that somebody approved, with who asked and who approved by the keys that signed.

    A request that nobody approved is no waiver yet and is left out. One for another environment, or that has ended, is
    shown where it was soundly approved: it can only explain a refusal.
    """
    facts, not_counted = approved(listener, repository=repository)
    return [fact for fact in facts if _is_shown(fact, environment, as_of)], not_counted


def approved(listener: Listener, *, repository: str) -> tuple[list[dict[str, Any]], list[NotCounted]]:
    """Every request of a repository that somebody approved, be it the requester; by id."""
    words, not_counted = _waiver_words(listener, repository)
    requests = _requests(words)
    approvals: dict[str, set[str]] = {}
    for word in words:
        if word.predicate.get("status") == "approved":
            _count(word, requests, approvals, not_counted)
    return [_facts(requests[name], sorted(approvals[name])) for name in sorted(approvals)], not_counted


def pending(listener: Listener, *, repository: str) -> list[dict[str, Any]]:
    """Requests that nobody approved; by id."""
    words, _ = _waiver_words(listener, repository)
    answered = {str(word.predicate["id"]) for word in words if word.predicate.get("status") == "approved"}
    return [_facts(request, []) for name, request in sorted(_requests(words).items()) if name not in answered]


def resolved(directory: Directory, waivers: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Waivers of files, with every alias of a person as the one id; what a file says of people is a claim.

    Where there is a directory, an approver whom it does not know is nobody, and of an unknown requester nobody can say
    who is somebody else. Without one the names stand as they are written, addresses excepted.
    """
    return [_with_people(directory, waiver) for waiver in waivers]


def _with_people(directory: Directory, waiver: dict[str, Any]) -> dict[str, Any]:
    if not directory.people:
        named = [str(waiver["requested_by"]), *waiver["approved_by"]]
        requester, *approvers = [UNKNOWN if "@" in name else name for name in named]
        return {**waiver, "requested_by": requester, "approved_by": sorted(set(approvers) - {UNKNOWN})}
    requester = directory.resolve(waiver["requested_by"])
    approvers = sorted({directory.resolve(name) for name in waiver["approved_by"]} - {UNKNOWN})
    return {**waiver, "requested_by": requester, "approved_by": [] if requester == UNKNOWN else approvers}


def _record(log: EvidenceLog, signer: Signer, waived: Mapping[str, Any], *, repository: str, now: datetime) -> Recorded:
    bundle = signer.sign(statements.waiver(terms_digest(waived), waived, repository=repository))
    refs = (f"environment:{waived['environment']}", f"waiver:{waived['id']}")
    return log.record(bundle, now=now, refs=refs)


def _waiver_words(listener: Listener, repository: str) -> tuple[tuple[Word, ...], list[NotCounted]]:
    """What was said about waivers of this repository, by terms that are those of the name and of the subject."""
    subject = sha256(repository.encode())
    heard = listener.hear(listener.found("waiver", subject=subject), kind="waiver", subject=subject)
    sound, not_counted = [], list(heard.not_counted)
    for word in heard.words:
        terms = terms_digest(word.predicate)
        if terms in word.subjects and word.predicate["id"] == waiver_id(word.predicate):
            sound.append(word)
        else:
            not_counted.append(_other_text(word))
    return tuple(sound), not_counted


def _requests(words: Iterable[Word]) -> dict[str, Word]:
    return {str(word.predicate["id"]): word for word in words if word.predicate.get("status") == "requested"}


def _count(
    word: Word, requests: Mapping[str, Word], approvals: dict[str, set[str]], failures: list[NotCounted]
) -> None:
    name = str(word.predicate["id"])
    if name not in requests:
        failures.append(_other_text(word))
    else:
        approvals.setdefault(name, set()).add(word.person)


def _other_text(word: Word) -> NotCounted:
    return NotCounted(
        word.index,
        f"waiver {word.predicate['id']} by {word.person} has other terms than any request of that name",
        reason="waiver_text_mismatch",
        remedy="approve the request as it was recorded: `mintmark waiver approve ID --record`",
    )


def _facts(request: Word, approvers: list[str]) -> dict[str, Any]:
    facts = {name: request.predicate[name] for name in ("id", *TERMS)}
    return request.with_origin(
        facts
        | {
            "reason": public(facts["reason"]),
            "requested_by": request.person,
            "approved_by": approvers,
            "means": "record",
            "status": "approved" if approvers else "requested",
        }
    )


def _is_shown(fact: Mapping[str, Any], environment: str, as_of: datetime) -> bool:
    ends = fact["expires_epoch"]
    if fact["environment"] == environment and ends > as_of.timestamp():
        return True
    approved_by_another = any(person != fact["requested_by"] for person in fact["approved_by"])
    return approved_by_another and ends > (as_of - SHOWN_AFTER_END).timestamp()
