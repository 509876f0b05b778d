"""Finds databases whose master password passes through Terraform, and so through its state."""

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

METADATA = {
    "id": "MM_AWS_4",
    "title": "Nobody types the password of a database",
    "why": "Terraform writes it into its state, in plain text, for everybody who may plan.",
    "remedy": "Use manage_master_user_password = true, or password_wo from a secret store.",
    "severity": "high",
    "cwe": ["CWE-522"],
}

_KEYS = ("password", "master_password")


class DatabasePasswordTyped(BaseResourceCheck):
    def __init__(self) -> None:
        super().__init__(
            name=METADATA["title"],
            id=METADATA["id"],
            categories=[CheckCategories.SECRETS],
            supported_resources=["aws_db_instance", "aws_rds_cluster", "aws_redshift_cluster"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        typed = any(_first(conf, key) not in (None, "") for key in _KEYS)
        return CheckResult.FAILED if typed else CheckResult.PASSED


def _first(conf: dict[str, Any], key: str) -> Any:
    """checkov wraps each value in a list; what Terraform computes stays text."""
    value = conf.get(key)
    return value[0] if isinstance(value, list) and value else value


check = DatabasePasswordTyped()
