"""What a SARIF result is about, which the format has no word for: told by its rule, its weakness and its tool."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mintmark.pipelines.scan.model import Category

_ADVISORY = re.compile(r"^(CVE-\d|GHSA-|PYSEC-|RUSTSEC-|GO-\d|OSV-|DSA-|DLA-|USN-)", re.IGNORECASE)
_SECRET_WEAKNESSES = frozenset({"CWE-259", "CWE-321", "CWE-798"})  # hard-coded passwords, keys, credentials
_TOOLS = {
    "gitleaks": Category.SECRET,
    "trufflehog": Category.SECRET,
    "detect-secrets": Category.SECRET,
    "checkov": Category.IAC,
    "hadolint": Category.IAC,
    "kics": Category.IAC,
    "terrascan": Category.IAC,
    "tfsec": Category.IAC,
    "actionlint": Category.WORKFLOW,
    "zizmor": Category.WORKFLOW,
    "grype": Category.DEPENDENCY,
    "osv-scanner": Category.DEPENDENCY,
    "pip-audit": Category.DEPENDENCY,
}
_BANDIT_SECRETS = frozenset({"B105", "B106", "B107"})


def category_of(tool: str, rule: str, path: str, weaknesses: Sequence[str], *, secret: bool) -> Category:
    """`secret` is whether a tag says so. Code, where nothing says otherwise."""
    if _ADVISORY.match(rule):
        return Category.DEPENDENCY
    if tool == "bandit":  # which calls temporary files and passwords by one weakness
        return Category.SECRET if rule in _BANDIT_SECRETS else Category.CODE
    if secret or _SECRET_WEAKNESSES & set(weaknesses):
        return Category.SECRET
    if tool in _TOOLS:
        return _TOOLS[tool]
    return Category.WORKFLOW if path.startswith(".github/workflows/") else Category.CODE
