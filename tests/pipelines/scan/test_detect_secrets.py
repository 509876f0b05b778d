"""detect-secrets reads every file as text, tells places and no secrets, and obeys nothing that a file says."""

from pathlib import Path

import pytest
from tests.pipelines.scan.builders import scan

from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.detect_secrets import DetectSecretsScanner
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import Category, ScanReport, Status

SECRET = "tr0ub4dor-and-3-staples"
KEY = "AKIA" + "2E0A8F3B244C9986"
# (name of the file, its text, the lines on which a secret must be found)
CASES: list[tuple[str, str, list[int]]] = [
    ("assigned.py", f'x = 1\npassword = "{SECRET}"\n', [2]),
    ("twice.py", f'password = "{SECRET}"\nx = 1\nsecret = "{SECRET}"\n', [1, 3]),
    ("called.py", 'password = read("PASSWORD")\n', []),
    ("hidden_in_a_call.py", f'clients = make(["{KEY}"])\n', [1]),
    ("beside_a_call.py", f'connect(password="{SECRET}", timeout=seconds(3))\n', [1]),
    ("before_a_call.js", f'let password = "{SECRET}"; let y = f();\n', [1]),
    ("beside_an_id.py", f'connect(user_id=5, password="{SECRET}")\n', [1]),
    ("an_id.py", f'secret_id = "{SECRET}"\n', []),
    ("an_element.ini", 'password = request.headers["apikey"]\n', []),
    ("a_field.md", "client_secret: str = Field(min_length=10)\n", []),
    (".env", f'A=1\nDB_PASSWORD={SECRET}\nB_SECRET="{SECRET}"\n', [2, 3]),
    ("settings.yaml", f"password: {SECRET}\n", [1]),
    ("comment.yaml", "a: b\n# the password: ask Ana for it\n", []),
    ("key_in_a_comment.yaml", f"a: 1\n# {KEY}\n", [2]),
    ("named.yaml", "  secretName: till-database\n", []),
    ("not_only_named.yaml", f"  secretName: till  # password: '{SECRET}'\n", [1]),
    ("settings.toml", f'[till]\npassword = "{SECRET}"\n', [2]),
    ("page.md", "https://ana:hunter22@example.org/ and https://ana:$PASSWORD@example.org/\n", [1]),
    ("template.md", "https://ana:${PASSWORD}@example.org/\n", []),
    ("package-lock.json", f'{{"password": "{SECRET}"}}\n', [1]),
    ("swagger.js", f'const password = "{SECRET}";\n', [1]),
    ("style.css", f"/* {KEY} */\n", [1]),
    ("long.js", "a" * 9_990 + f' "{KEY}" ' + "b" * 40_000, [1]),
    ("dos.txt", f'x\r\npassword = "{SECRET}"\r\n', [2]),
    ("digest.py", f'EXPECTED = "{"9f86d081884c7d65" * 4}"\n', []),
]


def told(folder: Path, files: dict[str, str], environments: ToolEnvironments, advisories: Advisories) -> ScanReport:
    reports = scan(folder, files, environments, advisories, ScanScope(code=["src"]), [DetectSecretsScanner()])
    return reports["detect-secrets"]


@pytest.fixture(scope="module")
def report(
    tmp_path_factory: pytest.TempPathFactory, environments: ToolEnvironments, advisories: Advisories
) -> ScanReport:
    files = {f"src/{name}": text for name, text, _ in CASES}
    return told(tmp_path_factory.mktemp("secrets"), files, environments, advisories)


@pytest.mark.parametrize(("name", "text", "lines"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_secret_is_found_where_it_stands_and_nowhere_else(
    name: str, text: str, lines: list[int], report: ScanReport
) -> None:
    found = [item for item in report.findings if item.path == f"src/{name}"]

    assert report.status is Status.COMPLETE, report.unread
    assert sorted({item.line for item in found}) == lines
    assert {item.category for item in found} <= {Category.SECRET}


def test_text_of_another_encoding_is_read_all_the_same(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    (tmp_path / "checkout/src").mkdir(parents=True)
    (tmp_path / "checkout/src/wide.txt").write_bytes(f'password = "{SECRET}"\n'.encode("utf-16"))
    (tmp_path / "checkout/src/old.txt").write_bytes(b'# gr\xfc\xdfe\npassword = "%s"\n' % SECRET.encode())
    (tmp_path / "checkout/src/till.png").write_bytes(bytes(range(256)) * 40)
    report = told(tmp_path, {"src/a.py": ""}, environments, advisories)

    assert report.status is Status.COMPLETE, report.unread
    assert report.given == report.read == 4
    assert {(item.path, item.line) for item in report.findings} == {("src/wide.txt", 1), ("src/old.txt", 2)}


def test_a_fingerprint_tells_nothing_of_the_secret(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    """See docs/decisions/0011-fingerprints-of-secrets.md."""
    marks = []
    for number, secret in enumerate((SECRET, "correct-horse-battery-9")):
        files = {"src/a.py": f'password = "{secret}"\n', "src/.env": f"DB_PASSWORD={secret}\n"}
        report = told(tmp_path / str(number), files, environments, advisories)
        marks.append({item.fingerprint for item in report.findings})

    assert len(marks[0]) == 2
    assert marks[0] == marks[1]


def test_two_secrets_of_other_names_have_other_fingerprints(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    """Or a waiver for the first would cover a second one that came above it."""
    one = told(tmp_path / "one", {"src/.env": f"DB_PASSWORD={SECRET}\n"}, environments, advisories)
    two = f"API_SECRET={SECRET}\nDB_PASSWORD={SECRET}\n"
    both = told(tmp_path / "two", {"src/.env": two}, environments, advisories)

    assert {item.line for item in both.findings} == {1, 2}
    assert {item.fingerprint for item in one.findings} == {item.fingerprint for item in both.findings if item.line == 2}
