"""One scale for every tool, by a table with a version. What is not in it is high."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from mintmark.pipelines.scan.model import Severity

TABLE = "mintmark-table/1"

_WORDS = {
    "critical": Severity.CRITICAL,
    "error": Severity.HIGH,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "warning": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.INFO,
    "informational": Severity.INFO,
    "inventory": Severity.INFO,
}

# checkov gives no severity without an account. These ask for conveniences and not for safety; all others are high.
_CHECKOV_LOW = frozenset({"CKV_K8S_11", "CKV_K8S_10", "CKV_K8S_12", "CKV_K8S_13", "CKV_K8S_15", "CKV_DOCKER_2"})
_NO_OWN: Mapping[str, str] = {}

# hadolint calls advice `info` and taste `style`.
_HADOLINT = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "info": Severity.LOW, "style": Severity.INFO}
# detect-secrets grades nothing. These guess from a name or from how random a text looks; the others know a form.
_GUESSING_DETECTORS = frozenset({"Base64HighEntropyString", "KeywordDetector"})


def of_word(word: str) -> Severity:
    """A tool's own word; an unknown one counts as high."""
    return _WORDS.get(word.strip().lower(), Severity.HIGH)


def of_checkov(check: str, own: Mapping[str, str] = _NO_OWN) -> Severity:
    """`own` has the words of checks that are ours, by id."""
    if check in own:
        return of_word(own[check])
    return Severity.LOW if check in _CHECKOV_LOW else Severity.HIGH


def of_hadolint(level: str) -> Severity:
    return _HADOLINT.get(level.strip().lower(), Severity.HIGH)


def of_secret_detector(detector: str) -> Severity:
    return Severity.MEDIUM if detector in _GUESSING_DETECTORS else Severity.HIGH


def of_advisory(document: dict[str, Any]) -> tuple[Severity, str]:
    """The worst of what an OSV document says (CVSS v3 vectors, the database's word), and where that comes from."""
    found: list[tuple[Severity, str]] = []
    for item in document.get("severity") or []:
        score = cvss3_base(str(item.get("score", "")))
        if score is not None:
            found.append((of_score(score), f"CVSS {score}"))
    word = (document.get("database_specific") or {}).get("severity")
    if isinstance(word, str) and word.strip().lower() in _WORDS:
        found.append((of_word(word), "GHSA"))
    order = [Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]
    return max(found, key=lambda item: order.index(item[0]), default=(Severity.HIGH, TABLE))


def of_alias_set(documents: Iterable[dict[str, Any] | None]) -> tuple[Severity, str]:
    """The worst that any record of one vulnerability says: one may grade what another does not."""
    graded = [of_advisory(document) for document in documents if document]
    told = [item for item in graded if item[1] != TABLE]
    order = list(Severity)
    return min(told or graded or [(Severity.HIGH, TABLE)], key=lambda item: order.index(item[0]))


def of_score(score: float) -> Severity:
    """CVSS v3.1 §5, qualitative severity rating scale."""
    for least, severity in (
        (9.0, Severity.CRITICAL),
        (7.0, Severity.HIGH),
        (4.0, Severity.MEDIUM),
        (0.1, Severity.LOW),
    ):
        if score >= least:
            return severity
    return Severity.INFO


_AV = {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}
_AC = {"L": 0.77, "H": 0.44}
_UI = {"N": 0.85, "R": 0.62}
_PR = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}
_IMPACT = {"H": 0.56, "L": 0.22, "N": 0.0}


def cvss3_base(vector: str) -> float | None:
    """The base score of a CVSS v3.0 or v3.1 vector (§7.1), or nothing for anything else."""
    if not vector.startswith(("CVSS:3.0/", "CVSS:3.1/")):
        return None
    metrics = dict(part.split(":", 1) for part in vector.split("/")[1:] if ":" in part)
    try:
        scope = metrics["S"]
        base = 1 - math.prod(1 - _IMPACT[metrics[name]] for name in "CIA")
        exploitability = 8.22 * _AV[metrics["AV"]] * _AC[metrics["AC"]] * _PR[scope][metrics["PR"]] * _UI[metrics["UI"]]
    except KeyError:
        return None
    impact = 6.42 * base if scope == "U" else 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15
    if impact <= 0:
        return 0.0
    total = impact + exploitability if scope == "U" else 1.08 * (impact + exploitability)
    return _round_up(min(total, 10))


def _round_up(value: float) -> float:
    """CVSS v3.1 appendix A: to one decimal, upwards, without floating-point surprises."""
    whole = round(value * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10
