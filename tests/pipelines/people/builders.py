"""A real repository, people with keys of their own, and a real log with the pack's schemas."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.evidence.stores import administrator

from mintmark.evidence.leaf import timestamp
from mintmark.evidence.log import EvidenceLog
from mintmark.evidence.note import NoteSigner
from mintmark.evidence.statement import KINDS
from mintmark.evidence.trust import TrustPolicy
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.people.approvals import record_approval
from mintmark.pipelines.people.collect import PeopleFacts, collect_people_facts
from mintmark.pipelines.people.directory import Directory, parse_directory
from mintmark.pipelines.people.words import Listener
from mintmark.pipelines.sign.local_key import LocalSigner, make_key
from mintmark.pipelines.workshop import predicate_schemas

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
WHEEL = {"name": "florin-1-py3-none-any.whl", "digest": {"sha256": "ab" * 32}}
OTHER_WHEEL = {"name": "florin-2-py3-none-any.whl", "digest": {"sha256": "cd" * 32}}
REPOSITORY = "git+https://example.com/florin"
PERSONAL = ("approval", "waiver", "break-glass", "review-item")

# Ana writes the code; Ben and Cleo approve; Cleo and Dag command in emergencies; Eve left the group.
GROUPS: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "ana": [("developers", "2026-01-01", "2027-01-01")],
    "ben": [("release-approvers", "2026-01-01", "2027-01-01")],
    "cleo": [("release-approvers", "2026-01-01", "2027-01-01"), ("incident-commanders", "2026-01-01", "2027-01-01")],
    "dag": [("incident-commanders", "2026-01-01", "2027-01-01")],
    "eve": [("release-approvers", "2026-01-01", "2026-11-24")],
    "robot": [],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """`people` have keys that the trust policy knows; `machine` is the pipeline's."""

    folder: Path
    keys: dict[str, LocalSigner]
    log: EvidenceLog
    pack: PolicyPack = field(default_factory=PolicyPack.locate)

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def store_url(self) -> str:
        return f"sqlite:///{self.folder / 'evidence' / 'log.sqlite3'}"

    @property
    def machine(self) -> LocalSigner:
        return self.keys["machine"]

    @property
    def directory(self) -> Directory:
        return parse_directory(self.people_toml().encode(), source="people.toml")

    @property
    def listener(self) -> Listener:
        return Listener(log=self.log, directory=self.directory, pack=self.pack)

    def people_toml(self, groups: Mapping[str, Sequence[tuple[str, str, str]]] = GROUPS) -> str:
        return "\n".join(self._entry(person, groups[person]) for person in groups)

    def _entry(self, person: str, groups: Sequence[tuple[str, str, str]]) -> str:
        lines = [
            "[[people]]",
            f'id = "{person}"',
            f"bot = {str(person == 'robot').lower()}",
            f'aliases = ["{person}@example.com", "{person}-login"]',
            f'keys = ["{self.keys[person].identity}"]',
        ]
        for name, begins, until in groups:
            lines += ["[[people.groups]]", f'name = "{name}"', f"from = {begins}", f"until = {until}"]
        return "\n".join(lines) + "\n"

    def commit(self, *, by: str = "ana@example.com", message: str = "Change", **files: str) -> str:
        """Commit files (`a__b` is the path a/b.txt) as somebody, and return the commit's id."""
        for name, text in files.items():
            path = self.repository / (name.replace("__", "/") + ".txt")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return self.commit_all(by=by, message=message)

    def commit_all(self, *, by: str = "ana@example.com", committer: str = "", message: str = "Change") -> str:
        git(self.repository, "add", "-A")
        git(self.repository, "commit", "-q", "--allow-empty", "-m", message, author=by, committer=committer or by)
        return self.head()

    def head(self) -> str:
        return git(self.repository, "rev-parse", "HEAD").strip()

    def approve(self, person: str, commit: str, *, signer: LocalSigner | None = None, **changes: Any) -> int:
        """Record a word of somebody on the wheel, and return its entry."""
        said: dict[str, Any] = {
            "subject": WHEEL,
            "verdict": "approve",
            "environment": "production",
            "repository": REPOSITORY,
            "comment": "",
            "now": NOW - HOUR,
        } | changes
        said.setdefault("expires", said["now"] + WEEK)
        recorded = record_approval(self.log, signer or self.keys[person], person=person, commit=commit, **said)
        return recorded.index

    def tamper(self) -> None:
        """Change every payload in the store, as whoever owns the file can."""
        with closing(administrator(self.store_url)) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("UPDATE payload SET content = CAST(content || ' ' AS BLOB)")

    def facts(self, commit: str, **changes: Any) -> PeopleFacts:
        asked: dict[str, Any] = {
            "subject_sha256": "ab" * 32,
            "commit": commit,
            "base": "",
            "environment": "production",
            "repository": REPOSITORY,
            "requester": "ana-login",
            "as_of": NOW,
            "pack": self.pack,
        } | changes
        return collect_people_facts(self.repository, self.log, **asked)


