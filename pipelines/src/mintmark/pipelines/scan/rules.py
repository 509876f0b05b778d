"""Our own semgrep rules, from the policy pack, and what pins the scanners: their versions and their rules."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from mintmark.pipelines.errors import UsageError


def rules_folder() -> Path:
    """Inside the installed package, or beside the sources in a checkout."""
    package = Path(str(files("mintmark.pipelines.scan"))).parent
    candidates = (package / "pack" / "policies" / "semgrep", package.parents[3] / "policies" / "semgrep")
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise UsageError(
        f"no semgrep rules in {' or '.join(str(path) for path in candidates)}",
        reason="no_rules",
        remedy="install mintmark again",
    )


def semgrep_rules() -> list[dict[str, Any]]:
    """Every rule of `policies/semgrep/<topic>/<rule>.yaml`, by id."""
    import yaml

    rules: list[dict[str, Any]] = []
    for path in sorted(rules_folder().rglob("*.yaml")):
        rules += yaml.safe_load(path.read_text(encoding="utf-8"))["rules"]
    return sorted(rules, key=lambda rule: str(rule["id"]))


def scanner_pins() -> dict[str, dict[str, list[str]]]:
    """
    Tool → the `versions` that its lock has, and the `rules_digests` of our own rules for it as its scan reports them.

    No digest is listed for a tool whose rules come with its version.
    """
    from mintmark.pipelines.scan.environments import locked_versions
    from mintmark.pipelines.scan.semgrep import _PARSE_ALL

    lock = files("mintmark.pipelines.scan").joinpath("toolchain", "uv.lock").read_text(encoding="utf-8")
    content = json.dumps({"rules": [*semgrep_rules(), _PARSE_ALL]}, sort_keys=True).encode()  # as its adapter makes it
    digests = {"semgrep": [f"sha256:{hashlib.sha256(content).hexdigest()}"]}
    return {
        tool: {"versions": [version], "rules_digests": digests.get(tool, [])}
        for tool, version in locked_versions(lock).items()
    }
