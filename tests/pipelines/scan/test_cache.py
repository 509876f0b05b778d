"""Results are kept by content: what did not change is not scanned again, and a failure is never kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.pipelines.scan import builders
from tests.pipelines.scan.builders import CLEAN, POD, SCOPE, clock, lock

from mintmark.pipelines.scan import cache as cache_module
from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.bandit import BanditScanner
from mintmark.pipelines.scan.cache import ScanCache, key_of
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import Observation, Scanner, Workbench
from mintmark.pipelines.scan.model import AdvisorySource, Cached, ScanReport, Status
from mintmark.pipelines.scan.registry import SCANNERS
from mintmark.pipelines.scan.run import scan_release
from mintmark.pipelines.scan.units import Unit, units

BAD = "def run(text):\n    return eval(text)\n"
FILES: Mapping[str, str] = {
    **CLEAN,
    **lock("urllib3==2.0.6"),
    "src/bad.py": BAD,
    "src/worse.py": BAD * 2,
    "deploy/pod.yaml": POD.replace("{ANNOTATIONS}", "{}"),
    "deploy/bucket/main.tf": 'resource "aws_s3_bucket" "audit" {\n  bucket = "audit"\n}\n',
    "deploy/shop/main.tf": 'module "bucket" {\n  source = "../bucket"\n}\n',
}
CACHED = {"bandit", "checkov", "pip-audit", "semgrep"}


class Watched:
    """A scanner that notes what it was really given."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self.name, self.files = scanner.name, scanner.files
        self.given: list[tuple[str, ...]] = []

    def scan(self, bench: Workbench) -> Observation:
        self.given.append(bench.given)
        return self._scanner.scan(bench)


def scan(
    folder: Path,
    files: Mapping[str, str],
    environments: ToolEnvironments,
    advisories: Advisories,
    cache: ScanCache | None,
) -> tuple[dict[str, ScanReport], dict[str, list[tuple[str, ...]]]]:
    watched = [Watched(scanner) for scanner in SCANNERS if scanner.name in CACHED]
    reports = scan_release(
        builders.tree(folder, files),
        SCOPE,
        environments,
        advisories,
        folder / "reports",
        clock,
        scanners=watched,
        cache=cache,
    )
    return {report.tool: report for report in reports}, {item.name: item.given for item in watched}


def told(reports: Mapping[str, ScanReport]) -> dict[str, object]:
    return {
        name: (report.status, report.given, report.read, report.rules_digest, set(report.findings))
        for name, report in reports.items()
        if name in CACHED
    }


@pytest.fixture(scope="module")
def kept(
    tmp_path_factory: pytest.TempPathFactory, environments: ToolEnvironments, advisories: Advisories
) -> tuple[ScanCache, dict[str, ScanReport]]:
    cache = ScanCache(folder=tmp_path_factory.mktemp("cache"))
    reports, given = scan(tmp_path_factory.mktemp("cold"), FILES, environments, advisories, cache)
    assert {report.cached for report in reports.values()} == {Cached.NO}
    assert all(len(runs) == 1 for runs in given.values())
    return cache, reports


def test_nothing_changed_means_that_no_tool_runs_and_the_answer_is_the_same(
    kept: tuple[ScanCache, dict[str, ScanReport]],
    tmp_path: Path,
    environments: ToolEnvironments,
    advisories: Advisories,
) -> None:
    cache, cold = kept
    nowhere = replace(environments, root=tmp_path / "no-tools" / environments.root.name)

    warm, given = scan(tmp_path, FILES, nowhere, advisories, cache)

    assert told(warm) == told(cold)
    assert given == {name: [] for name in CACHED}
    assert {warm[name].cached for name in CACHED} == {Cached.LOCAL}
    assert all(warm[name].report_digest != cold[name].report_digest for name in CACHED)
    evidence = json.loads((tmp_path / "reports" / "bandit.json").read_bytes())
    assert len(evidence["cached"]) == 3
    assert evidence["report"] is None


def test_one_changed_file_is_scanned_alone_and_the_answer_is_that_of_a_whole_scan(
    kept: tuple[ScanCache, dict[str, ScanReport]],
    tmp_path: Path,
    environments: ToolEnvironments,
    advisories: Advisories,
) -> None:
    cache, _ = kept
    changed = {**FILES, "src/bad.py": BAD.replace("eval", "exec")}

    partly, given = scan(tmp_path / "partly", changed, environments, advisories, cache)
    whole, _ = scan(tmp_path / "whole", changed, environments, advisories, None)

    assert told(partly) == told(whole)
    assert given == {"bandit": [("src/bad.py",)], "semgrep": [("src/bad.py",)], "checkov": [], "pip-audit": []}


def test_a_change_in_a_module_scans_again_what_calls_it(
    kept: tuple[ScanCache, dict[str, ScanReport]],
    tmp_path: Path,
    environments: ToolEnvironments,
    advisories: Advisories,
) -> None:
    """checkov's graph checks look from one resource to another."""
    cache, _ = kept
    changed = {**FILES, "deploy/bucket/main.tf": FILES["deploy/bucket/main.tf"].replace('"audit" {', '"log" {')}

    _, given = scan(tmp_path, changed, environments, advisories, cache)

    assert given["checkov"] == [("deploy/bucket/main.tf", "deploy/shop/main.tf")]
    assert given["bandit"] == []


