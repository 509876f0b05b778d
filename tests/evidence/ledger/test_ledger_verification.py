"""Check L4 against a superuser: whatever he changes in a bound ledger is found, and the entry is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.evidence.builders import Bench
from tests.evidence.ledger.ledgers import Ledger, bind, binder, now, verify

from mintmark.evidence.archive import Archive
from mintmark.evidence.binder import bound_batches
from mintmark.evidence.ledger.database import open_ledger
from mintmark.evidence.ledger.exported import PATH, ExportedLedger, export_ledger
from mintmark.evidence.ledger.interface import LedgerSource
from mintmark.evidence.ledger.verification import LedgerReport, verify_ledger
from mintmark.evidence.store.open import open_backend
from mintmark.evidence.verify.check import Trust, verify_log
from mintmark.evidence.verify.live import LiveSource
from mintmark.evidence.verify.report import VerificationReport


def _fill(place: Bench, ledger: Ledger) -> list[int]:
    """Nine entries in three batches, in two currencies."""
    ids = [*(ledger.post(amount) for amount in range(1, 9)), ledger.post(5, debit="w:jpy", credit="a:jpy")]
    bind(place, ledger, limit=3)
    return ids


def _reasons(report: LedgerReport, place: str) -> set[str]:
    return {problem.reason for problem in report.problems if problem.place == place}


def test_a_ledger_that_nobody_changed_holds(place: Bench, ledger: Ledger) -> None:
    ids = _fill(place, ledger)
    report = verify(place, ledger)

    assert report.holds
    assert (report.batches, report.entries, report.bound, report.pending) == (3, len(ids), len(ids), ())


# {id} is the entry that is attacked, {other} another one in another batch
ATTACKS = {
    "an amount is edited": (
        ["UPDATE ledger.posting SET amount = amount * 10 WHERE entry_id = {id}"],
        {"leaf_mismatch"},
    ),
    "one leg is edited": (
        ["UPDATE ledger.posting SET amount = amount + 1 WHERE entry_id = {id} AND leg = 1"],
        {"leaf_mismatch", "unbalanced"},
    ),
    "a leg goes to another account": (
        [
            "UPDATE ledger.posting SET account_id = (SELECT id FROM ledger.account WHERE code = 'b'), "
            "account_version = 999 WHERE entry_id = {id} AND leg = 2"
        ],
        {"leaf_mismatch"},
    ),
    "an account is renamed": (
        ["UPDATE ledger.account SET code = 'mine' WHERE code = 'a:jpy'"],
        {"leaf_mismatch"},
    ),
    "the deployment is edited": (
        ["UPDATE ledger.entry SET deployment_id = gen_random_uuid() WHERE id = {id}"],
        {"leaf_mismatch"},
    ),
    "the moment is edited": (
        ["UPDATE ledger.entry SET created_at = created_at - interval '1 microsecond' WHERE id = {id}"],
        {"leaf_mismatch"},
    ),
    "the postings are deleted": (
        ["DELETE FROM ledger.posting WHERE entry_id = {id}"],
        {"leaf_mismatch", "unbalanced"},
    ),
    "the entry is deleted and its postings stay": (
        ["DELETE FROM ledger.entry WHERE id = {id}"],
        {"entry_missing"},
    ),
    "all of it is deleted": (
        [
            "DELETE FROM ledger.posting WHERE entry_id = {id}",
            "DELETE FROM ledger.entry WHERE id = {id}",
            "DELETE FROM ledger.bound_leaf WHERE entry_id = {id}",
        ],
        {"entry_missing"},
    ),
    "it swaps postings with another": (
        [
            "UPDATE ledger.posting SET entry_id = 0 WHERE entry_id = {id}",
            "UPDATE ledger.posting SET entry_id = {id} WHERE entry_id = {other}",
            "UPDATE ledger.posting SET entry_id = {other} WHERE entry_id = 0",
        ],
        {"leaf_mismatch"},
    ),
    "it swaps its id with another": (
        [
            "ALTER TABLE ledger.entry ALTER id DROP IDENTITY",
            "UPDATE ledger.entry SET id = 0 WHERE id = {id}",
            "UPDATE ledger.entry SET id = {id} WHERE id = {other}",
            "UPDATE ledger.entry SET id = {other} WHERE id = 0",
        ],
        {"leaf_mismatch"},
    ),
    "its bound leaf is edited": (
        ["UPDATE ledger.bound_leaf SET leaf_hash = sha256('x') WHERE entry_id = {id}"],
        {"leaf_mismatch"},
    ),
    "its bound leaf is moved to another batch": (
        ["UPDATE ledger.bound_leaf SET batch = batch + 1 WHERE entry_id = {id}"],
        {"batch_mismatch"},
    ),
    "its bound leaf is deleted": (
        ["DELETE FROM ledger.bound_leaf WHERE entry_id = {id}"],
        {"leaf_missing"},
    ),
    "it is queued once more": (
        [
            "DELETE FROM ledger.bound_leaf WHERE entry_id = {id}",
            "INSERT INTO ledger.leaf_queue (entry_id, leaf_hash) "
            "SELECT {id}, sha256('\\x00'::bytea || convert_to(ledger.canonical_entry({id}), 'UTF8'))",
        ],
        {"queue_mismatch"},
    ),
    "it is queued once more and stays bound": (
        ["INSERT INTO ledger.leaf_queue SELECT entry_id, leaf_hash FROM ledger.bound_leaf WHERE entry_id = {id}"],
        {"queue_mismatch"},
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_superuser_changes_is_found_and_named(place: Bench, ledger: Ledger, attack: str) -> None:
    ids = _fill(place, ledger)
    target, other = (ids[8], ids[0]) if "renamed" in attack else (ids[4], ids[0])
    statements, reasons = ATTACKS[attack]
    ledger.forced(*(statement.replace("{id}", str(target)).replace("{other}", str(other)) for statement in statements))
    report = verify(place, ledger)

    assert not report.holds
    assert _reasons(report, f"ledger entry {target}") == reasons
    if "swaps" in attack:
        assert _reasons(report, f"ledger entry {other}") == {"leaf_mismatch"}


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE ledger.balance SET posted = posted + 1 WHERE account_id = {a}",
        "UPDATE ledger.balance SET version = version + 1 WHERE account_id = {a}",
        "UPDATE ledger.posting SET balance_after = balance_after + 1 WHERE account_id = {a} AND account_version = 3",
        "UPDATE ledger.posting SET account_version = 99 WHERE account_id = {a} AND account_version = 8",
        "DELETE FROM ledger.balance WHERE account_id = {a}",
    ],
)
def test_a_balance_that_is_not_the_sum_of_its_postings_is_named(place: Bench, ledger: Ledger, attack: str) -> None:
    _fill(place, ledger)
    account = ledger.sql("SELECT id FROM ledger.account WHERE code = 'a'")[0][0]
    ledger.forced(attack.format(a=account))
    report = verify(place, ledger)

    assert [(problem.place, problem.reason) for problem in report.problems] == [("account a", "balance_mismatch")]


def test_a_moment_that_posting_cannot_write_fails_and_is_not_taken_for_a_database_that_is_away(
    place: Bench, ledger: Ledger
) -> None:
    ids = _fill(place, ledger)
    ledger.forced(f"UPDATE ledger.entry SET created_at = 'infinity' WHERE id = {ids[4]}")

    assert _reasons(verify(place, ledger), "ledger") == {"malformed"}


def test_an_entry_that_is_hidden_from_the_verifier_alone_does_not_verify(place: Bench, ledger: Ledger) -> None:
    _fill(place, ledger)
    forged = _insert_behind_the_queue(ledger)
    for table, column in (("entry", "id"), ("posting", "entry_id")):
        ledger.forced(
            f"ALTER TABLE ledger.{table} ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY hides ON ledger.{table} USING ({column} <> {forged} OR current_user <> 'florin_binder')",
        )
    report = verify(place, ledger)

    assert not report.holds
    assert "row-level security" in (report.unread or "")


def _compared(place: Bench, source: LedgerSource) -> VerificationReport:
    live = LiveSource(backend=open_backend(place.url), archive=Archive(folder=place.archive), ledger=source)
    return verify_log(live, Trust(log_key=place.signer.verifier, policy=place.trust))


def test_a_ledger_that_cannot_be_read_is_not_verifiable_and_not_called_forged(
    place: Bench, ledger: Ledger, server: str
) -> None:
    _fill(place, ledger)
    with open_ledger(ledger.url) as whole, open_ledger(server) as away:
        verified, unread = _compared(place, whole), _compared(place, away)

    assert verified.answer.value == "verified"
    assert (unread.answer.value, unread.broken) == ("not verifiable", ())
    assert [(item.level, item.place) for item in unread.missing] == [("L4", "ledger")]


def test_how_long_the_oldest_entry_has_waited_is_said(place: Bench, ledger: Ledger) -> None:
    _fill(place, ledger)
    ledger.post()
    waiting = ledger.post()
    ledger.forced(f"UPDATE ledger.leaf_queue SET queued_at = '2026-01-02T03:04:05Z' WHERE entry_id = {waiting}")
    with open_ledger(ledger.url) as source:
        report = _compared(place, source)

    assert "2 wait for the next batch, the oldest since 2026-01-02T03:04:05Z" in str(report.to_json())


def test_an_edit_that_is_made_in_the_leaf_too_still_breaks_the_batch(place: Bench, ledger: Ledger) -> None:
    """Then only the root speaks: it says in which batch, and the entry's receipt says which entry."""
    ids = _fill(place, ledger)
    ledger.forced(
        f"UPDATE ledger.posting SET amount = amount * 10 WHERE entry_id = {ids[4]}",
        "UPDATE ledger.bound_leaf SET leaf_hash = sha256('\\x00'::bytea || convert_to("
        f"ledger.canonical_entry({ids[4]}), 'UTF8')) WHERE entry_id = {ids[4]}",
    )
    report = verify(place, ledger)

    assert _reasons(report, "batch 2") == {"root_mismatch", "trial_balance_mismatch"}


