"""A pack with an unfinished rule is not built."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.policies.builders import POLICIES

from mintmark.pipelines.gate import build
from mintmark.pipelines.gate import opa as opa_tool

RULE = "gates/sbom/matches.rego"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(POLICIES, tmp_path / "policies")
    return tmp_path / "policies"


def _edit(copied: Path, old: str, new: str, *, path: str = RULE) -> None:
    text = (copied / path).read_text()
    assert old in text
    (copied / path).write_text(text.replace(old, new))


def test_the_rules_as_they_are_may_be_built(opa: Path, copied: Path) -> None:
    build.check_rules(opa, copied)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("# title: The SBOM is about this artefact\n", "title"),
        ("#   controls: [MM-DEP-03]\n", "controls"),
        (
            "#   remedy: Make the SBOM from the lock of this build, with `mintmark ship` "
            "or the SBOM step of your pipeline.\n",
            "remedy",
        ),
        ("#   waivable: false\n", "waivable"),
    ],
)
def test_a_rule_without_full_metadata_is_refused(opa: Path, copied: Path, line: str, field: str) -> None:
    _edit(copied, line, "")

    with pytest.raises(build.BuildRefused) as refused:
        build.check_rules(opa, copied)

    assert refused.value.reason == "meta_policy"
    assert {
        "package": "data.mintmark.gates.sbom.matches",
        "reason": "missing",
        "field": field,
    } in refused.value.refusals


def test_a_rule_without_any_metadata_is_refused(opa: Path, copied: Path) -> None:
    text = (copied / RULE).read_text()
    (copied / RULE).write_text(text[text.index("package ") :])

    with pytest.raises(build.BuildRefused) as refused:
        build.check_rules(opa, copied)

    assert {"package": "data.mintmark.gates.sbom.matches", "reason": "no_metadata"} in refused.value.refusals


def test_a_control_that_the_catalogue_does_not_have_is_refused(opa: Path, copied: Path) -> None:
    _edit(copied, "[MM-DEP-03]", "[MM-DEP-03, MM-DEP-99]")

    with pytest.raises(build.BuildRefused) as refused:
        build.check_rules(opa, copied)

    assert [refusal["reason"] for refusal in refused.value.refusals] == ["unknown_control"]


def test_a_rule_that_reads_the_input_past_the_reader_is_refused(opa: Path, copied: Path) -> None:
    _edit(copied, 'object.get(evidence.sbom, "format", "")', "input.sbom.format")

    with pytest.raises(build.BuildRefused) as refused:
        build.check_rules(opa, copied)

    assert {"path": "sbom/matches.rego", "reason": "reads_without_default"} in refused.value.refusals


@pytest.mark.parametrize(
    "call",
    [
        'http.send({"method": "get", "url": "http://127.0.0.1/"}).status_code == 200',
        "time.now_ns() > 0",
        'rand.intn("dice", 6) == 1',
        "opa.runtime().env.HOME == evidence.commit",
        'sprintf("%s", ["not native to WebAssembly"]) != ""',
    ],
)
def test_a_policy_that_calls_outside_the_vocabulary_does_not_compile(opa: Path, copied: Path, call: str) -> None:
    """Clock, network, randomness and environment would make a verdict that nobody can repeat."""
    _edit(
        copied,
        "default satisfied := false\n",
        f"default satisfied := false\n\nsatisfied if {call}\n",
        path="gates/provenance/matches.rego",
    )

    with pytest.raises(opa_tool.OpaFailed, match="undefined function"):
        build.compile_wasm(opa, copied)
