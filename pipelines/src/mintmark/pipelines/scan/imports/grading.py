"""
Severities of reports made elsewhere: of several statements the worst counts, and one that cannot be read is critical.

| what a report says | counts as |
|---|---|
| `critical`, `high`, `medium`, `low`, `info` and their like | that |
| SARIF level `error` / `warning` / `note` | high / medium / low |
| SARIF level `none` of a result of kind `fail` (which is the default) | critical: the two contradict each other |
| a score (`security-severity`, CVSS): 9 / 7 / 4 / 0.1 or more, 0 | critical / high / medium / low, info |
| a score that is negative, over 10, not a number, or a text such as `9,8` | critical |
| a CVSS 3 vector | its base score, computed again |
| a word or level that is in no table | critical |
| a result's level and its rule's default, override, score or word | the worst of all |
| nothing at all | high |
| `unknown` as a rating of CycloneDX | nothing at all |

A tool that grades its own findings down is believed in no other statement than its worst one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mintmark.pipelines.scan import severity
from mintmark.pipelines.scan.model import Severity

TABLE = "mintmark-imports/1"
Graded = tuple[Severity, str]

ORDER = list(Severity)
_SCORE = re.compile(r"(?:10(?:\.0+)?|[0-9](?:\.[0-9]+)?)", re.ASCII)
_LEVELS = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "note": Severity.LOW}
_WORDS = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "error": Severity.HIGH,
    "important": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "warning": Severity.MEDIUM,
    "low": Severity.LOW,
    "note": Severity.LOW,
    "recommendation": Severity.LOW,
    "info": Severity.INFO,
    "informational": Severity.INFO,
    "inventory": Severity.INFO,
    "none": Severity.INFO,
    "style": Severity.INFO,
}


def worst(stated: Iterable[Graded]) -> Graded:
    """The worst of what was stated, and high where nothing was."""
    return min(stated, key=lambda graded: ORDER.index(graded[0]), default=(Severity.HIGH, TABLE))


def of_level(level: Any, what: str) -> Graded:
    """A SARIF level other than `none`, which its reader must understand by the result's kind."""
    known = _LEVELS.get(level) if isinstance(level, str) else None
    return known or Severity.CRITICAL, _origin(what, level)


def of_word(word: Any, what: str) -> Graded:
    known = _WORDS.get(word.strip().lower()) if isinstance(word, str) else None
    return known or Severity.CRITICAL, _origin(what, word)


def of_score(score: Any, what: str) -> Graded:
    """A score of 0 to 10, as a number or as the text of one."""
    written = score.strip() if isinstance(score, str) else repr(score)
    if isinstance(score, bool) or not _SCORE.fullmatch(written):
        return Severity.CRITICAL, _origin(what, score)
    return severity.of_score(float(written)), _origin(what, score)


def of_vector(vector: Any, what: str) -> Graded | None:
    """A CVSS 3 vector by its base score; nothing for another version, which says it in other words beside it."""
    if not isinstance(vector, str):
        return Severity.CRITICAL, _origin(what, vector)
    score = severity.cvss3_base(vector)
    if score is None:
        return (Severity.CRITICAL, _origin(what, vector)) if vector.startswith("CVSS:3") else None
    return severity.of_score(score), _origin(what, vector)


def of_properties(properties: Mapping[str, Any], what: str) -> list[Graded]:
    """Scores under `security-severity`, and words under any other name that ends in `severity`."""
    found = []
    for name, value in properties.items():
        last = name.lower().rpartition("/")[2]
        if last == "security-severity":
            found.append(of_score(value, f"{what} {name}"))
        elif last.endswith("severity"):
            found.append(of_word(value, f"{what} {name}"))
    return found


def _origin(what: str, value: Any) -> str:
    """No longer than evidence holds, and never with what a stranger wrote at length."""
    return f"{TABLE}: {what} {str(value)[:40]!r}"[:200]
