"""Asks a service that speaks OSV's API (https://google.github.io/osv.dev/api/) about pins, and keeps its answers."""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from mintmark.pipelines.scan.advisories import Advisories, write_database
from mintmark.pipelines.scan.fetch import FetchFailed, Limits, fetch
from mintmark.pipelines.scan.interface import Failure, ScannerFailed
from mintmark.pipelines.scan.model import Sha256Hex
from mintmark.pipelines.scan.pins import Pin
from mintmark.pipelines.scan.sandbox import parse_json

WAIT_S = 15.0
DEADLINE_S = 120.0
MAX_ANSWER_BYTES = 16 * 1024 * 1024
MAX_PAGES = 20
AT_ONCE = 8
# Everybody who knows advisories for PyPI knows some for this release. A service that does not is not believed when it
# finds nothing elsewhere: an empty object is what "no vulnerability" and "another API" look like alike.
CANARY = Pin(name="jinja2", version="2.4.1", line=0)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    scanner: str
    url: str  # of `/v1`
    deadline: float

    def about(self, pin: Pin) -> list[Json]:
        """Every advisory for this release, through all pages of the answer."""
        found: list[Json] = []
        token = ""
        for _ in range(MAX_PAGES):
            question: Json = {"version": pin.version, "package": {"name": pin.name, "ecosystem": "PyPI"}}
            answer = self._post(question | ({"page_token": token} if token else {}))
            found += self._read(answer, pin)
            token = answer.get("next_page_token", "")
            if not token:
                return found
        raise ScannerFailed(self.scanner, Failure.REPORT_TOO_LARGE, f"over {MAX_PAGES} pages about {pin}")

    def _post(self, question: Json) -> Json:
        body, answer = json.dumps(question).encode(), io.BytesIO()
        limits = Limits(wait_s=WAIT_S, deadline=self.deadline, size=MAX_ANSWER_BYTES)
        try:
            fetch(f"{self.url}/query", answer, limits=limits, body=body)
        except FetchFailed as cause:
            failure = Failure.REPORT_TOO_LARGE if cause.large else Failure.TIMEOUT if cause.late else Failure.NO_REPORT
            raise ScannerFailed(self.scanner, failure, f"the advisory service gave no answer: {cause}") from cause
        document = parse_json(self.scanner, answer.getvalue())
        if not isinstance(document, dict) or set(document) - {"vulns", "next_page_token"}:
            raise self._invalid("an answer that is not of OSV's schema")
        return document

    def _read(self, answer: Json, pin: Pin) -> list[Json]:
        listed, token = answer.get("vulns", []), answer.get("next_page_token", "")
        if not isinstance(listed, list) or not isinstance(token, str):
            raise self._invalid(f"an answer about {pin} that is not of OSV's schema")
        return [self._about_pin(item, pin) for item in listed]

    def _about_pin(self, item: Any, pin: Pin) -> Json:
        """
        The advisory, with this release among those that it affects: the service has judged, and is not judged again.

        An advisory about something else answers another question than was asked.
        """
        try:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", item["id"]) or not isinstance(
                item["modified"], str
            ):
                raise self._invalid(f"an advisory about {pin} without an id or a date")
            own = [
                part
                for part in item["affected"]
                if part["package"]["ecosystem"] == "PyPI" and canonicalize_name(part["package"]["name"]) == pin.name
            ]
            for part in own:
                part["versions"] = sorted({*part.get("versions", []), pin.version})
        except (KeyError, TypeError, AttributeError) as cause:
            raise self._invalid(f"an advisory about {pin} that is not of OSV's schema") from cause
        if not own:
            raise self._invalid(f"asked about {pin}, it answered with {item['id']}, which does not name it")
        return dict(item)

    def _invalid(self, detail: str) -> ScannerFailed:
        return ScannerFailed(self.scanner, Failure.REPORT_INVALID, f"the advisory service gave {detail}")


def ask(advisories: Advisories, pins: Sequence[Pin], *, scanner: str, folder: Path) -> Advisories:
    """
    Return what the service of `advisories` answered about these pins, as a database in `folder` and its facts.

    Every exact pin is asked about, and a release that is known to be vulnerable. An answer that is late, broken, about
    something else or missing raises `ScannerFailed`: it is neither "vulnerable" nor "clean".
    """
    asked = [*(pin for pin in pins if pin.exact), CANARY]
    service = _Service(scanner=scanner, url=advisories.service, deadline=time.monotonic() + DEADLINE_S)
    pool = ThreadPoolExecutor(max_workers=AT_ONCE)
    try:
        answers = list(pool.map(service.about, asked))
    finally:
        pool.shutdown(cancel_futures=True)
    if not answers[-1]:
        raise ScannerFailed(
            scanner, Failure.REPORT_INVALID, f"the advisory service knows nothing against {CANARY}: it cannot know much"
        )
    documents = _joined(answers)
    database = folder / "answers.sqlite3"
    write_database(documents.values(), database)
    content = json.dumps(
        [[str(pin), [item["id"] for item in answer]] for pin, answer in zip(asked, answers, strict=True)]
        + [documents[identity] for identity in sorted(documents)],
        sort_keys=True,
    )
    digest = Sha256Hex(hashlib.sha256(content.encode()).hexdigest())
    return replace(
        advisories, facts=replace(advisories.facts, records=len(documents), digest=digest), database=database
    )


def _joined(answers: Sequence[Sequence[Json]]) -> dict[str, Json]:
    """One document an id; it may have been answered for several pins, each of which it affects."""
    joined: dict[str, Json] = {}
    for document in (item for answer in answers for item in answer):
        known = joined.setdefault(document["id"], document)
        if known is not document:
            known["affected"] = [*known["affected"], *document["affected"]]
    return joined
