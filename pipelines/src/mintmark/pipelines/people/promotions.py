"""Where an artefact ran before: its deployments in the log, proven."""

from __future__ import annotations

from typing import Any

from mintmark.evidence.statement import parse_time
from mintmark.pipelines.people.words import Listener, NotCounted


def promotion_facts(listener: Listener, *, subject_sha256: str) -> tuple[list[dict[str, Any]], list[NotCounted]]:
    """The first start under each decision in each environment. Raises `TooManyEntries`."""
    first: dict[tuple[str, str], dict[str, Any]] = {}
    not_counted = []
    for index in listener.found("deployment", subject=subject_sha256):
        try:
            predicate = listener.proven(index, kind="deployment", subject=subject_sha256).predicate
        except NotCounted as failure:
            not_counted.append(failure)
            continue
        if predicate["digest"] != f"sha256:{subject_sha256}":
            continue
        fact = {
            "environment": predicate["environment"],
            "sha256": subject_sha256,
            "decision_id": predicate["decision_id"],
            "deployed_epoch": int(parse_time(predicate["started_at"], what="started_at").timestamp()),
        }
        place = (fact["environment"], fact["decision_id"])
        first[place] = min(first.get(place, fact), fact, key=lambda item: int(item["deployed_epoch"]))
    return [first[place] for place in sorted(first)], not_counted
