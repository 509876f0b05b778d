"""Leaves leave the queue for one batch each and reach the log once, whatever stops the binder, and wherever."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from tests.evidence.builders import Bench, bench, trust_text
from tests.evidence.ledger.ledgers import DEPLOYMENT, Ledger, bind, binder, now, verify

from mintmark.evidence.binder import bound_batches, prove_batch
from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.ledger.interface import LedgerRefused, LedgerUnavailable
from mintmark.evidence.note import NoteSigner
from mintmark.evidence.tree import root_of

ROOT = Path(__file__).parents[3]


def _bound_ids(ledger: Ledger) -> list[int]:
    return [row[0] for row in ledger.sql("SELECT entry_id FROM ledger.bound_leaf ORDER BY entry_id")]


def test_a_batch_says_exactly_which_entries_it_binds_and_what_they_sum_to(place: Bench, ledger: Ledger) -> None:
    posted = [ledger.post(7), ledger.post(5, debit="w:jpy", credit="a:jpy"), ledger.post(2)]
    (bound,) = bind(place, ledger)
    leaves = [bytes(row[0]) for row in ledger.sql("SELECT leaf_hash FROM ledger.bound_leaf ORDER BY entry_id")]
    proven = prove_batch(place.open(), bound.index)

    assert proven == bound
    assert list(bound.batch.members()) == posted
    assert bound.batch.root == root_of(leaves).hex()
    assert [(t.currency, t.debits_minor, t.credits_minor) for t in bound.batch.trial_balance] == [
        ("EUR", 9, 9),
        ("JPY", 5, 5),
    ]
    assert bound.batch.previous is None
    assert place.open().search(ref="batch:florin:1")[0].refs == ("ledger:florin", "batch:florin:1")
    assert ledger.sql("SELECT count(*) FROM ledger.leaf_queue")[0][0] == 0


def test_batches_follow_one_another_and_their_totals_add_up(place: Bench, ledger: Ledger) -> None:
    for _ in range(7):
        ledger.post(10)
    bound = bind(place, ledger, limit=3)

    assert [item.batch.count for item in bound] == [3, 3, 1]
    assert [item.batch.previous for item in bound] == [None, bound[0].index, bound[1].index]
    assert bound[-1].batch.trial_balance[0].debits_minor == 70
    assert bound_batches(place.open(), "florin") == bound
    assert bind(place, ledger) == []


def test_what_is_posted_while_a_binder_works_is_left_for_its_next_round(place: Bench, ledger: Ledger) -> None:
    ledger.post()
    with binder(place, ledger) as made:
        rounds = made.drain(now)
        assert next(rounds).batch.count == 1
        later = ledger.post()
        assert list(rounds) == []
        assert [list(item.batch.members()) for item in made.drain(now)] == [[later]]


def test_an_entry_that_commits_late_is_in_a_later_batch_and_in_no_range_of_the_earlier_one(
    place: Bench, ledger: Ledger
) -> None:
    post = "SELECT ledger.post('test', %s, 'transfer', %s, ARRAY['world', 'b'], ARRAY[-1, 1]::bigint[])"
    with psycopg.connect(ledger.url) as late:
        late_id = late.execute(post, ("late", DEPLOYMENT)).fetchone()
        assert late_id is not None
        around = [ledger.post(debit="w:jpy", credit="a:jpy") for _ in range(2)]  # other accounts, so nothing waits
        (first,) = bind(place, ledger)
        late.commit()
    (second,) = bind(place, ledger)

    assert list(first.batch.members()) == around
    assert list(second.batch.members()) == [late_id[0]]
    assert second.batch.first < first.batch.first
    assert verify(place, ledger).problems == ()


def test_a_batch_that_was_assigned_and_not_appended_is_taken_up_again(place: Bench, ledger: Ledger) -> None:
    ids = [ledger.post() for _ in range(3)]
    with binder(place, ledger) as stopped:
        assigned = stopped.database.assign(100)
    ledger.post()
    assert assigned is not None

    (first, second) = bind(place, ledger)
    assert list(first.batch.members()) == ids
    assert (first.batch.batch, second.batch.batch) == (assigned.batch, assigned.batch + 1)


def test_a_batch_that_was_appended_and_not_confirmed_is_not_appended_again(place: Bench, ledger: Ledger) -> None:
    ledger.post()
    with binder(place, ledger) as stopped:
        assigned = stopped.database.assign(100)
        assert assigned is not None
        appended = stopped.append(assigned, now=now())
    size = place.open().store.head().size

    assert bind(place, ledger) == [appended]
    assert place.open().store.head().size == size
    with binder(place, ledger) as again:
        again.database.confirm(1, log=again.log.origin, index=appended.index)  # the same place twice is once
        with pytest.raises(LedgerRefused) as refused:
            again.database.confirm(1, log=again.log.origin, index=appended.index + 1)
    assert refused.value.reason == "batch_conflict"


def test_two_binders_at_once_bind_everything_once(place: Bench, ledger: Ledger) -> None:
    ids = [ledger.post() for _ in range(40)]
    failures: list[BaseException] = []

    def run() -> None:
        try:
            bind(place, ledger, limit=4)
        except BaseException as failure:  # noqa: BLE001  a thread's failure is told by the test
            failures.append(failure)

    place.open()
    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    members = [entry for item in bound_batches(place.open(), "florin") for entry in item.batch.members()]
    assert sorted(members) == ids == _bound_ids(ledger)
    assert place.open().store.head().size == 10


def test_who_waited_for_another_binder_sees_its_batch_whatever_isolation_the_database_is_set_to(
    place: Bench, ledger: Ledger
) -> None:
    ledger.post()
    (name,) = ledger.sql("SELECT current_database()")[0]
    ledger.sql(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    found: list[object] = []

    def run() -> None:
        try:
            with binder(place, ledger) as second:
                found.append(second.database.assign(10))
        except EvidenceError as failure:
            found.append(failure.reason)

    with psycopg.connect(ledger.url) as first:
        first.execute("SELECT ledger.assign_batch(10)")
        waiter = threading.Thread(target=run)
        waiter.start()
        waiting = "SELECT 1 FROM pg_locks WHERE relation = 'ledger.leaf_batch'::regclass AND NOT granted"
        while waiter.is_alive() and not ledger.sql(waiting):
            time.sleep(0.01)
        first.commit()
        waiter.join()

    assert [getattr(item, "batch", item) for item in found] == [1]


_LOOP = """
import sys
from pathlib import Path
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.evidence.builders import Bench
from tests.evidence.ledger.ledgers import Ledger, bind
from mintmark.evidence.note import NoteSigner
from mintmark.evidence.trust import TrustPolicy
folder, url, seed = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
place = Bench(
    url=sys.argv[4], archive=folder / "archive", trust=TrustPolicy.load(folder / "trust.toml"),
    key=load_pem_private_key((folder / "key.pem").read_bytes(), None), signer=NoteSigner.decode(seed),
)
print("ready", flush=True)
while sys.stdin.readline():
    print(len(bind(place, Ledger(url=url), limit=2)), flush=True)
