"""One table for every scanner: what each must say of the same situations. It is also docs/scanners.md."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.pipelines.scan.adapters import ADAPTERS, CLEAN_WHEEL, DIRTY_WHEEL, IMAGE, SECRET, SWITCHES, Adapter
from tests.pipelines.scan.builders import CLEAN, lock, only, scan
from tests.pipelines.scan.conformance import DIRTY, SITUATIONS, TOOLS, Laboratory
from tests.pipelines.scan.scanners_page import page
from tests.pipelines.scan.syft import install_syft
from tests.pipelines.scan_infra.index import served

from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import Category, Isolation, Severity, Status, Unread
from mintmark.pipelines.scan.registry import SCANNERS
from mintmark.pipelines.scan.sandbox import _can_unshare

PAGE = Path(__file__).resolve().parents[3] / "docs" / "scanners.md"
_PYPI = '{ registry = "https://pypi.org/simple" }'


@pytest.fixture(scope="module")
def laboratory(
    tmp_path_factory: pytest.TempPathFactory, environments: ToolEnvironments, advisories: Advisories
) -> Iterator[Laboratory]:
    """The real tools, syft among them, and an index that has the wheels of the locks."""
    folder = tmp_path_factory.mktemp("laboratory")
    root = folder / "tools" / environments.root.name
    root.mkdir(parents=True)
    for tool in environments.root.iterdir():
        if tool.is_dir():
            (root / tool.name).symlink_to(tool)
    missing = install_syft(root)
    with served(CLEAN_WHEEL, DIRTY_WHEEL) as index, pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_DEFAULT_INDEX", index)
        patch.setenv("UV_CACHE_DIR", str(folder / "uv"))
        yield Laboratory(
            folder=folder,
            environments=replace(environments, root=root),
            advisories=advisories,
            absent={"images": missing} if missing else {},
        )


def needed(adapter: Adapter, laboratory: Laboratory, *, misbehaves: bool = False) -> None:
    if adapter.name in laboratory.absent and not misbehaves:
        pytest.skip(laboratory.absent[adapter.name])


def test_every_scanner_that_runs_stands_in_the_table() -> None:
    assert sorted(TOOLS) == sorted(scanner.name for scanner in SCANNERS)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda item: item.name)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_scanner_says_what_it_must(situation: str, adapter: Adapter, laboratory: Laboratory) -> None:
    needed(adapter, laboratory, misbehaves=SITUATIONS[situation].misbehaviour)

    assert laboratory.cell(situation, adapter) == laboratory.expected(situation, adapter)


def test_the_page_says_what_happened(laboratory: Laboratory) -> None:
    """Write it again with MINTMARK_WRITE_DOCS=1."""
    for reason in laboratory.absent.values():
        pytest.skip(reason)
    made = page(laboratory)
    if os.environ.get("MINTMARK_WRITE_DOCS"):
        PAGE.write_text(made, encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == made


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda item: item.name)
def test_a_clean_tree_is_read_whole_and_nothing_is_found(adapter: Adapter, laboratory: Laboratory) -> None:
    needed(adapter, laboratory)
    report = laboratory.reports("clean")[adapter.name]

    assert report.status is Status.COMPLETE, report.reason
    assert report.unread == ()
    assert report.given == report.read == adapter.clean
    assert report.present >= report.given
    assert report.rules > 0
    assert report.findings == ()
    assert report.tool_version == report.expected_version


@pytest.mark.parametrize("adapter", [item for item in ADAPTERS if item.isolated], ids=lambda item: item.name)
def test_a_scanner_runs_without_network_where_the_platform_allows_it(adapter: Adapter, laboratory: Laboratory) -> None:
    needed(adapter, laboratory)
    if not _can_unshare():
        pytest.skip("this platform allows no network namespace")

    assert laboratory.reports("clean")[adapter.name].isolation is Isolation.NAMESPACE


@pytest.mark.parametrize("adapter", [item for item in ADAPTERS if item.tool], ids=lambda item: item.name)
@pytest.mark.parametrize("situation", [key for key, value in SITUATIONS.items() if value.misbehaviour])
def test_nothing_counts_as_read_where_a_scanner_gave_no_answer(
    situation: str, adapter: Adapter, laboratory: Laboratory
) -> None:
    report = laboratory.reports(situation)[adapter.name]

    assert report.given == adapter.clean or (adapter.counts_contents and report.given > 0)
    assert report.read == (0 if report.status is not Status.COMPLETE else adapter.clean) or situation == "old"
    assert report.findings == ()


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda item: item.name)
def test_a_finding_says_where_it_is_and_how_bad(adapter: Adapter, laboratory: Laboratory) -> None:
    needed(adapter, laboratory)
    report = laboratory.reports("findings")[adapter.name]

    assert report.findings
    for item in report.findings:
        assert item.tool == adapter.name
        assert item.path in {*DIRTY, IMAGE}
        assert 1 <= item.line <= item.end_line or item.path not in DIRTY  # an image has no lines
        assert item.title
        assert item.severity_origin
    assert len({item.fingerprint for item in report.findings}) == len(report.findings)


def test_each_file_that_could_switch_a_scanner_off_is_itself_a_finding(laboratory: Laboratory) -> None:
    found = laboratory.reports("configured")["mintmark"].findings

    assert {item.path for item in found} == set(SWITCHES)
    assert {(item.category, item.severity, item.rule) for item in found} == {
        (Category.CONFIGURATION, Severity.HIGH, "tool-configuration")
    }


def test_a_vulnerable_pin_is_reported_with_its_place_its_fix_and_its_aliases(laboratory: Laboratory) -> None:
    report = laboratory.reports("findings")["pip-audit"]
    finding = only(report, "CVE-2023-45803")

    assert (finding.package, finding.version, finding.path) == ("urllib3", "2.0.6", "uv.lock")
    assert finding.line > 1
    assert "2.0.7" in finding.fixed_in
    assert {"CVE-2023-45803", "PYSEC-2023-212"} <= set(finding.aliases)
    assert report.data is not None
    assert (report.data.source, report.data.complete) == ("snapshot", False)


def test_a_lock_older_than_its_project_is_incomplete(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    files = dict(CLEAN)
    files["pyproject.toml"] = files["pyproject.toml"].replace('["idna==3.10"]', '["idna==3.10", "urllib3==2.0.6"]')
    report = scan(tmp_path, files, environments, advisories, ScanScope(lock_package="shop"))["pip-audit"]

    assert report.status is Status.INCOMPLETE
    assert report.unread == (Unread(path="urllib3==2.0.6", reason="uv.lock is older than this requirement"),)


def test_two_locked_versions_of_one_package_are_both_audited(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    files = {**CLEAN, **lock("urllib3==2.0.6")}
    old, new = "sys_platform == 'win32'", "sys_platform != 'win32'"
    files["uv.lock"] = files["uv.lock"].replace(
        '{ name = "urllib3" }]',
        f'{{ name = "urllib3", version = "2.0.6", source = {_PYPI}, marker = "{old}" }}, '
        f'{{ name = "urllib3", version = "2.2.3", source = {_PYPI}, marker = "{new}" }}]',
        1,
    ) + files["uv.lock"][files["uv.lock"].rindex("\n[[package]]") :].replace("2.0.6", "2.2.3")
    report = scan(tmp_path, files, environments, advisories, ScanScope(lock_package="shop"))["pip-audit"]

    assert report.status is Status.COMPLETE, report.reason
    assert report.given == report.read == 2
    assert {item.version for item in report.findings} == {"2.0.6"}


@pytest.mark.parametrize("situation", ["findings", "configured", "unreadable"])
def test_no_secret_and_no_hash_of_one_is_kept(situation: str, laboratory: Laboratory) -> None:
    told = [repr(report.to_json()) for report in laboratory.reports(situation).values()]
    kept = [path.read_text(encoding="utf-8") for path in (laboratory.folder / situation / "reports").iterdir()]
    hashes = {hashlib.new(name, SECRET.encode()).hexdigest() for name in ("md5", "sha1", "sha256")}

    assert len(kept) == len(TOOLS)
    assert not [text for text in (*told, *kept) if SECRET in text]
    assert not [text for text in (*told, *kept) for digest in hashes if digest in text]
