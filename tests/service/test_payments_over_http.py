"""The life of a payment, and every refusal beside what is allowed."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest
from tests.service.conftest import DEPLOYMENT, Florin, run_florin

PAYMENT = {
    "amount_minor": 1250,
    "currency": "EUR",
    "payer": "demo:customer",
    "payee": "demo:merchant",
    "payment_token": "tok_demonstration",
}


def _key() -> str:
    return str(uuid.uuid4())


def _authorise(florin: Florin, **changed: Any) -> Any:
    answer = florin.call("/v1/payments", PAYMENT | changed, key=_key())
    assert answer.status == 201, answer.body
    return answer.json()


def _slug(answer: Any) -> str:
    return str(answer.json()["type"].rsplit("/", 1)[-1])


def test_a_captured_payment_is_two_postings_whose_leaf_anyone_can_recompute(florin: Florin) -> None:
    payment = _authorise(florin)
    captured = florin.call(f"/v1/payments/{payment['id']}/capture", {"amount_minor": 1250}, key=_key()).json()
    posting = florin.call(f"/v1/ledger/postings/{captured['posting_ids'][0]}").json()
    entry = posting["entry"]

    assert payment["state"] == "authorized"
    assert captured["state"] == "captured"
    assert (posting["account"], posting["amount_minor"]) == ("demo:customer", -1250)
    assert sum(leg["amount_minor"] for leg in entry["postings"]) == 0
    assert entry["deployment_id"] == DEPLOYMENT
    assert hashlib.sha256(b"\x00" + entry["canonical"].encode()).hexdigest() == entry["leaf_hash"]


def test_a_replay_gives_the_same_bytes_and_another_body_is_refused(florin: Florin) -> None:
    key = _key()
    first = florin.call("/v1/payments", PAYMENT, key=key)

    assert first.status == 201
    assert florin.call("/v1/payments", PAYMENT, key=key).body == first.body
    other = florin.call("/v1/payments", PAYMENT | {"amount_minor": 1}, key=key)
    assert (other.status, _slug(other)) == (422, "idempotency-key-reused")
    missing = florin.call("/v1/payments", PAYMENT)
    assert (missing.status, _slug(missing)) == (400, "idempotency-key-missing")


def test_twenty_calls_at_once_with_one_key_have_one_effect(florin: Florin) -> None:
    key = _key()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: florin.call("/v1/payments", PAYMENT, key=key), range(20)))

    assert {answer.status for answer in answers} <= {201, 409}
    assert len({answer.body for answer in answers if answer.status == 201}) == 1


@pytest.mark.parametrize(
    ("changed", "status", "slug"),
    [
        ({"amount_minor": 10**12}, 402, "insufficient-funds"),
        ({"amount_minor": 0}, 422, "invalid-request"),
        ({"amount_minor": 12.5}, 422, "invalid-request"),
        ({"payment_token": "4242 4242 4242 4242"}, 422, "invalid-request"),
        ({"surprise": 1}, 422, "invalid-request"),
    ],
)
def test_a_payment_that_cannot_be_is_refused_by_name(
    florin: Florin, changed: dict[str, Any], status: int, slug: str
) -> None:
    answer = florin.call("/v1/payments", PAYMENT | changed, key=_key())

    assert (answer.status, _slug(answer)) == (status, slug)


def test_more_than_authorised_or_twice_cannot_be_captured(florin: Florin) -> None:
    path = f"/v1/payments/{_authorise(florin)['id']}/capture"

    assert _slug(florin.call(path, {"amount_minor": 1251}, key=_key())) == "over-capture"
    assert florin.call(path, {"amount_minor": 1250}, key=_key()).status == 201
    assert _slug(florin.call(path, {"amount_minor": 1250}, key=_key())) == "illegal-state"


def test_a_body_past_the_limit_is_refused(florin: Florin) -> None:
    assert florin.call("/v1/payments", b"0" * 70_000, key=_key()).status == 413


@pytest.mark.parametrize(
    ("role", "statement", "sqlstate"),
    [
        ("florin_app", "update ledger.posting set amount = 1", "42501"),
        ("florin_app", "delete from ledger.entry", "42501"),
        ("florin_app", "truncate ledger.posting", "42501"),
        ("florin_app", "insert into ledger.posting values (1, 9, 1, 'EUR', 1, 1, 9999)", "42501"),
        ("florin_owner", "update ledger.posting set amount = 1", "42501"),
        ("florin_owner", "truncate ledger.posting", "42501"),
        ("florin_owner", "insert into ledger.posting select 1, 9, account_id, currency, 1, 1, 9999 "
         "from ledger.posting where entry_id = 1 and leg = 1", "23514"),
        ("florin_owner", f"select ledger.post('t', 't:1', 't', '{DEPLOYMENT}', "
         "array['world', 'demo:merchant'], array[-5, 4]::bigint[])", "23514"),
        ("florin_owner", f"select ledger.post('t', 't:2', 't', '{DEPLOYMENT}', "
         "array['world', 'demo:merchant'], array[-5, 5]::bigint[])", None),
    ],
)  # fmt: skip
def test_the_database_refuses_what_breaks_the_ledger(
    florin: Florin, role: str, statement: str, sqlstate: str | None
) -> None:
    async def attempt() -> str | None:
        connection = await asyncpg.connect(florin.database_url)
        try:
            await connection.execute(f"set role {role}")
            await connection.execute(statement)
        except asyncpg.PostgresError as refused:
            return str(refused.sqlstate)
        finally:
            await connection.close()
        return None

    assert asyncio.run(attempt()) == sqlstate


@pytest.mark.parametrize(
    ("variable", "value"),
    [("FLORIN_DEPLOYMENT_ID", "x"), ("FLORIN_PORT", "0"), ("FLORIN_MODE", "fast"), ("FLORIN_HOST", "0.0.0.0")],  # noqa: S104  it is refused
)
def test_a_wrong_variable_is_named_and_nothing_starts(variable: str, value: str) -> None:
    done = run_florin("serve", environment={"FLORIN_DEPLOYMENT_ID": DEPLOYMENT} | {variable: value})

    assert done.returncode == 2
    assert variable in done.stderr + done.stdout


def test_production_without_a_deployment_id_does_not_start() -> None:
    done = run_florin("serve", environment={})

    assert done.returncode == 2
    assert "FLORIN_DEPLOYMENT_ID" in done.stderr + done.stdout