"""


def test_a_binder_that_is_killed_anywhere_loses_nothing_and_binds_nothing_twice(
    place: Bench, ledger: Ledger, tmp_path: Path
) -> None:
    """Twenty real SIGKILLs at random moments of a binder at work, each followed by a new one."""
    chance = random.Random(7)  # noqa: S311  when to kill, not what to hide
    _write_key(place, tmp_path)
    ids: list[int] = []
    command = [sys.executable, "-c", _LOOP, str(tmp_path), ledger.url, place.signer.encode(), place.url]
    place.open()
    process = _started(command)
    for _ in range(20):
        following = _started(command, wait=False)
        ids += [ledger.post() for _ in range(6)]
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(chance.uniform(0, 0.12))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        process = following
    process.kill()
    process.communicate()
    bind(place, ledger, limit=2)

    members = [entry for item in bound_batches(place.open(), "florin") for entry in item.batch.members()]
    assert sorted(members) == ids == _bound_ids(ledger)
    assert verify(place, ledger).problems == ()
    assert place.verify().answer.value == "verified"


def _started(command: list[str], *, wait: bool = True) -> subprocess.Popen[str]:
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if wait:
        assert process.stdout.readline() == "ready\n"
    return process


def _write_key(place: Bench, folder: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    (folder / "key.pem").write_bytes(place.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "trust.toml").write_text(trust_text(place.key.public_key()), encoding="utf-8")


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        ("UPDATE ledger.posting SET amount = amount * 2 WHERE entry_id = {id}", "leaf_mismatch"),
        ("UPDATE ledger.leaf_queue SET leaf_hash = sha256('x') WHERE entry_id = {id}", "leaf_mismatch"),
        ("DELETE FROM ledger.entry WHERE id = {id}", "entry_missing"),
    ],
)
def test_what_was_changed_while_it_was_queued_is_not_bound_and_is_named(
    place: Bench, ledger: Ledger, attack: str, reason: str
) -> None:
    ids = [ledger.post() for _ in range(3)]
    ledger.forced(attack.format(id=ids[1]))

    with pytest.raises(LedgerRefused, match=f"ledger entry {ids[1]} ") as refused:
        bind(place, ledger)
    assert refused.value.reason == reason
    assert place.open().store.head().size == 0


def test_a_ledger_that_was_restored_from_a_backup_is_not_bound_on_top_of_its_future(
    place: Bench, ledger: Ledger
) -> None:
    ledger.post()
    bind(place, ledger)
    ledger.forced("DELETE FROM ledger.batch_evidence", "DELETE FROM ledger.bound_leaf", "DELETE FROM ledger.leaf_batch")
    ledger.post()

    with pytest.raises(LedgerRefused) as refused:
        bind(place, ledger)
    assert refused.value.reason == "batch_conflict"


@pytest.mark.parametrize(
    ("origin", "reason"), [("log.example/2", "log_mismatch"), ("log.example/1", "previous_mismatch")]
)
def test_a_ledger_that_another_log_binds_is_refused(
    place: Bench, ledger: Ledger, tmp_path: Path, origin: str, reason: str
) -> None:
    """A log of another name, and one that was begun anew under the old name."""
    ledger.post()
    bind(place, ledger)
    ledger.post()
    (tmp_path / "other").mkdir()
    other = replace(bench(tmp_path / "other"), signer=NoteSigner.generate(origin))

    with pytest.raises(LedgerRefused) as refused:
        bind(other, ledger)
    assert refused.value.reason == reason
    assert len(bind(place, ledger)) == 1


def test_the_age_of_the_oldest_leaf_counts_what_is_queued_and_what_is_not_confirmed(
    place: Bench, ledger: Ledger
) -> None:
    with binder(place, ledger) as made:
        assert made.database.oldest_unbound_age_s() is None
        ledger.post()
        queued = made.database.oldest_unbound_age_s()
        made.database.assign(10)
        assigned = made.database.oldest_unbound_age_s()
        list(made.drain(now))

        assert queued is not None
        assert assigned is not None
        assert 0 <= queued < assigned < 30
        assert made.database.oldest_unbound_age_s() is None


def test_a_database_that_is_no_ledger_or_not_there_is_said_to_be_so(server: str) -> None:
    from mintmark.evidence.ledger.database import open_ledger

    with pytest.raises(LedgerUnavailable) as refused, open_ledger(server) as database:
        database.assign(1)
    assert refused.value.reason == "ledger_schema"
    with pytest.raises(EvidenceError) as refused_too, open_ledger(server.replace("?host=/", "?host=/nowhere/")):
        pass
    assert refused_too.value.reason == "ledger_unavailable"
