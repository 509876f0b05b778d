"""The queue of leaves: what leaves it is bound, and nobody but the binder's two functions moves anything."""

from __future__ import annotations

import asyncio
import hashlib

import asyncpg
import pytest
from tests.service.builders import Florin

BINDER = "florin_binder"


def _drain(florin: Florin) -> int:
    """Assign and confirm all that waits, as a binder would; return the newest batch."""
    newest = 0
    while rows := florin.sql("SELECT batch FROM ledger.assign_batch(1000)", role=BINDER):
        newest = rows[0][0]
        florin.sql("SELECT ledger.confirm_batch($1, 'log.example/test', $1)", newest, role=BINDER)
    return newest or int(florin.sql("SELECT max(batch) FROM ledger.leaf_batch")[0][0])


def test_a_leaf_leaves_the_queue_for_one_batch_as_it_was_queued(florin: Florin) -> None:
    florin.captured(1)
    _drain(florin)
    ids = [int(florin.captured(amount)["entry_id"]) for amount in (1, 2, 3)]
    queued = florin.sql("SELECT entry_id, leaf_hash FROM ledger.leaf_queue ORDER BY entry_id")
    (batch,) = florin.sql("SELECT batch, first, last, count, root FROM ledger.assign_batch(1000)", role=BINDER)
    bound = florin.sql("SELECT entry_id, leaf_hash FROM ledger.bound_leaf WHERE batch = $1 ORDER BY 1", batch[0])

    assert [entry_id for entry_id, _ in queued] == ids
    assert bound == queued
    assert batch[1:4] == (ids[0], ids[-1], 3)
    assert florin.sql("SELECT count(*) FROM ledger.leaf_queue") == [(0,)]
    # The root of three leaves, written out: RFC 6962 splits at two.
    one, two, three = (leaf for _, leaf in queued)
    pair = hashlib.sha256(b"\x01" + one + two).digest()
    assert batch[4] == hashlib.sha256(b"\x01" + pair + three).digest()


def test_the_database_computes_the_root_that_rfc_6962_defines(florin: Florin) -> None:
    def root(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return leaves[0]
        split = 1 << ((len(leaves) - 1).bit_length() - 1)
        return hashlib.sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()

    for size in (1, 2, 3, 4, 5, 7, 8, 9, 31, 33, 1000):
        leaves = [hashlib.sha256(bytes([0, size % 256, number % 256])).digest() for number in range(size)]
        assert florin.sql("SELECT ledger.merkle_root($1)", leaves) == [(root(leaves),)]


def test_no_second_batch_is_assigned_while_one_waits_for_its_confirmation(florin: Florin) -> None:
    florin.captured(1)
    first = florin.sql("SELECT * FROM ledger.assign_batch(1000)", role=BINDER)
    florin.captured(1)
    again = florin.sql("SELECT * FROM ledger.assign_batch(1000)", role=BINDER)
    _drain(florin)

    assert again == first
    assert florin.sql("SELECT * FROM ledger.assign_batch(1000)", role=BINDER) == []


def test_a_confirmation_says_one_place_and_may_be_repeated(florin: Florin) -> None:
    florin.captured(1)
    batch = _drain(florin)
    florin.sql("SELECT ledger.confirm_batch($1, 'log.example/test', $1)", batch, role=BINDER)

    for log, index in (("log.example/test", batch + 1), ("log.example/other", batch)):
        with pytest.raises(asyncpg.UniqueViolationError) as refused:
            florin.sql("SELECT ledger.confirm_batch($1, $2, $3)", batch, log, index, role=BINDER)
        assert refused.value.constraint_name == "batch_bound_once"
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        florin.sql("SELECT ledger.confirm_batch(999999, 'log.example/test', 999999)", role=BINDER)


@pytest.mark.parametrize("limit", [0, -1, 10_001, None])
def test_a_batch_is_bounded(florin: Florin, limit: int | None) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError):
        florin.sql("SELECT ledger.assign_batch($1)", limit, role=BINDER)


