"""Secrets and card numbers never enter: each sort is refused by its place, and what evidence is made of gets in."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.builders import statement

from florin.kit.guard import looks_like_pan
from mintmark.evidence.confidential import check, is_secret_under, kinds_in, redact
from mintmark.evidence.confidential.cards import card_numbers, passes_luhn
from mintmark.evidence.confidential.detectors import DETECTORS
from mintmark.evidence.errors import IngestRefused

STATEMENTS = sorted((Path(__file__).parent / "vectors/statements").glob("*.json"))
RANDOM = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"  # forty characters without a meaning
CARD = "4111111111111111"

# Put together here, so that this repository itself contains nothing shaped like a key.
SECRETS: dict[str, list[str]] = {
    "private-key": [
        "-----BEGIN " + f"RSA PRIVATE KEY-----\n{RANDOM}\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN " + f"OPENSSH PRIVATE KEY-----\\n{RANDOM}",
        "-----BEGIN " + f"PGP PRIVATE KEY BLOCK-----\n\n{RANDOM}\n",
        "-----BEGIN " + f"RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{RANDOM}\n-----END RSA PRIVATE KEY-----",
        "Private-Lines: " + f"14\n{RANDOM}",
    ],
    "age-key": ["AGE-SECRET-" + "KEY-1" + RANDOM.upper()],
    "aws-access-key-id": ["AKIA" + "IOSFODNN7EXAMPLE", "id=ASIA" + "IOSFODNN7EXAMPLE;"],
    "aws-secret-key": ["aws_secret_access_key " + RANDOM, 'AWSSecretKey: "' + RANDOM + '"'],
    "github-token": ["ghp_" + RANDOM[:36], "x-ghs_" + RANDOM, "github_pat_" + RANDOM],
    "gitlab-token": ["glpat-" + RANDOM[:20], "glrt-" + RANDOM[:20]],
    "slack-token": ["xoxb-" + "123456789012-" + RANDOM, "xapp-" + "1-A012-" + RANDOM],
    "slack-webhook": ["https://hooks.slack.com/services/" + "T0000/B0000/" + RANDOM],
    "stripe-key": ["sk_live_" + RANDOM, "rk_test_" + RANDOM, "whsec_" + RANDOM],
    "google-key": ["AIza" + RANDOM[:35], "GOCSPX-" + RANDOM[:28], "ya29." + RANDOM],
    "npm-token": ["npm_" + RANDOM[:36]],
    "pypi-token": ["pypi-AgE" + "IcHlwaS5vcmc" + RANDOM],
    "api-token": ["sk-proj-" + RANDOM, "hf_" + RANDOM, "SG." + RANDOM[:22] + "." + RANDOM],
    "jwt": ["eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxIn0." + RANDOM],
    "basic-auth": ["Authorization: Basic dXNlcj" + "pwYXNz", "basic dXNlcj" + "pwYXNz"],
    "bearer-token": ["Authorization: Bearer " + RANDOM],
    "url-credentials": [
        "https://user:" + "pass@example.org/x",
        "postgresql+psycopg://florin:" + "hunter2@db/florin",
        "https://user:" + "p@ss@example.org",
        "https://" + RANDOM + "@example.org",
    ],
    "assigned-secret": [
        "password=" + "hunter2",
        "DB_PASSWORD=" + "correct-horse",
        "Server=db;User=a;Password=" + "hunter2;",
        "{'api_key': '" + "abcd1234'}",
        "Possible hardcoded password: '" + "hunter2'",
        "secret_key := " + "hunter22",
        "mysql --password " + "hunter2",
        "password: " + "hunter2",
        "SECRET_KEY_PROD=" + "hunter2",
        r"{\"clientSecret\": \"" + 'hunter2\\"}',
        "token: " + "abcd1234efgh",
        "password=$NOTHING|password=" + "hunter22",
    ],
    "card-number": [
        CARD,
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "3782 822463 10005",
        f"paid with {CARD} 1250 minor units",
        f"{CARD} 3pm",
        "５５５５５５５５５５５５４４４４",  # noqa: RUF001 - full-width digits are digits
    ],
}
HARMLESS = [
    "A secret stands in the source; read it from a file or a secret store at run time, and revoke this one.",
    "secrets.hardcoded: A password, token or key in the source is refused",
    "-----BEGIN PRIVATE KEY----- is the heading of a key",
    "-----BEGIN CERTIFICATE-----\n" + RANDOM,
    "git+https://github.com/mintmark/mintmark@" + "ab" * 20,
    "git+ssh://git@github.com/mintmark/mintmark",
    "https://user:${PASSWORD}@example.org",
    "https://user:****@example.org",
    "password=${PASSWORD}",
    "password = os.environ['PASSWORD']",
    "password = settings.password",
    "password: str",
    "token: Optional[str] = None",
    "password=********",
    "password: 'changeme'",
    "api_key=<your key>",
    "use --token TOKEN",
    "token_url=https://example.org/token",
    "PWD=/srv/florin",
    "max_tokens=4096, tokenizer=wordpiece-2, token_count: 123456",
    "password_policy=strict-2026, secrets: 150000",
    "Bearer token required",
    "basic authentication",
    "pkg:pypi/secret-key@1.0.0",
    "the task-force eyJ and eyJh.b.c",
    "sk-learn-contrib-py312-compatible-wheels",
    "sha256:" + "0123456789abcdef" * 4,
    "urn:uuid:41111111-1111-4111-8111-111111111111",
    "2026-11-24T11:15:22.009292+00:00",
    "20261124120000",
    "1700000000000000",
    "4111111111111112",  # fails the Luhn check
    "411111111111111x",
    "x4111111111111111",
    "0.1.0+build.20261124",
    "CVE-2024-41111111",
]
EVERY = [(kind, text) for kind, texts in SECRETS.items() for text in texts]


def refusal(content: bytes | dict[str, Any], **ids: Any) -> IngestRefused:
    with pytest.raises(IngestRefused) as refused:
        check(content, **ids)
    return refused.value


@pytest.mark.parametrize(("kind", "text"), EVERY)
def test_each_sort_of_secret_is_refused_by_its_place_and_never_quoted(kind: str, text: str) -> None:
    refused = refusal(statement("scan", {"findings": [{"message": f"found: {text}"}]}))

    assert kind in kinds_in(text)
    assert refused.reason == ("card_number_in_evidence" if kind == "card-number" else "secret_in_evidence")
    assert "/predicate/findings/0/message" in str(refused)
    assert text not in str(refused) + refused.remedy


def test_every_detector_has_an_example() -> None:
    assert {detector.kind for detector in DETECTORS} | {"card-number"} == set(SECRETS)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_speaks_of_secrets_gets_in(text: str) -> None:
    check(statement("scan", {"message": text}), controls=["MM-SEC-01"], refs=[text] if " " not in text else [])

    assert kinds_in(text) == frozenset()
    assert redact(text) == text


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: path.stem)
def test_real_evidence_gets_in(path: Path) -> None:
    assert len(STATEMENTS) == 9
    check(path.read_bytes(), refs=["decision:c24e1919-46a6-4dc1-b937-b4a6f8f5a936", "environment:local"])


@pytest.mark.parametrize(
    "document",
    [
        statement("scan", {}, subject=[{"name": "ghp_" + RANDOM[:36], "digest": {"sha256": "ab" * 32}}]),
        statement("scan", {}, subject=[{"name": "a", "digest": {"sha256": "ab" * 32, "x": "ghp_" + RANDOM[:36]}}]),
        statement("scan", {"a": [[{"b": ["ghp_" + RANDOM[:36]]}]]}),
        statement("scan", {"ghp_" + RANDOM[:36]: 1}),
        statement("scan", {"env": {"DB_PASSWORD": "correct-horse"}}),
        statement("scan", {"env": [{"name": "DB_PASSWORD", "value": "correct-horse"}]}),
        statement("scan", {"properties": {"clientSecret": RANDOM}}),
        statement("scan", {"authToken": RANDOM}),
        statement("scan", {"passwords": {"password": ["correct-horse"]}}),
        statement("scan", {"password": 271828}),
        statement("scan", {"message": "MARK"}).replace(b"MARK", b"\\u0067hp_" + RANDOM[:36].encode()),
    ],
)
def test_no_place_in_a_statement_is_passed_over(document: bytes) -> None:
    refused = refusal(document)

    assert refused.reason == "secret_in_evidence"
    assert "statement" in str(refused)
    assert RANDOM[:36] not in str(refused)


@pytest.mark.parametrize("number", [int(CARD), float(CARD)])
def test_a_card_number_is_one_as_a_number_too(number: float) -> None:
    refused = refusal({"predicate": {"card": number}})

    assert (refused.reason, "/predicate/card" in str(refused)) == ("card_number_in_evidence", True)
    check({"predicate": {"size": 123456789012345, "share": 0.4111111111111111}})


@pytest.mark.parametrize(
    ("place", "ids"),
    [
        ("refs /0 holds", {"refs": ["order:" + CARD]}),
        ("controls /0 holds", {"controls": ["ghp_" + RANDOM[:36]]}),
        ("id holds", {"identity": "ghp_" + RANDOM[:36]}),
    ],
)
def test_the_ids_of_an_entry_are_looked_at_as_well(place: str, ids: dict[str, Any]) -> None:
    assert place in str(refusal(statement("scan", {}), **ids))


def test_names_decide_only_over_values_that_could_be_secrets() -> None:
    assert is_secret_under("DB_PASSWORD", "hunter2")
    assert not is_secret_under("DB_PASSWORD", "${DB_PASSWORD}")
    assert not is_secret_under("password_policy", "strict-2026")
    assert is_secret_under("access-token", RANDOM)
    assert not is_secret_under("token", "csrf-protection")
    assert not is_secret_under("password", "to be rotated")


@pytest.mark.parametrize("value", ["hunter2\n", " hunter2", "hunter2\r\n", f"{RANDOM}\n{RANDOM}\n"])
def test_a_secret_under_its_name_is_one_with_the_newline_of_its_file(value: str) -> None:
    refused = refusal({"predicate": {"environment": {"DB_PASSWORD": value}}})

    assert (refused.reason, "/environment/DB_PASSWORD" in str(refused)) == ("secret_in_evidence", True)


def test_what_is_no_json_is_malformed() -> None:
    assert refusal(b"{").reason == "malformed"


@given(st.lists(st.sampled_from([text for _, text in EVERY] + HARMLESS), max_size=5), st.text(max_size=6))
def test_redacted_text_gets_in_and_is_not_redacted_again(parts: list[str], glue: str) -> None:
    redacted = redact(glue.join(parts))

    assert kinds_in(redacted) == frozenset()
    assert redact(redacted) == redacted


def with_check_digit(digits: str) -> str:
    return next(digits + last for last in "0123456789" if passes_luhn(digits + last))


ISSUED = ["4" + "#" * 14, "53" + "#" * 13, "2221" + "#" * 11, "34" + "#" * 12, "36" + "#" * 11, "6011" + "#" * 11]
Cards = st.builds(
    lambda shape, filling: with_check_digit(
        "".join(f if s == "#" else s for s, f in zip(shape, filling, strict=False))
    ),
    st.sampled_from(ISSUED),
    st.text("0123456789", min_size=18, max_size=18),
)


@given(Cards, st.sampled_from(["", " ", "-"]))
def test_an_issued_card_is_refused_here_and_in_florin_however_it_is_printed(card: str, gap: str) -> None:
    printed = gap.join(card[at : at + 4] for at in range(0, len(card), 4))

    assert looks_like_pan(f"by {printed}.")
    assert list(card_numbers(f"by {printed}."))


@given(st.text("0123456789", min_size=1, max_size=24))
def test_what_florin_takes_for_no_card_is_none_here(digits: str) -> None:
    assert looks_like_pan(digits) or not list(card_numbers(digits))


def test_a_secret_longer_than_a_detector_looks_is_redacted_as_a_whole() -> None:
    assert redact("password=" + RANDOM * 40) == "password=[redacted:assigned-secret]"


MEGABYTES = 5 * 1024 * 1024
HOSTILE = ["4", "4 ", "1-", "password", "password=", "token:token", "eyJ", "eyJ.", "://a:", "://", "bearer ", "basic "]
HOSTILE += [
    "-----BEGIN ",
    "-----BEGIN PRIVATE KEY-----",
    "sk-",
    "aws_secret_key",
    "xoxb-",
    "github_pat_",
    "ghp_",
    "pwd=[",
]
HOSTILE += [
    "--password ",
    "İpassword",
    "a@",
    "Private-Lines: 1\n",
    "hooks.slack.com/services/",
    "AKIA",
    "41111111-1111-",
]


@pytest.mark.parametrize("part", HOSTILE)
def test_a_hostile_text_takes_linear_time(part: str) -> None:
    """A tenth of the 5 MB that a report may hold, ten times faster than anything quadratic: see the ratio."""
    small, large = (part * (size // len(part)) for size in (MEGABYTES // 40, MEGABYTES // 10))
    check_quietly(small)
    spent = [timed(small), timed(large)]

    assert spent[1] < max(12 * spent[0], 0.5), spent


def timed(text: str) -> float:
    started = time.process_time()
    check_quietly(text)
    return time.process_time() - started


def check_quietly(text: str) -> None:
    with suppress(IngestRefused):
        check({"predicate": {"message": text}})
    kinds_in(text)


def test_five_megabytes_of_every_hostile_text_end() -> None:
    parts = [part * (MEGABYTES // len(HOSTILE) // len(part)) for part in HOSTILE]
    document = json.dumps({"predicate": parts}).encode()
    started = time.process_time()
    refused = refusal(document)

    assert refused.reason in {"secret_in_evidence", "card_number_in_evidence"}
    assert time.process_time() - started < 20
