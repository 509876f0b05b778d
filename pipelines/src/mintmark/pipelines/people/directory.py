"""Reads `people.toml`: which aliases and keys are one person, and what that person may do from when until when."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.people.toml_places import explain

FILE_NAME = "people.toml"
UNKNOWN = "unknown"  # somebody whom the directory does not know; nobody has this id
MAX_PEOPLE = 2_000

# GitHub's addresses for those who keep theirs private: the number and the login, or in old commits the login alone
# (https://docs.github.com/en/account-and-profile/reference/email-addresses-reference).
_NOREPLY = re.compile(r"(?:[0-9]+\+)?([^@+]+)@users\.noreply\.github\.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """`from_epoch` ≤ at < `until_epoch`."""

    group: str
    from_epoch: int
    until_epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`id` is a pseudonym. `aliases` are normalised, and never leave this machine."""

    id: str
    bot: bool
    aliases: frozenset[str]
    keys: frozenset[str]
    memberships: tuple[Membership, ...]

    def to_gate(self) -> dict[str, Any]:
        """As the gate's input has it: no alias, no key."""
        groups = [
            {"name": item.group, "from_epoch": item.from_epoch, "until_epoch": item.until_epoch}
            for item in self.memberships
        ]
        return {"id": self.id, "bot": self.bot, "groups": groups}


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """People in the order of their ids; `names` and `key_owners` lead to these. An empty one knows nobody."""

    people: tuple[Person, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict, repr=False)
    key_owners: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, people: tuple[Person, ...]) -> Directory:
        """Raises `ValueError` where a name or a key is of two people."""
        return cls(
            people=tuple(sorted(people, key=lambda person: person.id)),
            names=_owners(people, "alias", lambda person: {person.id, *person.aliases}),
            key_owners=_owners(people, "key", lambda person: person.keys),
        )

    def resolve(self, name: str) -> str:
        """
        The id of whoever has this id, e-mail address or login, or `unknown`.

        Compared after NFKC and case folding. An address that is listed with its `+tag` is who it is listed for; a tag
        that nobody listed is taken off, for `ana+x@` is delivered to Ana. What holds invisible characters is nobody's.
        """
        wanted = normalised(name)
        if wanted is None:
            return UNKNOWN
        return self.names.get(wanted) or self.names.get(_untagged(wanted), UNKNOWN)

    def person_of_key(self, key: str) -> str:
        """The id of whose key this is (a hint of the trust policy), or `unknown`."""
        return self.key_owners.get(key, UNKNOWN)

    def is_bot(self, person: str) -> bool:
        """Whoever is not known to be human may be one."""
        return next((entry.bot for entry in self.people if entry.id == person), True)

    def confined_to(self, earlier: Directory) -> Directory:
        """
        Only those keys and groups of each person that the earlier directory gave them too; dates are of this one.

        A change does not appoint those who approve it: a key that it hands to somebody else speaks for nobody, an alias
        is still whose it was, and who joins a group by it counts there from the next release on. Leaving takes effect
        at once.
        """
        before = {person.id: person for person in earlier.people}
        confined = Directory.of(tuple(_confined(person, before.get(person.id)) for person in self.people))
        return replace(confined, names={**confined.names, **earlier.names})

    def to_gate(self) -> list[dict[str, Any]]:
        return [person.to_gate() for person in self.people]


