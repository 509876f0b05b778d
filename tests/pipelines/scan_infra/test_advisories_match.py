"""An advisory names a release by canonical name, by list or by range; and a source is what it says it is."""

import shutil
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from scripts.advisory_snapshot import POPULAR, select
from tests.pipelines.scan_infra.builders import advisory, osv_zip

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.scan import advisories as advisories_module
from mintmark.pipelines.scan.advisories import open_advisories
from mintmark.pipelines.scan.model import AdvisorySource


def _matched(folder: Path, document: dict[str, Any], name: str, version: str) -> bool:
    opened = open_advisories(str(osv_zip(folder / "all.zip", document)), cache=folder)
    assert opened.database is not None
    return [item["id"] for item in advisories_module.matching(opened.database, name, version)] == [document["id"]]


LAST = advisory("A-2", "shop", {"introduced": "0"}, {"last_affected": "2.0"})
TWICE = advisory("A-3", "shop", {"introduced": "3"}, {"fixed": "3.1"}, {"introduced": "0"}, {"fixed": "1"})


@pytest.mark.parametrize(
    ("document", "version", "affected"),
    [
        (LAST, "0.dev1", True),
        (LAST, "0a1", True),
        (LAST, "2.0.0", True),
        (LAST, "2.0.1", False),
        (TWICE, "0.9", True),
        (TWICE, "2", False),
        (TWICE, "3.0.5", True),
        (TWICE, "3.1", False),
    ],
)
def test_a_version_is_affected_as_the_osv_schema_says(
    tmp_path: Path, document: dict[str, Any], version: str, affected: bool
) -> None:
    assert _matched(tmp_path, document, "shop", version) is affected


@pytest.mark.parametrize("asked", ["my-shop", "My.Shop", "my__shop"])
def test_a_name_matches_however_it_is_written(tmp_path: Path, asked: str) -> None:
    assert _matched(tmp_path, advisory("A-1", "My_Shop", {"introduced": "0"}), asked, "1.0")


def test_an_advisory_is_found_by_its_id_and_by_its_alias(tmp_path: Path) -> None:
    export = osv_zip(tmp_path / "all.zip", advisory("A-1", "shop", {"introduced": "0"}, aliases=["CVE-1"]))
    opened = open_advisories(str(export), cache=tmp_path)

    assert [(opened.document(name) or {}).get("id") for name in ("A-1", "CVE-1", "CVE-2")] == ["A-1", "A-1", None]


def test_a_source_says_its_date_its_size_and_its_digest(tmp_path: Path) -> None:
    newer = advisory("A-2", "shop", {"introduced": "0"}) | {"modified": "2024-05-07T00:00:00Z"}
    export = osv_zip(tmp_path / "all.zip", advisory("A-1", "shop", {"introduced": "0"}), newer)
    by_path = open_advisories(str(export), cache=tmp_path).facts
    by_url = open_advisories(export.as_uri(), cache=tmp_path).facts

    assert by_path == by_url
    assert (by_path.source, by_path.complete) == (AdvisorySource.OSV_EXPORT, True)
    assert (by_path.records, by_path.as_of) == (2, 1715040000)


def test_the_shipped_snapshot_is_partial_by_whatever_name_it_is_given(tmp_path: Path) -> None:
    shipped = files("mintmark.pipelines.scan") / "data" / "osv-snapshot.zip"
    (tmp_path / "all.zip").write_bytes(shipped.read_bytes())
    named = [open_advisories(spec, cache=tmp_path).facts for spec in ("snapshot", str(tmp_path / "all.zip"))]

    assert named[0] == named[1]
    assert (named[0].source, named[0].complete) == (AdvisorySource.SNAPSHOT, False)


def test_online_says_that_it_is_online(tmp_path: Path) -> None:
    opened = open_advisories("online", cache=tmp_path)

    assert (opened.facts.source, opened.database) == (AdvisorySource.ONLINE, None)


def test_an_export_is_read_once_and_again_when_it_changes(tmp_path: Path) -> None:
    export = osv_zip(tmp_path / "all.zip", advisory("A-1", "shop", {"introduced": "0"}))
    first, again = (open_advisories(str(export), cache=tmp_path).database for _ in range(2))
    osv_zip(export, advisory("A-2", "shop", {"introduced": "0"}))
    other = open_advisories(str(export), cache=tmp_path).database

    assert first == again != other


def test_the_snapshot_is_made_the_same_each_time_and_only_of_what_is_named(tmp_path: Path) -> None:
    kept = advisory("A-1", "Jinja2", {"introduced": "0"})
    export = osv_zip(tmp_path / "all.zip", kept, advisory("A-2", "nobody-needs-this", {"introduced": "0"}))
    counts = [select(export, tmp_path / name) for name in ("one.zip", "two.zip")]

    assert "jinja2" in POPULAR
    assert counts == [1, 1]
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_shipped_snapshot_names_its_origin_and_its_licence() -> None:
    notice = (files("mintmark.pipelines.scan") / "data" / "README.md").read_text(encoding="utf-8")

    assert "PyPA advisory database" in notice
    assert "CC-BY-4.0" in notice


def test_the_shipped_snapshot_holds_what_the_whole_export_holds_of_its_packages(
    tmp_path: Path, osv_export: Path
) -> None:
    shutil.copyfile(str(files("mintmark.pipelines.scan") / "data" / "osv-snapshot.zip"), tmp_path / "shipped.zip")
    select(osv_export, tmp_path / "made.zip")
    with zipfile.ZipFile(tmp_path / "shipped.zip") as shipped, zipfile.ZipFile(tmp_path / "made.zip") as made:
        held = {name: shipped.read(name) for name in shipped.namelist()}
        wanted = {name: made.read(name) for name in made.namelist()}

    assert held == wanted


def test_a_record_too_large_for_an_advisory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export = osv_zip(tmp_path / "all.zip", advisory("A-1", "shop", {"introduced": "0"}))
    monkeypatch.setattr(advisories_module, "MAX_ADVISORY_BYTES", 10)
    with pytest.raises(UsageError) as refusal:
        open_advisories(str(export), cache=tmp_path)
    monkeypatch.undo()

    assert refusal.value.reason == "no_advisories"
    assert open_advisories(str(export), cache=tmp_path).facts.records == 1
