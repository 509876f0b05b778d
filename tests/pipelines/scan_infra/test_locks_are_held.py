"""Our own look at locks: names, hashes, indexes and addresses, in every layout of a lock that is read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from scripts.popular_packages import select
from tests.pipelines.scan.builders import clock, lock, tree

from mintmark.pipelines.scan.advisories import open_advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.lock import RULES, LockScanner, is_internal
from mintmark.pipelines.scan.model import Category, Finding, ScanReport, Severity, Status
from mintmark.pipelines.scan.popular import popular_names
from mintmark.pipelines.scan.run import scan_release
from mintmark.pipelines.version import __version__

SCOPE = ScanScope(lock_package="shop", internal_packages=["till-*", "mint.core"])
SHA256, SHA1 = "sha256:" + "a" * 64, "sha1:" + "a" * 40
FILES = "https://files.pythonhosted.org/packages"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def scanned(folder: Path, files: Mapping[str, str], scope: ScanScope = SCOPE) -> ScanReport:
    reports = scan_release(
        tree(folder, {"README": "A shop", **files}),
        scope,
        ToolEnvironments(root=folder, versions={"lock": __version__}),
        open_advisories("snapshot", cache=folder / "cache"),
        folder / "reports",
        clock,
        scanners=(LockScanner(),),
    )
    return next(report for report in reports if report.tool == "lock")


def found(report: ScanReport) -> list[tuple[str, str]]:
    assert report.status is Status.COMPLETE, (report.reason, report.unread)
    return [(item.rule, item.package) for item in report.findings]


def uv(*entries: str) -> dict[str, str]:
    return {"uv.lock": "version = 1\n\n" + "\n".join(entries)}


def entry(
    name: str,
    source: str = '{ registry = "https://pypi.org/simple" }',
    *,
    hashed: str = SHA256,
    files: str = FILES,
    version: str = "1.0",
) -> str:
    held = f', hash = "{hashed}"' if hashed else ""
    wheel = f'wheels = [{{ url = "{files}/{name}.whl"{held} }}]\n'
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {source}\n{wheel}'


def only(report: ScanReport) -> Finding:
    assert report.status is Status.COMPLETE, (report.reason, report.unread)
    (finding,) = report.findings
    return finding


def test_a_lock_of_hashed_packages_of_the_public_index_is_clean(tmp_path: Path) -> None:
    report = scanned(tmp_path, lock("requests==2.32.3", "idna==3.10"))

    assert found(report) == []
    assert (report.given, report.read, report.rules) == (1, 1, len(RULES))
    assert report.tool_version == report.expected_version == __version__


@pytest.mark.parametrize("name", ["till-client", "till-", "mint-core"])
def test_an_internal_name_on_the_public_index_is_confusion(tmp_path: Path, name: str) -> None:
    finding = only(scanned(tmp_path, uv(entry(name.rstrip("-") if name != "till-" else "till-x"))))

    assert (finding.rule, finding.severity) == ("dep_confusion", Severity.CRITICAL)
    assert finding.category is Category.SUPPLY_CHAIN
    assert finding.resource == "https://pypi.org/simple"


@pytest.mark.parametrize(
    "source", ['{ registry = "https://packages.shop.example/simple" }', '{ editable = "libs/till" }']
)
def test_an_internal_name_from_our_own_index_or_tree_is_allowed(tmp_path: Path, source: str) -> None:
    own = "https://packages.shop.example/simple"
    scope = ScanScope(
        lock_package="shop", internal_packages=["till-*"], trusted_indexes=["https://pypi.org/simple", own]
    )
    files = uv(entry("till-client", source, files="https://packages.shop.example/files"))

    assert found(scanned(tmp_path, files, scope)) == []


def test_the_files_of_an_internal_name_may_not_come_from_the_public_index(tmp_path: Path) -> None:
    """The lock names our own index, and an address of the public one, which is trusted for other names."""
    ours = "https://index.example.org/simple"
    scope = replace(SCOPE, trusted_indexes=[ours, "https://pypi.org/simple"])
    source = f'{{ registry = "{ours}" }}'

    report = scanned(tmp_path / "a", uv(entry("till-core", source)), scope)
    own = scanned(tmp_path / "b", uv(entry("till-core", source, files="https://index.example.org/files")), scope)

    assert found(report) == [("dep_confusion", "till-core")]
    assert report.findings[0].resource == "files.pythonhosted.org"
    assert found(own) == []


def test_an_internal_name_from_an_index_that_nobody_trusts_is_confusion_too(tmp_path: Path) -> None:
    mirror = '{ registry = "https://mirror.example/simple" }'
    report = scanned(tmp_path, uv(entry("till-client", mirror, files="https://mirror.example/f")))

    assert found(report) == [("dep_confusion", "till-client"), ("dep_index", "till-client")]


@pytest.mark.parametrize(
    ("name", "patterns", "internal"),
    [
        ("till-client", ["till-*"], True),
        ("till-client", ["Till_*"], True),
        ("tiller", ["till-*"], False),
        ("till", ["till"], True),
        ("till-client", ["till"], False),
        ("mint-core", ["Mint.Core"], True),
        ("till", [], False),
    ],
)
def test_a_pattern_is_a_name_or_how_names_begin(name: str, patterns: Sequence[str], internal: bool) -> None:
    assert is_internal(name, patterns) is internal


def test_a_package_that_two_indexes_of_a_lock_serve_is_confusion(tmp_path: Path) -> None:
    second = "https://packages.shop.example/simple"
    scope = ScanScope(lock_package="shop", trusted_indexes=["https://pypi.org/simple", second])
    other = entry("idna", f'{{ registry = "{second}" }}', version="2.0", files="https://packages.shop.example/f")

    assert found(scanned(tmp_path / "both", uv(entry("idna"), other), scope)) == [("dep_confusion", "idna")]
    assert found(scanned(tmp_path / "one", uv(entry("idna"), entry("idna", version="2.0")), scope)) == []


@pytest.mark.parametrize(
    "hashed", ["", SHA1, "md5:" + "a" * 32, "sha256:", "sha256:" + "a" * 63, "sha256:" + "z" * 64, "a" * 64]
)
def test_an_entry_without_a_strong_hash_is_found(tmp_path: Path, hashed: str) -> None:
    finding = only(scanned(tmp_path, uv(entry("idna"), entry("requests", hashed=hashed))))

    assert (finding.rule, finding.package, finding.severity) == ("dep_unhashed", "requests", Severity.HIGH)
    assert (tmp_path / "tree/uv.lock").read_text(encoding="utf-8").splitlines()[finding.line - 1] == 'name = "requests"'


def test_one_file_without_a_hash_among_many_is_enough(tmp_path: Path) -> None:
    twice = entry("requests").replace("wheels = [", f'wheels = [{{ url = "{FILES}/r.whl" }}, ')

    assert only(scanned(tmp_path, uv(twice))).message.endswith("1 of 2 files have none")


def test_an_entry_without_files_is_not_held(tmp_path: Path) -> None:
    bare = '[[package]]\nname = "idna"\nversion = "1"\nsource = { registry = "https://pypi.org/simple" }\n'

    assert found(scanned(tmp_path, uv(bare))) == [("dep_unhashed", "idna")]


@pytest.mark.parametrize("name", ["reqeusts", "request", "requestss", "pyyam1", "nurnpy", "python3-dateutil", "djagno"])
def test_a_name_that_looks_like_a_popular_one_is_found(tmp_path: Path, name: str) -> None:
    finding = only(scanned(tmp_path, uv(entry(name))))

    assert (finding.rule, finding.package, finding.severity) == ("dep_typosquat", name, Severity.HIGH)


@pytest.mark.parametrize("name", ["requests", "psycopg", "psycopg2", "httpx", "markdown2", "florin", "uvicorn"])
def test_a_popular_name_is_no_imitation_of_its_neighbour(tmp_path: Path, name: str) -> None:
    assert found(scanned(tmp_path, uv(entry(name)))) == []


def test_an_internal_name_and_the_project_itself_imitate_nobody(tmp_path: Path) -> None:
    own = '[[package]]\nname = "reqeusts"\nversion = "1"\nsource = { editable = "." }\n'

    assert found(scanned(tmp_path, uv(own, entry("idna")))) == []


def test_the_shipped_names_say_what_they_are_and_are_enough() -> None:
    names = popular_names()

    assert b"the 1000 most downloaded of 20" in names.text
    assert len(names.popular) == 1000
    assert not names.popular & names.known


def test_the_list_of_names_keeps_well_known_neighbours() -> None:
    ranked = [*(f"package-{number:04}x" for number in range(999)), "requests", "Reqeusts", "flask"]
    text = select(ranked, "2026-01").splitlines()

    assert text[text.index("[known]") + 1 :] == ["reqeusts"]
    assert "requests" in text[: text.index("[known]")]


@pytest.mark.parametrize(
    "source",
    [
        f'{{ git = "https://git.example/till?rev=main#{COMMIT}" }}',
        '{ url = "https://files.example/till.whl" }',
        '{ path = "../till.whl" }',
        '{ directory = "/srv/till" }',
        '{ editable = "libs/../../till" }',
    ],
)
def test_what_comes_from_outside_the_indexes_and_the_tree_is_found(tmp_path: Path, source: str) -> None:
    files = f'[[package]]\nname = "chest"\nversion = "1"\nsource = {source}\nwheels = [{{ hash = "{SHA256}" }}]\n'
    finding = only(scanned(tmp_path, uv(files)))

    assert (finding.rule, finding.severity) == ("dep_direct_url", Severity.MEDIUM)


def test_a_waiver_for_one_address_is_not_one_for_the_next(tmp_path: Path) -> None:
    one, other = (
        only(
            scanned(tmp_path / name, uv(entry("chest", f'{{ git = "https://git.example/{name}#{COMMIT}" }}', files="")))
        )
        for name in ("one", "other")
    )

    assert one.fingerprint != other.fingerprint


def test_a_bump_keeps_the_fingerprint(tmp_path: Path) -> None:
    one, other = (
        only(scanned(tmp_path / version, uv(entry("requests", hashed="", version=version)))) for version in ("1", "2")
    )

    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize(
    "index",
    ["http://pypi.org/simple", "https://pypi.example/simple", "../wheels", "https://pypi.org.evil.example/simple"],
)
def test_an_index_that_is_not_trusted_or_not_encrypted_is_found(tmp_path: Path, index: str) -> None:
    finding = only(scanned(tmp_path, uv(entry("idna", f'{{ registry = "{index}" }}'))))

    assert (finding.rule, finding.severity) == ("dep_index", Severity.HIGH)


@pytest.mark.parametrize("files", ["https://files.example", "http://files.pythonhosted.org"])
def test_a_file_that_does_not_come_from_its_index_is_found_though_its_hash_holds(tmp_path: Path, files: str) -> None:
    assert found(scanned(tmp_path, uv(entry("idna", files=files)))) == [("dep_index", "idna")]


def test_the_login_in_an_address_is_not_repeated(tmp_path: Path) -> None:
    source = '{ registry = "https://clerk:correct-horse@pypi.example/simple" }'
    report = scanned(tmp_path, uv(entry("idna", source)))
    kept = (tmp_path / "reports/lock.json").read_text(encoding="utf-8")

    assert only(report).resource == "https://pypi.example/simple"
    assert "correct-horse" not in json.dumps(report.to_json()) + kept


POETRY = f"""\
[[package]]
name = "Idna"
version = "3.10"
files = [{{file = "idna.whl", hash = "{SHA256}"}}]