def read_directory(path: Path) -> Directory:
    """The directory in a file; without one, nobody is known. Raises `UsageError` (`directory`)."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Directory()
    return parse_directory(content, source=str(path))


def parse_directory(content: bytes, *, source: str) -> Directory:
    """
    Read it strictly. `source` is what the message calls it.

    Raises `UsageError` (`directory`) with line and nearest name for an unknown key, for a name or key of two people,
    for a membership that ends before it begins, and for an account that calls itself a bot and is not listed as one.
    """
    try:
        text = content.decode("utf-8")
        document = _Document.model_validate(tomllib.loads(text))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as cause:
        raise _malformed(f"{source}: not TOML in UTF-8: {cause}") from cause
    except ValidationError as cause:
        raise _malformed(explain(source, text, cause, _MODELS)) from cause
    try:
        return Directory.of(tuple(_person(entry) for entry in document.people))
    except ValueError as cause:
        raise _malformed(f"{source}: {cause}") from cause


def normalised(name: str) -> str | None:
    """The one form of an id, address or login; `None` for what has characters that are not seen, or none at all."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()
    if not text or any(unicodedata.category(character)[0] in "CZ" for character in text):
        return None
    hidden = _NOREPLY.fullmatch(text)
    return hidden[1] if hidden else text


def _untagged(name: str) -> str:
    local, at, domain = name.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" if at else name


def _moment(value: object) -> datetime:
    if type(value) is date:
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    raise ValueError("a date such as 2026-01-31, or a time with its time zone")


_Moment = Annotated[datetime, BeforeValidator(_moment)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=64)]
    begins: Annotated[_Moment, Field(alias="from")]
    until: _Moment


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
    bot: StrictBool = False
    aliases: Annotated[list[Annotated[str, Field(max_length=320)]], Field(max_length=100)] = []
    keys: Annotated[list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]], Field(max_length=20)] = []
    groups: Annotated[list[_Group], Field(max_length=100)] = []


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    people: Annotated[list[_Entry], Field(min_length=1, max_length=MAX_PEOPLE)]


_MODELS = {(): list(_Document.model_fields), ("people",): list(_Entry.model_fields)} | {
    ("people", "groups"): ["name", "from", "until"]
}


def _person(entry: _Entry) -> Person:
    if entry.id == UNKNOWN:
        raise ValueError(f"nobody can be called {UNKNOWN!r}: that is whoever is not listed")
    aliases = {alias: normalised(alias) for alias in entry.aliases}
    for alias, text in aliases.items():
        if text is None:
            raise ValueError(f"{entry.id}: alias {alias!r} is empty or has characters that are not seen")
        if text.endswith("[bot]") and not entry.bot:
            raise ValueError(f"{entry.id}: {alias!r} is the account of a program; say `bot = true`")
    return Person(
        id=entry.id,
        bot=entry.bot,
        aliases=frozenset(text for text in aliases.values() if text),
        keys=frozenset(entry.keys),
        memberships=tuple(_membership(entry.id, group) for group in entry.groups),
    )


def _membership(person: str, group: _Group) -> Membership:
    begins, until = int(group.begins.timestamp()), int(group.until.timestamp())
    if not 0 <= begins < until:
        raise ValueError(f"{person}: the membership of {group.name} ends at or before its beginning")
    return Membership(group=group.name, from_epoch=begins, until_epoch=until)


def _owners(people: tuple[Person, ...], what: str, names: Any) -> dict[str, str]:
    owners: dict[str, set[str]] = defaultdict(set)
    ids = [person.id for person in people]
    for twice in _twice(ids):
        raise ValueError(f"{twice} is listed twice")
    for person in people:
        for name in names(person):
            owners[name].add(person.id)
    for name, found in sorted(owners.items()):
        if len(found) > 1:
            raise ValueError(f"{what} {name!r} is of {' and '.join(sorted(found))}: it must be one person's")
    return {name: min(found) for name, found in owners.items()}


def _twice(names: list[str]) -> Iterator[str]:
    return (name for name in sorted(set(names)) if names.count(name) > 1)


def _confined(person: Person, before: Person | None) -> Person:
    groups = {item.group for item in before.memberships} if before else set()
    return replace(
        person,
        bot=person.bot or (before is not None and before.bot),
        keys=person.keys & (before.keys if before else frozenset()),
        memberships=tuple(item for item in person.memberships if item.group in groups),
    )


def _malformed(why: str) -> UsageError:
    return UsageError(why, reason="directory", remedy=f"correct {FILE_NAME}, and have the correction reviewed")
