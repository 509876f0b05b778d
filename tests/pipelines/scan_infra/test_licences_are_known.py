"""The licence of each pin comes from its locked wheel, and what is not plainly permissive is brought to the gate."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.pipelines.scan.builders import clock, lock, tree
from tests.pipelines.scan_infra.index import Wheel, lock_of, served

from mintmark.pipelines.scan.advisories import open_advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.export import export_tree
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.licence_metadata import CLASSIFIERS, FIELDS, UNKNOWN, stated_licence
from mintmark.pipelines.scan.licences import LicencesScanner, licences_in
from mintmark.pipelines.scan.model import Category, ScanReport, Severity, Status
from mintmark.pipelines.scan.run import scan_release
from mintmark.pipelines.scan.spdx import PERMISSIVE, canonical_expression, is_permissive
from mintmark.pipelines.version import __version__

ROOT = Path(__file__).resolve().parents[3]
MIT = Wheel(name="till", version="1.0", metadata=["License-Expression: MIT"])
AGPL = Wheel(
    name="chest",
    version="2.0",
    metadata=["Classifier: License :: OSI Approved :: GNU Affero General Public License v3"],
)
SILENT = Wheel(name="purse", version="3.0")


def scanned(
    folder: Path, files: dict[str, str], index: str, monkeypatch: pytest.MonkeyPatch, scope: ScanScope | None = None
) -> ScanReport:
    monkeypatch.setenv("UV_DEFAULT_INDEX", index)
    monkeypatch.setenv("UV_CACHE_DIR", str(folder / "uv"))
    reports = scan_release(
        tree(folder, files),
        scope or ScanScope(lock_package="shop"),
        ToolEnvironments(root=folder, versions={"licences": __version__}),
        open_advisories("snapshot", cache=folder / "cache"),
        folder / "reports",
        clock,
        scanners=(LicencesScanner(),),
    )
    return next(report for report in reports if report.tool == "licences")


def test_a_permissive_licence_needs_no_decision_and_is_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(MIT) as index:
        report = scanned(tmp_path, lock_of(MIT), index, monkeypatch)

    assert (report.status, report.given, report.read, report.findings) == (Status.COMPLETE, 1, 1, ()), report.reason
    assert licences_in((tmp_path / "reports/licences.json").read_bytes()) == {("till", "1.0"): "MIT"}


def test_other_licences_are_brought_to_the_gate_and_unknown_ones_are_high(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(MIT, AGPL, SILENT) as index:
        report = scanned(tmp_path, lock_of(MIT, AGPL, SILENT), index, monkeypatch)
    found = {item.package: item for item in report.findings}

    assert report.status is Status.COMPLETE, report.reason
    assert set(found) == {"chest", "purse"}
    assert (found["chest"].rule, found["chest"].severity) == ("licence-other", Severity.INFO)
    assert found["chest"].resource == "AGPL-3.0-only"
    assert (found["purse"].rule, found["purse"].severity) == ("licence-unknown", Severity.HIGH)
    assert found["purse"].resource == UNKNOWN
    assert {item.category for item in report.findings} == {Category.LICENCE}
    lines = (tmp_path / "tree/uv.lock").read_text(encoding="utf-8").splitlines()
    assert [lines[item.line - 1] for item in report.findings] == ['name = "chest"', 'name = "purse"']


def test_a_wheel_that_is_not_the_locked_one_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = lock_of(MIT, AGPL, hashes={"chest": "0" * 64})
    with served(MIT, AGPL) as index:
        report = scanned(tmp_path, files, index, monkeypatch)

    assert (report.status, [item.path for item in report.unread]) == (Status.INCOMPLETE, ["chest==2.0"])
    assert report.read == 1


@pytest.mark.parametrize("marker", ["sys_platform == 'win32'", "python_full_version < '3.9'"])
def test_a_pin_for_another_machine_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marker: str) -> None:
    elsewhere = Wheel(name="purse", version="3.0", metadata=["License-Expression: ISC"], marker=marker)
    with served(MIT, elsewhere) as index:
        report = scanned(tmp_path, lock_of(MIT, elsewhere), index, monkeypatch)

    assert (report.status, report.read) == (Status.COMPLETE, 2), (report.reason, report.unread)


@pytest.mark.parametrize("tag", ["py3-none-win_amd64", "cp311-cp311-macosx_11_0_arm64"])
def test_a_wheel_that_is_made_for_another_system_only_is_read_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    elsewhere = Wheel(name="purse", version="3.0", metadata=["License-Expression: ISC"], tag=tag)
    with served(MIT, elsewhere) as index:
        report = scanned(tmp_path, lock_of(MIT, elsewhere), index, monkeypatch)

    assert (report.status, report.read) == (Status.COMPLETE, 2), (report.reason, report.unread)


def test_without_an_index_the_scan_fails_and_is_not_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served() as index:
        pass
    report = scanned(tmp_path, lock_of(MIT), index, monkeypatch)

    assert report.status is Status.FAILED
    assert report.reason.startswith("no_report")


def test_a_lock_without_a_package_to_audit_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = scanned(tmp_path, lock("idna==3.10"), "http://127.0.0.1:1", monkeypatch, ScanScope())

    assert report.status is Status.SKIPPED


def test_every_licence_of_florin_is_known(tmp_path: Path) -> None:
    """With the real wheels of our own lock, from the index or uv's cache."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a clone, so that there is no commit to export")
    reports = scan_release(
        export_tree(ROOT, "HEAD", ["."], tmp_path / "tree"),
        ScanScope(lock_package="florin"),
        ToolEnvironments(root=tmp_path, versions={"licences": __version__}),
        open_advisories("snapshot", cache=tmp_path / "cache"),
        tmp_path / "reports",
        clock,
        scanners=(LicencesScanner(),),
    )
    report = next(report for report in reports if report.tool == "licences")
    licences = licences_in((tmp_path / "reports/licences.json").read_bytes())

    assert report.status is Status.COMPLETE, (report.reason, report.unread)
    assert report.given == report.read == len(licences) >= 20
    assert licences["fastapi", next(version for name, version in licences if name == "fastapi")] == "MIT"
    assert [item.package for item in report.findings if item.rule == "licence-unknown"] == []


