"""Finds databases that would be deleted without a last copy."""

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

METADATA = {
    "id": "MM_AWS_5",
    "title": "A database that is deleted leaves a snapshot",
    "why": "One destroyed resource would take every posting since the last copy with it.",
    "remedy": "Leave skip_final_snapshot out or false, and name final_snapshot_identifier.",
    "severity": "medium",
    "cwe": ["CWE-1188"],
}


class DatabaseRecoverable(BaseResourceCheck):
    def __init__(self) -> None:
        super().__init__(
            name=METADATA["title"],
            id=METADATA["id"],
            categories=[CheckCategories.BACKUP_AND_RECOVERY],
            supported_resources=["aws_db_instance", "aws_rds_cluster"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        skipped = _first(conf, "skip_final_snapshot")
        return CheckResult.PASSED if skipped in (None, False, "false") else CheckResult.FAILED


def _first(conf: dict[str, Any], key: str) -> Any:
    """checkov wraps each value in a list; what Terraform computes stays text."""
    value = conf.get(key)
    return value[0] if isinstance(value, list) and value else value


check = DatabaseRecoverable()
