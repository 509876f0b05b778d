"""Everybody who had a hand in a change is named, whatever the repository says about itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pipelines.people.builders import Town, deployed, git

from mintmark.pipelines.errors import ExitCode, PipelineError
from mintmark.pipelines.people import history
from mintmark.pipelines.people.change import change_facts
from mintmark.pipelines.people.directory import Directory
from mintmark.pipelines.people.history import History, parse_commit


def facts(place: Town, base: str, commit: str) -> dict[str, object]:
    return change_facts(
        History.open(place.repository), place.directory, base=base, commit=commit, requester="ana-login"
    )


def test_author_committer_and_requester_are_people_and_not_addresses(place: Town) -> None:
    base = place.head()
    (place.repository / "b.txt").write_text("b", encoding="utf-8")
    commit = place.commit_all(by="ben@example.com", committer="cleo+work@example.com")

    found = facts(place, base, commit)

    assert found == {
        "present": True,
        "base": base,
        "author": "ben",
        "committer": "cleo",
        "co_authors": [],
        "requester": "ana",
        "contributors": ["ben", "cleo"],
        "files": ["b.txt"],
        "committed_epoch": 1795168800,
    }


def test_everybody_of_every_commit_of_the_range_contributed(place: Town) -> None:
    base = place.commit(code="2", by="eve@example.com")
    place.commit(code="3", by="ben@example.com", message="Fix\n\nCo-authored-by: Dag <dag@example.com>")
    commit = place.commit(
        code="4", message="More\n\nSigned-off-by: Cleo <cleo@example.com>\nReviewed-by: x <eve@example.com>"
    )

    found = facts(place, base, commit)

    assert (found["author"], found["co_authors"]) == ("ana", ["dag"])
    assert found["contributors"] == ["ana", "ben", "cleo", "dag"]


def test_what_a_merge_brings_in_counts(place: Town) -> None:
    base = place.head()
    git(place.repository, "checkout", "-q", "-b", "side")
    place.commit(side="1", by="dag@example.com")
    git(place.repository, "checkout", "-q", "main")
    place.commit(main="1")
    git(place.repository, "merge", "-q", "--no-ff", "side", "-m", "Merge", author="ben@example.com")

    found = facts(place, base, place.head())

    assert found["author"] == "ben"
    assert (found["contributors"], found["files"]) == (["ana", "ben", "dag"], ["main.txt", "side.txt"])


def test_a_rename_shows_both_names_and_a_deletion_its_own(place: Town) -> None:
    base = place.commit(old="1\n2\n3\n", gone="1")
    git(place.repository, "mv", "old.txt", "new ünïcode.txt")
    git(place.repository, "rm", "-q", "gone.txt")
    commit = place.commit_all()

    assert facts(place, base, commit)["files"] == ["gone.txt", "new ünïcode.txt", "old.txt"]


def test_without_a_base_it_is_everything_since_the_beginning(place: Town) -> None:
    commit = place.commit(code="2", by="ben@example.com")

    found = facts(place, "", commit)

    assert (found["base"], found["contributors"]) == ("", ["ana", "ben"])
    assert found["files"] == ["code.txt", "people.toml"]


def test_the_commit_itself_counts_where_nothing_lies_between(place: Town) -> None:
    commit = place.head()

    assert facts(place, commit, commit)["contributors"] == ["ana"]


def test_a_mailmap_of_the_repository_makes_nobody_somebody_else(place: Town) -> None:
    """Git itself would say that Ana wrote it."""
    base = place.head()
    (place.repository / ".mailmap").write_text("Ana <ana@example.com> <eve@example.com>\n", encoding="utf-8")
    commit = place.commit_all(by="eve@example.com")
    assert git(place.repository, "log", "-1", "--format=%aE").strip() == "ana@example.com"

    assert facts(place, base, commit)["contributors"] == ["eve"]


def test_a_replaced_commit_and_a_graft_hide_nobody(place: Town) -> None:
    base = place.head()
    hidden = place.commit(code="2", by="eve@example.com")
    commit = place.commit(code="3")
    git(place.repository, "replace", "--graft", commit, base)
    (place.repository / ".git" / "info").mkdir(exist_ok=True)
    (place.repository / ".git" / "info" / "grafts").write_text(f"{commit} {base}\n", encoding="utf-8")
    assert hidden not in git(place.repository, "rev-list", f"{base}..{commit}")

    assert facts(place, base, commit)["contributors"] == ["ana", "eve"]


def test_a_variable_that_points_git_elsewhere_is_not_obeyed(
    place: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))

    assert facts(place, "", _head(place))["author"] == "ana"


def _head(place: Town) -> str:
    return (place.repository / ".git" / "refs" / "heads" / "main").read_text(encoding="utf-8").strip()


def test_a_shallow_clone_is_refused_and_a_whole_one_is_not(place: Town, tmp_path: Path) -> None:
    commit = place.commit(code="2")
    git(tmp_path, "clone", "-q", "--depth", "1", place.repository.as_uri(), "shallow")
    git(tmp_path, "clone", "-q", place.repository.as_uri(), "whole")

    with pytest.raises(PipelineError) as refused:
        History.open(tmp_path / "shallow")

    assert (refused.value.reason, refused.value.exit_code) == ("shallow", ExitCode.INCOMPLETE)
    assert "fetch-depth: 0" in refused.value.remedy
    assert len(History.open(tmp_path / "whole").between("", commit)) == 2


@pytest.mark.parametrize("base", ["1" * 40, "--output=x"])
def test_a_base_that_is_not_here_is_refused(base: str, place: Town) -> None:
    with pytest.raises(PipelineError) as refused:
        History.open(place.repository).commit_id(base)

    assert refused.value.reason == "no_commit"


def test_more_than_can_be_said_is_refused_and_not_cut_off(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = place.commit(code="2")
    monkeypatch.setattr(history, "MAX_FILES", 1)

    with pytest.raises(PipelineError) as files:
        facts(place, "", commit)
    monkeypatch.setattr(history, "MAX_COMMITS", 1)
    with pytest.raises(PipelineError) as commits:
        facts(place, "", commit)

    assert (files.value.reason, commits.value.reason) == ("change_too_large", "change_too_large")


def made(place: Town, content: bytes) -> str:
    """A commit object that no commit command would make."""
    done = subprocess.run(
        ["git", "-C", str(place.repository), "hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
        input=content,
        capture_output=True,
        check=True,
        env=os.environ,
    )
    return done.stdout.decode().strip()


def hostile(place: Town, author: bytes, message: bytes) -> str:
    tree = git(place.repository, "rev-parse", "HEAD^{tree}").strip().encode()
    who = b" 1795168800 +0000"
    return made(
        place, b"tree %s\nauthor %s\ncommitter A <ana@example.com>%s\n\n%s" % (tree, author + who, who, message)
    )


def test_a_name_with_a_line_break_or_an_address_in_it_is_nobody_else(place: Town) -> None:
    """Git takes a line feed out of a name; an object made by hand may hold a second header instead."""
    commit = hostile(place, b"Eve\nauthor B <ben@example.com> 1 +0000\nx <eve@example.com>", b"x")

    found = facts(place, "", commit)

    assert found["author"] == "unknown"
    assert {"ben", "unknown"} <= set(found["contributors"])  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("message", "co_authors"),
    [
        (b"x\n\nCO-AUTHORED-BY: Eve <eve@example.com>\n", ["eve"]),
        (b"x\n\nCo-authored-by: Eve <eve@example.com>\n\nand a last paragraph\n", ["eve"]),
        (b"x\r\nco-authored-by: Eve <eve@example.com>\r\n", ["eve"]),
        (b"x\n\nCo-authored-by: eve-login\n", ["eve"]),
        (b"x\n\nCo-authored-by: Eve <eve@example.com> and more\n", ["unknown"]),
        (b"x\n\nCo-authored-by: \x00 <eve\x00@example.com>\n", ["unknown"]),
        (b"x\n\nCo-authored-by: Eve <\xff\xfe@example.com>\n", ["unknown"]),
        (b"x\n\nCo-authored-by: " + b"e" * 100_000 + b" <eve@example.com>\n", ["unknown"]),
        (b"x\n\n" + b"Co-authored-by: E <eve@example.com>\n" * 10_000, ["eve"]),
        (b"Not a trailer: Co-authored-by: Eve <eve@example.com>\n", []),
    ],
)
def test_trailers_name_people_wherever_they_stand_and_hostile_ones_nobody(
    message: bytes, co_authors: list[str], place: Town
) -> None:
    commit = hostile(place, b"A <ana@example.com>", message)

    assert facts(place, "", commit)["co_authors"] == co_authors


def test_a_message_cannot_hold_a_header(place: Town) -> None:
    commit = hostile(place, b"A <ana@example.com>", b"author E <eve@example.com> 1 +0000\n")

    assert facts(place, "", commit)["contributors"] == ["ana"]


def test_a_commit_of_a_megabyte_is_refused(place: Town) -> None:
    commit = hostile(place, b"A <ana@example.com>", b"x" * (history.MAX_COMMIT_BYTES + 1))

    with pytest.raises(PipelineError) as refused:
        facts(place, "", commit)

    assert refused.value.reason == "change_too_large"


@given(st.binary(max_size=300))
def test_any_object_is_read_without_a_crash_and_somebody_answers_for_it(content: bytes) -> None:
    found = parse_commit("1" * 40, content)

    assert found.authors
    assert found.committers


def test_without_a_directory_everybody_is_unknown(place: Town) -> None:
    found = change_facts(
        History.open(place.repository), Directory(), base="", commit=place.head(), requester="ana-login"
    )

    assert (found["author"], found["requester"], found["contributors"]) == ("unknown", "unknown", ["unknown"])


def test_a_deployment_says_nothing_about_the_base(place: Town) -> None:
    """Only a recorded ALLOW does; see the tests of collecting."""
    from tests.pipelines.people.builders import NOW

    deployed(place, environment="production", started=NOW)

    assert place.facts(place.head(), base=None).change["base"] == ""
