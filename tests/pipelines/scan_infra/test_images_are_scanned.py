"""What is inside a container image is named by the real syft and matched against advisories; what is not is unread."""

import json
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from tests.pipelines.scan.builders import clock, tree
from tests.pipelines.scan.syft import install_syft
from tests.pipelines.scan_infra.builders import advisory, osv_zip
from tests.pipelines.scan_infra.oci_images import (
    debian_package,
    layout,
    python_package,
    write_docker_archive,
    write_layout,
    write_oci_archive,
)

from mintmark.pipelines.scan import images as images_module
from mintmark.pipelines.scan.advisories import Advisories, open_advisories
from mintmark.pipelines.scan.debian_version import DebianVersion, NotADebianVersion
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.images import ImagesScanner
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import Category, ScanReport, Severity, Status
from mintmark.pipelines.scan.osv_service import serve
from mintmark.pipelines.scan.run import scan_release
from mintmark.pipelines.version import __version__

CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
JINJA = advisory(
    "PYSEC-1",
    "Jinja2",
    {"introduced": "0"},
    {"fixed": "3.1.4"},
    aliases=["CVE-2024-1"],
    severity=[{"type": "CVSS_V3", "score": CRITICAL}],
)
OPENSSL = advisory("DEBIAN-1", "openssl", {"introduced": "0"}, {"fixed": "3.0.11-1~deb12u3"}, ecosystem="Debian:12")
Write = Callable[[Path, dict[str, str]], Path]


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> ToolEnvironments:
    root = tmp_path_factory.mktemp("tools")
    if reason := install_syft(root):
        pytest.skip(reason)
    return ToolEnvironments(root=root, versions={"images": __version__})


def opened(folder: Path, *documents: dict[str, object]) -> Advisories:
    return open_advisories(str(osv_zip(folder / "all.zip", *documents)), cache=folder / "cache")


def scanned(folder: Path, tools: ToolEnvironments, advisories: Advisories, *images: str) -> ScanReport:
    reports = scan_release(
        tree(folder, {"mintmark.toml": "# names the images\n"}),
        ScanScope(images=images),
        tools,
        advisories,
        folder / "reports",
        clock,
        scanners=(ImagesScanner(),),
    )
    return next(report for report in reports if report.tool == "images")


@pytest.mark.parametrize(
    "write",
    [lambda path, files: write_layout(path, layout(files)), write_oci_archive, write_docker_archive],
    ids=["OCI layout", "OCI archive", "docker archive"],
)
def test_a_vulnerable_package_in_an_image_is_found_and_the_clean_one_beside_it_is_not(
    write: Write, tmp_path: Path, tools: ToolEnvironments
) -> None:
    image = write(tmp_path / "till", python_package("Jinja2", "3.1.2") | python_package("idna", "3.10"))
    report = scanned(tmp_path, tools, opened(tmp_path, JINJA), str(image))
    (finding,) = report.findings

    assert (report.status, report.given, report.read) == (Status.COMPLETE, 3, 3), (report.reason, report.unread)
    assert (finding.package, finding.version, finding.fixed_in) == ("jinja2", "3.1.2", ("3.1.4",))
    assert (finding.rule, finding.severity, finding.category) == ("CVE-2024-1", Severity.CRITICAL, Category.DEPENDENCY)
    assert finding.path.endswith("till")
    assert finding.resource.startswith("sha256:")
    assert report.data is not None


def test_an_image_in_the_tree_is_scanned_too(tmp_path: Path, tools: ToolEnvironments) -> None:
    write_oci_archive(tmp_path / "till.tar", python_package("idna", "3.10"))
    (tmp_path / "checkout").mkdir()
    (tmp_path / "till.tar").rename(tmp_path / "checkout/till.tar")
    report = scanned(tmp_path, tools, opened(tmp_path, JINJA), "till.tar")

    assert (report.status, report.findings, report.present) == (Status.COMPLETE, (), 2), report.reason


@pytest.mark.parametrize(("version", "count"), [("3.0.11-1~deb12u2", 1), ("3.0.11-1~deb12u3", 0)])
def test_a_package_of_debian_is_matched_by_its_source_and_debians_order(
    version: str, count: int, tmp_path: Path, tools: ToolEnvironments
) -> None:
    image = write_layout(tmp_path / "till", layout(debian_package("libssl3", version, "openssl")))
    report = scanned(tmp_path, tools, opened(tmp_path, JINJA, OPENSSL), str(image))

    assert report.status is Status.COMPLETE, (report.reason, report.unread)
    assert [item.package for item in report.findings] == ["openssl"] * count


def test_a_package_without_advisories_of_its_kind_is_unread_and_not_clean(
    tmp_path: Path, tools: ToolEnvironments
) -> None:
    image = write_layout(tmp_path / "till", layout(debian_package("libssl3", "3.0.11-1", "openssl")))
    report = scanned(tmp_path, tools, opened(tmp_path, JINJA), str(image))

    assert (report.status, report.findings) == (Status.INCOMPLETE, ())
    assert "no advisories for Debian:12" in report.unread[0].reason


def test_a_package_without_a_version_is_unread_where_there_are_advisories_about_it(tmp_path: Path) -> None:
    packed = list(images_module._packed("till", [{"purl": "pkg:pypi/jinja2"}, {"purl": "pkg:pypi/idna"}]))

    matched, unread = images_module._matched(opened(tmp_path, JINJA), packed)

    assert [item.name for item in matched] == ["idna"]
    assert [item.path for item in unread] == ["till: jinja2 "]


