"""The life of a payment, and every refusal beside what is allowed."""

from __future__ import annotations

import socket
import urllib.parse
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.service.builders import DEPLOYMENT, PAYMENT, Florin, new_key


def test_a_payment_is_authorised_captured_in_part_and_read(florin: Florin) -> None:
    payment = florin.authorise().json()
    held = florin.call(f"/v1/payments/{payment['id']}").json()
    captured = florin.capture(payment["id"], 900)
    read = florin.call(f"/v1/payments/{payment['id']}").json()

    assert (held["state"], held["captured_minor"]) == ("authorized", 0)
    assert (captured.status, captured.json()["state"]) == (201, "captured")
    assert captured.json()["posting_ids"] == [f"{captured.json()['entry_id']}.{leg}" for leg in (1, 2)]
    assert (read["state"], read["amount_minor"], read["captured_minor"]) == ("captured", 1250, 900)
    assert "payment_token" not in read


def test_what_was_held_and_not_captured_is_free_again(florin: Florin) -> None:
    before = _held(florin)
    payment = florin.authorise(amount_minor=1000).json()
    while_held = _held(florin)
    florin.capture(payment["id"], 400)

    assert while_held == before + 1000
    assert _held(florin) == before


def test_the_history_of_a_payment_is_written_by_the_database(florin: Florin) -> None:
    payment = florin.captured()["id"]
    history = florin.sql(
        "SELECT seq, from_state, to_state FROM payments.payment_event WHERE payment_id = $1 ORDER BY seq",
        uuid.UUID(payment),
    )

    assert history == [(1, "new", "authorized"), (2, "authorized", "captured")]


def test_a_replay_gives_the_same_bytes_and_moves_nothing(florin: Florin) -> None:
    key = new_key()
    first = florin.authorise(key=key)
    held = _held(florin)
    again = florin.authorise(key=key)
    payment, captured_key = first.json()["id"], new_key()
    captured = florin.capture(payment, 1250, key=captured_key)

    assert (again.status, again.body) == (first.status, first.body)
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert held == _held(florin) + 1250
    assert florin.capture(payment, 1250, key=captured_key).body == captured.body


def test_a_refusal_of_the_database_is_replayed_too(florin: Florin) -> None:
    key = new_key()
    refused = florin.authorise(key=key, payer="demo:nobody")

    assert (refused.status, refused.kind) == (422, "unknown-account")
    assert florin.authorise(key=key, payer="demo:nobody").body == refused.body


def test_a_key_is_needed_and_belongs_to_one_body(florin: Florin) -> None:
    key = new_key()
    first = florin.authorise(key=key)
    other = florin.authorise(key=key, amount_minor=1)
    missing = florin.call("/v1/payments", PAYMENT)
    long = florin.authorise(key="k" * 256)
    card = florin.authorise(key="4111111111111111")

    assert first.status == 201
    assert (other.status, other.kind) == (422, "idempotency-key-reused")
    assert (missing.status, missing.kind) == (400, "idempotency-key-missing")
    assert (long.status, long.kind) == (400, "idempotency-key-missing")
    assert (card.status, card.kind) == (400, "idempotency-key-missing")


def test_twenty_calls_at_once_with_one_key_have_one_effect(florin: Florin) -> None:
    key, before = new_key(), _held(florin)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: florin.authorise(key=key, amount_minor=77), range(20)))

    assert {answer.status for answer in answers} <= {201, 409}
    assert {answer.kind for answer in answers if answer.status == 409} <= {"idempotency-key-in-progress"}
    assert len({answer.body for answer in answers if answer.status == 201}) == 1
    assert _held(florin) == before + 77


def test_a_key_at_work_is_told_at_once_and_answers_afterwards(florin: Florin) -> None:
    """The first call is stood in for by a transaction that holds the same lock, as its claim does."""
    key = new_key()
    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(
            florin.sql,
            "SELECT pg_sleep(1.5) FROM pg_advisory_xact_lock(hashtextextended($1, 0))",
            f"default\nauthorize\n{key}",
        )
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
        while not florin.sql(waiting):
            pass
        while_held = florin.authorise(key=key)
        holder.result()

    assert (while_held.status, while_held.kind) == (409, "idempotency-key-in-progress")
    assert florin.authorise(key=key).status == 201


