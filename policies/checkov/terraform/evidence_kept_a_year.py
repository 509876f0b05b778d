"""Finds object locks that end too early, or that an administrator can lift."""

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

METADATA = {
    "id": "MM_AWS_3",
    "title": "Locked evidence is kept for a year, and nobody can unlock it",
    "why": "PCI DSS 10.5.1 asks for twelve months of audit history, and GOVERNANCE lets administrators delete it.",
    "remedy": "Write a default retention with mode COMPLIANCE and 365 days or more.",
    "severity": "high",
    "cwe": ["CWE-779"],
}

_LEAST_DAYS = 365


class EvidenceKeptAYear(BaseResourceCheck):
    def __init__(self) -> None:
        super().__init__(
            name=METADATA["title"],
            id=METADATA["id"],
            categories=[CheckCategories.LOGGING],
            supported_resources=["aws_s3_bucket_object_lock_configuration"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        rule = _first(conf, "rule")
        retention = _first(rule, "default_retention") if isinstance(rule, dict) else None
        if not isinstance(retention, dict) or _first(retention, "mode") != "COMPLIANCE":
            return CheckResult.FAILED
        try:
            days = int(_first(retention, "days") or 0) + 365 * int(_first(retention, "years") or 0)
        except (TypeError, ValueError):
            return CheckResult.FAILED
        return CheckResult.PASSED if days >= _LEAST_DAYS else CheckResult.FAILED


def _first(conf: dict[str, Any], key: str) -> Any:
    """checkov wraps each value in a list; what Terraform computes stays text."""
    value = conf.get(key)
    return value[0] if isinstance(value, list) and value else value


check = EvidenceKeptAYear()
