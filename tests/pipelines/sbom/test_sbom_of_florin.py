"""The bill of materials of Florin names everything that its lock reaches, found by another way than the bill's own."""

import hashlib
import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mintmark.pipelines.sbom.cyclonedx import Sbom, export_sbom
from mintmark.pipelines.scan.export import Tree, export_tree

ROOT = Path(__file__).resolve().parents[3]
SUBJECT = "a" * 64


def _bill(exported: Tree, package: str = "shop") -> Sbom:
    return export_sbom(exported, package=package, subject_name=f"{package}-1-py3-none-any.whl", subject_sha256=SUBJECT)


def _named(bill: Sbom) -> set[tuple[str, str]]:
    return {(item["name"], item["version"]) for item in json.loads(bill.document)["components"]}


def _reached(entries: dict[str, dict[str, Any]], package: str) -> set[str]:
    """Walk the lock by hand: what `package` needs with all its extras, and what that needs."""
    extras = entries[package].get("optional-dependencies", {})
    seen = {(package, extra) for extra in ["", *extras]}
    waiting = sorted(seen)
    while waiting:
        name, extra = waiting.pop()
        entry = entries[name]
        needed = entry.get("optional-dependencies", {}).get(extra, []) if extra else entry.get("dependencies", [])
        for item in needed:
            for key in [(item["name"], wanted) for wanted in ["", *item.get("extra", [])]]:
                if key not in seen:
                    seen.add(key)
                    waiting.append(key)
    return {name for name, _ in seen} - {package}


def test_the_bill_of_florin_names_all_that_its_lock_reaches(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a clone, so that there is no commit to export")
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    exported = export_tree(ROOT, commit, ["."], tmp_path / "tree")
    packages = tomllib.loads((exported.root / "uv.lock").read_text(encoding="utf-8"))["package"]
    entries = {entry["name"]: entry for entry in packages}
    bill = _bill(exported, "florin")

    assert {name for name, _ in _named(bill)} == _reached(entries, "florin")
    assert bill.components == len(_named(bill)) >= 20
    assert bill.lock_digest == hashlib.sha256((exported.root / "uv.lock").read_bytes()).hexdigest()
