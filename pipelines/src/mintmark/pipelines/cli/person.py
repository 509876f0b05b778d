"""Whoever sits at this desk: the key that they sign with, who that is, and the log that they write to."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mintmark.evidence.log import EvidenceLog
from mintmark.pipelines.build.release import MANIFEST, load
from mintmark.pipelines.configuration import FILE_NAME as CONFIGURATION_FILE
from mintmark.pipelines.configuration import load_project
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.locations import Locations, locate
from mintmark.pipelines.people.directory import FILE_NAME, UNKNOWN, Directory, read_directory
from mintmark.pipelines.people.words import Listener
from mintmark.pipelines.sign.local_key import PERSON_KEY, LocalSigner, make_key, person_signer
from mintmark.pipelines.sign.statements import subject_of
from mintmark.pipelines.workshop import open_evidence, pack_in_force

KINDS = ("approval", "break-glass", "review-item", "waiver")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A known person with a key, and what they need to sign and record something."""

    person: str
    signer: LocalSigner
    log: EvidenceLog
    directory: Directory
    pack: PolicyPack
    locations: Locations

    @property
    def listener(self) -> Listener:
        return Listener(log=self.log, directory=self.directory, pack=self.pack)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The artefact that something is said about, and where it came from."""

    subject: dict[str, Any]
    commit: str
    repository: str


def add_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", type=Path, metavar="FILE", help="your own key (default: ~/.config/mintmark/keys)")


def open_desk(key: Path | None) -> Desk:
    """
    Find out who signs: the person to whom `people.toml` gives the key. Nobody says by a word who they are.

    Raises `UsageError`: `no_person_key`; `person_unknown` for a key that is nobody's, or of no human.
    """
    locations = locate(Path.cwd())
    signer = person_signer(key or locations.keys / PERSON_KEY)
    directory = read_directory(Path.cwd() / FILE_NAME)
    person = directory.person_of_key(signer.identity)
    if person == UNKNOWN or directory.is_bot(person):
        raise UsageError(
            f"key {signer.identity[:12]} is of no human in {FILE_NAME}",
            reason="person_unknown",
            remedy="have the lines that `mintmark approve --init-key` prints reviewed and merged",
        )
    return Desk(
        person=person,
        signer=signer,
        log=open_evidence(locations),
        directory=directory,
        pack=pack_in_force(Path.cwd()),
        locations=locations,
    )


def introduce(key: Path | None) -> str:
    """Make the key of the person at this desk unless there is one, and say what others have to review."""
    path = key or locate(Path.cwd()).keys / PERSON_KEY
    signer = make_key(path)
    return (
        f"# {path}: yours alone. Have both reviewed by whoever answers for the files.\n\n"
        "# trust.toml: what this key may write\n[[keys]]\n"
        f'id = "{signer.identity}"\norigin = "{signer.origin}"\nkinds = {json.dumps(list(KINDS))}\n'
        f'public_key = """\n{signer.public_pem().decode()}"""\n\n'
        f"# {FILE_NAME}: whose it is; the id is a pseudonym, and the dates are the group's\n[[people]]\n"
        f'id = "your-id"\naliases = ["your@address", "your-login"]\nkeys = ["{signer.identity}"]\n'
    )


def repository_of(given: str | None) -> str:
    """The address of the repository: as given, or of the configuration of this checkout."""
    if given:
        return given
    if not (Path.cwd() / CONFIGURATION_FILE).exists():
        raise UsageError(
            "which repository is this about?",
            reason="no_repository",
            remedy=f"run beside its {CONFIGURATION_FILE}, or give --repository",
        )
    return load_project(Path.cwd()).configuration.release.source_uri


def check_environment(name: str) -> str:
    """A configured environment, where there is a configuration; a mistyped one would never count."""
    if (Path.cwd() / CONFIGURATION_FILE).exists():
        load_project(Path.cwd()).environment(name)
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,63}", name):
        raise UsageError(
            f"{name!r} is no name of an environment", reason="unknown_environment", remedy="use one of mintmark.toml"
        )
    return name


def find_target(locations: Locations, digest: str, *, commit: str | None, repository: str | None) -> Target:
    """
    The release that is kept here under this digest, verified; or else what the caller says where it came from.

    Raises `UsageError`: `no_release` without either; `commit_mismatch` where the release says otherwise, or says two.
    """
    manifests = sorted((locations.releases / digest).glob(f"*.{MANIFEST}"))
    releases = [load(locations.releases, digest, path.name.removesuffix(f".{MANIFEST}")) for path in manifests]
    sources = {(release.source["commit"], release.source["uri"]) for release in releases}
    if not releases:
        if commit is None or repository is None:
            raise UsageError(
                f"no release sha256:{digest} is kept below {locations.releases}",
                reason="no_release",
                remedy="run where it was shipped, or give both --commit and --repository",
            )
        sources = {(_full(commit), repository)}
    wanted = [source for source in sources if commit in {None, source[0]} and repository in {None, source[1]}]
    if len(wanted) != 1:
        raise UsageError(
            f"sha256:{digest} was built from {' and '.join(sorted(source[0] for source in sources))}",
            reason="commit_mismatch",
            remedy="give the one that you looked at with --commit, in full",
        )
    subject = subject_of(releases[0]) if releases else named_subject(digest)
    return Target(subject=subject, commit=wanted[0][0], repository=wanted[0][1])


def named_subject(digest: str) -> dict[str, Any]:
    """An artefact whose file is not here."""
    return {"name": f"release/{digest[:12]}", "digest": {"sha256": digest}}


def duration(shortest: timedelta, longest: timedelta) -> Any:
    """A parser of `30m`, `2h` or `7d` within bounds, for argparse."""

    def parse(text: str) -> timedelta:
        match = re.fullmatch(r"([1-9][0-9]{0,3})([mhd])", text)
        span = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
        if not shortest <= span <= longest:
            raise argparse.ArgumentTypeError(f"{text!r}: such as 30m, 2h or 7d, from {shortest} to {longest}")
        return span

    return parse


def now() -> datetime:
    return datetime.now(UTC)


def _full(commit: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise UsageError(
            f"{commit!r} is not the full name of a commit",
            reason="mutable_ref",
            remedy="give all 40 hexadecimal digits; branches and tags can be moved",
        )
    return commit