def test_captures_at_once_with_many_keys_take_the_money_once(florin: Florin) -> None:
    payment = florin.authorise(amount_minor=500).json()["id"]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: florin.capture(payment, 500), range(10)))

    assert sorted(answer.status for answer in answers) == [201] + [409] * 9
    assert {answer.kind for answer in answers if answer.status == 409} == {"illegal-state"}


def test_more_than_authorised_or_twice_or_nobodys_is_not_captured(florin: Florin) -> None:
    payment = florin.authorise().json()["id"]
    over = florin.capture(payment, 1251)
    right = florin.capture(payment, 1250)
    twice = florin.capture(payment, 1250)
    nobodys = florin.capture(str(uuid.uuid4()), 1)

    assert (over.status, over.kind) == (422, "over-capture")
    assert right.status == 201
    assert (twice.status, twice.kind) == (409, "illegal-state")
    assert (nobodys.status, nobodys.kind) == (404, "unknown-payment")


@pytest.mark.parametrize(
    ("changed", "status", "kind"),
    [
        ({"amount_minor": 10**12}, 402, "insufficient-funds"),
        ({"payer": "demo:nobody"}, 422, "unknown-account"),
        ({"payee": "demo:nobody"}, 422, "unknown-account"),
        ({"currency": "JPY"}, 422, "unknown-account"),
        ({"payee": "demo:customer"}, 422, "same-account"),
        ({"amount_minor": 0}, 422, "invalid-request"),
        ({"amount_minor": -1}, 422, "invalid-request"),
        ({"amount_minor": 12.5}, 422, "invalid-request"),
        ({"amount_minor": "12"}, 422, "invalid-request"),
        ({"amount_minor": 10**15 + 1}, 422, "invalid-request"),
        ({"payment_token": "4242 4242 4242 4242"}, 422, "invalid-request"),
        ({"payment_token": "tok_4242424242424242"}, 422, "invalid-request"),
        ({"surprise": 1}, 422, "invalid-request"),
    ],
)
def test_a_payment_that_cannot_be_is_refused_by_name(
    florin: Florin, changed: dict[str, Any], status: int, kind: str
) -> None:
    refused = florin.authorise(**changed)

    assert (refused.status, refused.kind) == (status, kind)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert "4242" not in refused.body.decode()


def test_holds_count_against_what_is_available(florin: Florin) -> None:
    """The second hold would be covered by what is posted, and is not by what is left."""
    code = f"demo:{uuid.uuid4().hex[:8]}"
    florin.sql("SELECT ledger.open_account($1, 'EUR', 0)", code, role="florin_app")
    florin.sql(
        "SELECT ledger.post('t', $1, 't', $2, ARRAY['world', $1], ARRAY[-100::bigint, 100])",
        code,
        uuid.UUID(DEPLOYMENT),
        role="florin_app",
    )

    assert florin.authorise(payer=code, amount_minor=60).status == 201
    assert florin.authorise(payer=code, amount_minor=60).kind == "insufficient-funds"
    assert florin.authorise(payer=code, amount_minor=40).status == 201


@pytest.mark.parametrize("path", ["/v1/payments", "/v1/payments/11111111-1111-4111-8111-111111111111/capture"])
def test_a_body_past_the_limit_is_refused(florin: Florin, path: str) -> None:
    refused = florin.call(path, b"0" * 70_000, key=new_key())

    assert (refused.status, refused.kind) == (413, "body-too-large")


def test_a_body_without_a_length_is_stopped_at_the_limit_all_the_same(florin: Florin) -> None:
    address = urllib.parse.urlsplit(florin.url)
    head = b"POST /v1/payments HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.sendall(head + b"".join(b"1000\r\n" + b"0" * 0x1000 + b"\r\n" for _ in range(17)))
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"amount_minor": NaN}', b"\xff"])
def test_what_is_no_payment_is_an_invalid_request(florin: Florin, body: bytes) -> None:
    assert florin.call("/v1/payments", body, key=new_key()).kind == "invalid-request"


def _held(florin: Florin) -> int:
    rows = florin.sql(
        "SELECT pending_out FROM ledger.balance JOIN ledger.account ON id = account_id WHERE code = 'demo:customer'"
    )
    return int(rows[0][0])
