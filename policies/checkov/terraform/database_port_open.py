"""Finds security groups that let the whole internet reach the port of a database."""

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

METADATA = {
    "id": "MM_AWS_1",
    "title": "No database is open to the internet",
    "why": "A database that everybody reaches is one stolen or guessed password away from every payment in it.",
    "remedy": "Name the security group of the service as the source.",
    "severity": "critical",
    "cwe": ["CWE-284"],
}

_PORTS = (1433, 1521, 3306, 5432, 5439, 6379, 27017)
_EVERYWHERE = {"0.0.0.0/0", "::/0"}


class DatabasePortOpen(BaseResourceCheck):
    def __init__(self) -> None:
        super().__init__(
            name=METADATA["title"],
            id=METADATA["id"],
            categories=[CheckCategories.NETWORKING],
            supported_resources=[
                "aws_security_group",
                "aws_security_group_rule",
                "aws_vpc_security_group_ingress_rule",
            ],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        if self.entity_type == "aws_security_group":
            rules = [rule for block in conf.get("ingress") or [] for rule in _listed(block)]
        elif self.entity_type == "aws_security_group_rule" and _first(conf, "type") != "ingress":
            rules = []
        else:
            rules = [conf]
        found = any(isinstance(rule, dict) and _is_open(rule) for rule in rules)
        return CheckResult.FAILED if found else CheckResult.PASSED


def _is_open(rule: dict[str, Any]) -> bool:
    sources = {
        str(source)
        for key in ("cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6")
        for values in _listed(rule.get(key))
        for source in _listed(values)
    }
    if not sources & _EVERYWHERE:
        return False
    if str(_first(rule, "protocol") or _first(rule, "ip_protocol")) in {"-1", "all"}:
        return True
    try:
        first, last = int(_first(rule, "from_port")), int(_first(rule, "to_port"))
    except (TypeError, ValueError):
        return True  # open to all, and nobody can say which port
    return any(first <= port <= last for port in _PORTS)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _first(conf: dict[str, Any], key: str) -> Any:
    """checkov wraps each value in a list; what Terraform computes stays text."""
    value = conf.get(key)
    return value[0] if isinstance(value, list) and value else value


check = DatabasePortOpen()