def town(folder: Path, *, kinds: Sequence[str] = PERSONAL, keys: dict[str, LocalSigner] | None = None) -> Town:
    """A repository with one commit by Ana, in which the directory lies. The stranger's key is trusted by nobody."""
    folder.mkdir(exist_ok=True)
    keys = keys or {name: make_key(folder / "keys" / f"{name}.key") for name in (*GROUPS, "machine", "stranger")}
    trust = folder / "trust.toml"
    entries = [_trusted(keys[name], kinds) for name in GROUPS] + [_trusted(keys["machine"], tuple(KINDS))]
    trust.write_text("version = 1\n" + "".join(entries), encoding="utf-8")
    log = EvidenceLog.open(
        f"sqlite:///{folder / 'evidence' / 'log.sqlite3'}",
        archive=folder / "archive",
        signer=NoteSigner.generate("log.example/1"),
        trust=TrustPolicy.load(trust),
        clerk=keys["machine"],
        schemas=predicate_schemas(PolicyPack.locate()),
    )
    made = Town(folder=folder, keys=keys, log=log)
    made.repository.mkdir()
    git(made.repository, "init", "-q", "-b", "main")
    (made.repository / "people.toml").write_text(made.people_toml(), encoding="utf-8")
    made.commit(code="1")
    return made


def deployed(place: Town, *, environment: str, started: datetime, decision: str = "d-1", subject: Any = WHEEL) -> None:
    """Record that an artefact was started."""
    from mintmark.pipelines.sign import statements

    digest = subject["digest"]["sha256"]
    predicate = {
        "deployment_id": f"dep-{decision}",
        "environment": environment,
        "digest": f"sha256:{digest}",
        "manifest_digest": "sha256:" + "1" * 64,
        "decision_id": decision,
        "decision_entry": 0,
        "replaces": None,
        "started_at": timestamp(started),
        "driver": "local",
        "origin": "local",
    }
    bundle = place.machine.sign(statements.statement([subject], statements.DEPLOYMENT, predicate))
    place.log.record(bundle, now=NOW, refs=(f"environment:{environment}",))


def git(repository: Path, *words: str, author: str = "ana@example.com", committer: str = "") -> str:
    """Run git as somebody, with dates of the story and no configuration but the repository's."""
    who = {"AUTHOR": author, "COMMITTER": committer or author}
    environment = {f"GIT_{role}_{what}": value for role, address in who.items() for what, value in _as(address).items()}
    done = subprocess.run(
        ["git", "-C", str(repository), *words],
        env=os.environ | environment | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _as(address: str) -> dict[str, str]:
    return {"NAME": "Somebody", "EMAIL": address, "DATE": "2026-11-20T10:00:00Z"}


def _trusted(key: LocalSigner, kinds: Sequence[str]) -> str:
    listed = ", ".join(f'"{kind}"' for kind in kinds)
    return (
        f'[[keys]]\nid = "{key.identity}"\norigin = "local"\nkinds = [{listed}]\n'
        f'public_key = """\n{key.public_pem().decode()}"""\n'
    )
