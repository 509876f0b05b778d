"""What tools and repositories quote never reaches a report, a statement or a file; the finding does."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pipelines.scan.builders import CLEAN, CLEAN_DOCKERFILE, lock, rules, scan
from tests.pipelines.scan.test_forged_findings import HONEST, first
from tests.pipelines.scan.test_forged_findings import scan as scan_forged

from mintmark.evidence.confidential import check, kinds_in
from mintmark.pipelines.scan import fingerprint
from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.model import Category, ScanReport, Status
from mintmark.pipelines.scan.redaction import redact_document, redact_text
from mintmark.pipelines.scan.structure import structure_of
from mintmark.pipelines.sign import statements

WEAK = "correct-horse"  # no detector knows it when it stands alone: only an allow-list keeps it out
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
LOGIN = "florin:" + WEAK
CARD = "4111 1111 1111 1111"
PLANTED = (WEAK, TOKEN, CARD, CARD.replace(" ", ""))

CODE = f"""\
import subprocess

import requests

password = "{WEAK}"
TOKEN = "{TOKEN}"


def pay(card="{CARD}"):
    subprocess.call("curl -u {LOGIN} https://{LOGIN}@example.org", shell=True)  # {TOKEN}
    return requests.get("https://{LOGIN}@example.org", verify=False, headers={{"Authorization": "Bearer {TOKEN}"}})
"""
DOCKERFILE = CLEAN_DOCKERFILE.replace("USER 1000", f"ENV DB_PASSWORD={WEAK} TOKEN={TOKEN}\nUSER root")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planted")


@pytest.fixture(scope="module")
def reports(place: Path, environments: ToolEnvironments, advisories: Advisories) -> dict[str, ScanReport]:
    """The real tools over a tree that has secrets in its code, its image, its comments and its addresses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DB_PASSWORD", WEAK)
        patch.setenv("GITHUB_TOKEN", TOKEN)
        files = {**CLEAN, "src/pay.py": CODE, "deploy/Dockerfile": DOCKERFILE, **lock("urllib3==2.0.6")}
        return scan(place, files, environments, advisories)


def assert_nothing_planted(text: str) -> None:
    assert [planted for planted in PLANTED if planted in text] == []


def test_the_findings_are_recorded_and_the_secrets_are_not(reports: dict[str, ScanReport]) -> None:
    for report in reports.values():
        statement = statements.statement(
            [{"name": "a.whl", "digest": {"sha256": "ab" * 32}}], statements.SCAN, {**report.to_json()}
        )
        assert_nothing_planted(statement.decode())
        check(statement)

    secrets = [item for name in ("bandit", "semgrep") for item in reports[name].findings if item.category == "secret"]
    assert {item.path for item in secrets} == {"src/pay.py"}
    assert {"bandit", "semgrep"} == {item.tool for item in secrets}
    assert len({item.fingerprint for item in secrets}) == len(secrets)
    assert {"B602", "B501"} <= rules(reports["bandit"], "src/pay.py")
    assert reports["checkov"].findings


def test_nothing_planted_is_in_any_file_that_a_scan_leaves(place: Path, reports: dict[str, ScanReport]) -> None:
    kept = [path for path in (place / "reports").rglob("*") if path.is_file()]

    assert {path.stem for path in kept} == set(reports) - {"mintmark"}
    for path in kept:
        assert_nothing_planted(path.read_text(encoding="utf-8"))
        assert kinds_in(path.read_text(encoding="utf-8")) == frozenset()


def quoting(tool: str) -> Any:
    """A report that quotes the planted texts in every field that a tool has for words, and in some that it has not."""
    report = deepcopy(HONEST[tool])
    words = f"password '{WEAK}', Bearer {TOKEN}, https://{LOGIN}@example.org, {CARD}, /home/alice/x.py"
    found = first(tool, report)
    fields = {
        "bandit": ("code", "issue_text", "test_name", "more_info", "dump"),
        "semgrep": ("lines", "snippet", "env"),
        "checkov": ("code_block", "check_name", "resource", "evaluations", "guideline"),
        "detect-secrets": ("kind", "name", "secret", "hashed_secret"),
        "hadolint": ("message", "snippet"),
        "zizmor": ("desc", "url", "fixes"),
    }[tool]
    found.update(dict.fromkeys(fields, words))
    if tool == "zizmor":
        found["locations"][0]["symbolic"]["annotation"] = words
        found["locations"][0]["concrete"] |= {"feature": words, "comments": [words]}
    if tool == "semgrep":
        found["extra"].update(message=words, lines=words, metavars={"$X": {"abstract_content": words}}, fix=words)
        found["extra"]["metadata"].update(title=words, note=words)
        report["errors"] = []
        report["time"] = {"env": {"DB_PASSWORD": WEAK}}
    return report


@pytest.mark.parametrize("tool", HONEST)
def test_whatever_a_report_quotes_is_left_behind(tool: str, tmp_path: Path, advisories: Advisories) -> None:
    answer = scan_forged(tmp_path, tool, quoting(tool), advisories)

    assert answer.status is Status.COMPLETE, answer.reason
    assert len(answer.findings) == 1
    for text in (json.dumps(answer.to_json()), (tmp_path / f"out/{tool}.json").read_text(encoding="utf-8")):
        assert_nothing_planted(text)
        assert "alice" not in text
        assert "[redacted:github-token]" in text


