"""One table for every scanner, run with the real tools: what each must say of the same situations."""

from pathlib import Path

import pytest
from tests.pipelines.scan.builders import CLEAN, POD, lock, only, rules, scan

from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import Category, Isolation, ScanReport, Severity, Status, Unread
from mintmark.pipelines.scan.sandbox import _can_unshare

_PYPI = '{ registry = "https://pypi.org/simple" }'
TOOLS = ("bandit", "checkov", "pip-audit", "semgrep")
_Reports = dict[str, ScanReport]
SECRET = "tr0ub4dor-and-3-staples"
DIRTY = {
    **CLEAN,
    **lock("urllib3==2.0.6"),
    "src/bad.py": "import subprocess\n\n\ndef run(t):\n    subprocess.call(t, shell=True)\n    return eval(t)\n",
    "src/secret.py": f'API_KEY = "{SECRET}"\npassword = "{SECRET}"\n',
    "src/quiet.py": "def run(text):\n    return eval(text)  # nosec  # nosemgrep\n",
    "src/tests/test_bad.py": "eval(input())\n",
    "src/.tox/bad.py": "eval(input())\n",
    "deploy/pod.yaml": POD.replace("{ANNOTATIONS}", "{}"),
    "deploy/quiet.yaml": POD.replace("{ANNOTATIONS}", '{checkov.io/skip1: "CKV_K8S_16=we like it"}'),
    "deploy/.hidden/pod.yaml": POD.replace("{ANNOTATIONS}", "{}"),
}
# Each of these switches the scanner off, or some of its rules, when it is found beside what is scanned.
SWITCHES = {
    ".bandit": "[bandit]\nskips: B602,B307\nexclude: src\n",
    "setup.cfg": "[bandit]\nskips: B602,B307\n",
    ".checkov.yaml": "skip-check: [CKV_K8S_16]\nframework: [bicep]\n",
    "deploy/.checkov.yml": "skip-check: [CKV_K8S_16]\n",
    ".semgrepignore": "src\n",
    "src/.semgrepignore": "*.py\n",
    ".gitattributes": "src/bad.py export-ignore\ndeploy/** export-ignore\n",
    ".gitignore": "src\n",
}
UNPARSABLE = {
    **CLEAN,
    **lock("idna==3.10"),
    # semgrep's grammar forgives much that Python's does not (`def half(:`); bandit, on the same files, forgives nothing
    "src/broken.py": f'password = "{SECRET}" +* 2\n',
    "deploy/broken.tf": 'resource "aws_s3_bucket" "b" { bucket = \n',
    "deploy/template.yaml": "apiVersion: v1\nkind: {{ .Values.kind }}\n bad: [\n",
    "deploy/compose.yaml": "services: {till: {image: till}}\n",
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, environments: ToolEnvironments, advisories: Advisories) -> _Reports:
    return scan(tmp_path_factory.mktemp("clean"), CLEAN, environments, advisories)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dirty")


@pytest.fixture(scope="module")
def dirty(folder: Path, environments: ToolEnvironments, advisories: Advisories) -> _Reports:
    return scan(folder, {**DIRTY, **SWITCHES}, environments, advisories)


@pytest.fixture(scope="module")
def unparsable(
    tmp_path_factory: pytest.TempPathFactory, environments: ToolEnvironments, advisories: Advisories
) -> _Reports:
    files = dict(UNPARSABLE)
    # the lock gains a dependency from git, of which no advisory can speak
    files["uv.lock"] = files["uv.lock"].replace('{ name = "idna" }]', '{ name = "idna" }, { name = "till" }]', 1) + (
        '\n[[package]]\nname = "till"\nversion = "1"\n'
        'source = { git = "https://example.org/till?rev=1#0000000000000000000000000000000000000000" }\n'
    )
    return scan(tmp_path_factory.mktemp("unparsable"), files, environments, advisories)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_clean_tree_is_read_whole_and_nothing_is_found(tool: str, clean: _Reports) -> None:
    report = clean[tool]

    assert report.status is Status.COMPLETE, report.reason
    assert report.unread == ()
    assert report.given == report.read == 1
    assert report.rules > 0
    assert report.findings == ()
    assert report.tool_version == report.expected_version


@pytest.mark.parametrize("tool", TOOLS)
def test_a_scanner_runs_without_network_where_the_platform_allows_it(tool: str, clean: _Reports) -> None:
    if not _can_unshare():
        pytest.skip("this platform allows no network namespace")

    assert clean[tool].isolation is Isolation.NAMESPACE


