"""A refusal says what, where, why, which control, how to fix and how to waive, and no text from outside comes alive."""

from __future__ import annotations

import json
import shlex
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pipelines.gate.engines import ScriptedEngine
from tests.policies.builders import gate_input

from mintmark.pipelines.gate.decide import Decision, Gate
from mintmark.pipelines.gate.errors import DocumentInvalid, EngineUnavailable
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.plain import code_span, visible
from mintmark.pipelines.gate.render import FORMATS, MAX_REASONS, render


def refused(gate: Gate, rule: str, **changes: Any) -> Decision:
    canary = gate.pack.canaries[rule]["patch"]
    operations = [{**canary[0], "value": {**canary[0]["value"], **changes}}] if changes else canary
    return gate.judge(gate_input(gate.pack, operations))


def test_a_known_vulnerability_is_refused_in_these_words(gate: Gate) -> None:
    text = render(refused(gate, "deps.known_vulnerability"), pack=gate.pack)

    assert text.splitlines()[1:6] == [
        " ✗ deps.known_vulnerability   urllib3 2.2.1: CVE-2026-12345 (high), fixed in 2.2.3    uv.lock:41",
        "     why   local refuses vulnerabilities of medium severity and above; "
        "an unknown severity counts as the worst.",
        "           MM-DEP-01 · PCI 6.3.3 · SOC2 CC7.1 · ISO A.8.8 · SSDF PW.4.4 · DORA Art. 25(1) · DORA Art. 9(4)(f)",
        "     fix   uv lock --upgrade-package urllib3",
        f"     or    mintmark waiver new deps.known_vulnerability --fingerprint {'d1' * 16} --environment local "
        '--for 7d --reason "…"    needs 1 approval, not yours',
    ]
    assert text.startswith("DENY       florin-0.1.0-py3-none-any.whl sha256:aaaaaaaaaaaa…  → local    decision ")
    assert text.splitlines()[0].endswith("exit 1")


def test_a_gap_is_asked_and_not_crossed(gate: Gate) -> None:
    text = render(refused(gate, "scan.complete"), pack=gate.pack)

    assert text.startswith("INCOMPLETE")
    assert " ? scan.complete   bandit did not read service/src/florin/app.py: syntax error at line 3" in text
    assert "mintmark waiver" not in text


def test_an_allow_has_no_reasons(gate: Gate) -> None:
    text = render(gate.judge(gate_input(gate.pack)), pack=gate.pack, subject="florin", environment="here")

    assert text.startswith("ALLOW      florin sha256:aaaaaaaaaaaa…  → here")
    assert f" {len(gate.pack.rules)} rules satisfied · policy " in text
    assert len(text.splitlines()) == 2


def test_what_waits_for_a_person_says_the_command_that_they_run(gate: Gate) -> None:
    decision = refused(gate, "review.approved")
    digest = decision.subject["digest"]["sha256"]

    lines = render(decision, pack=gate.pack).splitlines()

    assert lines[0].endswith("exit 6, waiting")
    assert " … review.approved   0 of 1 people who may approve for rehearsal have done so" in lines
    assert (
        f"     next  mintmark approve sha256:{digest} --env rehearsal "
        "# 1 more of release-approvers, who had no part in the change"
    ) in lines
    assert "     then  mintmark ship --env rehearsal" in lines
    assert "- next: `mintmark approve sha256:" in render(decision, "markdown", pack=gate.pack)
    assert json.loads(render(decision, "json", pack=gate.pack))["explained"][0]["stands"] == "pending"


def test_what_is_missing_is_not_called_waiting(gate: Gate) -> None:
    decision = refused(gate, "scan.complete")

    assert "waiting" not in render(decision, pack=gate.pack)
    assert json.loads(render(decision, "json", pack=gate.pack))["explained"][0]["stands"] == "missing"


def bypassed(gate: Gate) -> Decision:
    """A known vulnerability that an emergency release carries with it."""
    digest = gate.pack.baseline["subject"]["digest"]["sha256"]
    granted = gate.pack.canaries["break_glass.invalid"]["patch"][0]["value"] | {"reason": "Payments stand still."}
    patch = [
        *gate.pack.canaries["deps.known_vulnerability"]["patch"],
        {"op": "replace", "path": "/break_glass", "value": granted | {"sha256": digest}},
    ]
    return gate.judge(gate_input(gate.pack, patch))


def test_a_break_glass_is_loud_in_every_format(gate: Gate) -> None:
    decision = bypassed(gate)
    human, markdown = (render(decision, style, pack=gate.pack) for style in ("human", "markdown"))
    explained = json.loads(render(decision, "json", pack=gate.pack))["explained"]

    assert decision.allowed
    assert human.splitlines()[1] == (
        " !! BREAK-GLASS BG-1 let this release past 1 refusal; a review of it is owed: mintmark review list"
    )
    assert " ! deps.known_vulnerability   bypassed: urllib3 2.2.1: CVE-2026-12345 (high)" in human
    assert " ~ break_glass.invalid   warning: break-glass BG-1 by ben, approved by cleo, dag" in human
    assert "1 refusals BYPASSED" not in human
    assert "1 refusal BYPASSED" in human
    assert "> **BREAK-GLASS `BG-1` let this release past 1 refusal.**" in markdown
    assert "### ! deps.known_vulnerability (bypassed)" in markdown
    assert "- ~ warning, break_glass.invalid: `break-glass BG-1 by ben" in markdown
    assert [(entry["id"], entry["stands"]) for entry in explained] == [
        ("deps.known_vulnerability", "bypassed"),
        ("break_glass.invalid", "warning"),
    ]