def test_a_function_that_lies_about_the_text_is_not_asked(place: Bench, ledger: Ledger) -> None:
    ids = _fill(place, ledger)
    text = ledger.sql("SELECT ledger.canonical_entry(%s)", ids[4])[0][0]
    ledger.forced(
        f"UPDATE ledger.posting SET amount = amount * 10 WHERE entry_id = {ids[4]}",
        f"CREATE OR REPLACE FUNCTION ledger.canonical_entry(p_entry bigint) RETURNS text LANGUAGE sql AS $$ "
        f"SELECT '{text}' $$",
    )

    assert _reasons(verify(place, ledger), f"ledger entry {ids[4]}") == {"leaf_mismatch"}


def _insert_behind_the_queue(ledger: Ledger) -> int:
    ledger.forced(
        "INSERT INTO ledger.entry (kind, source, ref, deployment_id, legs) "
        "VALUES ('transfer', 'test', 'forged', gen_random_uuid(), 2)",
        "INSERT INTO ledger.posting SELECT max(e.id), leg, account_id, currency, amount, balance_after, -leg "
        "FROM ledger.posting p, ledger.entry e WHERE p.entry_id = (SELECT min(entry_id) FROM ledger.posting) "
        "GROUP BY leg, account_id, currency, amount, balance_after",
    )
    return int(ledger.sql("SELECT max(id) FROM ledger.entry")[0][0])


