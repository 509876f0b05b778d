"""Finds network policies that look like a limit and are none."""

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.kubernetes.checks.resource.base_spec_check import BaseK8Check

METADATA = {
    "id": "MM_K8S_3",
    "title": "A network policy names whom it lets in and out",
    "why": "A rule without a peer lets every pod and every address in, and what was taken out again.",
    "remedy": "Write a selector or a narrow ipBlock in each from and to.",
    "severity": "high",
    "cwe": ["CWE-284"],
}

_EVERYWHERE = {"0.0.0.0/0", "::/0"}


class NetworkOpen(BaseK8Check):
    def __init__(self) -> None:
        super().__init__(
            name=METADATA["title"],
            id=METADATA["id"],
            categories=[CheckCategories.NETWORKING],
            supported_entities=["NetworkPolicy"],
        )

    def scan_spec_conf(self, conf: dict[str, Any]) -> CheckResult:
        spec = conf.get("spec") or {}
        rules = [(rule or {}).get("from") for rule in spec.get("ingress") or []]
        rules += [(rule or {}).get("to") for rule in spec.get("egress") or []]
        return CheckResult.FAILED if any(map(_is_open, rules)) else CheckResult.PASSED


def _is_open(peers: list[dict[str, Any]] | None) -> bool:
    """No peer at all is every peer (NetworkPolicyIngressRule.from, NetworkPolicyEgressRule.to)."""
    return not peers or any(_is_everywhere(peer or {}) for peer in peers)


def _is_everywhere(peer: dict[str, Any]) -> bool:
    if "namespaceSelector" in peer and not _asks(peer["namespaceSelector"]) and not _asks(peer.get("podSelector")):
        return True
    return (peer.get("ipBlock") or {}).get("cidr") in _EVERYWHERE


def _asks(selector: dict[str, Any] | None) -> bool:
    """An empty selector selects everything. checkov adds keys of its own, which begin with two underscores."""
    return any(not str(key).startswith("__") for key in selector or {})


check = NetworkOpen()
