"""Finds images that a build takes by a tag, which can be moved, and not by a digest, which cannot."""

import re
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.dockerfile.base_dockerfile_check import BaseDockerfileCheck

METADATA = {
    "id": "MM_DOCKER_1",
    "title": "Every image that a build stands on is named by its digest",
    "why": "A tag can be moved to other content after the review, and the next build then ships what nobody looked at.",
    "remedy": "Write image:tag@sha256:digest in FROM and in COPY --from.",
    "severity": "high",
    "cwe": ["CWE-829"],
}

_PINNED = re.compile(r"@sha256:[0-9a-f]{64}$")
_FROM = re.compile(r"^(?:--\S+\s+)*(?P<image>\S+)(?:\s+as\s+(?P<stage>\S+))?\s*$", re.IGNORECASE)
_COPIED = re.compile(r"--from=(?P<image>\S+)")


class BaseImagePinned(BaseDockerfileCheck):
    def __init__(self) -> None:
        super().__init__(
            name=METADATA["title"],
            id=METADATA["id"],
            categories=(CheckCategories.SUPPLY_CHAIN,),
            supported_instructions=("FROM", "COPY"),
        )

    def scan_resource_conf(self, conf: list[Any]) -> tuple[CheckResult, list[Any]]:
        stages: set[str] = set()
        bad = [instruction for instruction in conf if not _is_pinned(instruction, stages)]
        return (CheckResult.FAILED, bad) if bad else (CheckResult.PASSED, conf[:1])


def _is_pinned(instruction: Any, stages: set[str]) -> bool:
    """`stages` grows by the name that this instruction gives."""
    if instruction["instruction"] == "COPY":
        copied = _COPIED.search(instruction["value"])
        # the name of a stage has neither a slash nor a colon
        return not copied or not re.search("[/:]", copied["image"]) or bool(_PINNED.search(copied["image"]))
    match = _FROM.match(instruction["value"])
    if not match:
        return False
    known = match["image"] == "scratch" or match["image"].lower() in stages
    stages.add((match["stage"] or "").lower())
    return known or bool(_PINNED.search(match["image"]))


check = BaseImagePinned()
