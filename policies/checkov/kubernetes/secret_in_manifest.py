"""Finds Secrets with their content, and ConfigMaps that hold what should be in one."""

import re
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.kubernetes.checks.resource.base_spec_check import BaseK8Check

METADATA = {
    "id": "MM_K8S_2",
    "title": "No manifest holds a secret",
    "why": "base64 hides nothing, and what was committed once is in every copy of the repository.",
    "remedy": "Let the cluster fetch it from a secret store, and commit the reference; change this one.",
    "severity": "high",
    "cwe": ["CWE-312"],
}

_SECRET = re.compile(
    r"(^|[-_.])(password|passwd|secret|token|api[-_]?key|private[-_]?key|access[-_]?key)$", re.IGNORECASE
)
_TELLING = re.compile(r"://[^/\s:@]*:[^/\s@]+@|-----BEGIN [A-Z ]*PRIVATE KEY-----")


class SecretInManifest(BaseK8Check):
    def __init__(self) -> None:
        super().__init__(
            name=METADATA["title"],
            id=METADATA["id"],
            categories=[CheckCategories.SECRETS],
            supported_entities=["Secret", "ConfigMap"],
        )

    def scan_spec_conf(self, conf: dict[str, Any]) -> CheckResult:
        stored = [*(conf.get("data") or {}).items(), *(conf.get("stringData") or {}).items()]
        # checkov adds keys of its own
        entries = {key: value for key, value in stored if not str(key).startswith("__")}
        if conf.get("kind") == "Secret":
            return CheckResult.FAILED if any(entries.values()) else CheckResult.PASSED
        found = any(
            value and (_SECRET.search(str(key)) or _TELLING.search(str(value))) for key, value in entries.items()
        )
        return CheckResult.FAILED if found else CheckResult.PASSED


check = SecretInManifest()
