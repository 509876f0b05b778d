"""Finds secrets that ENV or ARG would leave in an image or in its history."""

import re
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.dockerfile.base_dockerfile_check import BaseDockerfileCheck

METADATA = {
    "id": "MM_DOCKER_2",
    "title": "No secret becomes part of an image",
    "why": "ENV and ARG stay in the image and its history, where everybody who can pull it reads them.",
    "remedy": "Mount it for one step with RUN --mount=type=secret, or read it from a file at run time.",
    "severity": "high",
    "cwe": ["CWE-522"],
}

_SECRET = re.compile(
    r"(^|_)(password|passwd|pwd|secret|token|api_?key|private_?key|access_?key|credentials?)$", re.IGNORECASE
)
_KEYS = re.compile(r"(?:^|\s)([A-Za-z_][A-Za-z0-9_]*)=")


class SecretInImage(BaseDockerfileCheck):
    def __init__(self) -> None:
        super().__init__(
            name=METADATA["title"],
            id=METADATA["id"],
            categories=(CheckCategories.SECRETS,),
            supported_instructions=("ENV", "ARG"),
        )

    def scan_resource_conf(self, conf: list[Any]) -> tuple[CheckResult, list[Any]]:
        bad = [instruction for instruction in conf if any(map(_SECRET.search, _names(instruction["value"])))]
        return (CheckResult.FAILED, bad) if bad else (CheckResult.PASSED, conf[:1])


def _names(value: str) -> list[str]:
    """`A=1 B=2`, or the older `A 1`."""
    return _KEYS.findall(value) or value.split()[:1]


check = SecretInImage()
