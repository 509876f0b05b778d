"""Finds secrets that a manifest gives to a container in plain text."""

import re
from typing import Any

from checkov.common.models.enums import CheckResult
from checkov.kubernetes.checks.resource.base_container_check import BaseK8sContainerCheck

METADATA = {
    "id": "MM_K8S_1",
    "title": "No container is given a secret as a plain value",
    "why": "A manifest lies in the repository and in the cluster, readable to all who may look at pods.",
    "remedy": "Mount a Secret as a file, and name the file.",
    "severity": "high",
    "cwe": ["CWE-522"],
}

_SECRET = re.compile(
    r"(^|_)(password|passwd|pwd|secret|token|api_?key|private_?key|access_?key|credentials?)$", re.IGNORECASE
)
_IN_ADDRESS = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


class SecretAsValue(BaseK8sContainerCheck):
    def __init__(self) -> None:
        super().__init__(name=METADATA["title"], id=METADATA["id"])

    def scan_container_conf(self, metadata: dict[str, Any], conf: dict[str, Any]) -> CheckResult:  # noqa: ARG002  checkov calls it by name
        self.evaluated_container_keys = ["env"]
        given = [entry for entry in conf.get("env") or [] if isinstance(entry, dict) and entry.get("value")]
        return CheckResult.FAILED if any(map(_is_secret, given)) else CheckResult.PASSED


def _is_secret(entry: dict[str, Any]) -> bool:
    return bool(_SECRET.search(str(entry.get("name"))) or _IN_ADDRESS.search(str(entry["value"])))


check = SecretAsValue()
