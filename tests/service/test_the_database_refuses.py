"""The ledger's rules are the database's: whoever asks, and whatever the program in front of it believes."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg
import pytest
from tests.service.builders import DEPLOYMENT, Florin, new_key

POST = "SELECT ledger.post('t', $1, $2, $3, $4, $5)"


def _post(florin: Florin, legs: dict[str, int], *, ref: str | None = None, **changed: Any) -> Any:
    deployment = changed.get("deployment", uuid.UUID(DEPLOYMENT))
    kind = changed.get("kind", "t")
    values = (ref or new_key(), kind, deployment, list(legs), list(legs.values()))
    return florin.sql(POST, *values, role="florin_app")[0][0]


def _balance(florin: Florin, code: str) -> int:
    rows = florin.sql("SELECT posted FROM ledger.balance JOIN ledger.account ON id = account_id WHERE code = $1", code)
    return int(rows[0][0])


@pytest.mark.parametrize(
    ("legs", "sqlstate", "constraint"),
    [
        ({"world": -5, "demo:merchant": 4}, "23514", "balanced"),
        ({"world": -5, "demo:yen": 5}, "23514", "balanced"),
        ({"world": -5, "demo:merchant": 4, "demo:yen": 1}, "23514", "balanced"),
        ({"demo:customer": -(10**14), "demo:merchant": 10**14}, "23514", "funds"),
        ({"world": 0, "demo:merchant": 0}, "23514", "posting_amount_check"),
        ({"world": -5, "demo:nobody": 5}, "23503", "account_known"),
        ({"world": 0}, "22023", None),
    ],
)
def test_an_entry_that_must_not_be_is_refused_and_moves_nothing(
    florin: Florin, legs: dict[str, int], sqlstate: str, constraint: str | None
) -> None:
    florin.sql("SELECT ledger.open_account('demo:yen', 'JPY', NULL)", role="florin_app")
    before = _balance(florin, "world")

    with pytest.raises(asyncpg.PostgresError) as refused:
        _post(florin, legs)

    assert (refused.value.sqlstate, getattr(refused.value, "constraint_name", None)) == (sqlstate, constraint)
    assert _balance(florin, "world") == before
    assert _post(florin, {"world": -5, "demo:merchant": 5}) > 0


def test_an_entry_of_no_deployment_is_refused(florin: Florin) -> None:
    with pytest.raises(asyncpg.NotNullViolationError, match="deployment_id"):
        _post(florin, {"world": -5, "demo:merchant": 5}, deployment=None)


def test_a_reference_posts_once_and_never_stands_for_something_else(florin: Florin) -> None:
    ref, legs = new_key(), {"world": -5, "demo:merchant": 5}
    first, before = _post(florin, legs, ref=ref), _balance(florin, "world")
    again = _post(florin, legs, ref=ref)

    assert (again, _balance(florin, "world")) == (first, before)
    for other, kind in (
        ({"world": -6, "demo:merchant": 6}, "t"),
        ({"world": -5, "demo:customer": 5}, "t"),
        (legs, "u"),
    ):
        with pytest.raises(asyncpg.UniqueViolationError) as refused:
            _post(florin, other, ref=ref, kind=kind)
        assert refused.value.constraint_name == "ref_posted_once"


def test_a_hold_cannot_be_spent_by_another_entry(florin: Florin) -> None:
    code = f"demo:{uuid.uuid4().hex[:8]}"
    florin.sql("SELECT ledger.open_account($1, 'EUR', 0)", code, role="florin_app")
    _post(florin, {"world": -100, code: 100})
    payment = florin.authorise(payer=code, amount_minor=80).json()

    with pytest.raises(asyncpg.CheckViolationError) as refused:
        _post(florin, {code: -21, "demo:merchant": 21})
    assert refused.value.constraint_name == "funds"
    assert _post(florin, {code: -20, "demo:merchant": 20}) > 0
    assert florin.capture(payment["id"], 80).status == 201


LEDGER = ("currency", "account", "entry", "posting", "leaf_queue")


@pytest.mark.parametrize("role", ["florin_app", "florin_owner"])
@pytest.mark.parametrize("table", LEDGER)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_is_written_stays_for_the_application_and_for_the_owner(
    florin: Florin, role: str, table: str, statement: str
) -> None:
    florin.captured(1)
    column = {
        "currency": "exponent",
        "account": "code",
        "entry": "kind",
        "posting": "amount",
        "leaf_queue": "leaf_hash",
    }[table]

    with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
        florin.sql(statement.format(f"ledger.{table}", column, column), role=role)
    # The owner may, and is stopped by the trigger; the application may not in the first place.
    assert ("append-only" in str(refused.value)) is (role == "florin_owner")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO ledger.posting VALUES (1, 9, 1, 'EUR', 1, 1, 9999)",
        "INSERT INTO ledger.entry (kind, source, ref, deployment_id, legs) SELECT 't', 't', 't', gen_random_uuid(), 2",
        "INSERT INTO ledger.leaf_queue VALUES (1, sha256('x'))",
        "UPDATE ledger.balance SET posted = 1",
        "UPDATE payments.payment SET captured = amount",
        "INSERT INTO payments.transition VALUES ('captured', 'authorized')",
        "SELECT ledger.hold('demo:customer', 'EUR', -1)",
        "SELECT * FROM platform.idempotency_key",
        "SELECT platform.conclude('default', 'authorize', 'k', 201, '{}')",
        "ALTER TABLE ledger.posting DISABLE TRIGGER ALL",
        "CREATE TABLE ledger.mine (id int)",
    ],
)
def test_the_application_has_no_way_in_but_the_functions(florin: Florin, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        florin.sql(statement, role="florin_app")


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (
            "INSERT INTO ledger.posting SELECT entry_id, 9, account_id, currency, amount, balance_after, 999999 "
            "FROM ledger.posting LIMIT 1",
            "balanced",
        ),
        (
            "INSERT INTO ledger.entry (kind, source, ref, deployment_id, legs) "
            "VALUES ('t', 't', gen_random_uuid()::text, gen_random_uuid(), 2)",
            "has_legs",
        ),
        ("UPDATE payments.payment SET state = 'authorized' WHERE state = 'captured'", "legal_transition"),
        ("UPDATE payments.payment SET captured = amount + 1 WHERE state = 'authorized'", "over_capture"),
        ("UPDATE payments.payment SET payment_token = '4111111111111111'", "no_pan"),
        ("UPDATE ledger.balance SET pending_out = -1", "balance_pending_out_check"),
    ],
)
def test_the_owner_is_held_to_the_rules_too(florin: Florin, statement: str, constraint: str) -> None:
    florin.captured(1)
    florin.authorise()

    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        florin.sql(statement, role="florin_owner")
    assert refused.value.constraint_name == constraint


@pytest.mark.parametrize("table", ["ledger.balance", "payments.payment"])
@pytest.mark.parametrize("statement", ["DELETE FROM", "TRUNCATE"])
def test_what_changes_is_not_deleted_either(florin: Florin, table: str, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        florin.sql(f"{statement} {table}{' CASCADE' * (statement == 'TRUNCATE')}", role="florin_owner")


def test_functions_with_the_owners_rights_name_where_they_look(florin: Florin) -> None:
    """`pg_temp` comes last: left out it would be searched first, for tables and types that the caller made."""
    open_ended = florin.sql(
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        "WHERE n.nspname IN ('ledger', 'payments', 'platform') AND p.prosecdef "
        "AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)"
    )
    public = florin.sql(
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        "WHERE n.nspname IN ('ledger', 'payments', 'platform') AND has_function_privilege('public', p.oid, 'EXECUTE')"
    )

    assert open_ended == []
    assert public == []


def test_the_currencies_have_the_exponents_of_iso_4217(florin: Florin) -> None:
    known = dict(florin.sql("SELECT code, exponent FROM ledger.currency"))

    assert {code: known[code] for code in ("EUR", "JPY", "KWD", "CLF", "UYW", "ISK", "TND", "HUF")} == {
        "EUR": 2,
        "JPY": 0,
        "KWD": 3,
        "CLF": 4,
        "UYW": 4,
        "ISK": 0,
        "TND": 3,
        "HUF": 2,
    }
    assert len(known) > 150
