"""Finds buckets that hold evidence, by their name or their tags, and no lock."""

import re
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

METADATA = {
    "id": "MM_AWS_2",
    "title": "A bucket of evidence can be written once",
    "why": "Evidence that an administrator can overwrite proves nothing to an auditor.",
    "remedy": "Set object_lock_enabled = true when the bucket is made, and a lock configuration beside it.",
    "severity": "high",
    "cwe": ["CWE-471"],
}

_EVIDENCE = re.compile(r"(^|[^a-z])(evidence|audit|checkpoints?)([^a-z]|$)", re.IGNORECASE)


class EvidenceLocked(BaseResourceCheck):
    def __init__(self) -> None:
        super().__init__(
            name=METADATA["title"],
            id=METADATA["id"],
            categories=[CheckCategories.LOGGING],
            supported_resources=["aws_s3_bucket"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        tags = _first(conf, "tags")
        said = [_first(conf, "bucket"), *(tags.keys() if isinstance(tags, dict) else ())]
        said += tags.values() if isinstance(tags, dict) else []
        holds_evidence = any(_EVIDENCE.search(str(item)) for item in said)
        locked = _first(conf, "object_lock_enabled") in (True, "true")
        return CheckResult.FAILED if holds_evidence and not locked else CheckResult.PASSED


def _first(conf: dict[str, Any], key: str) -> Any:
    """checkov wraps each value in a list; what Terraform computes stays text."""
    value = conf.get(key)
    return value[0] if isinstance(value, list) and value else value


check = EvidenceLocked()