def test_a_failure_does_not_quote_either(tmp_path: Path, advisories: Advisories) -> None:
    report = deepcopy(HONEST["bandit"])
    first("bandit", report)["issue_confidence"] = f"https://{LOGIN}@example.org"
    answer = scan_forged(tmp_path, "bandit", report, advisories)

    assert answer.status is Status.FAILED
    assert_nothing_planted(answer.reason)


def test_words_without_secrets_stay_as_they_are() -> None:
    text = "subprocess call with shell=True identified, security issue (CWE-78) in src/home/roots.py"

    assert redact_text(text) == text
    assert redact_document({"a": [text, 1, None, {"size": 1700000000000}]}) == {
        "a": [text, 1, None, {"size": 1700000000000}]
    }


def test_a_secret_is_not_cut_in_two_before_it_is_seen() -> None:
    text = "x" * 490 + " " + TOKEN

    assert "ghp" not in redact_text(text, limit=500)


def test_variables_are_redacted_by_their_names() -> None:
    environment = {"DB_PASSWORD": WEAK, "LANG": "C.UTF-8"}
    listed = [{"name": "DB_PASSWORD", "value": WEAK}]

    assert redact_document(environment) == {"DB_PASSWORD": "[redacted:named-secret]", "LANG": "C.UTF-8"}
    assert redact_document(listed) == [{"name": "DB_PASSWORD", "value": "[redacted:named-secret]"}]


Words = st.sampled_from([WEAK, TOKEN, LOGIN, f"https://{LOGIN}@example.org", CARD, f"token={TOKEN}", "high", "B105"])
Names = st.sampled_from(["name", "value", "DB_PASSWORD", "token", "message", "a", TOKEN])
Documents = st.recursive(
    Words | st.integers() | st.just(4111111111111111) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(Names, inner, max_size=3),
    max_leaves=8,
)


@given(Documents)
def test_whatever_was_redacted_gets_into_the_evidence(document: object) -> None:
    check({"predicate": redact_document(document)})


SOURCES = [
    "password = {!r}\n",
    "def connect(user, password={!r}):\n    pass\n",
    "class A:\n    def f(self):\n        login('a', token={!r})  # {!r}\n",
    "x = {{'password': {!r}}}\n",
    "if password == f{!r}:\n    pass\n",
    "password = ({!r}\n    {!r})\n",
]
Texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}"), max_size=12)


@pytest.mark.parametrize("source", SOURCES)
@given(one=Texts, other=Texts)
def test_the_structure_of_a_place_tells_nothing_of_its_texts(source: str, one: str, other: str) -> None:
    """Whoever reads evidence may try every password there is: each gives the fingerprint that is recorded."""
    first_text, second_text = (source.format(*[text] * source.count("{!r}")) for text in (one, other))

    assert structure_of(first_text, 1, 3) == structure_of(second_text, 1, 3) != ""


def test_lines_within_a_text_and_numbers_tell_nothing_either() -> None:
    one, other = (f'KEY = """\n{text}\n{text}\n"""\nPIN = {len(text)}\n' for text in ("abc", WEAK))

    assert structure_of(one, 3, 3) == structure_of(other, 3, 3) == ":"
    assert structure_of(one, 5, 5) == structure_of(other, 5, 5) == ": PIN ="


def test_places_are_told_apart_by_name_and_scope() -> None:
    source = 'def a():\n    password = "x"\n\n\ndef b():\n    password = "x"\n    token = "x"\n'
    places = [structure_of(source, line, line) for line in (2, 6, 7)]

    assert places == ["a : password =", "b : password =", "b : token ="]


def test_what_python_cannot_read_has_no_structure_and_a_fingerprint_all_the_same() -> None:
    assert structure_of("password = (\n", 1, 1) == ""
    assert fingerprint.secret("r", "p", "", "0") != fingerprint.secret("r", "p", "", "1")


def test_a_secret_inside_of_flagged_code_does_not_go_into_its_fingerprint() -> None:
    """Code keeps its text, so that a waiver for one command does not cover another."""
    made = [
        fingerprint.code("t", "r", "p", f'subprocess.call("mysql", password="{text}", shell=True)', "0")
        for text in ("hunter2", "correct-horse", "x")
    ]

    assert len(set(made)) == 1
    assert fingerprint.code("t", "r", "p", 'call("ls")', "0") != fingerprint.code("t", "r", "p", 'call("rm")', "0")


def test_the_fingerprint_of_a_secret_stays_when_the_secret_changes_and_moves(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories, reports: dict[str, ScanReport]
) -> None:
    changed = "# moved\n\n" + CODE.replace(WEAK, "another-weak-one").replace(TOKEN, "ghp_" + "Z9y8" * 9)
    again = scan(tmp_path, {**CLEAN, "src/pay.py": changed}, environments, advisories)

    for tool in ("bandit", "semgrep"):
        before, after = (
            [item.fingerprint for item in found[tool].findings if item.category is Category.SECRET]
            for found in (reports, again)
        )
        assert before == after
        assert before