@pytest.mark.parametrize(
    "call",
    [
        'module "bucket" { source = "../bucket" }\n',
        'module "bucket" {\n  source = "\\u002e./bucket"\n}\n',
        'module "bucket" {\n  "source" = "../bucket"\n}\n',
    ],
)
def test_a_module_stands_in_one_unit_with_what_calls_it_however_the_call_is_written(call: str, tmp_path: Path) -> None:
    files = {"deploy/bucket/main.tf": FILES["deploy/bucket/main.tf"], "deploy/shop/main.tf": call}
    tree = builders.tree(tmp_path, {**files, "deploy/shop/prod.tfvars": "a = 1\n"})

    (unit,) = units("checkov", tree, tuple(path for path in tree.files if path.startswith("deploy"))) or ()

    assert unit.files == ("deploy/bucket/main.tf", "deploy/shop/main.tf", "deploy/shop/prod.tfvars")


def test_another_lock_or_other_advisories_are_audited_again(
    kept: tuple[ScanCache, dict[str, ScanReport]],
    tmp_path: Path,
    environments: ToolEnvironments,
    advisories: Advisories,
) -> None:
    cache, _ = kept
    newer = replace(advisories, facts=replace(advisories.facts, as_of=advisories.facts.as_of + 1))

    _, fixed = scan(tmp_path / "lock", {**FILES, **lock("urllib3==2.2.3")}, environments, advisories, cache)
    _, later = scan(tmp_path / "data", FILES, environments, newer, cache)

    assert fixed["pip-audit"] == later["pip-audit"] == [("uv.lock",)]


def test_what_a_service_knows_at_one_moment_is_never_kept(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    cache = ScanCache(folder=tmp_path / "cache")
    asked = replace(advisories, facts=replace(advisories.facts, source=AdvisorySource.ONLINE))

    scan(tmp_path / "one", CLEAN, environments, asked, cache)
    again, given = scan(tmp_path / "two", CLEAN, environments, asked, cache)

    assert given["pip-audit"] == [("uv.lock",)]
    assert again["pip-audit"].cached is Cached.NO
    assert given["bandit"] == []


def test_a_file_that_does_not_parse_is_never_kept(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    cache = ScanCache(folder=tmp_path / "cache")
    files = {**CLEAN, "src/broken.py": "def half(:\n"}

    scan(tmp_path / "one", files, environments, advisories, cache)
    again, given = scan(tmp_path / "two", files, environments, advisories, cache)

    assert again["bandit"].status is Status.INCOMPLETE
    assert given["bandit"] == [("src/broken.py",)]
    assert again["bandit"].unread[0].path == "src/broken.py"


@pytest.mark.parametrize("behaviour", ["crash", "old", "silent"])
def test_a_scanner_that_fails_leaves_nothing_behind(
    behaviour: str, tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    cache = ScanCache(folder=tmp_path / "cache")
    broken = builders.fake_tools(tmp_path / "tools", environments.versions, behaviour)

    reports, _ = scan(tmp_path, CLEAN, broken, advisories, cache)

    assert {reports[name].status for name in CACHED} == {Status.FAILED}
    assert list((tmp_path / "cache").rglob("*.json")) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: {**document, "key": "0" * 64},
        lambda document: {**document, "format": "another"},
        lambda document: {"format": document["format"], "key": document["key"]},
        lambda _: [],
    ],
)
def test_an_entry_that_is_not_one_of_its_key_is_as_good_as_none(
    spoil: object, tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    cache = ScanCache(folder=tmp_path / "cache")
    tree = builders.tree(tmp_path, CLEAN)
    only = (BanditScanner(),)
    scan_release(tree, SCOPE, environments, advisories, tmp_path / "r", clock, scanners=only, cache=cache)
    key = key_of("bandit", Unit(files=("src/shop.py",)), tree, SCOPE, environments, None)
    (entry,) = (tmp_path / "cache").rglob("*.json")

    assert cache.load(key) is not None
    assert callable(spoil)
    entry.write_text(json.dumps(spoil(json.loads(entry.read_bytes()))))
    assert cache.load(key) is None


def test_everything_that_an_answer_follows_from_is_in_its_key(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, unit = builders.tree(tmp_path / "a", CLEAN), Unit(files=("src/shop.py",))
    other = builders.tree(tmp_path / "b", {**CLEAN, "src/shop.py": CLEAN["src/shop.py"] + "\n"})
    moved = builders.tree(tmp_path / "c", {**CLEAN, "src/till.py": CLEAN["src/shop.py"]})
    keys = [
        key_of("bandit", unit, tree, SCOPE, environments, None),
        key_of("semgrep", unit, tree, SCOPE, environments, None),
        key_of("bandit", unit, other, SCOPE, environments, None),
        key_of("bandit", Unit(files=("src/till.py",)), moved, SCOPE, environments, None),
        key_of("bandit", unit, tree, SCOPE, replace(environments, versions={"bandit": "1.9.3"}), None),
        key_of("bandit", unit, tree, SCOPE, environments, advisories.facts),
        key_of("bandit", unit, tree, replace(SCOPE, lock_package="till"), environments, None),
    ]
    monkeypatch.setattr(cache_module, "_our_side", lambda: "other rules")
    keys.append(key_of("bandit", unit, tree, SCOPE, environments, None))

    assert len(set(keys)) == len(keys)
    assert key_of("bandit", unit, moved, SCOPE, environments, None) == keys[-1]
