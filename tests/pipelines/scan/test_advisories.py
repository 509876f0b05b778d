"""Advisories from a file: what affects a version, how they are served, and what is said of where they come from."""

import json
import urllib.error
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.scan.builders import CLEAN, lock, scan

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.scan.advisories import Advisories, matching, open_advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import AdvisorySource, Status
from mintmark.pipelines.scan.osv_service import serve


def record(identity: str, **changes: object) -> dict[str, object]:
    events = [{"introduced": "0"}, {"fixed": "1.2"}, {"introduced": "2.0"}, {"last_affected": "2.3"}]
    return {
        "id": identity,
        "modified": "2024-01-02T03:04:05Z",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "My.Shop"},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
                "versions": ["3.0.0"],
            }
        ],
    } | changes


def export(folder: Path, *records: Mapping[str, object]) -> Path:
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for item in records:
            archive.writestr(f"{item['id']}.json", json.dumps(item))
    return path


def opened(folder: Path, *records: Mapping[str, object]) -> tuple[Advisories, Path]:
    advisories = open_advisories(str(export(folder, *records)), cache=folder / "cache")
    assert advisories.database is not None
    return advisories, advisories.database


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ("1.0", True),
        ("1.2rc1", True),
        ("1.2", False),
        ("1.9", False),
        ("2.0", True),
        ("2.3", True),
        ("2.3.post1", False),
        ("3.0", True),
        ("3.1", False),
    ],
)
def test_a_version_is_matched_against_ranges_and_lists(version: str, affected: bool, tmp_path: Path) -> None:
    _, database = opened(tmp_path, record("A-1"))

    assert bool(matching(database, "my_shop", version)) is affected


def test_bounds_that_are_no_versions_affect_unless_there_is_a_list(tmp_path: Path) -> None:
    odd = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "r1234-final"}]}]
    package = {"ecosystem": "PyPI", "name": "my-shop"}
    _, database = opened(
        tmp_path,
        record("A-1", affected=[{"package": package, "ranges": odd}]),
        record("A-2", affected=[{"package": package, "ranges": odd, "versions": ["0.1"]}]),
    )

    assert [item["id"] for item in matching(database, "my-shop", "1.0")] == ["A-1"]


def test_withdrawn_advisories_and_other_ecosystems_are_left_out(tmp_path: Path) -> None:
    elsewhere = record("A-3", affected=[{"package": {"ecosystem": "npm", "name": "my-shop"}, "versions": ["1.0"]}])
    advisories, database = opened(tmp_path, record("A-1"), record("A-2", withdrawn="2024-01-01T00:00:00Z"), elsewhere)

    assert [item["id"] for item in matching(database, "my-shop", "1.0")] == ["A-1"]
    assert advisories.facts.records == 1


def test_the_data_is_as_new_as_its_newest_real_change(tmp_path: Path) -> None:
    advisories, _ = opened(
        tmp_path,
        record("A-1", modified="1-01-01T00:00:00Z"),
        record("A-2"),
        record("A-3", modified="2023-01-01T00:00:00Z"),
    )

    assert advisories.facts.as_of == 1704164645
    assert (advisories.facts.source, advisories.facts.complete) == (AdvisorySource.OSV_EXPORT, True)


def test_the_shipped_snapshot_says_that_it_is_partial(advisories: Advisories) -> None:
    assert (advisories.facts.source, advisories.facts.complete) == (AdvisorySource.SNAPSHOT, False)
    assert advisories.facts.records > 100


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_no_export_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    path.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        open_advisories(str(path), cache=tmp_path / "cache")

    assert refused.value.reason == "no_advisories"


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        open_advisories(str(tmp_path / "nowhere.zip"), cache=tmp_path)

    assert refused.value.reason == "no_advisories"


def ask(url: str, document: object | None = None) -> Any:
    data = None if document is None else json.dumps(document).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=10) as answer:
        return json.load(answer)


def test_the_service_answers_as_osv_does(tmp_path: Path) -> None:
    _, database = opened(tmp_path, record("A-1"))
    question = {"package": {"name": "my-shop", "ecosystem": "PyPI"}, "version": "1.0"}
    other = {"package": {"name": "my-shop", "ecosystem": "npm"}, "version": "1.0"}
    with serve(database) as url:
        base = url.removesuffix("/query")

        assert [item["id"] for item in ask(url, question)["vulns"]] == ["A-1"]
        assert ask(url, other) == {}
        assert ask(f"{base}/querybatch", {"queries": [question, other]}) == {
            "results": [{"vulns": [{"id": "A-1", "modified": "2024-01-02T03:04:05Z"}]}, {}]
        }
        assert ask(f"{base}/vulns/A-1")["id"] == "A-1"


@pytest.mark.parametrize(
    ("path", "document", "status"),
    [
        ("/query", {"version": "1.0"}, 400),
        ("/query", [], 400),
        ("/query", {"package": {"name": "my-shop"}, "version": "not a version"}, 400),
        ("/elsewhere", {}, 404),
        ("/vulns/A-9", None, 404),
    ],
)
def test_the_service_refuses_what_it_does_not_know(path: str, document: object, status: int, tmp_path: Path) -> None:
    _, database = opened(tmp_path, record("A-1"))
    with serve(database) as url, pytest.raises(urllib.error.HTTPError) as refused:
        ask(url.removesuffix("/query") + path, document)

    assert refused.value.code == status


def test_pip_audit_finds_with_a_whole_export_what_it_finds_with_the_snapshot(
    osv_export: Path, tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    files, scope = (
        {**CLEAN, **lock("requests==2.30.0", "urllib3==2.0.6", "werkzeug==3.0.0")},
        ScanScope(lock_package="shop"),
    )
    whole = open_advisories(str(osv_export), cache=tmp_path / "cache")
    from_whole = scan(tmp_path / "whole", files, environments, whole, scope)["pip-audit"]
    from_snapshot = scan(tmp_path / "snapshot", files, environments, advisories, scope)["pip-audit"]

    assert from_whole.status is Status.COMPLETE
    assert {item.package for item in from_whole.findings} == {"requests", "urllib3", "werkzeug"}
    assert from_whole.findings == from_snapshot.findings
    assert from_whole.data is not None
    assert from_whole.data.complete
