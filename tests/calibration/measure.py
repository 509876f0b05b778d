"""Counts what bandit and semgrep say of the labelled cases: found, missed, and said without cause."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.calibration.classes import CLASSES, WeaknessClass

from mintmark.pipelines.scan.model import Finding, ScanReport, Severity

ROOT = Path(__file__).resolve().parents[2]
CASES = Path(__file__).with_name("cases")
TOOLS = ("bandit", "semgrep")
_LABEL = re.compile(r"# (vulnerable|safe): (.+)$")
_ORDER = [Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One function with a label on the line above it; `first` and `last` are its lines, decorators included."""

    kind: WeaknessClass
    name: str
    about: str
    vulnerable: bool
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Of cases, not of findings: one that is flagged twice counts once."""

    found: int  # vulnerable and flagged
    missed: int  # vulnerable and not flagged
    alarms: int  # safe and flagged
    silent: int  # safe and not flagged

    @property
    def precision(self) -> float | None:
        return self.found / (self.found + self.alarms) if self.found + self.alarms else None

    @property
    def recall(self) -> float:
        return self.found / (self.found + self.missed)

    @property
    def false_alarm_rate(self) -> float:
        return self.alarms / (self.alarms + self.silent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """For each case the tools that flag it, and whether production would refuse a release for it."""

    flagged: dict[Case, frozenset[str]]
    refused: frozenset[Case]
    versions: dict[str, str]

    def count(self, said: Callable[[Case], bool], kind: WeaknessClass | None = None) -> Count:
        cases = [case for case in self.flagged if kind in (None, case.kind)]
        return Count(
            found=sum(case.vulnerable and said(case) for case in cases),
            missed=sum(case.vulnerable and not said(case) for case in cases),
            alarms=sum(not case.vulnerable and said(case) for case in cases),
            silent=sum(not case.vulnerable and not said(case) for case in cases),
        )

    def by(self, tool: str) -> Callable[[Case], bool]:
        return lambda case: tool in self.flagged[case]

    def by_any(self, case: Case) -> bool:
        return bool(self.flagged[case])

    def by_gate(self, case: Case) -> bool:
        return case in self.refused


def labelled(kind: WeaknessClass) -> list[Case]:
    """Raise `ValueError` for a label that stands above no function."""
    text = (CASES / f"{kind.name}.py").read_text(encoding="utf-8")
    lines, found = text.splitlines(), []
    for node in ast.parse(text).body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
        label = _LABEL.fullmatch(lines[first - 2])
        if label:
            case = Case(
                kind=kind,
                name=node.name,
                about=label[2],
                vulnerable=label[1] == "vulnerable",
                first=first,
                last=node.end_lineno or first,
            )
            found.append(case)
    if len(found) != sum(_LABEL.fullmatch(line) is not None for line in lines):
        raise ValueError(f"{kind.name}: a label stands above no function")
    return found


def measure(reports: Iterable[ScanReport]) -> Measurement:
    """Of scans of `cases/`, by both tools."""
    by_tool = {report.tool: report for report in reports}
    cases = [case for kind in CLASSES for case in labelled(kind)]
    thresholds = production_thresholds()
    said = {
        case: [item for tool in TOOLS for item in by_tool[tool].findings if speaks_of(item, case)] for case in cases
    }
    return Measurement(
        flagged={case: frozenset(item.tool for item in findings) for case, findings in said.items()},
        refused=frozenset(
            case
            for case, findings in said.items()
            if any(_ORDER.index(item.severity) >= _ORDER.index(thresholds[item.category]) for item in findings)
        ),
        versions={tool: by_tool[tool].tool_version for tool in TOOLS},
    )


def speaks_of(finding: Finding, case: Case) -> bool:
    rules = case.kind.bandit if finding.tool == "bandit" else case.kind.semgrep
    same_place = finding.path == f"{case.kind.name}.py" and case.first <= finding.line <= case.last
    return same_place and finding.rule in rules


def production_thresholds() -> dict[str, Severity]:
    parameters = json.loads((ROOT / "policies/gates/data.json").read_text(encoding="utf-8"))["mintmark"]["params"]
    return {
        category: Severity(word) for category, word in parameters["environments"]["production"]["thresholds"].items()
    }
