"""Finds downloads that a build runs or keeps without a look at what came."""

import re
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.dockerfile.base_dockerfile_check import BaseDockerfileCheck

METADATA = {
    "id": "MM_DOCKER_4",
    "title": "What a build downloads is compared with a digest",
    "why": "Whoever holds the other end, or stands between, decides what runs while the image is built.",
    "remedy": "Use ADD --checksum=sha256:…, or download to a file and compare it before it is used.",
    "severity": "high",
    "cwe": ["CWE-494"],
}

_PIPED = re.compile(r"\b(?:curl|wget)\b[^;&]*\|\s*(?:sudo\s+)?(?:\S*/)?(?:(?:ba|da|z)?sh|python3?|perl|node|tar)\b")
_SUBSTITUTED = re.compile(r"(?:\bsh\s+-c\s+[\"']?|\beval\s+[\"']?|<)\$?\(\s*(?:curl|wget)\b")
_REMOTE = re.compile(r"(?:^|\s)https?://")
_CHECKED = re.compile(r"--checksum=sha256:[0-9a-f]{64}\b")


class DownloadChecked(BaseDockerfileCheck):
    def __init__(self) -> None:
        super().__init__(
            name=METADATA["title"],
            id=METADATA["id"],
            categories=(CheckCategories.SUPPLY_CHAIN,),
            supported_instructions=("RUN", "ADD"),
        )

    def scan_resource_conf(self, conf: list[Any]) -> tuple[CheckResult, list[Any]]:
        bad = [instruction for instruction in conf if not _is_checked(instruction)]
        return (CheckResult.FAILED, bad) if bad else (CheckResult.PASSED, conf[:1])


def _is_checked(instruction: Any) -> bool:
    value = instruction["value"]
    if instruction["instruction"] == "ADD":
        return not _REMOTE.search(value) or bool(_CHECKED.search(value))
    return not _PIPED.search(value) and not _SUBSTITUTED.search(value)


check = DownloadChecked()
