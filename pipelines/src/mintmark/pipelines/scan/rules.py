"""Our own semgrep rules, from the policy pack."""

from __future__ import annotations

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
