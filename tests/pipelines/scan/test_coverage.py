"""What is shipped and was given to no scanner is told, whatever the scope in the repository says."""

from __future__ import annotations

from pathlib import Path

from tests.pipelines.scan import builders
from tests.pipelines.scan.builders import CLEAN

from mintmark.pipelines.scan.bandit import BanditScanner
from mintmark.pipelines.scan.checkov import CheckovScanner
from mintmark.pipelines.scan.coverage import coverage
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.zizmor import ZizmorScanner

FILES = {
    **{f"service/{path}": text for path, text in CLEAN.items() if not path.startswith(".github/")},
    "service/hidden/shop.py": "eval(input())\n",
    "elsewhere/tool.py": "eval(input())\n",
}


def test_a_scope_that_leaves_shipped_code_out_is_seen(tmp_path: Path) -> None:
    tree = builders.tree(tmp_path, FILES)
    scope = ScanScope(code=["service/src"], iac=["service/deploy"])

    found = coverage(tree, scope, [BanditScanner(), CheckovScanner()], shipped="service")

    assert found == [
        {"kind": "bandit", "present": 2, "given": 1, "left_out": ["service/hidden/shop.py"]},
        {"kind": "checkov", "present": 1, "given": 1, "left_out": []},
    ]


def test_a_scope_that_takes_all_of_it_leaves_nothing_out(tmp_path: Path) -> None:
    tree = builders.tree(tmp_path, FILES)

    (found,) = coverage(tree, ScanScope(code=["service"]), [BanditScanner()], shipped="service")

    assert found == {"kind": "bandit", "present": 2, "given": 2, "left_out": []}


def test_an_action_counts_wherever_a_workflow_could_use_it_from(tmp_path: Path) -> None:
    action = "name: Till\ndescription: Counts\nruns: {using: composite, steps: []}\n"
    tree = builders.tree(tmp_path, {**CLEAN, "tools/till/action.yml": action})

    (found,) = coverage(tree, ScanScope(workflows=[".github"]), [ZizmorScanner()], shipped="service")

    assert found == {"kind": "zizmor", "present": 2, "given": 1, "left_out": ["tools/till/action.yml"]}


def test_a_scope_of_nothing_leaves_all_of_it_out(tmp_path: Path) -> None:
    tree = builders.tree(tmp_path, FILES)

    (found,) = coverage(tree, ScanScope(), [BanditScanner()], shipped=".")

    assert (found["present"], found["given"]) == (3, 0)
