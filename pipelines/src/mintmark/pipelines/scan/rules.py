"""Our own rules for semgrep and checkov, from the policy pack, and what the policy pins of every scanner."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.scan.environments import locked_versions
from mintmark.pipelines.scan.model import Sha256Hex

# semgrep parses a file only where some rule could match its text, and calls the others scanned all the same. This rule
# could match any text and matches nothing, so that every file is parsed and every syntax error is told.
_PARSE_ALL = {
    "id": "mintmark-parse-all",
    "languages": ["python"],
    "severity": "INFO",
    "message": "never said",
    "patterns": [{"pattern": "$X = $Y"}, {"pattern-not": "$X = $Y"}],
}


class Pin(TypedDict):
    """Versions as the report gives them; digests as `sha256:` and hex, left out where a tool brings its own rules."""

    versions: list[str]
    rules_digests: NotRequired[list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCheck:
    """A check of ours for checkov: what its METADATA says, and the Python that checkov runs."""

    id: str
    title: str
    why: str
    remedy: str
    severity: str
    cwe: tuple[str, ...]
    name: str  # `<topic>_<check>`
    source: bytes

    @property
    def digest(self) -> Sha256Hex:
        return Sha256Hex(hashlib.sha256(self.source).hexdigest())


def scanner_pins() -> dict[str, Pin]:
    """Tool → what a scan of it must say: the locked version, and for semgrep the rules of this pack."""
    lock = (files("mintmark.pipelines.scan") / "toolchain" / "uv.lock").read_text(encoding="utf-8")
    pins: dict[str, Pin] = {tool: {"versions": [version]} for tool, version in sorted(locked_versions(lock).items())}
    digest = hashlib.sha256(semgrep_configuration(semgrep_rules())).hexdigest()
    pins["semgrep"]["rules_digests"] = [f"sha256:{digest}"]
    return pins


def rules_folder(tool: str = "semgrep") -> Path:
    """Inside the installed package, or beside the sources in a checkout."""
    package = Path(str(files("mintmark.pipelines.scan"))).parent
    candidates = (package / "pack" / "policies" / tool, package.parents[3] / "policies" / tool)
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise UsageError(
        f"no {tool} rules in {' or '.join(str(path) for path in candidates)}",
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


def semgrep_configuration(rules: Sequence[dict[str, Any]]) -> bytes:
    """The one file that semgrep is given. Its SHA-256 is the digest of the rules in a scan's report."""
    return json.dumps({"rules": [*rules, _PARSE_ALL] if rules else []}, sort_keys=True).encode()


def checkov_checks() -> tuple[OwnCheck, ...]:
    """Every check of `policies/checkov/<topic>/<check>.py`, by id. Nothing of it is run here: METADATA is a literal."""
    checks = [_own_check(path) for path in sorted(rules_folder("checkov").glob("*/*.py"))]
    if not checks:
        raise UsageError("no checkov checks in the pack", reason="no_rules", remedy="install mintmark again")
    return tuple(sorted(checks, key=lambda check: check.id))


def _own_check(path: Path) -> OwnCheck:
    source = path.read_bytes()
    for statement in ast.parse(source, filename=str(path)).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="METADATA")], value=value):
                said = ast.literal_eval(value)
                return OwnCheck(
                    **{key: said[key] for key in ("id", "title", "why", "remedy", "severity")},
                    cwe=tuple(said["cwe"]),
                    name=f"{path.parent.name}_{path.stem}",
                    source=source,
                )
    raise ValueError(f"{path} has no METADATA")