def test_a_posting_is_read_the_same_before_and_after_it_is_bound(florin: Florin) -> None:
    posting = florin.captured(1)["posting_ids"][0]
    before = florin.call(f"/v1/ledger/postings/{posting}").json()
    batch = _drain(florin)
    after = florin.call(f"/v1/ledger/postings/{posting}").json()
    leaves = florin.call(f"/v1/ledger/batches/{batch}").json()["leaves"]

    assert (before["entry"].pop("batch"), after["entry"].pop("batch")) == (None, batch)
    assert before["entry"].pop("queued_at")
    assert after["entry"].pop("queued_at") is None
    assert after == before
    assert {"entry_id": after["entry"]["id"], "leaf_hash": after["entry"]["leaf_hash"]} in leaves
    missing = florin.call("/v1/ledger/batches/999999")
    assert (missing.status, missing.kind) == (404, "unknown-batch")


BOUND = {"leaf_batch": "count", "bound_leaf": "leaf_hash", "batch_evidence": "evidence_index"}


@pytest.mark.parametrize("role", ["florin_app", BINDER, "florin_owner"])
@pytest.mark.parametrize("table", BOUND)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_is_bound_stays_for_application_binder_and_owner(
    florin: Florin, role: str, table: str, statement: str
) -> None:
    florin.captured(1)
    _drain(florin)

    with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
        florin.sql(statement.format(f"ledger.{table}", BOUND[table], BOUND[table]), role=role)
    assert ("append-only" in str(refused.value)) is (role == "florin_owner")


def test_a_leaf_that_is_not_bound_as_it_was_queued_does_not_leave_the_queue_even_for_the_owner(florin: Florin) -> None:
    entry = int(florin.captured(1)["entry_id"])
    florin.captured(1)
    batch = _drain(florin)
    waiting = int(florin.captured(1)["entry_id"])

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f"entry {waiting} is not bound as it was queued"):
        florin.sql("DELETE FROM ledger.leaf_queue WHERE entry_id = $1", waiting, role="florin_owner")
    assert florin.sql("SELECT batch FROM ledger.bound_leaf WHERE entry_id = $1", entry) == [(batch,)]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO ledger.leaf_batch VALUES (99999, 1, 1, 1, sha256('x'), now())",
        "INSERT INTO ledger.bound_leaf VALUES (99999, 1, sha256('x'))",
        "INSERT INTO ledger.batch_evidence VALUES (1, 'x', 1)",
        "INSERT INTO ledger.leaf_queue VALUES (1, sha256('x'))",
        "DELETE FROM ledger.leaf_queue",
        "UPDATE ledger.balance SET posted = 1",
        "SELECT ledger.post('t', 't', 't', gen_random_uuid(), ARRAY['world', 'demo:merchant'], ARRAY[-1, 1]::bigint[])",
        "SELECT ledger.open_account('demo:x', 'EUR', NULL)",
        "SELECT payments.capture('default', 'k', sha256('x'), gen_random_uuid(), 1, gen_random_uuid())",
        "SELECT * FROM payments.payment",
        "SELECT * FROM platform.idempotency_key",
        "SELECT * FROM public.schema_version",
        "ALTER TABLE ledger.leaf_queue DISABLE TRIGGER ALL",
        "SET ROLE florin_owner",
        "SET ROLE florin_app",
        "CREATE TABLE ledger.mine (id int)",
    ],
)
def test_the_binder_reads_the_ledger_and_takes_batches_and_nothing_else(florin: Florin, statement: str) -> None:
    """In a session of its own, and not in a role that a superuser took and could leave again."""

    async def run(wanted: str) -> None:
        connection = await asyncpg.connect(florin.database_url)
        try:
            await connection.execute(f"SET SESSION AUTHORIZATION {BINDER}")
            await connection.execute(wanted)
        finally:
            await connection.close()

    asyncio.run(run("SELECT count(*) FROM ledger.posting, ledger.leaf_queue, ledger.bound_leaf"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(run(statement))


@pytest.mark.parametrize("statement", ["SELECT ledger.assign_batch(1)", "SELECT ledger.confirm_batch(1, 'x', 1)"])
def test_the_application_takes_no_batches(florin: Florin, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        florin.sql(statement, role="florin_app")