@pytest.mark.parametrize(
    ("tool", "rule", "path", "category"),
    [
        ("bandit", "B602", "src/bad.py", Category.CODE),
        ("bandit", "B307", "src/bad.py", Category.CODE),
        ("bandit", "B307", "src/tests/test_bad.py", Category.CODE),
        ("bandit", "B307", "src/.tox/bad.py", Category.CODE),
        ("bandit", "B105", "src/secret.py", Category.SECRET),
        ("semgrep", "shell-true", "src/bad.py", Category.CODE),
        ("semgrep", "eval-or-exec", "src/bad.py", Category.CODE),
        ("semgrep", "eval-or-exec", "src/tests/test_bad.py", Category.CODE),
        ("semgrep", "eval-or-exec", "src/.tox/bad.py", Category.CODE),
        ("semgrep", "hardcoded-secret", "src/secret.py", Category.SECRET),
        ("checkov", "CKV_K8S_16", "deploy/pod.yaml", Category.IAC),
        ("checkov", "CKV_K8S_16", "deploy/.hidden/pod.yaml", Category.IAC),
        ("pip-audit", "CVE-2023-45803", "uv.lock", Category.DEPENDENCY),
    ],
)
def test_what_is_bad_is_found_whatever_the_repository_configures(
    tool: str, rule: str, path: str, category: Category, dirty: _Reports
) -> None:
    found = [item for item in dirty[tool].findings if (item.rule, item.path) == (rule, path)]

    assert dirty[tool].status is Status.COMPLETE, dirty[tool].unread
    assert found
    assert {item.category for item in found} == {category}
    assert not any(item.suppressed_inline for item in found)


@pytest.mark.parametrize(
    ("tool", "rule", "path"),
    [
        ("bandit", "B307", "src/quiet.py"),
        ("semgrep", "eval-or-exec", "src/quiet.py"),
        ("checkov", "CKV_K8S_16", "deploy/quiet.yaml"),
    ],
)
def test_a_suppressed_finding_is_reported_and_marked(tool: str, rule: str, path: str, dirty: _Reports) -> None:
    (found,) = [item for item in dirty[tool].findings if (item.rule, item.path) == (rule, path)]

    assert found.suppressed_inline


def test_each_file_that_could_switch_a_scanner_off_is_itself_a_finding(dirty: _Reports) -> None:
    found = dirty["mintmark"].findings

    assert {item.path for item in found} == {
        ".bandit",
        ".checkov.yaml",
        "deploy/.checkov.yml",
        ".semgrepignore",
        "src/.semgrepignore",
    }
    assert {(item.category, item.severity, item.rule) for item in found} == {
        (Category.CONFIGURATION, Severity.HIGH, "tool-configuration")
    }


def test_a_vulnerable_pin_is_reported_with_its_place_its_fix_and_its_aliases(dirty: _Reports) -> None:
    finding = only(dirty["pip-audit"], "CVE-2023-45803")
    data = dirty["pip-audit"].data

    assert (finding.package, finding.version, finding.path) == ("urllib3", "2.0.6", "uv.lock")
    assert finding.line > 1
    assert "2.0.7" in finding.fixed_in
    assert {"CVE-2023-45803", "PYSEC-2023-212"} <= set(finding.aliases)
    assert data is not None
    assert (data.source, data.complete) == ("snapshot", False)


@pytest.mark.parametrize(
    ("tool", "path"),
    [
        ("bandit", "src/broken.py"),
        ("semgrep", "src/broken.py"),
        ("checkov", "deploy/broken.tf"),
        ("checkov", "deploy/template.yaml"),
        ("checkov", "deploy/compose.yaml"),
        ("pip-audit", "till @ git+https://example.org/till@0000000000000000000000000000000000000000"),
    ],
)
def test_what_a_scanner_cannot_read_makes_its_scan_incomplete(tool: str, path: str, unparsable: _Reports) -> None:
    report = unparsable[tool]

    assert report.status is Status.INCOMPLETE
    assert path in {item.path for item in report.unread}
    assert report.read < report.given
    assert all(item.reason for item in report.unread)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_scope_that_names_no_file_is_incomplete(
    tool: str, tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    nowhere = ScanScope(code=["elsewhere"], iac=["elsewhere"], lock_package="shop")
    report = scan(tmp_path, {"README.md": "shop\n"}, environments, advisories, nowhere)[tool]

    assert report.status is Status.INCOMPLETE
    assert report.reason.startswith("nothing_given")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_scope_without_its_subject_is_skipped_and_says_so(
    tool: str, tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    report = scan(tmp_path, CLEAN, environments, advisories, ScanScope())[tool]

    assert report.status is Status.SKIPPED
    assert report.reason


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


def test_no_secret_is_kept_in_findings_or_raw_reports(folder: Path, dirty: _Reports, unparsable: _Reports) -> None:
    kept = [path.read_bytes() for path in (folder / "reports").iterdir()]
    told = [repr(report.to_json()) for report in (*dirty.values(), *unparsable.values())]

    assert len(kept) >= len(TOOLS)
    assert not any(SECRET.encode() in content for content in kept)
    assert not any(SECRET in text for text in told)
    assert "hardcoded-secret" in rules(dirty["semgrep"], "src/secret.py")