[[package]]
name = "till-client"
version = "1"
files = [{{file = "till.whl", hash = "{SHA1}"}}]

[[package]]
name = "chest"
version = "1"
files = []

[package.source]
type = "git"
url = "https://git.example/chest"
resolved_reference = "{COMMIT}"

[metadata]
lock-version = "2.1"
"""
PDM = f"""\
[metadata]
lock_version = "4.5.0"

[[package]]
name = "idna"
version = "3.10"
files = [{{file = "idna.whl", hash = "{SHA256}"}}]

[[package]]
name = "till-client"
version = "1"
files = [{{file = "till.whl", hash = "{SHA1}"}}]

[[package]]
name = "chest"
version = "1"
git = "https://git.example/chest"
revision = "{COMMIT}"
"""
PYLOCK = f"""\
lock-version = "1.0"
created-by = "shop"

[[packages]]
name = "idna"
version = "3.10"
index = "https://pypi.org/simple"
wheels = [{{url = "{FILES}/idna.whl", hashes = {{md5 = "{"a" * 32}", sha256 = "{"a" * 64}"}}}}]

[[packages]]
name = "till-client"
version = "1"
index = "https://pypi.org/simple"
wheels = [{{url = "{FILES}/till.whl", hashes = {{sha1 = "{"a" * 40}"}}}}]

