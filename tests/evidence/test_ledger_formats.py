"""The texts that bind a ledger: one entry has one text, a batch agrees with itself, a receipt proves one posting."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.builders import NOW, Bench, bench, signed

from mintmark.evidence.binder import posting_receipt, prove_batch
from mintmark.evidence.canonical import canonical
from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.inbox import Submission
from mintmark.evidence.ledger.batch import LedgerBatch, batch_id, parse_batch, ranges_of
from mintmark.evidence.ledger.journal import CurrencyTotal, JournalEntry, Posting, parse_journal_entry, trial_balance
from mintmark.evidence.ledger.receipt import parse_ledger_receipt, verify_ledger_receipt
from mintmark.evidence.statement import parse_statement
from mintmark.evidence.tree import leaf_hash, root_of


def _entry(number: int, amount: int = 5) -> JournalEntry:
    return JournalEntry(
        id=number,
        created_at="2026-11-24T12:00:00.000000Z",
        kind="capture",
        source="payments",
        ref=f"p{number}:capture",
        deployment="11111111-1111-4111-8111-111111111111",
        postings=(
            Posting(leg=1, account="demo:customer", currency="EUR", amount_minor=-amount),
            Posting(leg=2, account="demo:merchant", currency="EUR", amount_minor=amount),
        ),
    )


def _batch(ids: list[int], **changes: Any) -> LedgerBatch:
    entries = [_entry(number) for number in ids]
    values: dict[str, Any] = {
        "ledger": "florin",
        "batch": 1,
        "root": root_of([entry.leaf_hash for entry in entries]).hex(),
        "ranges": ranges_of(ids),
        "trial_balance": tuple(trial_balance(entries)),
        "previous": None,
        "as_of": "2026-11-24T12:00:01.000Z",
    }
    return LedgerBatch(**(values | changes))


def test_a_text_is_read_as_it_was_written() -> None:
    text = (
        b"florin/entry/v1\nid 2\ncreated_at 2026-11-24T02:45:41.429683Z\nkind capture\nsource payments\nref r\n"
        b"deployment 11111111-1111-4111-8111-111111111111\nposting 1 demo:customer EUR -1250\n"
        b"posting 2 demo:merchant EUR 1250\n"
    )
    entry = parse_journal_entry(text)

    assert entry.encode() == text
    assert entry.leaf_hash == hashlib.sha256(b"\x00" + text).digest()
    assert (entry.id, entry.sums()) == (2, {"EUR": 0})


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + "\n",
        lambda text: text.replace("florin/entry/v1", "florin/entry/v2"),
        lambda text: text.replace("id 7", "id 07"),
        lambda text: text.replace("id 7", "id 0"),
        lambda text: text.replace("kind capture", "kind cap ture"),
        lambda text: text.replace("kind capture\n", ""),
        lambda text: text.replace("EUR -5", "EUR -05"),
        lambda text: text.replace("EUR -5", "EUR 0"),
        lambda text: text.replace("EUR -5", "EUR +5"),
        lambda text: text.replace("EUR -5", "EUR -5.0"),
        lambda text: text.replace("EUR -5", "EUR -\u0665"),
        lambda text: text.replace("posting 1", "posting  1"),
        lambda text: text.replace("\n", "\r\n"),
        lambda _: "",
    ],
)
def test_a_text_in_another_form_is_refused(change: Callable[[str], str]) -> None:
    text = _entry(7).encode().decode()

    assert parse_journal_entry(text.encode()) == _entry(7)
    with pytest.raises(EvidenceError) as refused:
        parse_journal_entry(change(text).encode())
    assert refused.value.reason == "malformed"


@given(st.sets(st.integers(1, 60), min_size=1))
def test_ranges_hold_exactly_the_members(ids: set[int]) -> None:
    batch = _batch(sorted(ids))

    assert list(batch.members()) == sorted(ids)
    assert (batch.first, batch.last, batch.count) == (min(ids), max(ids), len(ids))
    for number in range(62):
        expected = sorted(ids).index(number) if number in ids else None
        assert batch.position(number) == expected


def test_a_batch_is_read_as_it_was_written_and_its_sums_are_exact_whatever_their_size() -> None:
    batch = _batch([3, 4, 9], trial_balance=(CurrencyTotal(currency="EUR", debits_minor=10**30, credits_minor=10**30),))

    assert parse_batch(parse_statement(batch.statement())) == batch
    assert batch.statement() == batch.statement()
    listed = json.dumps(batch.predicate()["trial_balance"], sort_keys=True, separators=(",", ":"))
    assert batch.predicate()["trial_balance_digest"] == hashlib.sha256(listed.encode()).hexdigest()


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        ("first", 4, "malformed"),
        ("count", 2, "malformed"),
        ("count", 3.0, "malformed"),
        ("batch", 0, "malformed"),
        ("batch", True, "malformed"),
        ("ledger", "Florin", "malformed"),
        ("ranges", [], "malformed"),
        ("ranges", [[9, 9], [3, 4]], "malformed"),
        ("ranges", [[3, 4], [4, 9]], "malformed"),
        ("ranges", [[3, 3], [4, 4], [9, 9]], "malformed"),
        ("ranges", [[1, 10**12]], "malformed"),
        ("trial_balance", [], "malformed"),
        ("trial_balance", [{"currency": "EUR", "debits_minor": 15, "credits_minor": 15}], "malformed"),
        ("trial_balance_digest", "00" * 32, "malformed"),
        ("as_of", "yesterday", "malformed"),
        ("previous", -1, "malformed"),
        ("root", "00" * 32, "subject_mismatch"),
        ("note", "more", "type_mismatch"),
    ],
)
def test_a_batch_that_does_not_agree_with_itself_is_refused(member: str, value: object, reason: str) -> None:
    document = json.loads(_batch([3, 4, 9]).statement())
    document["predicate"][member] = value

    with pytest.raises(EvidenceError) as refused:
        parse_batch(parse_statement(json.dumps(document).encode()))
    assert refused.value.reason == reason


def test_the_id_of_a_batch_is_a_uuid7_that_its_ledger_and_number_alone_give() -> None:
    assert batch_id("florin", 7) == batch_id("florin", 7)
    assert len({batch_id("florin", 7), batch_id("florin", 8), batch_id("florin2", 7)}) == 3
    assert uuid.UUID(batch_id("florin", 7)).version == 7


def _receipt(place: Bench, ids: list[int], wanted: int) -> bytes:
    log = place.open()
    batch = _batch(ids)
    log.record_all([Submission(bundle=signed(place.key, batch.statement()), refs=batch.refs)], now=NOW)
    log.record(place.bundle(), now=NOW)
    leaves = [_entry(number).leaf_hash for number in ids]
    return posting_receipt(log, prove_batch(log, 0), leaves, text=_entry(wanted).encode()).encode()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 12])
def test_every_member_of_a_batch_has_a_receipt_that_verifies_offline(tmp_path: Any, size: int) -> None:
    place = bench(tmp_path)
    ids = list(range(10, 10 + size))
    log = place.open()
    first = _receipt(place, ids, ids[0])
    leaves = [_entry(number).leaf_hash for number in ids]

    for position, number in enumerate(ids):
        content = posting_receipt(log, prove_batch(log, 0), leaves, text=_entry(number).encode()).encode()
        verified = verify_ledger_receipt(content, log_vkey=place.signer.vkey)
        assert parse_ledger_receipt(content).encode() == content
        assert (verified.journal_entry, verified.index, verified.size) == (_entry(number), position, size)
        assert (verified.evidence_index, verified.checkpoint.size) == (0, 2)
    assert b"\n\nc2sp.org/tlog-proof@v1\nindex 0\n" in first


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace("EUR -5\n", "EUR -6\n"), "proof_invalid"),
        (lambda text: text.replace("id 11\n", "id 12\n"), "proof_invalid"),
        (lambda text: text.replace("index 1\n", "index 0\n", 1), "proof_invalid"),
        (lambda text: text.replace("size 3\n", "size 2\n"), "proof_invalid"),
        (lambda text: text.replace("\nbatch 1\n", "\nbatch 2\n"), "subject_mismatch"),
        (lambda text: text.replace("ledger florin\n", "ledger mint\n"), "subject_mismatch"),
        (lambda text: text.replace('"kind":"ledger-batch"', '"kind":"scan"'), "proof_invalid"),
        (lambda text: text.replace("log.example/1\n2\n", "log.example/1\n3\n"), "signature_invalid"),
        (lambda text: text.replace("@v1", "@v2", 1), "malformed"),
        (lambda text: text.replace("size 3\n", "size 03\n"), "malformed"),
        (lambda text: text.replace("size 3\n", "size 3\nAAAA\n"), "malformed"),
        (lambda text: text.partition("\n\nc2sp")[0], "malformed"),
        (lambda _: "", "malformed"),
    ],
)
def test_a_receipt_that_was_changed_proves_nothing(tmp_path: Any, change: Callable[[str], str], reason: str) -> None:
    place = bench(tmp_path)
    content = _receipt(place, [10, 11, 13], 11).decode()

    assert change(content) != content
    with pytest.raises(EvidenceError) as refused:
        verify_ledger_receipt(change(content).encode(), log_vkey=place.signer.vkey)
    assert refused.value.reason == reason
    assert verify_ledger_receipt(content.encode(), log_vkey=place.signer.vkey).journal_entry.id == 11


def test_another_kind_of_entry_with_the_name_of_a_batch_is_no_receipt(tmp_path: Any) -> None:
    """A key that may write scans must not vouch for a ledger by naming a subject after it."""
    place = bench(tmp_path)
    log = place.open()
    batch = _batch([10])
    from tests.evidence.builders import statement

    subject = [{"name": batch.name, "digest": {"sha256": batch.root}}]
    log.record(signed(place.key, statement("scan", {}, subject=subject)), now=NOW)
    real = _receipt(bench(_made(tmp_path / "other")), [10], 10)
    head = real.split(b"\n\n")[:2]
    forged = b"\n\n".join([*head, log.entry(0).encode(), log.receipt(0).encode()])

    with pytest.raises(EvidenceError) as refused:
        verify_ledger_receipt(forged, log_vkey=place.signer.vkey)
    assert refused.value.reason == "subject_mismatch"


def _made(folder: Any) -> Any:
    folder.mkdir()
    return folder


def test_a_log_without_the_leaves_of_a_batch_gives_no_receipt(tmp_path: Any) -> None:
    place = bench(tmp_path)
    _receipt(place, [10, 11], 10)
    log = place.open()
    bound = prove_batch(log, 0)
    leaves = [_entry(10).leaf_hash, _entry(11).leaf_hash]

    for wrong_leaves, text in (
        (leaves[:1], _entry(10).encode()),
        (leaves[::-1], _entry(10).encode()),
        (leaves, _entry(12).encode()),
        (leaves, _entry(10, 6).encode()),
    ):
        with pytest.raises(EvidenceError) as refused:
            posting_receipt(log, bound, wrong_leaves, text=text)
        assert refused.value.reason == "proof_invalid"
    assert canonical(json.loads(bound.batch.statement())) == bound.batch.statement()
    assert leaf_hash(_entry(10).encode()) == leaves[0]
