"""What people signed: each entry proven, and its speaker known by the key alone, never by what the statement claims."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mintmark.evidence.confidential import redact
from mintmark.evidence.reader import LogReader
from mintmark.evidence.statement import parse_time
from mintmark.pipelines.errors import IncompleteError, IntegrityError, PipelineError
from mintmark.pipelines.gate.document import check
from mintmark.pipelines.gate.errors import DocumentInvalid
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.people.directory import UNKNOWN, Directory
from mintmark.pipelines.proof import NOT_COUNTED, ProofFailed, ProvenStatement, prove

MAX_ENTRIES = 1_000
_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+")


class NotCounted(PipelineError):
    """An entry of the log holds, and still does not count as this person's word; `index` is its place."""

    def __init__(self, index: int, why: str, *, reason: str, remedy: str) -> None:
        super().__init__(f"entry {index} does not count: {why}", reason=reason, remedy=remedy)
        self.index = index


class TooManyEntries(IncompleteError):
    """More entries than are read: one that was left out could have been the one that says no."""

    def __init__(self, kind: str, *, limit: int) -> None:
        super().__init__(
            f"{limit} entries of kind {kind} or more are recorded on this: too many to read all",
            reason="too_many_entries",
            remedy="find out who recorded them, and release another artefact",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """
    A proven statement and the person whose key signed it.

    `id` follows from what was said and by whom, so that a copy of an entry is the same word. `origin` is the key's.
    """

    id: str
    index: int
    person: str
    origin: str | None
    subjects: tuple[str, ...]
    predicate: dict[str, Any]

    def epoch(self, member: str) -> int:
        """A time of the predicate in whole seconds, the part of a second left out."""
        return int(parse_time(self.predicate[member], what=member).timestamp())

    def moment(self, member: str) -> float:
        return parse_time(self.predicate[member], what=member).timestamp()

    def with_origin(self, facts: dict[str, Any]) -> dict[str, Any]:
        return facts if self.origin is None else {**facts, "origin": self.origin}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Words in one order whatever the log's, each once, and the entries that do not count."""

    words: tuple[Word, ...]
    not_counted: tuple[NotCounted, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Reads what was recorded. Every entry is held to the schema of its kind again: a log may have been opened bare."""

    log: LogReader
    directory: Directory
    pack: PolicyPack

    def found(self, kind: str, *, subject: str) -> list[int]:
        """The entries of a kind about a digest. Raises `TooManyEntries`."""
        rows = self.log.search(kind=kind, subject=subject, limit=MAX_ENTRIES)
        if len(rows) >= MAX_ENTRIES:
            raise TooManyEntries(kind, limit=MAX_ENTRIES)
        return [row.index for row in rows]

    def hear(self, indexes: Iterable[int], *, kind: str, subject: str | None = None) -> Heard:
        """
        Prove entries, and keep those that a known person signed who is the one that they claim to be.

        With `subject` they must speak of that digest. Raises `ProofFailed` and `WrongKind`: an entry that was changed
        may have said anything, so nothing is decided beside it.
        """
        words: dict[str, Word] = {}
        not_counted = []
        for index in sorted(set(indexes)):
            try:
                word = self._word(self.proven(index, kind=kind, subject=subject))
            except NotCounted as failure:
                not_counted.append(failure)
            else:
                words.setdefault(word.id, word)
        return Heard(words=tuple(words[key] for key in sorted(words)), not_counted=tuple(not_counted))

    def proven(self, index: int, *, kind: str, subject: str | None = None) -> ProvenStatement:
        """One entry, whoever signed it. Raises `NotCounted`, and what `hear` raises."""
        try:
            proven = prove(self.log, index, kind=kind)
            check(proven.predicate, kind, pack=self.pack)
        except ProofFailed as failure:
            if failure.reason not in NOT_COUNTED:
                raise
            raise NotCounted(
                index, str(failure), reason=failure.reason, remedy="sign it with a key that may"
            ) from failure
        except DocumentInvalid as failure:
            raise NotCounted(index, str(failure), reason="schema_invalid", remedy="record it again") from failure
        if subject is not None and subject not in proven.subjects:
            raise IntegrityError(
                f"entry {index} speaks of other subjects than {subject}, under which it was found",
                reason="subject_mismatch",
                remedy="run `mintmark verify`: the query table does not say what the signed statement says",
            )
        return proven

    def _word(self, proven: ProvenStatement) -> Word:
        person = self.directory.person_of_key(proven.signer)
        if person == UNKNOWN:
            raise NotCounted(
                proven.index,
                f"key {proven.signer[:12]} is nobody's in the directory",
                reason="person_unknown",
                remedy="list the key with its person in people.toml, and have that reviewed",
            )
        claimed = _claimed(proven)
        if claimed != person:
            raise NotCounted(
                proven.index,
                f"it speaks as {claimed}, and was signed with a key of {person}",
                reason="person_mismatch",
                remedy="everybody signs for themselves: ask who recorded it",
            )
        key = self.log.trust.key(proven.signer)
        return Word(
            id=said(proven.predicate, proven.subjects, proven.signer),
            index=proven.index,
            person=person,
            origin=key.origin if key else proven.predicate.get("origin"),
            subjects=proven.subjects,
            predicate=proven.predicate,
        )


def _claimed(proven: ProvenStatement) -> str:
    """Who a statement says is speaking: of a waiver who asks for it, or the one who approves it."""
    predicate = proven.predicate
    if proven.kind != "waiver":
        return str(predicate.get("person"))
    if predicate.get("status") != "approved":
        return str(predicate["requested_by"])
    return ", ".join(predicate["approved_by"])


def said(predicate: dict[str, Any], subjects: Sequence[str], signer: str) -> str:
    """16 hexadecimal digits for what was said by whom."""
    text = json.dumps([signer, sorted(subjects), predicate], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def public(text: str) -> str:
    """Free text without secrets and e-mail addresses: it is judged, shown and recorded."""
    return _ADDRESS.sub("[redacted:e-mail]", redact(text))