[[packages]]
name = "chest"
vcs = {{type = "git", url = "https://git.example/chest", commit-id = "{COMMIT}"}}
"""
REQUIREMENTS = f"""\
# what the till needs
idna==3.10 \\
    --hash={SHA256}
till-client==1 ; python_version > "3" --hash={SHA1}
chest @ git+https://git.example/chest@{COMMIT}
"""
ALL = [("dep_confusion", "till-client"), ("dep_direct_url", "chest"), ("dep_unhashed", "till-client")]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("poetry.lock", POETRY),
        ("apps/pdm.lock", PDM),
        ("pylock.toml", PYLOCK),
        ("pylock.web.toml", PYLOCK),
        ("requirements.txt", REQUIREMENTS),
        ("tools/dev-requirements.txt", REQUIREMENTS),
        ("requirements/web.txt", REQUIREMENTS),
    ],
)
def test_the_same_is_found_in_every_layout_of_a_lock(tmp_path: Path, path: str, text: str) -> None:
    report = scanned(tmp_path, {path: text})
    lines = text.splitlines()

    assert sorted(found(report)) == ALL
    assert all(item.package in lines[item.line - 1] for item in report.findings)
    assert {item.path for item in report.findings} == {path}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("requests\n", [("dep_unhashed", "requests")]),
        ("-e ./libs/till\n./libs/chest\n", []),
        ("-e ../till\n", [("dep_unhashed", ""), ("dep_direct_url", "")]),
        ("git+https://git.example/chest@main#egg=chest\n", [("dep_unhashed", "chest"), ("dep_direct_url", "chest")]),
        ("--extra-index-url https://pypi.org/simple\n", [("dep_confusion", "")]),
        ("--extra-index-url=http://p.example\n", [("dep_confusion", ""), ("dep_index", "")]),
        ("--trusted-host pypi.org\n", [("dep_index", "")]),
        ("-f https://wheels.example/\n", [("dep_index", "")]),
        ("--find-links wheels\n", []),
        (f"-i http://p.example/s\nidna==3 --hash={SHA256}\n", [("dep_index", "idna")]),
        ("", []),
    ],
)
def test_a_requirements_file_is_read_as_pip_reads_it(
    tmp_path: Path, text: str, expected: list[tuple[str, str]]
) -> None:
    assert sorted(found(scanned(tmp_path, {"requirements.txt": text}))) == sorted(expected)


def test_files_that_a_requirements_file_stands_on_are_read_too(tmp_path: Path) -> None:
    files = {"requirements.txt": "-r requirements/web.txt\n", "requirements/web.txt": f"idna==3 --hash={SHA256}\n"}
    held = scanned(tmp_path / "held", files)
    loose = scanned(tmp_path / "loose", {"requirements.txt": "-c limits.in\n", "limits.in": "idna<4\n"})

    assert found(held) == []
    assert (loose.status, [item.path for item in loose.unread]) == (Status.INCOMPLETE, ["limits.in"])


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("uv.lock", "version = 1\n"),
        ("uv.lock", ""),
        ("uv.lock", "not a lock"),
        ("uv.lock", 'version = 2\n[[package]]\nname = "idna"\nsource = { virtual = "." }\n'),
        ("uv.lock", 'version = 1\n[[package]]\nname = "idna"\n'),
        ("uv.lock", 'version = 1\n[[package]]\nname = "idna"\nsource = { ftp = "x" }\n'),
        (
            "uv.lock",
            'version = 1\n[[package]]\nname = "r\u0435quests"\nsource = { registry = "https://pypi.org/simple" }\n',
        ),
        ("uv.lock", 'version = 1\npackage = "idna"\n'),
        ("poetry.lock", '[[package]]\nname = "idna"\nversion = "1"\n'),
        ("pylock.toml", 'lock-version = "2.0"\n[[packages]]\nname = "idna"\n'),
        ("requirements.txt", "--index https://p.example\n"),
        ("requirements.txt", "-r ../other.txt\n"),
        ("requirements.txt", "-r https://p.example/requirements.txt\n"),
        ("requirements.txt", "idna==3.10 --config-settings a=b\n"),
        ("requirements.txt", "idna=3\n"),
        ("requirements.txt", "-i\n"),
        # pip takes every option of a line, and the encoding that a file says it has
        ("requirements.txt", "--pre --extra-index-url https://p.example/simple\nidna==3.10\n"),
        ("requirements.txt", "--no-index --find-links https://p.example/wheels\nidna==3.10\n"),
        ("requirements.txt", "# coding: utf-7\n# +AAo---extra-index-url https://p.example/simple\nidna==3.10\n"),
    ],
)
def test_a_lock_that_cannot_be_parsed_is_unread_and_not_clean(tmp_path: Path, path: str, text: str) -> None:
    report = scanned(tmp_path, {path: text})

    assert (report.status, report.read) == (Status.INCOMPLETE, 0)
    assert [item.path for item in report.unread] == [path]
    assert report.findings == ()


def test_a_tree_without_a_lock_is_not_one_with_a_clean_lock(tmp_path: Path) -> None:
    report = scanned(tmp_path, {})

    assert (report.status, report.given) == (Status.INCOMPLETE, 0)


def test_every_lock_of_the_tree_is_read_wherever_it_lies(tmp_path: Path) -> None:
    report = scanned(tmp_path, {**lock("idna==3.10"), "tests/old/uv.lock": uv(entry("requests", hashed=""))["uv.lock"]})

    assert (report.given, report.read, report.present) == (2, 2, 2)
    assert only(report).path == "tests/old/uv.lock"


def test_where_there_is_no_package_the_scan_is_skipped(tmp_path: Path) -> None:
    report = scanned(tmp_path, lock("idna==3.10"), ScanScope())

    assert (report.status, report.present) == (Status.SKIPPED, 1)
