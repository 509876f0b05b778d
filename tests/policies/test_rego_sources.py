"""The Rego itself: formatted, strict, tested by OPA in every line, and never loose with its input."""

from __future__ import annotations

import json
from pathlib import Path

from tests.policies.builders import POLICIES

from mintmark.pipelines.gate import opa as opa_tool
from mintmark.pipelines.gate.pack import PolicyPack

# The canaries and the baseline would be merged into the data under no name of their own.
NOT_DATA = ("--ignore", "*.canary.json", "--ignore", "baseline.json")
EXAMPLES = ("mintmark_test.baseline:gates/baseline.json", "mintmark_test.corpus:../tests/policies/corpus")
# One test decides the whole corpus, which with coverage takes longer than the five seconds that OPA gives a test.
LOADED = ("--timeout", "120s", *NOT_DATA, "gates", *EXAMPLES)


def test_every_file_is_formatted(opa: Path) -> None:
    assert opa_tool.run(opa, ["fmt", "--list", "--fail", "gates"], cwd=POLICIES) == b""


def test_every_file_passes_the_strict_check(opa: Path) -> None:
    opa_tool.run(opa, ["check", "--strict", "--bundle", "gates"], cwd=POLICIES)


def test_the_tests_beside_the_rules_pass(opa: Path) -> None:
    results = json.loads(opa_tool.run(opa, ["test", "--format", "json", *LOADED], cwd=POLICIES))

    assert len(results) > 80
    assert [result["name"] for result in results if result.get("fail") or result.get("error")] == []


def test_the_tests_reach_every_line_of_every_rule(opa: Path) -> None:
    report = json.loads(opa_tool.run(opa, ["test", "--coverage", *LOADED], cwd=POLICIES))

    missed = {file: found["not_covered"] for file, found in report["files"].items() if found.get("not_covered")}
    assert missed == {}
    assert len(report["files"]) > 20


def test_every_rule_has_its_test_and_its_canary_beside_it(pack: PolicyPack) -> None:
    rules = [path for path in POLICIES.glob("gates/*/*.rego") if path.parent.name not in {"lib", "meta"}]
    rules = [path for path in rules if not path.name.endswith("_test.rego")]

    assert {f"{rule.parent.name}.{rule.stem}" for rule in rules} == set(pack.rules)
    assert len(rules) >= 21
    for rule in rules:
        assert rule.with_name(f"{rule.stem}_test.rego").is_file()
        assert rule.with_name(f"{rule.stem}.canary.json").is_file()
