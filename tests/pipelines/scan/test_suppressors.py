"""Who silenced a finding is a fact from git, which the repository under test cannot choose."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.pipelines.scan.builders import clock

from mintmark.pipelines.scan.blame import UNKNOWN, name_suppressors
from mintmark.pipelines.scan.model import (
    Category,
    Confidence,
    Finding,
    Fingerprint,
    Isolation,
    ScanReport,
    Severity,
    Sha256Hex,
    Status,
)

FINDING = Finding(
    tool="bandit",
    rule="B307",
    title="eval",
    category=Category.CODE,
    severity=Severity.MEDIUM,
    severity_origin="mintmark-table/1",
    confidence=Confidence.HIGH,
    fingerprint=Fingerprint("0" * 32),
    message="eval",
    path="a.py",
    line=2,
    end_line=2,
    suppressed_inline=True,
)
NOTHING = Sha256Hex("0" * 64)
PEOPLE = {"ana@example.org": "ana", "ben@example.org": "ben"}


def report(*findings: Finding) -> ScanReport:
    now = int(clock().timestamp())
    return ScanReport(
        tool="bandit",
        tool_version="1",
        expected_version="1",
        status=Status.COMPLETE,
        reason="",
        rules=1,
        rules_digest=NOTHING,
        given=1,
        read=1,
        present=1,
        unread=(),
        started_at=now,
        finished_at=now,
        tree_digest=NOTHING,
        report_digest=NOTHING,
        data=None,
        findings=findings,
        isolation=Isolation.NONE,
    )


Commit = Callable[[dict[str, str], str], str]


@pytest.fixture
def commit(tmp_path: Path) -> Commit:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)

    def make(files: dict[str, str], email: str) -> str:
        for path, text in files.items():
            (tmp_path / path).write_text(text, encoding="utf-8")
        who = {f"GIT_{role}_{part}": email for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        for words in (["add", "-A"], ["commit", "-q", "-m", "Change"]):
            subprocess.run(["git", "-C", str(tmp_path), *words], check=True, env={**os.environ, **who})
        done = subprocess.run(
            ["git", "-C", str(tmp_path), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    return make


def named(tmp_path: Path, commit: str, finding: Finding = FINDING) -> Finding:
    (told,) = name_suppressors([report(finding)], tmp_path, commit, lambda email: PEOPLE.get(email, "unknown"))
    return told.findings[0]


def test_the_author_of_the_comment_is_named_and_not_that_of_the_code(tmp_path: Path, commit: Commit) -> None:
    commit({"a.py": "def run(text):\n    return eval(text)\n"}, "ana@example.org")
    silenced = commit({"a.py": "def run(text):\n    return eval(text)  # nosec\n"}, "ben@example.org")
    later = commit({"a.py": "import os\ndef run(text):\n    return eval(text)  # nosec\n"}, "ana@example.org")

    found = named(tmp_path, later, replace(FINDING, line=3, end_line=3)).suppressed_by

    assert found is not None
    assert (found.author, found.commit) == ("ben", silenced)
    assert found.at_epoch > 0


def test_of_many_flagged_lines_the_one_with_the_comment_counts(tmp_path: Path, commit: Commit) -> None:
    marked = "call(  # nosec\n    1,\n    2,\n)\n"
    silenced = commit({"a.py": marked}, "ben@example.org")
    later = commit({"a.py": marked.replace("2", "3")}, "ana@example.org")

    found = named(tmp_path, later, replace(FINDING, line=1, end_line=4)).suppressed_by

    assert found is not None
    assert (found.author, found.commit) == ("ben", silenced)


def test_what_the_repository_says_about_its_authors_is_not_believed(tmp_path: Path, commit: Commit) -> None:
    """.mailmap would name another author, and a list of ignored revisions another commit."""
    silenced = commit({"a.py": "x\ny  # nosec\n"}, "ana@example.org")
    last = commit(
        {".mailmap": "Ben <ben@example.org> <ana@example.org>\n", ".git-blame-ignore-revs": f"{silenced}\n"},
        "ana@example.org",
    )
    subprocess.run(["git", "-C", str(tmp_path), "config", "blame.ignoreRevsFile", ".git-blame-ignore-revs"], check=True)

    found = named(tmp_path, last).suppressed_by

    assert found is not None
    assert (found.author, found.commit) == ("ana", silenced)


def test_a_name_that_nobody_knows_is_unknown_and_the_address_goes_nowhere(tmp_path: Path, commit: Commit) -> None:
    last = commit({"a.py": "x\ny  # nosec\n"}, "mallory@example.org")

    found = named(tmp_path, last)

    assert found.suppressed_by is not None
    assert found.suppressed_by.author == "unknown"
    assert "mallory" not in repr(found.to_json())


def test_what_git_cannot_tell_is_unknown(tmp_path: Path, commit: Commit) -> None:
    last = commit({"a.py": "x\ny  # nosec\n"}, "ana@example.org")

    assert named(tmp_path, last, replace(FINDING, path="elsewhere.py")).suppressed_by == UNKNOWN
    assert named(tmp_path, last, replace(FINDING, line=90, end_line=90)).suppressed_by == UNKNOWN
    assert named(tmp_path, "f" * 40).suppressed_by == UNKNOWN


def test_a_finding_that_nobody_silenced_has_nobody_to_name(tmp_path: Path, commit: Commit) -> None:
    last = commit({"a.py": "x\ny\n"}, "ana@example.org")

    assert named(tmp_path, last, replace(FINDING, suppressed_inline=False)).suppressed_by is None


FAR = "FROM debian:12\nUSER 1000\nRUN sudo true\n"
DL3004 = replace(FINDING, tool="hadolint", rule="DL3004", path="Dockerfile", line=3, end_line=3)


def test_a_comment_at_the_head_of_the_file_is_not_blamed_on_whoever_wrote_the_flagged_line(
    tmp_path: Path, commit: Commit
) -> None:
    commit({"Dockerfile": FAR.replace("RUN", "# hadolint ignore=DL3008\nRUN")}, "ana@example.org")
    text = "# hadolint global ignore=DL3004\n" + FAR.replace("RUN", "# hadolint ignore=DL3008\nRUN")
    silenced = commit({"Dockerfile": text}, "ben@example.org")

    found = named(tmp_path, silenced, replace(DL3004, line=5, end_line=5)).suppressed_by

    assert found is not None
    assert (found.author, found.commit) == ("ben", silenced)


def test_where_no_comment_is_found_nobody_is_named(tmp_path: Path, commit: Commit) -> None:
    """checkov obeys a comment in the file that calls a module, for all that is in the module."""
    last = commit({"Dockerfile": FAR, "a.py": "x\ny\n"}, "ana@example.org")

    assert named(tmp_path, last, DL3004).suppressed_by == UNKNOWN
    assert named(tmp_path, last).suppressed_by == UNKNOWN


def test_the_comment_of_another_tool_is_not_to_blame(tmp_path: Path, commit: Commit) -> None:
    silenced = commit({"a.py": "x\ny  # nosec\n"}, "ben@example.org")
    later = commit({"a.py": "# nosemgrep\ny  # nosec\n"}, "ana@example.org")

    found = named(tmp_path, later).suppressed_by

    assert found is not None
    assert (found.author, found.commit) == ("ben", silenced)
