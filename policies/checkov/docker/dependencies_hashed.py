"""Finds installs in an image that take what an index answers, without a hash to compare it with."""

import re
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.dockerfile.base_dockerfile_check import BaseDockerfileCheck

METADATA = {
    "id": "MM_DOCKER_3",
    "title": "A build installs only dependencies that are locked by hash",
    "why": "Without hashes a build takes what the index answers that day, and who owns a name in it owns the service.",
    "remedy": "Use pip install --require-hashes (or --no-index for files at hand), uv sync --frozen, or npm ci.",
    "severity": "high",
    "cwe": ["CWE-494"],
}

_STEPS = re.compile(r"&&|\|\||[;|\n]")
_INSTALL = re.compile(r"\b(?:pip3?|uv\s+pip)\s+(?:\S+\s+)*?install\b")
_LOCKED = re.compile(r"--(?:require-hashes|no-index)\b")
_OTHERS = (
    (re.compile(r"\buv\s+sync\b"), re.compile(r"--(?:frozen|locked)\b")),
    (re.compile(r"\bpipx\s+install\b"), re.compile("(?!)")),
    (re.compile(r"\bnpm\s+(?:install|i)\b"), re.compile("(?!)")),
)


class DependenciesHashed(BaseDockerfileCheck):
    def __init__(self) -> None:
        super().__init__(
            name=METADATA["title"],
            id=METADATA["id"],
            categories=(CheckCategories.SUPPLY_CHAIN,),
            supported_instructions=("RUN",),
        )

    def scan_resource_conf(self, conf: list[Any]) -> tuple[CheckResult, list[Any]]:
        bad = [instruction for instruction in conf if not all(map(_is_locked, _STEPS.split(instruction["value"])))]
        return (CheckResult.FAILED, bad) if bad else (CheckResult.PASSED, conf[:1])


def _is_locked(step: str) -> bool:
    if _INSTALL.search(step) and not _LOCKED.search(step):
        return False
    return not any(tool.search(step) and not locked.search(step) for tool, locked in _OTHERS)


check = DependenciesHashed()
