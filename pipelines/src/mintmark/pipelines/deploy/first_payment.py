"""The first payment after a deployment: one authorisation and one capture, so that the trail ends in real money."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from mintmark.pipelines.deploy.service_client import FlorinClient

# Accounts that Florin seeds for demonstrations; see service/README.md.
AMOUNT_MINOR = 1250
CURRENCY = "EUR"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPayment:
    """`posting_id` names the first posting of the capture."""

    payment_id: str
    posting_id: str
    amount_minor: int
    currency: str


def make_first_payment(url: str) -> FirstPayment:
    """Authorise and capture against a running Florin. Raises `ServiceRefused` or `ServiceUnreachable`."""
    client = FlorinClient(url=url)
    authorised = client.authorise(
        {
            "amount_minor": AMOUNT_MINOR,
            "currency": CURRENCY,
            "payer": "demo:customer",
            "payee": "demo:merchant",
            "payment_token": "tok_demonstration",
        },
        idempotency_key=str(uuid.uuid4()),
    )
    payment_id = str(authorised["id"])
    captured = client.capture(payment_id, {"amount_minor": AMOUNT_MINOR}, idempotency_key=str(uuid.uuid4()))
    return FirstPayment(
        payment_id=payment_id,
        posting_id=str(captured["posting_ids"][0]),
        amount_minor=AMOUNT_MINOR,
        currency=CURRENCY,
    )
