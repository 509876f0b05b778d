"""The ledger against the batches that the log binds it with: L4."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.builders import NOW, bench
from tests.evidence.single_file.exports import (
    Answer,
    Exported,
    ask,
    batch,
    batch_bundle,
    export,
    journal_entry,
    journal_lines,
)

FIRST, SECOND = (1, 2, 4), (3, 5, 6)
BOUND = (*FIRST, *SECOND)


def bound(folder: Path, *predicates: dict[str, Any]) -> Exported:
    """A log with the given batches, or with the two honest ones; entry 3 came late, and is in the second."""
    place = bench(folder)
    log = place.fill(1)
    for predicate in predicates or honest():
        log.record(batch_bundle(place, predicate), now=NOW)
    made = export(place, log, folder)
    (made.folder / "ledger").mkdir()
    return made


def honest(**changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Entry 0 of the log is a scan, entries 1 and 2 are the batches; changes are of the second."""
    return batch(1, FIRST, total=3, previous=None), batch(2, SECOND, total=6, previous=1, **changes)


def asked(made: Exported, journal: dict[int, str] | bytes) -> Answer:
    lines = journal if isinstance(journal, bytes) else journal_lines(journal)
    (made.folder / "ledger" / "entries.jsonl").write_bytes(lines)
    return ask(made.words())


def book(**changes: str | None) -> dict[int, str]:
    texts = {identity: journal_entry(identity) for identity in BOUND}
    for name, text in changes.items():
        if text is None:
            del texts[int(name[1:])]
        else:
            texts[int(name[1:])] = text
    return texts


def test_a_ledger_that_the_batches_bind_is_verified(tmp_path: Path) -> None:
    answer = asked(bound(tmp_path), book())

    assert (answer.code, answer.state("L4")) == (0, "verified")
    assert answer.report["levels"]["L4"]["said"] == ["journal entries: 6, batches: 2"]


def dearer(identity: int) -> str:
    return journal_entry(identity, legs=((1, "cash:eur", 900), (2, "sales:eur", -900)))


