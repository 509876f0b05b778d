"""Controls say what they cover and what they do not, on evidence that the rules really read."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace

import pytest
from tests.policies.builders import ROOT

from mintmark.evidence.statement import KINDS
from mintmark.pipelines.cli.main import main
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.gate import controls
from mintmark.pipelines.gate.controls_page import render_page
from mintmark.pipelines.gate.errors import PolicyTampered
from mintmark.pipelines.gate.pack import PolicyPack

PAGE = ROOT / "docs" / "controls.md"


def test_the_page_is_up_to_date(pack: PolicyPack) -> None:
    """`MINTMARK_WRITE_DOCS=1` writes it."""
    if os.environ.get("MINTMARK_WRITE_DOCS") == "1":
        PAGE.write_text(render_page(pack), encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == render_page(pack)


def test_the_page_names_no_rule_without_a_page(pack: PolicyPack) -> None:
    for rule in pack.rules:
        assert f"](policies/{rule}.md)" in PAGE.read_text(encoding="utf-8")
        assert (PAGE.parent / "policies" / f"{rule}.md").is_file()


def test_every_rule_speaks_to_a_requirement_of_every_kind_of_framework(pack: PolicyPack) -> None:
    spoken = {rule for row in controls.coverage(pack) for rule in row.rules}

    assert spoken == set(pack.rules)


def test_what_no_rule_speaks_to_has_a_reason(pack: PolicyPack) -> None:
    rows = controls.coverage(pack)
    uncovered = [row for row in rows if not row.covered]

    assert len(uncovered) > 30
    assert all(row.not_covered.partition(":")[0] in REASONS for row in uncovered)
    assert not any(row.not_covered for row in rows if row.covered)


REASONS = {
    "organisational",
    "operations",
    "not judged",
    "not judged by the rules of this pack",
    "no rule",
    "a claim of the build platform",
}


def test_a_requirement_that_nobody_explained_is_not_called_covered(pack: PolicyPack) -> None:
    listed = json.loads(pack.files[controls.FRAMEWORKS])
    listed["frameworks"][0]["requirements"].append({"id": "99.9", "text": "Something new."})
    grown = replace(pack, files={**pack.files, controls.FRAMEWORKS: json.dumps(listed).encode()})

    (row,) = [row for row in controls.coverage(grown) if row.requirement == "99.9"]

    assert not row.covered
    assert row.not_covered == "nobody has said why"


def test_a_requirement_that_only_a_control_names_is_told_too(pack: PolicyPack) -> None:
    listed = json.loads(pack.files[controls.FRAMEWORKS])
    listed["frameworks"][0]["requirements"] = []
    shrunk = replace(pack, files={**pack.files, controls.FRAMEWORKS: json.dumps(listed).encode()})

    rows = controls.coverage(shrunk, framework="PCI")

    assert "6.5.1" in {row.requirement for row in rows}
    assert all(row.covered for row in rows)


def test_no_requirement_is_listed_twice(pack: PolicyPack) -> None:
    for framework in controls.frameworks(pack):
        names = [requirement.id for requirement in framework.requirements]
        assert len(set(names)) == len(names)


def test_every_framework_of_a_control_is_listed(pack: PolicyPack) -> None:
    listed = {framework.name for framework in controls.frameworks(pack)}

    assert {wanted.framework for control in pack.controls.values() for wanted in control.requirements} == listed


def test_a_pack_that_lists_no_framework_covers_nothing(pack: PolicyPack) -> None:
    for content in (b"{}", b'{"schema": "https://mintmark.dev/frameworks/v1", "frameworks": []}'):
        with pytest.raises(PolicyTampered):
            controls.coverage(replace(pack, files={**pack.files, controls.FRAMEWORKS: content}))


@pytest.mark.parametrize(
    ("rule", "kinds"),
    [
        ("sbom.matches", ("sbom", "decision")),
        ("provenance.matches", ("provenance", "decision")),
        ("code.dangerous_finding", ("scan", "waiver", "decision")),
        ("review.approved", ("approval", "decision")),
        ("promotion.order", ("deployment", "decision")),
        ("break_glass.invalid", ("break-glass", "decision")),
        ("break_glass.reviewed", ("review-item", "decision")),
        ("freeze.window", ("decision",)),
    ],
)
def test_the_evidence_of_a_rule_is_what_it_reads(rule: str, kinds: tuple[str, ...], pack: PolicyPack) -> None:
    assert controls.evidence_kinds(pack, pack.rules[rule]) == kinds


def test_every_kind_of_evidence_is_one_that_the_log_takes() -> None:
    assert set(controls.KIND_OF.values()) <= set(KINDS)


@pytest.mark.parametrize(
    ("word", "name"), [("DORA", "DORA"), ("pci", "PCI DSS 4.0.1"), (" soc 2 ", "SOC 2"), ("slsa", "SLSA")]
)
def test_a_framework_is_found_by_what_people_call_it(word: str, name: str, pack: PolicyPack) -> None:
    assert {row.framework for row in controls.coverage(pack, framework=word)} == {name}


@pytest.mark.parametrize("word", ["HIPAA", "S", " "])
def test_a_framework_that_is_not_listed_or_not_clear_is_refused(word: str, pack: PolicyPack) -> None:
    with pytest.raises(UsageError) as refused:
        controls.coverage(pack, framework=word)

    assert refused.value.reason == "unknown_framework"


def test_the_command_lists_shows_and_covers(capsys: pytest.CaptureFixture[str], pack: PolicyPack) -> None:
    assert main(["controls", "list", "-o", "json"]) == 0
    assert {control["id"] for control in json.loads(capsys.readouterr().out)} == set(pack.controls)

    assert main(["controls", "list"]) == 0
    assert "MM-CHG-02  Nobody approves" in capsys.readouterr().out

    assert main(["controls", "show", "mm-chg-02"]) == 0
    shown = capsys.readouterr().out
    assert "review.independent" in shown
    assert "ISO 27001:2022 A.5.3" in shown

    assert main(["controls", "coverage", "--framework", "dora"]) == 0
    assert "Art. 9(4)(e)" in capsys.readouterr().out


def test_the_command_writes_the_matrix_for_people_and_for_tables(
    capsys: pytest.CaptureFixture[str], pack: PolicyPack
) -> None:
    assert main(["controls", "coverage", "-o", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == len(controls.coverage(pack))
    assert {row["covered"] for row in rows} == {"yes", "no"}

    assert main(["controls", "coverage", "-o", "markdown"]) == 0
    assert capsys.readouterr().out in PAGE.read_text(encoding="utf-8") + "\n"

    assert main(["controls", "coverage", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["framework"] == "PCI DSS 4.0.1"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["show", "MM-CHG-99"], "unknown_control"),
        (["coverage", "--framework", "HIPAA"], "unknown_framework"),
    ],
)
def test_the_command_refuses_what_it_does_not_know(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["controls", *words]) == 2
    assert reason in capsys.readouterr().err
