"""docs/rules.md has every rule of ours, with what it finds and what it lets pass, and is written from the rules."""

from __future__ import annotations

import ast
import os
import re
import textwrap
from pathlib import Path
from typing import Any

from mintmark.pipelines.scan.rules import OwnCheck, checkov_checks, rules_folder, semgrep_rules

PAGE = Path(__file__).resolve().parents[3] / "docs" / "rules.md"
SUFFIXES = {"docker": ("Dockerfile", "dockerfile"), "kubernetes": ("yaml", "yaml"), "terraform": ("tf", "hcl")}
HEAD = """\
# Our own rules

What the scanners look for beside what they bring: code of payments with semgrep ({semgrep} rules), images, manifests
and Terraform with checkov ({checkov} checks that checkov lacks). [calibration.md](calibration.md) says how well the
first find what they are for.

`MINTMARK_WRITE_DOCS=1 pytest tests/pipelines/scan/test_rules_page.py` writes this page; the suite fails when it
differs.

"""


def test_the_page_is_what_the_rules_say() -> None:
    page = render()
    if os.environ.get("MINTMARK_WRITE_DOCS"):
        PAGE.write_text(page, encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == page


def test_every_rule_and_check_is_on_the_page_with_both_examples() -> None:
    sections = re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    wanted = [str(rule["id"]) for rule in semgrep_rules()] + [check.id for check in checkov_checks()]

    assert [section.partition("\n")[0].split(":")[0] for section in sections] == wanted
    assert [section for section in sections if section.count("```") != 4] == []


def render() -> str:
    rules, checks = semgrep_rules(), checkov_checks()
    parts = [HEAD.format(semgrep=len(rules), checkov=len(checks)), "## semgrep, over Python\n\n"]
    parts += [_rule(rule) for rule in rules]
    parts += ["## checkov, over infrastructure\n\n"]
    parts += [_check(check) for check in checks]
    return "".join(parts).rstrip("\n") + "\n"


def _rule(rule: dict[str, Any]) -> str:
    metadata, name = rule["metadata"], str(rule["id"])
    fixture = next(rules_folder().rglob(f"{name}.py")).read_text(encoding="utf-8")
    return _section(
        f"{name}: {metadata['title']}",
        f"{metadata['severity']}, {', '.join(metadata['cwe'])}, confidence {metadata['confidence']}",
        f"{rule['message']} {metadata['why']}",
        (_example(fixture, "ruleid", name), _example(fixture, "ok", name)),
        "python",
    )


def _check(check: OwnCheck) -> str:
    topic, _, name = check.name.partition("_")
    suffix, language = SUFFIXES[topic]
    bad, good = (
        (rules_folder("checkov") / topic / "examples" / f"{name}.{kind}.{suffix}").read_text(encoding="utf-8")
        for kind in ("bad", "good")
    )
    first = [re.split(r"\n\n+" if suffix != "yaml" else r"\n---\n", text)[0] for text in (bad, good)]
    about = f"{check.severity}, {', '.join(check.cwe)}"
    return _section(f"{check.id}: {check.title}", about, f"{check.why} {check.remedy}", (first[0], first[1]), language)


def _section(title: str, about: str, text: str, examples: tuple[str, str], language: str) -> str:
    found, passed = (f"```{language}\n{example.rstrip()}\n```" for example in examples)
    return f"### {title}\n\n{about}. {text}\n\nFound:\n\n{found}\n\nNot found:\n\n{passed}\n\n"


def _example(fixture: str, kind: str, rule: str) -> str:
    """The statement below the first mark of that kind; without the body of what has one, and other marks."""
    lines = fixture.splitlines()
    number = next(number for number, line in enumerate(lines, start=2) if line.strip() == f"# {kind}: {rule}")
    statement = next(
        (node for node in ast.walk(ast.parse(fixture)) if isinstance(node, ast.stmt) and node.lineno == number), None
    )
    last = statement.end_lineno or number if isinstance(statement, ast.stmt) else number
    shown = [line for line in lines[number - 1 : last] if not re.search(r"# (ruleid|ok): ", line)]
    return textwrap.dedent("\n".join(shown))
