"""Two people at two desks, from the command line: the page about people runs as it is written."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.pipelines.people.builders import git
from tests.pipelines.wheels import small_wheel

from mintmark.pipelines.build.manifest import describe
from mintmark.pipelines.build.release import Release, keep
from mintmark.pipelines.gate.archive import keep_input

PAGE = (Path(__file__).parents[3] / "docs" / "people.md").read_text(encoding="utf-8")
CONFIGURATION = """
[release]
package = "a"
path = "."
source_uri = "git+https://example.com/a"
[scan]
code = ["src"]
[environments.production]
driver = "local"
"""
GROUP = '[[people.groups]]\nname = "incident-commanders"\nfrom = 2020-01-01\nuntil = 2100-01-01\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """One checkout and one log, and a key for each person who sits down here."""

    folder: Path
    digest: str

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        homes = {"XDG_CONFIG_HOME": str(self.folder / "config"), "XDG_STATE_HOME": str(self.folder / "state")}
        return subprocess.run(
            [sys.executable, "-m", "mintmark.pipelines.cli.main", *words],
            cwd=self.folder,
            env=os.environ | homes | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def says(self, person: str, *words: str) -> str:
        done = self.run(*words, "--key", f"{person}.key")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuses(self, person: str, *words: str) -> tuple[int, str]:
        done = self.run(*words, "--key", f"{person}.key")
        reason = re.search(r"reason  (\w+)", done.stderr)
        assert reason is not None, (done.stdout, done.stderr)
        return done.returncode, reason[1]

    def hires(self, person: str) -> None:
        """Make a key by the command, and review what it prints into both files."""
        trust, people = self.says(person, "approve", "--init-key").split("# people.toml")
        with (self.folder / ".mintmark" / "evidence" / "trust.toml").open("a", encoding="utf-8") as file:
            file.write(trust)
        with (self.folder / "people.toml").open("a", encoding="utf-8") as file:
            entry = people.partition("\n")[2].replace("your-id", person).replace("your@", f"{person}@")
            file.write(entry.replace("your-login", f"{person}-l") + GROUP)


def release() -> Release:
    wheel = small_wheel()
    artifacts = {"a-1-py3-none-any.whl": wheel, "requirements.txt": b"", "requirements-local.txt": b""}
    manifest = describe(
        name="a",
        version="1",
        source_uri="git+https://example.com/a",
        commit="1" * 40,
        tree_digest="sha256:x",
        artifacts=artifacts,
    )
    return Release(
        wheel_name="a-1-py3-none-any.whl", wheel=wheel, requirements=b"", local_requirements=b"", manifest=manifest
    )


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    folder = tmp_path_factory.mktemp("office")
    (folder / "mintmark.toml").write_text(CONFIGURATION, encoding="utf-8")
    git(folder, "init", "-q")
    made = release()
    keep(made, folder / ".mintmark" / "releases")
    place = Office(folder=folder, digest=f"sha256:{made.digest}")
    first = place.run("approve", place.digest, "--env", "production", "--key", "ana.key")
    assert "no_person_key" in first.stderr
    place.run("store", "drain")  # makes the log and its trust policy
    for person in ("ana", "ben"):
        place.hires(person)
    return place


def test_an_approval_names_the_release_that_is_kept_here(office: Office) -> None:
    told = office.says("ben", "approve", office.digest, "--env", "production", "--comment", "Reviewed.")
    taken = office.says("ben", "reject", office.digest, "--env", "production")

    assert f"approve by ben   {office.digest}   commit 111111111111" in told
    assert "reject by ben" in taken
    shown = office.run("evidence", "search", "--kind", "approval", "-o", "json")
    assert [sorted(ref.partition(":")[0] for ref in row["refs"]) for row in json.loads(shown.stdout)] == [
        ["commit", "environment", "repository"]
    ] * 2


def test_an_approval_of_what_is_not_here_says_where_it_came_from(office: Office) -> None:
    other = "sha256:" + "e" * 64
    assert office.refuses("ben", "approve", other, "--env", "production") == (2, "no_release")
    where = ("--repository", "git+https://example.com/a", "--commit")
    assert office.refuses("ben", "approve", other, "--env", "production", *where, "main") == (2, "mutable_ref")
    assert office.refuses("ben", "approve", office.digest, "--env", "production", *where, "2" * 40) == (
        2,
        "commit_mismatch",
    )

    assert "approve by ben" in office.says("ben", "approve", other, "--env", "production", *where, "2" * 40)


def test_a_tag_a_mistyped_environment_and_a_stranger_are_refused(office: Office) -> None:
    stranger = office.run("approve", "--init-key", "--key", "stranger.key")
    assert stranger.returncode == 0

    assert office.refuses("ben", "approve", "latest", "--env", "production") == (2, "mutable_ref")
    assert office.refuses("ben", "approve", office.digest, "--env", "productoin") == (2, "unknown_environment")
    assert office.refuses("stranger", "approve", office.digest, "--env", "production") == (2, "person_unknown")


def test_a_key_is_made_once_and_read_by_its_owner_only(office: Office) -> None:
    key = office.folder / "ana.key"
    before = key.read_bytes()
    office.says("ana", "approve", "--init-key")

    assert key.read_bytes() == before
    assert key.stat().st_mode & 0o077 == 0


def test_a_waiver_is_asked_for_by_one_and_approved_by_another_on_record(office: Office) -> None:
    asked = office.says(
        *("ana", "waiver", "new", "code.dangerous_finding", "--fingerprint", "ab" * 16),
        *("--environment", "production", "--for", "5d", "--reason", "Not reachable.", "--record"),
    )
    identity = asked.partition(":")[0]
    waiting = office.run("waiver", "list")
    assert office.refuses("ana", "waiver", "approve", identity, "--record") == (2, "sod")
    office.says("ben", "waiver", "approve", identity, "--record")

    listed = json.loads(office.run("waiver", "list", "-o", "json").stdout)

    assert "waits for another person's approval" in waiting.stdout
    assert [(item["id"], item["approved_by"], item["standing"]) for item in listed if item["id"] == identity] == [
        (identity, ["ben"], "ends soon")
    ]


def test_a_waiver_that_covers_nothing_is_listed_as_such(office: Office) -> None:
    done = office.run(
        *("waiver", "new", "code.dangerous_finding", "--fingerprint", "cd" * 16, "--environment", "production"),
        *("--for", "30d", "--reason", "x", "--by", "ana"),
    )
    assert done.returncode == 0, done.stderr
    (path,) = (office.folder / "waivers").glob("*.toml")
    assert office.run("waiver", "approve", path.stem, "--by", "ben").returncode == 0
    kept = office.folder / ".mintmark" / "decisions"
    environment = {"environment": {"name": "production"}, "as_of_epoch": 1, "scans": [{"findings": []}]}
    keep_input(kept, json.dumps(environment).encode())

    listed = office.run("waiver", "list").stdout
    later = environment | {"as_of_epoch": 2, "scans": [{"findings": [{"fingerprint": "cd" * 16}]}]}
    keep_input(kept, json.dumps(later).encode())
    found = office.run("waiver", "list").stdout
    path.unlink()
    shutil.rmtree(kept)

    assert re.search(f"{path.stem} .* covers nothing that was found last", listed)
    assert re.search(f"{path.stem} .* in force", found)


@pytest.mark.parametrize(
    ("rule", "fingerprint", "reason"),
    [
        ("code.dangerous_finding", "*", "wildcard"),
        ("code.dangerous_finding?", "ab", "wildcard"),
        ("code.dangerous_findign", "ab", "unknown_rule"),
        ("provenance.matches", "ab", "not_waivable"),
    ],
)
def test_a_waiver_that_cannot_be_is_refused_and_not_written(
    rule: str, fingerprint: str, reason: str, office: Office
) -> None:
    words = ("waiver", "new", rule, "--fingerprint", fingerprint, "--environment", "production", "--for", "1d")

    assert office.refuses("ana", *words, "--reason", "x") == (2, reason)
    assert list((office.folder / "waivers").glob("*.toml")) == []


def test_a_break_glass_is_asked_for_by_one_and_approved_by_another(office: Office) -> None:
    words = ("break-glass", "request", office.digest, "--env", "production", "--reason")
    assert office.refuses("ana", *words, " ", "--for", "2h") == (2, "no_reason")
    assert office.refuses("ana", *words, "x", "--for", "5h") == (2, "too_long")
    identity = office.says("ana", *words, "Payments stand still.", "--for", "2h").partition(":")[0]

    assert office.refuses("ana", "break-glass", "approve", identity) == (2, "sod")
    assert f"{identity} approved by ben" in office.says("ben", "break-glass", "approve", identity)


def test_a_store_that_is_down_takes_no_word_and_says_so(office: Office) -> None:
    words = ("break-glass", "request", office.digest, "--env", "production", "--reason", "x", "--for", "1h")
    done = office.run(*words, "--key", "ana.key", MINTMARK_STORE_URL="postgresql://127.0.0.1:1/none")

    assert done.returncode == 5, (done.stdout, done.stderr)
    assert "store_unavailable" in done.stderr


def test_nothing_to_review_is_said_and_no_review_closes_nothing(office: Office) -> None:
    assert office.run("review", "list").stdout == "0 open\n"
    assert office.refuses("ben", "review", "close", "RV-1", "--finding", "x") == (2, "no_review")


def test_the_directory_of_the_page_is_one() -> None:
    from mintmark.pipelines.people.directory import parse_directory

    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    found = parse_directory(example.encode(), source="docs/people.md")

    assert [person.id for person in found.people] == ["ana", "ben", "release-bot"]
    assert found.resolve("12345+Ana-Lopez@users.noreply.github.com") == "ana"


def test_every_command_of_the_page_is_one() -> None:
    from mintmark.pipelines.cli.main import COMMANDS

    commands = re.findall(r"^\$ mintmark ([a-z-]+)", PAGE, re.MULTILINE)

    assert len(commands) >= 8
    assert set(commands) <= set(COMMANDS)


def test_every_reason_that_the_page_explains_is_given_somewhere() -> None:
    folder = Path(__file__).parents[3] / "pipelines/src/mintmark/pipelines"
    sources = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    reasons = re.findall(r"^\| `([a-z_]+)` \|", PAGE, re.MULTILINE)

    assert len(reasons) >= 10
    assert [reason for reason in reasons if f'"{reason}"' not in sources] == []
