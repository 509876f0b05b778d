"""What an auditor, and the trace of a release, read from the ledger."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from urllib.parse import quote

import pytest
from tests.service.builders import DEPLOYMENT, Florin


def test_a_posting_comes_with_its_whole_entry_and_the_deployment_that_made_it(florin: Florin) -> None:
    captured = florin.captured(1250)
    posting = florin.call(f"/v1/ledger/postings/{captured['posting_ids'][0]}").json()
    entry = posting["entry"]

    assert (posting["account"], posting["amount_minor"]) == ("demo:customer", -1250)
    assert [leg["amount_minor"] for leg in entry["postings"]] == [-1250, 1250]
    assert (entry["deployment_id"], entry["source"], entry["ref"]) == (
        DEPLOYMENT,
        "payments",
        f"{captured['id']}:capture",
    )


def test_the_leaf_is_the_hash_of_a_text_that_anyone_can_write_from_the_answer(florin: Florin) -> None:
    """Line by line as service/README.md defines it, and not by asking the database for the text."""
    posting_id = florin.captured(77)["posting_ids"][1]
    entry = florin.call(f"/v1/ledger/postings/{posting_id}").json()["entry"]
    moment = datetime.fromisoformat(entry["created_at"]).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    lines = [
        "florin/entry/v1",
        f"id {entry['id']}",
        f"created_at {moment}",
        f"kind {entry['kind']}",
        f"source {entry['source']}",
        f"ref {entry['ref']}",
        f"deployment {entry['deployment_id']}",
        *(
            f"posting {leg['leg']} {leg['account']} {leg['currency']} {leg['amount_minor']}"
            for leg in entry["postings"]
        ),
    ]
    text = "".join(f"{line}\n" for line in lines)
    queued = florin.sql("SELECT encode(leaf_hash, 'hex') FROM ledger.leaf_queue WHERE entry_id = $1", entry["id"])

    assert entry["canonical"] == text
    assert entry["leaf_hash"] == hashlib.sha256(b"\x00" + text.encode()).hexdigest() == queued[0][0]


@pytest.mark.parametrize(
    "posting_id", ["999999.1", "1.3", "1", "1.0", "01.1", "x.y", "1.1.1", "\u0663.\u0661", "9" * 30 + ".1"]
)
def test_a_posting_that_is_not_there_is_said_to_be_unknown(florin: Florin, posting_id: str) -> None:
    answer = florin.call(f"/v1/ledger/postings/{quote(posting_id)}")

    assert (answer.status, answer.kind) == (404, "unknown-posting")
    assert florin.call("/v1/ledger/postings/1.1").status == 200


def test_entries_of_a_deployment_are_read_in_pages(florin: Florin) -> None:
    for _ in range(3):
        florin.captured(1)
    pages, after = [], 0
    while page := florin.call(f"/v1/ledger/entries?deployment_id={DEPLOYMENT}&limit=2&after={after}").json()["entries"]:
        pages.append(page)
        after = page[-1]["id"]
    ids = [entry["id"] for page in pages for entry in page]

    assert {len(page) for page in pages} <= {1, 2}
    assert ids == sorted(set(ids))
    assert len(ids) == florin.call(f"/v1/ledger/deployments/{DEPLOYMENT}/totals").json()["entries"]
    assert florin.call(f"/v1/ledger/entries?deployment_id={DEPLOYMENT}&limit=100000").status == 422


def test_totals_count_what_a_deployment_posted(florin: Florin) -> None:
    before = florin.call(f"/v1/ledger/deployments/{DEPLOYMENT}/totals").json()
    florin.captured(250)
    after = florin.call(f"/v1/ledger/deployments/{DEPLOYMENT}/totals").json()

    assert (after["entries"] - before["entries"], after["postings"] - before["postings"]) == (1, 2)
    assert after["totals"][0]["debit_minor"] - before["totals"][0]["debit_minor"] == 250
    assert florin.call(f"/v1/ledger/deployments/{uuid.uuid4()}/totals").json()["entries"] == 0


def test_the_trial_balance_is_zero_in_every_currency(florin: Florin) -> None:
    florin.captured()

    assert {row["total_minor"] for row in florin.call("/v1/ledger/trial-balance").json()["currencies"]} == {0}


def test_ready_names_the_deployment_and_live_asks_nobody(florin: Florin) -> None:
    ready = florin.call("/health/ready").json()

    assert (ready["status"], ready["deployment_id"]) == ("ready", DEPLOYMENT)
    assert florin.call("/health/live").json() == {"status": "alive"}
