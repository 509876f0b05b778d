"""Finds keys that can be gone before anybody misses them."""

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

METADATA = {
    "id": "MM_AWS_6",
    "title": "A key is deleted only after thirty days",
    "why": "With the key go the data, the backups and the evidence that it encrypts, and nothing brings them back.",
    "remedy": "Leave deletion_window_in_days out, or set it to 30.",
    "severity": "medium",
    "cwe": ["CWE-1188"],
}

_LEAST_DAYS = 30  # the longest that AWS waits, and what it does by default


class KeyDeletedSlowly(BaseResourceCheck):
    def __init__(self) -> None:
        super().__init__(
            name=METADATA["title"],
            id=METADATA["id"],
            categories=[CheckCategories.ENCRYPTION],
            supported_resources=["aws_kms_key", "aws_kms_external_key", "aws_kms_replica_key"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        window = _first(conf, "deletion_window_in_days")
        try:
            slow = window is None or int(window) >= _LEAST_DAYS
        except (TypeError, ValueError):
            slow = False
        return CheckResult.PASSED if slow else CheckResult.FAILED


def _first(conf: dict[str, Any], key: str) -> Any:
    """checkov wraps each value in a list; what Terraform computes stays text."""
    value = conf.get(key)
    return value[0] if isinstance(value, list) and value else value


check = KeyDeletedSlowly()
