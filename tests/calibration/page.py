"""Writes docs/calibration.md from a measurement."""

from __future__ import annotations

from tests.calibration.classes import CLASSES
from tests.calibration.measure import Count, Measurement

HEAD = """\
# What the scanners find, and what they miss

bandit {bandit} and semgrep {semgrep} with the rules of `policies/semgrep`, on {cases} labelled functions: {vulnerable}
that are vulnerable and {safe} that look alike and are safe. The suite measures again and fails when this page differs;
`MINTMARK_WRITE_DOCS=1 pytest tests/calibration` writes it.

| | found | missed | false alarms | precision | recall |
|---|---|---|---|---|---|
| bandit | {bandit_count} |
| semgrep, our rules | {semgrep_count} |
| either | {either_count} |
| refused in production | {gate_count} |

A case counts as found when a rule that speaks of its class flags a line of it, at any severity. The last line counts
what the gate of production refuses by its thresholds: bandit's remarks of low severity do not stop a release.

## By class

found / vulnerable, and false alarms / safe:

| class | | bandit | semgrep | either | refused |
|---|---|---|---|---|---|
{rows}

"""
LIMITS = """\
## How to read this

- **The cases are our own**, written by those who wrote the rules. They show that each rule works, where it ends, and
  that neither tool is enough alone. They do not say what share of a real code base's weaknesses is found: expect less.
- **Each case is one function in one file.** Real weaknesses cross functions and files, which semgrep's free engine and
  bandit hardly follow.
- **Names carry much of it.** Money, cards, secrets and signatures are known by what variables are called. Under a name
  that does not tell, neither tool sees them.
- **The safe cases are look-alikes**, chosen to provoke. In ordinary code nearly all is safe and little of it looks like
  this: neither the false alarm rate ({alarm_rate} of the safe cases for both together) nor the precision carries over.
- **An outside figure to compare with**: on OWASP BenchmarkPython, which is made of whole requests, bandit finds 22 % of
  the true cases, with alarms on 5.5 % of the others.
  Here it finds {bandit_recall}, with alarms on {bandit_alarm_rate}: this set lies nearer to what such tools look for,
  on both sides. The lower figure is the one to plan with.
- Not in the set, because no rule of either tool claims it: broken authorisation, races, replays, business rules, and
  whatever depends on configuration. Tests, review and the ledger's own constraints stand there.

"""


def render(measurement: Measurement) -> str:
    cases = list(measurement.flagged)
    counts = {tool: measurement.count(measurement.by(tool)) for tool in ("bandit", "semgrep")}
    either = measurement.count(measurement.by_any)
    head = HEAD.format(
        **measurement.versions,
        cases=len(cases),
        vulnerable=sum(case.vulnerable for case in cases),
        safe=sum(not case.vulnerable for case in cases),
        bandit_count=_total(counts["bandit"]),
        semgrep_count=_total(counts["semgrep"]),
        either_count=_total(either),
        gate_count=_total(measurement.count(measurement.by_gate)),
        rows="\n".join(_rows(measurement)),
    )
    limits = LIMITS.format(
        alarm_rate=_share(either.false_alarm_rate),
        bandit_recall=_share(counts["bandit"].recall),
        bandit_alarm_rate=_share(counts["bandit"].false_alarm_rate),
    )
    return head + limits + _cases(measurement)


def _rows(measurement: Measurement) -> list[str]:
    said = (measurement.by("bandit"), measurement.by("semgrep"), measurement.by_any, measurement.by_gate)
    return [
        f"| {kind.title} | {kind.cwe} | {' | '.join(_pair(measurement.count(by, kind)) for by in said)} |"
        for kind in CLASSES
    ]


def _cases(measurement: Measurement) -> str:
    """What nobody finds, and what is said without cause, by class."""
    missed, alarms = [], []
    for kind in CLASSES:
        cases = [case for case in measurement.flagged if case.kind is kind]
        missed += [
            f"- {kind.title}: {case.about}" for case in cases if case.vulnerable and not measurement.by_any(case)
        ]
        alarms += [
            f"- {kind.title}: {case.about} ({', '.join(sorted(measurement.flagged[case]))})"
            for case in cases
            if not case.vulnerable and measurement.by_any(case)
        ]
    lists = "\n".join(["## Missed by both", "", *missed, "", "## Said without cause", "", *alarms])
    return f"{lists}\n"


def _total(count: Count) -> str:
    precision = "" if count.precision is None else _share(count.precision)
    return f"{count.found} | {count.missed} | {count.alarms} | {precision} | {_share(count.recall)}"


def _pair(count: Count) -> str:
    return f"{count.found}/{count.found + count.missed}, {count.alarms}/{count.alarms + count.silent}"


def _share(value: float) -> str:
    return f"{value:.0%}".replace("%", " %")
