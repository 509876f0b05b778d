"""
Configuration in a repository is worth leaving out: each tool obeys it when it is called as people call it.

Beside that stands the call that we make, which does not, even where such a file lies beside what is scanned.
"""

import json
import subprocess
from pathlib import Path

import pytest

from mintmark.pipelines.scan.environments import ToolEnvironments

WORKFLOW = (
    "name: Greet\non: issues\npermissions: {}\njobs:\n  greet:\n    runs-on: ubuntu-24.04\n    steps:\n"
    "      - run: echo ${{ github.event.issue.title }}\n"
)
TREE = {
    "Dockerfile": "FROM debian:12\nRUN sudo true\n",
    ".github/workflows/greet.yml": WORKFLOW,
    "shop.py": "eval(input())\n",
    "empty.yaml": "{}\n",
    "empty.ini": "[bandit]\n",
}
_NO_RULE = "rules: {template-injection: {disable: true}}\n"
_NO_BANDIT = '[tool.bandit]\nskips = ["B307"]\n'
USUAL = {
    "hadolint": ("-f", "json", "Dockerfile"),
    "zizmor": ("--offline", "--quiet", "--format", "json", "."),
    "bandit": ("-q", "-r", ".", "-f", "json"),
}
OURS = {
    "hadolint": ("-c", "empty.yaml", *USUAL["hadolint"]),
    "zizmor": ("--no-config", *USUAL["zizmor"]),
    "bandit": ("--ini", "empty.ini", *USUAL["bandit"]),
}
# (tool, the rule that is in question, name of the file, its text, whether the tool obeys it unasked)
CASES = [
    ("hadolint", "DL3004", ".hadolint.yaml", "ignored: [DL3004]\n", True),
    ("hadolint", "DL3004", ".hadolint.yml", "ignored: [DL3004]\n", True),
    ("hadolint", "DL3004", "hadolint.yaml", "ignored: [DL3004]\n", False),
    ("zizmor", "template-injection", "zizmor.yml", _NO_RULE, True),
    ("zizmor", "template-injection", "zizmor.yaml", _NO_RULE, True),
    ("zizmor", "template-injection", ".github/zizmor.yml", _NO_RULE, True),
    ("zizmor", "template-injection", ".github/zizmor.yaml", _NO_RULE, True),
    ("bandit", "B307", ".bandit", "[bandit]\nskips: B307\n", True),
    ("bandit", "B307", "setup.cfg", "[bandit]\nskips: B307\n", False),
    ("bandit", "B307", "tox.ini", "[bandit]\nskips: B307\n", False),
    ("bandit", "B307", "pyproject.toml", _NO_BANDIT, False),
    ("bandit", "B307", "bandit.yaml", "skips: [B307]\n", False),
]


def finds(folder: Path, tools: ToolEnvironments, tool: str, rule: str, arguments: tuple[str, ...]) -> bool:
    done = subprocess.run([tools.executable(tool), *arguments], cwd=folder, capture_output=True, check=False)
    document = json.loads(done.stdout)
    found = document["results"] if tool == "bandit" else document
    return rule in {item[{"hadolint": "code", "zizmor": "ident", "bandit": "test_id"}[tool]] for item in found}


@pytest.mark.parametrize(
    ("tool", "rule", "path", "text", "obeyed"), CASES, ids=[f"{case[0]} {case[2]}".replace("/", "-") for case in CASES]
)
def test_a_tool_is_switched_off_by_a_file_in_the_repository_unless_it_is_told_not_to_read_it(
    tool: str, rule: str, path: str, text: str, obeyed: bool, tmp_path: Path, environments: ToolEnvironments
) -> None:
    for name, content in {**TREE, path: text}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")

    assert finds(tmp_path, environments, tool, rule, USUAL[tool]) is not obeyed
    assert finds(tmp_path, environments, tool, rule, OURS[tool])