def test_a_posting_that_came_in_behind_the_queue_is_unbound_and_one_that_waits_is_pending(
    place: Bench, ledger: Ledger
) -> None:
    _fill(place, ledger)
    forged = _insert_behind_the_queue(ledger)
    waiting = ledger.post()
    report = verify(place, ledger)

    assert [(problem.place, problem.reason) for problem in report.problems] == [
        (f"ledger entry {forged}", "unbound_entry"),
        ("account a", "balance_mismatch"),
        ("account world", "balance_mismatch"),
    ]
    assert [item.id for item in report.pending] == [waiting]
    age = report.oldest_pending(now())
    assert age is not None
    assert 0 <= age.total_seconds() < 60


def test_a_forged_posting_that_claims_a_batch_of_the_log_is_unbound_all_the_same(place: Bench, ledger: Ledger) -> None:
    _fill(place, ledger)
    forged = _insert_behind_the_queue(ledger)
    ledger.forced(f"INSERT INTO ledger.bound_leaf VALUES ({forged}, 2, sha256('x'))")

    assert "unbound_entry" in _reasons(verify(place, ledger), f"ledger entry {forged}")


def test_what_a_binder_does_while_the_ledger_is_verified_looks_like_waiting(place: Bench, ledger: Ledger) -> None:
    _fill(place, ledger)
    batches = bound_batches(place.open(), "florin")
    later = [ledger.post(), ledger.post()]
    with binder(place, ledger) as made, open_ledger(ledger.url) as source:
        assigned = made.database.assign(10)
        assert assigned is not None
        halfway = verify_ledger(batches, source, ledger="florin")
        list(made.drain(now))
        after = verify_ledger(batches, source, ledger="florin")

    for report in (halfway, after):
        assert report.holds
        assert [item.id for item in report.pending] == later
    assert verify(place, ledger).pending == ()