@pytest.mark.parametrize(
    ("lines", "expression"),
    [
        (["License-Expression: mit OR apache-2.0"], "MIT OR Apache-2.0"),
        (["License-Expression: MIT", "Classifier: License :: Other/Proprietary License"], "MIT"),
        (["License-Expression: My own"], UNKNOWN),
        (["License-Expression: MIT", "License-Expression: AGPL-3.0-only"], UNKNOWN),
        (["License: MIT"], "MIT"),
        (["License: MIT License"], "MIT"),
        (["License: Apache License, Version 2.0"], "Apache-2.0"),
        (["License: BSD", "Classifier: License :: OSI Approved :: BSD License"], "LicenseRef-BSD"),
        (["License: BSD-3-Clause", "Classifier: License :: OSI Approved :: BSD License"], "BSD-3-Clause"),
        (["License: GPLv3", "Classifier: License :: OSI Approved :: GNU General Public License (GPL)"], "GPL-3.0-only"),
        (["License: AGPL-3.0"], "AGPL-3.0-only"),
        (["License: AGPL-3.0+"], "AGPL-3.0-or-later"),
        (["License: Dual License", "Classifier: License :: OSI Approved :: MIT License"], "MIT"),
        (
            ["License: MIT", "Classifier: License :: OSI Approved :: GNU Affero General Public License v3"],
            "MIT AND AGPL-3.0-only",
        ),
        (
            [
                "Classifier: License :: OSI Approved :: BSD License",
                "Classifier: License :: OSI Approved :: Apache Software License",
            ],
            "Apache-2.0 AND LicenseRef-BSD",
        ),
        (
            ["License: MIT OR ISC", "Classifier: License :: OSI Approved :: Apache Software License"],
            "(MIT OR ISC) AND Apache-2.0",
        ),
        (["License: MIT", "Classifier: License :: Freely Distributable"], "MIT"),
        (["Classifier: License :: Freely Distributable"], UNKNOWN),
        (["Classifier: License :: OSI Approved"], UNKNOWN),
        (["Classifier: License :: Free for non-commercial use"], UNKNOWN),
        (["License: MIT", "Classifier: License :: Free for non-commercial use"], UNKNOWN),
        (["License: See LICENSE"], UNKNOWN),
        (["License: Permission is hereby granted,", "        free of charge, to any person"], UNKNOWN),
        ([], UNKNOWN),
    ],
)
def test_metadata_are_read_as_they_stand_and_nothing_is_guessed(lines: Sequence[str], expression: str) -> None:
    metadata = "\n".join(["Metadata-Version: 2.4", "Name: till", "Version: 1", *lines, "", ""])

    assert stated_licence(metadata.encode()).expression == expression


@pytest.mark.parametrize(
    ("expression", "permissive"),
    [
        ("MIT", True),
        ("BSD-2-Clause", True),
        ("BSD-3-Clause-Clear", True),
        ("GPL-3.0-only", False),
        ("MIT OR AGPL-3.0-only", True),
        ("MIT AND AGPL-3.0-only", False),
        ("AGPL-3.0-only OR (MIT AND ISC)", True),
        ("AGPL-3.0-only OR MIT AND SSPL-1.0", False),
        ("(MIT OR AGPL-3.0-only) AND ISC", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("LicenseRef-Proprietary", False),
    ],
)
def test_or_leaves_the_choice_and_and_does_not(expression: str, permissive: bool) -> None:
    assert canonical_expression(expression) == expression
    assert is_permissive(expression) is permissive


@pytest.mark.parametrize("text", ["", "MIT OR", "MIT MIT", "(MIT", "Foo-1.0", "MIT AND unknown", "MIT " * 200])
def test_what_is_no_expression_is_none(text: str) -> None:
    assert canonical_expression(text) is None


def test_our_tables_are_written_in_spdx() -> None:
    for expression in (*FIELDS.values(), *CLASSIFIERS.values(), *PERMISSIVE):
        assert canonical_expression(expression) == expression
