"""
Runs checkov inside checkov's own environment, and writes down what its report leaves out: the files that it parsed.

checkov's JSON names a file only where a check had something to say of it. A manifest that it could not make sense of
is missing from the report, as a clean one with nothing to check is. Usage: OUTPUT CHECKOV-ARGUMENT…
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any


def main(output: Path, arguments: list[str]) -> int:
    checkov: Any = importlib.import_module("checkov.main").Checkov(arguments)
    exit_code = checkov.run()
    registry: Any = importlib.import_module("checkov.common.checks.base_check_registry").BaseCheckRegistry
    reading = {
        "version": importlib.import_module("checkov.version").version,
        "checks": sorted({str(check.id) for check in registry.get_all_registered_checks()} | _graph_checks(checkov)),
        "files": {str(runner.check_type): _parsed(runner) for runner in checkov.runners},
    }
    output.write_text(json.dumps(reading, sort_keys=True), encoding="utf-8")
    return int(exit_code or 0)


def _parsed(runner: Any) -> dict[str, int]:
    """File → how many definitions were read from it."""
    found: dict[str, int] = {}
    for key, value in (getattr(runner, "definitions", None) or {}).items():
        path = str(getattr(key, "file_path", key))
        found[path] = found.get(path, 0) + (len(value) if isinstance(value, list | dict) else int(bool(value)))
    return found


def _graph_checks(checkov: Any) -> set[str]:
    registries = (getattr(runner, "graph_registry", None) for runner in checkov.runners)
    return {str(check.id) for registry in registries for check in getattr(registry, "checks", None) or ()}


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:]))