def test_a_leaf_that_is_edited_in_the_queue_is_named(place: Bench, ledger: Ledger) -> None:
    _fill(place, ledger)
    waiting = ledger.post()
    ledger.forced(f"UPDATE ledger.leaf_queue SET leaf_hash = sha256('x') WHERE entry_id = {waiting}")

    assert _reasons(verify(place, ledger), f"ledger entry {waiting}") == {"leaf_mismatch"}


def test_batches_that_are_missing_doubled_or_out_of_line_are_named(place: Bench, ledger: Ledger) -> None:
    _fill(place, ledger)
    first, second, third = bound_batches(place.open(), "florin")
    doubled = replace(third, index=9, batch=replace(third.batch, batch=4, previous=third.index))
    wrong = replace(third, batch=replace(third.batch, trial_balance=first.batch.trial_balance))
    with open_ledger(ledger.url) as source:
        missing = verify_ledger([first, third], source, ledger="florin")
        twice = verify_ledger([first, second, third, doubled], source, ledger="florin")
        sums = verify_ledger([first, second, wrong], source, ledger="florin")
        whole = verify_ledger([third, first, second], source, ledger="florin")
        none = verify_ledger([], source, ledger="florin")

    assert _reasons(missing, "batch 3") >= {"batch_missing", "previous_mismatch"}
    assert all(_reasons(twice, f"ledger entry {entry}") >= {"double_bound"} for entry in third.batch.members())
    assert _reasons(sums, "batch 3") == {"trial_balance_mismatch"}
    assert whole.holds
    assert (none.batches, none.bound, len(none.pending)) == (0, 0, 9)  # a log that binds nothing proves nothing


def _exported(place: Bench, ledger: Ledger, folder: Path) -> Path:
    batches = bound_batches(place.open(), "florin")
    with open_ledger(ledger.url) as source:
        export_ledger(source, batches, folder)
    return folder / PATH


def test_an_exported_ledger_verifies_without_the_database(place: Bench, ledger: Ledger, tmp_path: Path) -> None:
    ids = _fill(place, ledger)
    ledger.post()  # waits, and so is not exported
    file = _exported(place, ledger, tmp_path / "export")
    batches = bound_batches(place.open(), "florin")
    report = verify_ledger(batches, ExportedLedger(file=file), ledger="florin")
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    assert report.holds
    assert [line["id"] for line in lines] == ids
    assert set(lines[0]) == {"canonical", "id", "leaf_hash"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: [*lines[:4], lines[4].replace(" 5", " 6"), *lines[5:]], "leaf_mismatch"),
        (lambda lines: [*lines[:4], *lines[5:]], "entry_missing"),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], "malformed"),
        (lambda lines: [*lines[:4], lines[4], lines[4], *lines[5:]], "malformed"),
        (lambda lines: [*lines[:4], "{}", *lines[5:]], "malformed"),
        (lambda lines: [*lines[:4], lines[4].replace("florin/entry/v1", "florin/entry/v2"), *lines[5:]], "malformed"),
    ],
)
def test_an_exported_ledger_that_was_changed_fails(
    place: Bench, ledger: Ledger, tmp_path: Path, change: object, reason: str
) -> None:
    _fill(place, ledger)
    file = _exported(place, ledger, tmp_path / "export")
    assert callable(change)
    file.write_text("".join(f"{line}\n" for line in change(file.read_text().splitlines())), encoding="utf-8")
    report = verify_ledger(bound_batches(place.open(), "florin"), ExportedLedger(file=file), ledger="florin")

    assert reason in {problem.reason for problem in report.problems}


def test_a_posting_behind_the_queue_fails_in_the_export_too(place: Bench, ledger: Ledger, tmp_path: Path) -> None:
    _fill(place, ledger)
    forged = _insert_behind_the_queue(ledger)
    file = _exported(place, ledger, tmp_path / "export")
    report = verify_ledger(bound_batches(place.open(), "florin"), ExportedLedger(file=file), ledger="florin")

    assert [(problem.place, problem.reason) for problem in report.problems] == [
        (f"ledger entry {forged}", "unbound_entry")
    ]