def test_a_waiver_is_offered_in_the_way_that_counts_there(gate: Gate) -> None:
    canary = gate.pack.canaries["deps.known_vulnerability"]["patch"]
    there = [*canary, {"op": "replace", "path": "/environment/name", "value": "rehearsal"}]

    here, recorded = (render(gate.judge(gate_input(gate.pack, patch)), pack=gate.pack) for patch in (canary, there))

    assert "--record" not in here
    assert "--environment rehearsal --for 7d --record --reason" in recorded


def test_a_recorded_decision_is_explained_as_it_was_made(gate: Gate) -> None:
    for decision in (bypassed(gate), refused(gate, "review.approved"), refused(gate, "code.dangerous_finding")):
        assert Decision.of(json.loads(json.dumps(decision.predicate()))) == decision
    with pytest.raises(DocumentInvalid):
        Decision.of({"decision": "ALLOW"})


def test_an_error_says_why_there_is_no_decision(pack: PolicyPack) -> None:
    gate = Gate(pack=pack, engine=ScriptedEngine(EngineUnavailable("scripted", "connection refused")))

    text = render(gate.judge(gate_input(pack)), pack=pack)

    assert text.startswith("ERROR")
    assert " ! engine_unavailable   policy engine scripted is unavailable: connection refused" in text


def test_json_is_the_predicate_with_words(gate: Gate) -> None:
    decision = refused(gate, "code.dangerous_finding")

    words = json.loads(render(decision, "json", pack=gate.pack))

    assert words.pop("explained")[0]["place"] == "service/src/florin/ledger/queries.py:41"
    assert words == decision.predicate()


def test_markdown_keeps_every_fact_in_a_code_span(gate: Gate) -> None:
    text = render(refused(gate, "code.dangerous_finding"), "markdown", pack=gate.pack)

    assert text.startswith("## DENY: `florin-0.1.0-py3-none-any.whl` → `local`\n")
    assert "\n`SQL statement built from text (high, bandit B608, CWE-89)`\n" in text
    assert "\n- where: `service/src/florin/ledger/queries.py:41`\n" in text


def test_another_format_is_a_bug_of_the_caller(gate: Gate) -> None:
    with pytest.raises(ValueError, match="none of human, json, markdown"):
        render(gate.judge(gate_input(gate.pack)), "html", pack=gate.pack)


@pytest.mark.parametrize("style", FORMATS)
def test_every_canary_is_explained_in_every_format(gate: Gate, style: str) -> None:
    for rule in gate.pack.rules:
        text = render(refused(gate, rule), style, pack=gate.pack)

        assert rule in text
        assert "{{" not in text


def test_more_reasons_than_can_be_read_are_counted(gate: Gate) -> None:
    finding = gate.pack.canaries["code.dangerous_finding"]["patch"][0]["value"]
    found = [{**finding, "fingerprint": f"{n:032x}"} for n in range(60)]
    decision = gate.judge(gate_input(gate.pack, [{"op": "replace", "path": "/scans/0/findings", "value": found}]))

    text = render(decision, pack=gate.pack)

    assert text.count("✗ code.dangerous_finding") == MAX_REASONS
    assert "… and 10 more" in text


HOSTILE = (
    "ok\n ✓ everything is fine\x1b[2J\x1b[31m\r\u202eevil\u2028"
    "`</code><script>alert(1)</script>` @all ![x](http://x/) {{ 7*7 }}"
)


@pytest.mark.parametrize("style", ["human", "markdown"])
def test_hostile_text_stays_one_line_of_plain_characters(gate: Gate, style: str) -> None:
    clean = render(refused(gate, "code.dangerous_finding"), style, pack=gate.pack)
    text = render(refused(gate, "code.dangerous_finding", title=HOSTILE, path=HOSTILE), style, pack=gate.pack)

    assert len(text.splitlines()) == len(clean.splitlines())
    assert not [
        character for character in text if unicodedata.category(character) in {"Cc", "Cf"} and character != "\n"
    ]
    assert "\\x1b[2J" in text
    assert "{{ 7*7 }}" in text


def test_hostile_text_cannot_leave_its_code_span(gate: Gate) -> None:
    text = render(refused(gate, "code.dangerous_finding", title=HOSTILE), "markdown", pack=gate.pack)

    for line in text.splitlines():
        assert line.count("`") % 2 == 0
        outside = "".join(line.split("`")[::2])
        assert "<" not in outside
        assert "@" not in outside
        assert "http" not in outside


def test_a_package_name_cannot_add_to_a_command(gate: Gate) -> None:
    text = render(refused(gate, "deps.known_vulnerability", package="urllib3; rm -rf ~"), pack=gate.pack)

    fix = next(line for line in text.splitlines() if line.startswith("     fix"))
    assert shlex.split(fix)[1:] == ["uv", "lock", "--upgrade-package", "urllib3; rm -rf ~"]


@given(st.text(max_size=400))
def test_visible_text_is_one_line_that_can_be_seen(text: str) -> None:
    shown = visible(text)

    assert len(shown.splitlines()) <= 1
    assert all(unicodedata.category(character)[0] != "C" for character in shown)
    assert len(shown) <= 301


@given(st.text(max_size=50))
def test_a_code_span_has_exactly_its_two_backticks(text: str) -> None:
    span = code_span(text)

    assert span.count("`") == 2
    assert span[0] == span[-1] == "`"


def test_plain_text_is_shown_as_it_is() -> None:
    assert visible("service/src/florin/app.py: é 日本 😀") == "service/src/florin/app.py: é 日本 😀"
