# ruff: noqa: E501  SQL statements stay on one line each
"""Florin on a real PostgreSQL: payments, replays, and what the database itself refuses."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import uvicorn

from florin.app import make_app
from florin.kit import embedded
from florin.kit.configuration import ConfigurationError, read_configuration
from florin.kit.database import open_database
from florin.kit.guard import looks_like_pan
from florin.kit.migrations import migrate
from florin.ledger.commands import seed

DEPLOYMENT = uuid.UUID("11111111-2222-4333-8444-555555555555")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    url: str
    database_url: str

    def call(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        if key:
            request.add_header("Idempotency-Key", key)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Answer(status=answer.status, body=answer.read())
        except urllib.error.HTTPError as refused:
            return Answer(status=refused.code, body=refused.read())

    def authorise(self, key: str | None = None, **changes: Any) -> Answer:
        return self.call("POST", "/v1/payments", payment(**changes), key or str(uuid.uuid4()))

    def capture(self, payment_id: str, amount: int, key: str | None = None) -> Answer:
        path = f"/v1/payments/{payment_id}/capture"
        return self.call("POST", path, {"amount_minor": amount}, key or str(uuid.uuid4()))

    def sql(self, statement: str, *values: Any, role: str | None = None) -> Any:
        async def run() -> Any:
            connection = await asyncpg.connect(self.database_url)
            try:
                if role:
                    await connection.execute(f"SET ROLE {role}")
                return await connection.fetch(statement, *values)
            finally:
                await connection.close()

        return asyncio.run(run())


def payment(**changes: Any) -> dict[str, Any]:
    return {
        "amount_minor": 1000,
        "currency": "EUR",
        "payer": "demo:customer",
        "payee": "demo:merchant",
        "payment_token": "tok_1",
    } | changes


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    folder = Path(tempfile.mkdtemp(prefix="florin-", dir="/tmp"))  # a socket's path must be short
    data = folder / "pg"
    url = embedded.start(data)
    configuration = read_configuration({"FLORIN_DEPLOYMENT_ID": str(DEPLOYMENT)})

    async def prepare() -> None:
        await migrate(url)
        database = await open_database(url)
        await seed(database.pool, DEPLOYMENT)
        await database.close()

    asyncio.run(prepare())
    server = uvicorn.Server(uvicorn.Config(make_app(configuration, url), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Service(url=f"http://127.0.0.1:{port}", database_url=url)
    server.should_exit = True
    thread.join(10)
    embedded.remove(data)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_payment_is_authorised_captured_and_read(service: Service) -> None:
    authorised = service.authorise()
    captured = service.capture(authorised.json["id"], 900)
    read = service.call("GET", f"/v1/payments/{authorised.json['id']}")

    assert (authorised.status, captured.status) == (201, 201)
    assert captured.json["posting_ids"] == [f"{captured.json['entry_id']}.1", f"{captured.json['entry_id']}.2"]
    assert (read.json["state"], read.json["captured_minor"]) == ("captured", 900)


def test_every_entry_bears_the_deployment_and_its_leaf(service: Service) -> None:
    captured = service.capture(service.authorise().json["id"], 1000)
    posting = service.call("GET", f"/v1/ledger/postings/{captured.json['posting_ids'][0]}").json

    assert posting["entry"]["deployment_id"] == str(DEPLOYMENT)
    leaf = hashlib.sha256(b"\x00" + posting["entry"]["canonical"].encode()).hexdigest()
    assert posting["entry"]["leaf_hash"] == leaf
    assert posting["amount_minor"] == -1000


def test_a_replay_gives_the_same_bytes_and_moves_nothing(service: Service) -> None:
    first = service.authorise(key="replay-1")
    before = service.sql(
        "SELECT pending_out FROM ledger.balance JOIN ledger.account ON id = account_id WHERE code = 'demo:customer'"
    )
    again = service.authorise(key="replay-1")
    after = service.sql(
        "SELECT pending_out FROM ledger.balance JOIN ledger.account ON id = account_id WHERE code = 'demo:customer'"
    )

    assert (again.status, again.body) == (first.status, first.body)
    assert before == after


def test_a_key_is_needed_and_belongs_to_one_body(service: Service) -> None:
    service.authorise(key="one-body")

    missing = service.call("POST", "/v1/payments", payment())
    reused = service.authorise(key="one-body", amount_minor=1)

    assert (missing.status, missing.json["type"].rsplit("/", 1)[1]) == (400, "idempotency-key-missing")
    assert (reused.status, reused.json["type"].rsplit("/", 1)[1]) == (422, "idempotency-key-reused")


def test_twenty_at_once_with_one_key_have_one_effect(service: Service) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: service.authorise(key="twenty"), range(20)))

    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1


@pytest.mark.parametrize(
    ("changes", "status", "kind"),
    [
        ({"amount_minor": 10**14}, 402, "insufficient-funds"),
        ({"payer": "nobody"}, 422, "unknown-account"),
        ({"payee": "nobody"}, 422, "unknown-account"),
        ({"payee": "demo:customer"}, 422, "same-account"),
        ({"amount_minor": 0}, 422, "invalid-request"),
        ({"amount_minor": 1.5}, 422, "invalid-request"),
        ({"state": "captured"}, 422, "invalid-request"),
        ({"payment_token": "4111 1111 1111 1111"}, 422, "invalid-request"),
    ],
)
def test_a_payment_that_must_not_be_is_refused(
    changes: dict[str, Any], status: int, kind: str, service: Service
) -> None:
    refused = service.authorise(**changes)

    assert (refused.status, refused.json["type"].rsplit("/", 1)[1]) == (status, kind)
    assert "4111" not in refused.body.decode()


def test_more_than_authorised_or_twice_is_not_captured(service: Service) -> None:
    authorised = service.authorise().json["id"]

    over = service.capture(authorised, 1001)
    right = service.capture(authorised, 1000)
    twice = service.capture(authorised, 1000)
    nobody = service.capture(str(uuid.uuid4()), 1)

    assert [answer.status for answer in (over, right, twice, nobody)] == [422, 201, 409, 404]


def test_a_body_over_the_limit_is_refused(service: Service) -> None:
    assert service.call("POST", "/v1/payments", b"x" * 100_000, "large").status == 413


REFUSED_BY_THE_DATABASE: dict[str, tuple[str, str | None, str]] = {
    "unbalanced": (
        "SELECT ledger.post('t', 'u', 't', gen_random_uuid(), ARRAY['world','demo:merchant'], ARRAY[-5::bigint,6])",
        "florin_app",
        "23514",
    ),
    "overdraft": (
        "SELECT ledger.post('t', 'o', 't', gen_random_uuid(), ARRAY['demo:customer','demo:merchant'], ARRAY[-100000000000::bigint,100000000000])",
        "florin_app",
        "23514",
    ),
    "one leg": (
        "SELECT ledger.post('t', 'l', 't', gen_random_uuid(), ARRAY['world'], ARRAY[0::bigint])",
        "florin_app",
        "22023",
    ),
    "no deployment": (
        "SELECT ledger.post('t', 'd', 't', NULL, ARRAY['world','demo:merchant'], ARRAY[-5::bigint,5])",
        "florin_app",
        "23502",
    ),
    "app update": ("UPDATE ledger.posting SET amount = 1", "florin_app", "42501"),
    "app delete": ("DELETE FROM ledger.entry", "florin_app", "42501"),
    "app truncate": ("TRUNCATE ledger.posting", "florin_app", "42501"),
    "app insert": ("INSERT INTO ledger.leaf_queue VALUES (1, sha256('x'))", "florin_app", "42501"),
    "owner update": ("UPDATE ledger.posting SET amount = 1", "florin_owner", "42501"),
    "owner truncate": ("TRUNCATE ledger.posting CASCADE", "florin_owner", "42501"),
    "late leg": (
        "INSERT INTO ledger.posting SELECT entry_id, 9, account_id, currency, amount, balance_after, 999999 FROM ledger.posting LIMIT 1",
        "florin_owner",
        "23514",
    ),
    "illegal transition": (
        "UPDATE payments.payment SET state = 'authorized' WHERE state = 'captured'",
        "florin_owner",
        "23514",
    ),
}


@pytest.mark.parametrize("what", REFUSED_BY_THE_DATABASE)
def test_the_database_itself_refuses(what: str, service: Service) -> None:
    service.capture(service.authorise().json["id"], 1000)
    statement, role, state = REFUSED_BY_THE_DATABASE[what]

    with pytest.raises(asyncpg.PostgresError) as refused:
        service.sql(statement, role=role)

    assert refused.value.sqlstate == state


def test_the_balanced_entry_passes_and_its_reference_posts_once(service: Service) -> None:
    statement = "SELECT ledger.post('t', 'ok', 't', $1, ARRAY['world','demo:merchant'], ARRAY[-5::bigint,5])"

    first = service.sql(statement, DEPLOYMENT, role="florin_app")
    again = service.sql(statement, DEPLOYMENT, role="florin_app")

    assert first == again


def test_balances_are_the_sums_of_postings_and_the_trial_balance_is_zero(service: Service) -> None:
    service.capture(service.authorise().json["id"], 1)
    wrong = service.sql(
        "SELECT b.account_id FROM ledger.balance b LEFT JOIN ledger.posting p USING (account_id) "
        "GROUP BY b.account_id, b.posted HAVING b.posted <> coalesce(sum(p.amount), 0)"
    )

    assert wrong == []
    assert {row["total_minor"] for row in service.call("GET", "/v1/ledger/trial-balance").json["currencies"]} == {0}


def test_totals_count_what_a_deployment_posted(service: Service) -> None:
    before = service.call("GET", f"/v1/ledger/deployments/{DEPLOYMENT}/totals").json
    service.capture(service.authorise().json["id"], 250)
    after = service.call("GET", f"/v1/ledger/deployments/{DEPLOYMENT}/totals").json

    assert after["entries"] - before["entries"] == 1
    assert after["totals"][0]["debit_minor"] - before["totals"][0]["debit_minor"] == 250


def test_ready_names_the_deployment(service: Service) -> None:
    assert service.call("GET", "/health/ready").json["deployment_id"] == str(DEPLOYMENT)
    assert service.call("GET", "/health/live").status == 200


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({}, "FLORIN_DEPLOYMENT_ID"),
        ({"FLORIN_DEPLOYMENT_ID": "x"}, "FLORIN_DEPLOYMENT_ID"),
        ({"FLORIN_MODE": "prod"}, "FLORIN_MODE"),
        ({"FLORIN_MODE": "development", "FLORIN_PORT": "0"}, "FLORIN_PORT"),
        ({"FLORIN_MODE": "development", "FLORIN_HOST": "0.0.0.0"}, "FLORIN_HOST"),  # noqa: S104  it must be refused
        ({"FLORIN_MODE": "development", "FLORIN_DATABASE_URL": "mysql://x"}, "FLORIN_DATABASE_URL"),
        ({"FLORIN_MODE": "development", "FLORIN_DATA_DIR": "data"}, "FLORIN_DATA_DIR"),
    ],
)
def test_a_wrong_variable_is_named(environment: dict[str, str], variable: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_configuration(environment)

    assert refused.value.variable == variable


def test_development_needs_no_deployment() -> None:
    assert read_configuration({"FLORIN_MODE": "development"}).deployment_id == uuid.UUID(int=0)


@pytest.mark.parametrize(
    ("text", "card"),
    [("4111111111111111", True), ("4111-1111 1111 1111", True), ("4111111111111112", False), ("tok_1", False)],
)
def test_card_numbers_are_told_from_other_numbers(text: str, card: bool) -> None:
    assert looks_like_pan(text) is card
