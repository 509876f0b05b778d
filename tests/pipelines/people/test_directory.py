"""The directory knows people by whatever they are called, and takes nobody for somebody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.people.directory import UNKNOWN, Directory, parse_directory, read_directory

KEY = "a" * 64
PEOPLE = f"""
[[people]]
id = "ana"
aliases = ["Ana.Lopez@Example.com", "ana-l"]
keys = ["{KEY}"]
[[people.groups]]
name = "release-approvers"
from = 2026-01-01
until = 2026-07-01T12:00:00+02:00

[[people]]
id = "ben"
aliases = ["team+ben@example.com"]

[[people]]
id = "renovate"
bot = true
aliases = ["renovate[bot]"]
"""


def directory(text: str = PEOPLE) -> Directory:
    return parse_directory(text.encode(), source="people.toml")


@pytest.mark.parametrize(
    "name",
    [
        "ana",
        "ANA",
        "ana-l",
        "ana.lopez@example.com",
        " ANA.LOPEZ@EXAMPLE.COM ",
        "ana.lopez+work@example.com",
        "\uff41\uff4e\uff41.lopez@example.com",  # full width
        "123456+ana-l@users.noreply.github.com",
        "Ana-L@users.noreply.github.com",
    ],
)
def test_one_person_is_known_by_every_alias(name: str) -> None:
    assert directory().resolve(name) == "ana"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ana.lopez@example.org",
        "\u0430na.lopez@example.com",  # Cyrillic
        "ana.lopez@example.com\u200b",
        "ana.lopez\n@example.com",
        "ana lopez",
        "team@example.com",
        "team+cleo@example.com",
        "123+nobody@users.noreply.github.com",
        "ana-l@users.noreply.github.com.example.com",
        "unknown",
    ],
)
def test_whoever_only_looks_like_somebody_is_nobody(name: str) -> None:
    assert directory().resolve(name) == UNKNOWN


def test_a_listed_tag_is_a_person_of_its_own() -> None:
    assert directory().resolve("Team+Ben@example.com") == "ben"


def test_keys_lead_to_their_person_and_bots_are_bots() -> None:
    found = directory()

    assert (found.person_of_key(KEY), found.person_of_key("b" * 64)) == ("ana", UNKNOWN)
    assert found.resolve("49699333+renovate[bot]@users.noreply.github.com") == "renovate"
    assert [found.is_bot(name) for name in ("ana", "renovate", "nobody")] == [False, True, True]


def test_memberships_begin_and_end_at_a_second_in_utc_and_no_alias_is_told() -> None:
    told = directory().to_gate()

    assert told[0] == {
        "id": "ana",
        "bot": False,
        "groups": [{"name": "release-approvers", "from_epoch": 1767225600, "until_epoch": 1782900000}],
    }
    assert "@" not in str(told)


def test_without_a_file_nobody_is_known(tmp_path: Path) -> None:
    assert read_directory(tmp_path / "people.toml").resolve("ana") == UNKNOWN


REFUSED = {
    "an unknown key": ('[[people]]\nid = "ana"\n[[people]]\nid = "ben"\nalises = []', "people.toml:5", "'aliases'"),
    "an unknown key of a group": (
        '[[people]]\nid = "ana"\n[[people.groups]]\nname = "a"\nfrom = 2026-01-01\nuntill = 2027-01-01',
        "people.toml:6",
        "'until'",
    ),
    "an alias of two": (
        '[[people]]\nid="a"\naliases=["X@y.z"]\n[[people]]\nid="b"\naliases=["x@Y.z"]',
        "x@y.z",
        "a and b",
    ),
    "an alias that is somebody's id": ('[[people]]\nid="a"\n[[people]]\nid="b"\naliases=["A"]', "'a'", "a and b"),
    "a key of two": (f'[[people]]\nid="a"\nkeys=["{KEY}"]\n[[people]]\nid="b"\nkeys=["{KEY}"]', KEY, "a and b"),
    "an id twice": ('[[people]]\nid="a"\n[[people]]\nid="a"', "a", "twice"),
    "an address for an id": ('[[people]]\nid="ana@example.com"', "people.toml:2", "pattern"),
    "the name of nobody": ('[[people]]\nid="unknown"', "unknown", "nobody"),
    "an alias that is not seen": ('[[people]]\nid="a"\naliases=["\\u200b"]', "'\\u200b'", "not seen"),
    "a bot that is not said to be one": ('[[people]]\nid="a"\naliases=["x[bot]"]', "x[bot]", "bot = true"),
    "an end before the beginning": (
        '[[people]]\nid="a"\n[[people.groups]]\nname="g"\nfrom=2026-01-02\nuntil=2026-01-02',
        "g",
        "ends at or before",
    ),
    "a time without a zone": (
        '[[people]]\nid="a"\n[[people.groups]]\nname="g"\nfrom=2026-01-02T00:00:00\nuntil=2027-01-02',
        "people.toml:5",
        "time zone",
    ),
    "a membership without an end": (
        '[[people]]\nid="a"\n[[people.groups]]\nname="g"\nfrom=2026-01-02',
        "until",
        "required",
    ),
    "a bot by a word": ('[[people]]\nid="a"\nbot="no"', "people.toml:3", "bool"),
    "nobody at all": ("", "people", "required"),
    "no TOML": ("[[people", "TOML", ""),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_directory_that_is_not_clear_is_refused_with_the_place(what: str) -> None:
    text, *told = REFUSED[what]

    with pytest.raises(UsageError) as refused:
        directory(text)

    assert refused.value.reason == "directory"
    assert [part for part in told if part not in str(refused.value)] == []


def test_a_change_does_not_appoint_who_approves_it() -> None:
    """Ana gives her key to a new person, her address to another, and everybody a group."""
    before = directory()
    after = directory(
        f"""
[[people]]
id = "ana"
[[people.groups]]
name = "release-approvers"
from = 2026-01-01
until = 2028-01-01
[[people.groups]]
name = "pipeline-owners"
from = 2026-01-01
until = 2028-01-01
[[people]]
id = "zed"
aliases = ["ana.lopez@example.com"]
keys = ["{KEY}"]
[[people.groups]]
name = "release-approvers"
from = 2026-01-01
until = 2028-01-01
[[people]]
id = "renovate"
bot = false
"""
    )

    confined = after.confined_to(before)

    assert confined.person_of_key(KEY) == UNKNOWN
    assert confined.resolve("ana.lopez@example.com") == "ana"
    assert confined.is_bot("renovate")
    assert [(person.id, [item.group for item in person.memberships]) for person in confined.people] == [
        ("ana", ["release-approvers"]),
        ("renovate", []),
        ("zed", []),
    ]
    assert confined.people[0].memberships[0].until_epoch == 1830297600  # a renewal counts at once


def test_a_change_that_leaves_the_directory_alone_keeps_everybody() -> None:
    assert directory().confined_to(directory()) == directory()


@given(st.text(max_size=40))
def test_any_name_is_a_listed_person_or_nobody(name: str) -> None:
    assert directory().resolve(name) in {"ana", "ben", "renovate", UNKNOWN}
