"""What the log takes in: nothing that its schema does not know, no secret, and its own words by the same rules."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.evidence.builders import NOW, Bench, signed, statement

from mintmark.evidence.errors import IngestRefused
from mintmark.evidence.inbox import Submission
from mintmark.evidence.log import EvidenceLog, Recorded
from mintmark.evidence.schemas import PredicateSchemas
from mintmark.evidence.verify.report import Answer

SCHEMAS = PredicateSchemas.load(Path(__file__).parents[2] / "policies" / "schemas")
STATEMENTS = sorted((Path(__file__).parent / "vectors" / "statements").glob("*.json"))


def strict(place: Bench) -> EvidenceLog:
    return replace(place.open(), schemas=SCHEMAS)


def refusals(log: EvidenceLog) -> list[str]:
    return [ref for row in log.search(kind="refusal") for ref in row.refs]


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: path.stem)
def test_what_a_shipment_says_enters(path: Path, on_sqlite: Bench) -> None:
    """Statements of real shipments, which are not secret and hold to their schemas."""
    log = strict(on_sqlite)

    assert log.record(signed(on_sqlite.key, path.read_bytes()), now=NOW).index == 0
    assert on_sqlite.verify().answer is Answer.VERIFIED


def test_a_predicate_of_another_shape_is_refused(on_sqlite: Bench) -> None:
    log = strict(on_sqlite)

    with pytest.raises(IngestRefused) as refused:
        log.record(on_sqlite.bundle("erasure", index="one"), now=NOW)

    assert refused.value.reason == "schema_invalid"
    assert refusals(log) == ["refused:schema_invalid"]


def test_what_the_log_says_itself_holds_to_the_schemas(place: Bench) -> None:
    log = strict(place)
    log.record(signed(place.key, STATEMENTS[0].read_bytes()), now=NOW)

    outcomes = [
        log.erase(0, basis="gdpr-17", now=NOW),
        log.report_gap("witness-quorum", since=NOW, now=NOW),
        *log.record_each([Submission(bundle=b"{}")], now=NOW),
    ]

    assert [type(outcome).__name__ for outcome in outcomes] == ["Recorded", "Recorded", "IngestRefused"]
    assert sorted(row.kind for row in log.search())[1:] == ["erasure", "gap", "refusal"]
    assert place.verify().answer is Answer.VERIFIED


SECRETS = {
    "a token in a field": (
        {"note": "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"[:36]},
        "secret_in_evidence",
    ),
    "a login in a URL": ({"source": "https://ci:hunter2hunter2@example.com/x"}, "secret_in_evidence"),
    "a card number in a text": ({"note": "paid with 4111 1111 1111 1111 today"}, "card_number_in_evidence"),
}


@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_is_refused_with_its_place_and_without_its_value(what: str, place: Bench) -> None:
    predicate, reason = SECRETS[what]
    log = place.open()

    with pytest.raises(IngestRefused) as refused:
        log.record(place.bundle(nested={"deep": [predicate]}), now=NOW)

    assert refused.value.reason == reason
    assert "/predicate/nested/deep/0/" in str(refused.value)
    assert not any(str(value) in str(refused.value) for value in predicate.values())
    assert refusals(log) == [f"refused:{reason}"]
    assert place.verify().answer is Answer.VERIFIED
    if place.url.startswith("sqlite"):
        assert not any(str(value).encode() in place.file.read_bytes() for value in predicate.values())


def test_a_card_number_for_the_id_of_an_entry_is_refused_and_another_id_is_not(place: Bench) -> None:
    """The id that a producer chooses stands in the entry, which can never be taken back."""
    log = place.open()
    bundle = place.bundle()

    refused, recorded = log.record_each(
        [Submission(bundle=bundle, id="pay:4111111111111111"), Submission(bundle=bundle, id="pay:42")], now=NOW
    )

    assert isinstance(refused, IngestRefused)
    assert refused.reason == "card_number_in_evidence"
    assert isinstance(recorded, Recorded)
    assert "4111111111111111" not in " ".join(log.entry(index).id for index in range(2))


def test_the_same_words_without_the_secret_enter(place: Bench) -> None:
    bundle = place.bundle(source="https://example.com/x", note="paid with a card today, order 4111")

    assert isinstance(place.open().record(bundle, now=NOW), Recorded)


def test_a_keyid_that_is_not_the_key_is_not_kept_unread(on_sqlite: Bench) -> None:
    document = json.loads(on_sqlite.bundle())
    hint = document["verificationMaterial"]["publicKey"]["hint"]
    outcomes = []
    for keyid in ("", hint, "something else"):
        document["dsseEnvelope"]["signatures"][0]["keyid"] = keyid
        bundle = Submission(bundle=json.dumps(document).encode())
        outcomes += on_sqlite.open().record_each([bundle], now=NOW)

    assert [type(outcome).__name__ for outcome in outcomes] == ["Recorded", "Recorded", "IngestRefused"]


def test_a_statement_without_its_marks_is_refused_without_any_schema(on_sqlite: Bench) -> None:
    document = json.loads(statement("scan", {}))
    del document["predicate"]["tool"]

    with pytest.raises(IngestRefused) as refused:
        on_sqlite.open().record(signed(on_sqlite.key, json.dumps(document).encode()), now=NOW)

    assert refused.value.reason == "type_mismatch"