TAMPERED: dict[str, tuple[Callable[[], dict[int, str] | bytes], str, str]] = {
    "an amount edited": (lambda: book(_5=dearer(5)), "root_mismatch", "batch 2"),
    "an account edited": (
        lambda: book(_2=journal_entry(2).replace("sales", "mine!")),
        "root_mismatch",
        "batch 1",
    ),
    "an entry deleted": (lambda: book(_4=None), "entry_missing", "journal entry 4 of batch 1"),
    "the first deleted": (lambda: book(_1=None), "entry_missing", "journal entry 1 of batch 1"),
    "the last deleted": (lambda: book(_6=None), "entry_missing", "journal entry 6 of batch 2"),
    "several deleted": (lambda: book(_5=None, _6=None), "entry_missing", "journal entry 5 to 6 of batch 2"),
    "an entry put before": (lambda: book(_0=journal_entry(0)), "unbound_entry", "journal entry 0"),
    "one leg edited": (
        lambda: book(_5=journal_entry(5).replace("EUR 500", "EUR 501")),
        "unbalanced",
        "journal entry 5",
    ),
    "currencies mixed": (
        lambda: book(_5=journal_entry(5).replace("EUR -500", "USD -500")),
        "unbalanced",
        "journal entry 5",
    ),
    "one leg dropped": (
        lambda: book(_5=journal_entry(5, legs=((1, "cash:eur", 0),))),
        "unbalanced",
        "journal entry 5",
    ),
    "two change places": (lambda: book(_5=journal_entry(6), _6=journal_entry(5)), "id_mismatch", "journal entry 5"),
    "a leaf edited": (
        lambda: journal_lines(book()).replace(b'"leaf_hash":"', b'"leaf_hash":"0', 1),
        "leaf_mismatch",
        "journal entry 1",
    ),
    "an entry twice": (
        lambda: journal_lines(book()) + journal_lines({6: journal_entry(6)}),
        "malformed",
        "stands behind 6",
    ),
    "another spelling": (lambda: journal_lines(book()).replace(b'","id"', b'", "id"', 1), "not_canonical", "canonical"),
    "no JSON": (lambda: b"nothing\n", "malformed", "not strict JSON"),
    "legs out of order": (
        lambda: book(_5=journal_entry(5, legs=((2, "sales:eur", -500), (1, "cash:eur", 500)))),
        "malformed",
        "journal entry 5",
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_changed_ledger_fails_and_the_journal_entry_is_named(how: str, tmp_path: Path) -> None:
    make, reason, said = TAMPERED[how]

    answer = asked(bound(tmp_path), make())

    assert (answer.code, answer.state("L4")) == (4, "failed")
    assert ("L4", reason) in answer.reasons
    assert any(said in item["detail"] for item in answer.report["broken"] if item["reason"] == reason)


def test_a_posting_inserted_between_bound_ones_fails(tmp_path: Path) -> None:
    made = bound(tmp_path, batch(1, (1, 2, 4), total=3, previous=None))

    answer = asked(made, {identity: journal_entry(identity) for identity in (1, 2, 3, 4)})

    assert (answer.code, answer.reasons) == (4, {("L4", "unbound_entry")})
    assert "journal entry 3" in answer.report["broken"][0]["detail"]


def test_an_entry_behind_the_newest_batch_fails_too(tmp_path: Path) -> None:
    """What waits to be bound is not exported, so that whatever is exported is bound."""
    answer = asked(bound(tmp_path), book(_7=journal_entry(7)))

    assert (answer.code, answer.reasons) == (4, {("L4", "unbound_entry")})


def test_a_ledger_that_no_batch_binds_fails(tmp_path: Path) -> None:
    place = bench(tmp_path)
    made = export(place, place.fill(1), tmp_path)
    (made.folder / "ledger").mkdir()

    assert asked(made, book()).reasons == {("L4", "unbound_entry")}


def test_a_batch_under_another_name_fails(tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.fill(1)
    log.record(batch_bundle(place, honest()[0], subject=[{"name": "a.whl", "digest": {"sha256": "ab" * 32}}]), now=NOW)
    made = export(place, log, tmp_path)
    (made.folder / "ledger").mkdir()

    assert ("L4", "subject_mismatch") in asked(made, book()).reasons


def test_a_ledger_that_is_not_in_the_export_is_not_verifiable(tmp_path: Path) -> None:
    answer = ask(bound(tmp_path).words())

    assert (answer.code, answer.open_reasons) == (3, {("L4", "ledger_missing")})


LYING: dict[str, tuple[dict[str, Any], str]] = {
    "an entry in two batches": (batch(2, (4, 5, 6), total=6, previous=1), "double_bound"),
    "another count": (honest(count=4)[1], "malformed"),
    "ranges that overlap": (honest(ranges=[[3, 5], [5, 6]])[1], "malformed"),
    "ranges that touch": (honest(ranges=[[3, 3], [5, 5], [6, 6]])[1], "malformed"),
    "sums that are numbers": (
        honest(trial_balance=[{"currency": "EUR", "debits_minor": 3000, "credits_minor": 3000}])[1],
        "trial_balance_mismatch",
    ),
    "no ranges": (honest(ranges=[])[1], "malformed"),
    "ranges of texts": (honest(ranges=[["3", "6"]])[1], "malformed"),
    "another root": (honest(root="00" * 32)[1], "root_mismatch"),
    "another trial balance": (batch(2, SECOND, total=7, previous=1), "trial_balance_mismatch"),
    "another digest": (honest(trial_balance_digest="00" * 32)[1], "trial_balance_mismatch"),
    "another previous": (batch(2, SECOND, total=6, previous=None), "previous_mismatch"),
    "the same number": (batch(1, SECOND, total=6, previous=1), "batch_order"),
    "a huge range": (honest(ranges=[[3, 2**60]], last=2**60, count=2**60 - 2)[1], "double_bound"),
}


@pytest.mark.parametrize("how", LYING)
def test_a_batch_that_does_not_hold_fails_at_its_entry(how: str, tmp_path: Path) -> None:
    predicate, reason = LYING[how]

    answer = asked(bound(tmp_path, honest()[0], predicate), book())

    assert answer.code == 4
    assert ("L4", reason) in answer.reasons
    assert answer.report["first_bad_index"] == 2


def test_a_lost_batch_is_missed(tmp_path: Path) -> None:
    """The chain of batches names each one's predecessor."""
    answer = asked(bound(tmp_path, honest()[0], batch(3, SECOND, total=6, previous=7)), book())

    assert answer.reasons == {("L4", "batch_order")}


def test_without_the_payload_of_a_batch_the_ledger_is_not_compared(tmp_path: Path) -> None:
    made = bound(tmp_path)
    for path in (made.folder / "payload").rglob("?" * 64):
        bundle = json.loads(path.read_bytes()[32:])
        if b"ledger-batch" in base64.b64decode(bundle["dsseEnvelope"]["payload"]):
            path.unlink()
            break

    answer = asked(made, book())

    assert answer.code == 4
    assert answer.reasons == {("L5", "payload_missing")}
    assert ("L4", "batch_unread") in answer.open_reasons
