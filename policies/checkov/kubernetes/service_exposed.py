"""Finds services that can be reached past the gateway."""

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.kubernetes.checks.resource.base_spec_check import BaseK8Check

METADATA = {
    "id": "MM_K8S_4",
    "title": "A service stays inside the cluster",
    "why": "A node port or an open load balancer goes past the gateway that authenticates callers.",
    "remedy": "Use ClusterIP behind the gateway, or name loadBalancerSourceRanges.",
    "severity": "medium",
    "cwe": ["CWE-668"],
}

_EVERYWHERE = {"0.0.0.0/0", "::/0"}


class ServiceExposed(BaseK8Check):
    def __init__(self) -> None:
        super().__init__(
            name=METADATA["title"],
            id=METADATA["id"],
            categories=[CheckCategories.NETWORKING],
            supported_entities=["Service"],
        )

    def scan_spec_conf(self, conf: dict[str, Any]) -> CheckResult:
        spec = conf.get("spec") or {}
        ranges = set(spec.get("loadBalancerSourceRanges") or _EVERYWHERE)
        open_to_all = spec.get("type") == "LoadBalancer" and bool(ranges & _EVERYWHERE)
        if spec.get("type") == "NodePort" or spec.get("externalIPs") or open_to_all:
            return CheckResult.FAILED
        return CheckResult.PASSED


check = ServiceExposed()
