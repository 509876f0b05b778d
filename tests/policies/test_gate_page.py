"""The page about living under the gate says what the policy's parameters say, and its commands run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from tests.policies.builders import POLICIES, ROOT, gate_input

from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.render import render

PAGE = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
PARAMETERS: dict[str, Any] = json.loads((POLICIES / "gates" / "data.json").read_bytes())["mintmark"]["params"]
ENVIRONMENTS, FREEZES = PARAMETERS["environments"], PARAMETERS["freezes"]
THREE = ("local", "staging", "production")
CATEGORIES = {"code": "code", "infrastructure": "iac", "dependencies": "dependency", "secrets": "secret"}
DAY = 86_400


@pytest.mark.parametrize("command", re.findall(r"^\$ mintmark (.+)$", PAGE, re.MULTILINE))
def test_a_command_of_the_page_runs(command: str) -> None:
    words = [sys.executable, "-m", "mintmark.pipelines.cli.main", *command.split()]

    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_table_of_environments_is_that_of_the_policy() -> None:
    rows = {row[0]: row[1:] for row in (line.split(" | ") for line in PAGE.splitlines() if line.startswith("| "))}
    cells = {name.removeprefix("| "): [cell.removesuffix(" |").strip() for cell in row] for name, row in rows.items()}
    local, staging, production = (ENVIRONMENTS[name] for name in THREE)
    three = (local, staging, production)

    assert cells["protected"] == ["yes" if one["protected"] else "no" for one in three]
    assert cells["approvals"] == [{0: "none", 1: "one"}[one["approvals"]["count"]] for one in three]
    assert [one["trusted_origins"] for one in three] == [["local", "ci"], ["ci"], ["ci"]]
    assert [one["promoted_from"] for one in three] == [[], [], ["staging"]]
    assert [one["waivers"]["means"] for one in three] == [["file", "record"], ["file", "record"], ["record"]]
    words = [cells["tests that must have passed"], cells["freezes"]]
    assert [[re.findall("`(.+?)`", cell) for cell in row] for row in words] == [
        [one["required_tests"] for one in three],
        [[freeze["name"] for freeze in FREEZES if name in freeze["environments"]] for name in THREE],
    ]
    for said, category in CATEGORIES.items():
        assert cells[f"findings refused: {said}"] == [one["thresholds"][category] for one in three]
    assert [one["scan_caches"] for one in three] == [["no", "local"], ["no"], ["no"]]
    assert [one["max_advisory_age_s"] for one in three[1:]] == [7 * DAY, 3 * DAY]


@pytest.mark.parametrize(("rule", "number"), [("code.dangerous_finding", 0), ("review.approved", 1)])
def test_a_refusal_reads_as_on_the_page(rule: str, number: int, gate: Gate) -> None:
    shown = re.findall(r"```text\n(.*?)\n```", PAGE, re.DOTALL)[number]
    identity = re.findall(r"decision (\S+)", shown)[0]
    decision = gate.judge(gate_input(gate.pack, gate.pack.canaries[rule]["patch"]), decision_id=identity)

    assert re.sub(r"(policy|input) [0-9a-f]{12}…", r"\1 …", render(decision, pack=gate.pack)).rstrip() == shown


def test_every_link_of_the_page_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)

    assert len(links) >= 8
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
