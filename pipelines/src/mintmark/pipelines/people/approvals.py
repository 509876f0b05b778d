"""Approvals and rejections of artefacts: made by a person's key, and the newest word of each person read back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mintmark.evidence.leaf import timestamp
from mintmark.evidence.log import EvidenceLog, Recorded
from mintmark.pipelines.people.change import Base
from mintmark.pipelines.people.words import MAX_ENTRIES, Heard, Listener, NotCounted, TooManyEntries, Word, public
from mintmark.pipelines.sign import statements
from mintmark.pipelines.sign.interface import Signer

MAX_COMMENT = 2_000
# Approvals of other artefacts of this repository are shown to the policy too, so that a refusal can say that the only
# approval is of the push before; those of a month are enough for that.
OTHERS_SINCE = timedelta(days=30)
MAX_OTHERS = 200


def repository_ref(uri: str) -> str:
    """Under which entries of a repository are found: 32 hexadecimal digits of the SHA-256 of its address."""
    return f"repository:{hashlib.sha256(uri.encode()).hexdigest()[:32]}"


def record_approval(
    log: EvidenceLog,
    signer: Signer,
    *,
    subject: Mapping[str, Any],
    person: str,
    verdict: str,
    commit: str,
    environment: str,
    repository: str,
    comment: str,
    expires: datetime,
    now: datetime,
) -> Recorded:
    """
    Sign and record one person's word on one artefact (`verdict`: approve or reject).

    Raises `IngestRefused`: `key_unknown`, `kind_not_allowed` where the trust policy does not let this key approve.
    """
    predicate = {
        "person": person,
        "verdict": verdict,
        "commit": commit,
        "environment": environment,
        "repository": repository,
        "at": timestamp(now),
        "expires": timestamp(expires),
        "comment": public(comment)[:MAX_COMMENT],
    }
    bundle = signer.sign(statements.approval(subject, predicate))
    refs = (f"environment:{environment}", repository_ref(repository), f"commit:{commit}")
    return log.record(bundle, now=now, refs=refs)


def approval_facts(
    listener: Listener, *, subject_sha256: str, repository: str, base: Base, as_of: datetime
) -> tuple[list[dict[str, Any]], list[NotCounted]]:
    """
    The newest word of each person on each artefact in each place: a rejection takes an approval back, and the reverse.

    What is newest is said by the times that were signed: a copy of an approval that is recorded once more, behind the
    rejection, stays as old as it is. Of two words of one moment the rejection counts. A word of after `as_of` takes
    nothing back: an approval that is dated next year would hide every no until then. Of other artefacts of the
    repository those are shown that were approved since the release before, for nobody waits for these: they are of a
    push that this one replaced. Raises `TooManyEntries`.
    """
    since = max(as_of - OTHERS_SINCE, datetime.fromtimestamp(base.epoch, UTC))
    others = listener.log.search(kind="approval", ref=repository_ref(repository), since=since, limit=MAX_OTHERS)
    indexes = {*listener.found("approval", subject=subject_sha256), *(row.index for row in others)}
    words, not_counted = _newest(listener.hear(indexes, kind="approval"), as_of=as_of)
    newest = [word for word in words if word.subjects[0] == subject_sha256 or word.predicate["commit"] != base.commit]
    if len(newest) > MAX_ENTRIES:
        raise TooManyEntries("approval", limit=MAX_ENTRIES)
    return sorted((_facts(word) for word in newest), key=lambda fact: str(fact["id"])), not_counted


def _newest(heard: Heard, *, as_of: datetime) -> tuple[list[Word], list[NotCounted]]:
    newest: dict[tuple[str | bool, ...], Word] = {}
    not_counted = list(heard.not_counted)
    for word in heard.words:
        if len(word.subjects) != 1:
            not_counted.append(
                NotCounted(
                    word.index,
                    f"it approves {len(word.subjects)} artefacts at once",
                    reason="subject_mismatch",
                    remedy="approve one artefact at a time",
                )
            )
            continue
        about = str(word.predicate["environment"]), str(word.predicate["repository"])
        place = (word.person, word.subjects[0], *about, word.moment("at") > as_of.timestamp())
        newest[place] = max(newest.get(place, word), word, key=_last_word)
    return list(newest.values()), not_counted


def _last_word(word: Word) -> tuple[float, bool, str]:
    return word.moment("at"), word.predicate["verdict"] == "reject", word.id


def _facts(word: Word) -> dict[str, Any]:
    predicate = word.predicate
    return {
        "id": f"A-{word.id}",
        "person": word.person,
        "verdict": predicate["verdict"],
        "sha256": word.subjects[0],
        "commit": predicate["commit"],
        "environment": predicate["environment"],
        "repository": predicate["repository"],
        "at_epoch": word.epoch("at"),
        "expires_epoch": word.epoch("expires"),
        "means": "record",
        "origin": word.origin or "local",
    }