def test_an_image_in_which_syft_names_nothing_is_unread(tmp_path: Path, tools: ToolEnvironments) -> None:
    image = write_layout(tmp_path / "till", layout({"bin/till": "a static binary"}))
    report = scanned(tmp_path, tools, opened(tmp_path, JINJA), str(image))

    assert (report.status, report.read) == (Status.INCOMPLETE, 0)


def _swapped(content: dict[str, bytes]) -> None:
    """Another layer under the name of the one that was built."""
    name = max((path for path in content if path.startswith("blobs")), key=lambda path: len(content[path]))
    content[name] = content[name].replace(b"3.1.2", b"3.1.4")


def _missing(content: dict[str, bytes]) -> None:
    content.pop(max((path for path in content if path.startswith("blobs")), key=lambda path: len(content[path])))


def _two(content: dict[str, bytes]) -> None:
    index = json.loads(content["index.json"])
    content["index.json"] = json.dumps(index | {"manifests": index["manifests"] * 2}).encode()


def _weak(content: dict[str, bytes]) -> None:
    content["index.json"] = content["index.json"].replace(b"sha256:", b"md5:")


def _no_index(content: dict[str, bytes]) -> None:
    content["index.json"] = b"[]"


@pytest.mark.parametrize("change", [_swapped, _missing, _two, _weak, _no_index])
def test_an_image_that_is_not_what_its_digests_say_is_unread(
    change: Callable[[dict[str, bytes]], None], tmp_path: Path, tools: ToolEnvironments
) -> None:
    content = layout(python_package("Jinja2", "3.1.2"))
    change(content)
    image = write_layout(tmp_path / "till", content)
    report = scanned(tmp_path, tools, opened(tmp_path, JINJA), str(image))

    assert (report.status, report.read, report.findings) == (Status.INCOMPLETE, 0, ())
    assert [item.path for item in report.unread] == [str(image)]


def test_what_is_no_image_or_not_there_is_unread(tmp_path: Path, tools: ToolEnvironments) -> None:
    (tmp_path / "text.tar").write_text("not an archive", encoding="utf-8")
    images = [str(tmp_path / "text.tar"), str(tmp_path / "nowhere")]
    report = scanned(tmp_path, tools, opened(tmp_path, JINJA), *images)

    assert report.status is Status.INCOMPLETE
    assert sorted(item.path for item in report.unread) == sorted(images)


def test_an_image_without_syft_fails_and_is_never_a_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_module, "_PLACES", ())
    image = write_layout(tmp_path / "till", layout(python_package("idna", "3.10")))
    nothing = ToolEnvironments(root=tmp_path / "none", versions={"images": __version__})
    report = scanned(tmp_path, nothing, opened(tmp_path, JINJA), str(image))

    assert (report.status, report.reason.partition(":")[0]) == (Status.FAILED, "tool_missing")


def test_another_program_by_the_name_of_syft_is_not_believed(tmp_path: Path) -> None:
    program = tmp_path / "tools/syft/bin/syft"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho syft 0.9.0\n", encoding="utf-8")
    program.chmod(0o755)
    image = write_layout(tmp_path / "till", layout(python_package("idna", "3.10")))
    other = ToolEnvironments(root=tmp_path / "tools", versions={"images": __version__})
    report = scanned(tmp_path, other, opened(tmp_path, JINJA), str(image))

    assert (report.status, report.reason.partition(":")[0]) == (Status.FAILED, "wrong_version")


def test_without_an_image_the_scan_is_skipped_and_nothing_was_there(tmp_path: Path, tools: ToolEnvironments) -> None:
    report = scanned(tmp_path, tools, opened(tmp_path, JINJA))

    assert (report.status, report.present) == (Status.SKIPPED, 0)


def test_online_the_service_is_asked_about_what_is_in_the_image(tmp_path: Path, tools: ToolEnvironments) -> None:
    image = write_layout(tmp_path / "till", layout(python_package("Jinja2", "3.1.2")))
    known = opened(tmp_path, JINJA)
    assert known.database is not None
    with serve(known.database) as url:
        online = open_advisories(f"online:{url.removesuffix('/query')}", cache=tmp_path)
        report = scanned(tmp_path, tools, online, str(image))

    assert report.status is Status.COMPLETE, report.reason
    assert [item.package for item in report.findings] == ["jinja2"]


ORDER = [
    "0~~~",
    "0~",
    "0",
    "1.0~rc1-1",
    "1.0-1~deb12u1",
    "1.0-1",
    "1.0-1+b1",
    "1.0-2",
    "1.0a",
    "1.0+x",
    "1.0.1",
    "1.10",
    "1:0.1",
]


def test_versions_of_debian_are_ordered_as_dpkg_orders_them() -> None:
    for lower, higher in pairwise(ORDER):
        assert DebianVersion(lower) < DebianVersion(higher), (lower, higher)
    assert DebianVersion("1.0") == DebianVersion("0:1.00-0")


def test_dpkg_itself_agrees_with_that_order() -> None:
    try:
        subprocess.run(["dpkg", "--version"], capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("dpkg is not installed")
    for one in ORDER:
        for other in ORDER:
            asked = subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False).returncode == 0

            assert (DebianVersion(one) < DebianVersion(other)) is asked, (one, other)


@pytest.mark.parametrize("text", ["", "abc", "1 0", "1_0", "-1"])
def test_what_is_no_version_of_debian_is_refused(text: str) -> None:
    with pytest.raises(NotADebianVersion):
        DebianVersion(text)
