"""The evidence store from the command line: PostgreSQL by a URL, bundles from elsewhere, recovery, a new epoch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine
from tests.evidence.postgres import Server

from mintmark.evidence.export import export_log
from mintmark.evidence.inbox import Submission, enqueue
from mintmark.evidence.recovery import next_origin
from mintmark.pipelines.locations import Locations
from mintmark.pipelines.sign.local_key import local_signer
from mintmark.pipelines.workshop import log_identity, open_evidence

SCAN = Path(__file__).parents[1] / "evidence" / "vectors" / "statements" / "scan-bandit.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A folder in which somebody runs `mintmark`, with a state of its own."""

    folder: Path
    store_url: str = ""

    def mintmark(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        home = {"XDG_CONFIG_HOME": str(self.folder / "config"), "XDG_STATE_HOME": str(self.folder / "state")}
        store = {"MINTMARK_STORE_URL": self.store_url} if self.store_url else {}
        return subprocess.run(
            [sys.executable, "-m", "mintmark.pipelines.cli.main", *words],
            cwd=self.folder,
            env=os.environ | home | store | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def locations(self) -> Locations:
        state = self.folder / "state" / "mintmark"
        return Locations(
            state=self.folder / ".mintmark",
            keys=self.folder / "config" / "mintmark" / "keys",
            checkpoints=state / "checkpoints",
            cache=self.folder,
        )

    def bundle(self, name: str) -> Path:
        """A scan of a real shipment, by another invocation each time."""
        document = json.loads(SCAN.read_text(encoding="utf-8"))
        document["predicate"]["invocation"] = str(uuid.uuid4())
        path = self.folder / f"{name}.json"
        path.write_bytes(local_signer(self.locations.keys).sign(json.dumps(document).encode()))
        return path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(folder=tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, desk: Desk) -> Desk:
    if request.param == "sqlite":
        return desk
    server: Server = request.getfixturevalue("postgres")
    return replace(desk, store_url=application_url(server.database()))


def application_url(url: str) -> str:
    """The same database, logged in as the application and not as superuser."""
    return url.replace("postgres@", "mintmark_app@", 1)


def test_a_bundle_from_elsewhere_is_recorded_and_verified(either: Desk) -> None:
    added = either.mintmark("evidence", "add", str(either.bundle("one")), "--ref", "decision:1")
    verified = either.mintmark("verify")

    assert (added.returncode, added.stdout) == (0, "entry 0: scan\n"), added.stderr
    assert (verified.returncode, verified.stdout.startswith("VERIFIED")) == (0, True), verified.stdout + verified.stderr


def test_a_bundle_that_does_not_hold_is_refused_and_the_refusal_recorded(either: Desk) -> None:
    (either.folder / "bad.json").write_text("{}", encoding="utf-8")
    refused = either.mintmark("evidence", "add", "bad.json")
    missing = either.mintmark("evidence", "add", "none.json")
    found = either.mintmark("evidence", "search", "--ref", "refused:malformed")

    assert (refused.returncode, "reason  malformed" in refused.stderr) == (4, True)
    assert (missing.returncode, "reason  unreadable" in missing.stderr) == (2, True)
    assert "refused-bundle" in found.stdout


def test_an_erased_payload_leaves_a_log_that_verifies(either: Desk) -> None:
    either.mintmark("evidence", "add", str(either.bundle("one")))
    erased = either.mintmark("evidence", "erase", "0", "--basis", "gdpr-17")
    shown = either.mintmark("evidence", "show", "0")
    verified = either.mintmark("verify")

    assert erased.returncode == 0, erased.stderr
    assert (shown.returncode, "reason  payload_missing" in shown.stderr) == (4, True)
    assert (verified.returncode, "1 erased" in verified.stdout) == (0, True)


def test_what_waits_in_the_inbox_is_drained(either: Desk) -> None:
    either.mintmark("store", "drain")
    url = either.store_url.replace("postgresql://", "postgresql+psycopg://") or either.locations.store_url
    with create_engine(url).begin() as connection:
        for bundle in (either.bundle("one").read_bytes(), b"{}"):
            enqueue(connection, Submission(bundle=bundle), now=datetime.now(UTC))

    assert either.mintmark("store", "drain").stdout == "1 recorded, 1 refused\n"


def test_a_new_database_is_refused_until_it_is_migrated(desk: Desk, postgres: Server) -> None:
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS fresh")
        admin.execute("CREATE DATABASE fresh")
    url = postgres.admin_url.replace("/postgres?", "/fresh?")
    there = replace(desk, store_url=application_url(url))

    before = there.mintmark("store", "drain")
    migrated = there.mintmark("store", "migrate", MINTMARK_STORE_ADMIN_URL=url)
    again = there.mintmark("store", "migrate", MINTMARK_STORE_ADMIN_URL=url)
    after = there.mintmark("evidence", "add", str(there.bundle("one")))

    assert (before.returncode, "reason  schema_revision" in before.stderr) == (5, True), before.stderr
    assert (migrated.returncode, again.returncode) == (0, 0), migrated.stderr + again.stderr
    assert after.returncode == 0, after.stderr


def test_a_store_that_is_not_there_is_said_without_its_password(desk: Desk) -> None:
    away = replace(desk, store_url="postgresql://mintmark_app:hunter2@127.0.0.1:1/none")

    refused = away.mintmark("store", "drain")

    assert (refused.returncode, "reason  store_unavailable" in refused.stderr) == (5, True)
    assert "hunter2" not in refused.stderr


def test_a_sqlite_store_needs_no_migration(desk: Desk) -> None:
    refused = desk.mintmark("store", "migrate")

    assert (refused.returncode, "reason  nothing_to_migrate" in refused.stderr) == (2, True)


def test_a_restored_store_is_recovered_from_an_export(desk: Desk) -> None:
    desk.mintmark("evidence", "add", str(desk.bundle("one")))
    file = desk.locations.evidence / "log.sqlite3"
    shutil.copyfile(file, desk.folder / "backup")
    desk.mintmark("evidence", "add", str(desk.bundle("two")))
    export_log(open_evidence(desk.locations), desk.folder / "export")
    shutil.copyfile(desk.folder / "backup", file)

    refused = desk.mintmark("store", "drain")
    recovered = desk.mintmark("store", "recover", "--from", "export")

    assert (refused.returncode, "reason  rollback" in refused.stderr) == (4, True)
    assert recovered.stdout == "1 entries recovered; the log has 2\n", recovered.stderr
    assert desk.mintmark("verify").returncode == 0


def test_an_epoch_is_closed_and_the_next_one_says_where_it_goes_on(desk: Desk) -> None:
    early = desk.mintmark("store", "close-epoch", "--reason", "restored-backup")
    desk.mintmark("evidence", "add", str(desk.bundle("one")))
    closed = desk.mintmark("store", "close-epoch", "--reason", "restored-backup")
    shown = desk.mintmark("evidence", "show", "0")

    assert (early.returncode, "reason  no_checkpoint" in early.stderr) == (3, True)
    assert closed.returncode == 0, closed.stderr
    assert '"kind": "epoch"' in shown.stdout
    assert '"size": 1' in shown.stdout
    assert desk.mintmark("verify").returncode == 0
    assert len(list(desk.locations.evidence.glob("*.closed.sqlite3"))) == 1


def test_closing_an_epoch_again_never_replaces_the_file_of_the_closed_log(desk: Desk) -> None:
    """As when it was moved aside, nothing more was done, and the log was opened meanwhile."""
    desk.mintmark("evidence", "add", str(desk.bundle("one")))
    file = desk.locations.evidence / "log.sqlite3"
    origin = (desk.locations.evidence / "origin").read_text(encoding="utf-8").strip()
    aside = file.with_name(f"log-{origin.replace('/', '_')}.closed.sqlite3")
    file.rename(aside)
    closed = aside.read_bytes()
    opened = desk.mintmark("store", "drain")

    refused = desk.mintmark("store", "close-epoch", "--reason", "restored-backup")
    file.unlink()
    again = desk.mintmark("store", "close-epoch", "--reason", "restored-backup")

    assert (opened.returncode, "reason  rollback" in opened.stderr) == (4, True)
    assert (refused.returncode, "reason  store_in_use" in refused.stderr) == (2, True)
    assert again.returncode == 0, again.stderr
    assert aside.read_bytes() == closed
    assert desk.mintmark("verify").returncode == 0


def test_what_a_killed_writer_left_goes_with_the_file_of_the_closed_log(desk: Desk) -> None:
    desk.mintmark("evidence", "add", str(desk.bundle("one")))
    journal = desk.locations.evidence / "log.sqlite3-journal"
    journal.write_bytes(b"unfinished")

    closed = desk.mintmark("store", "close-epoch", "--reason", "restored-backup")

    assert closed.returncode == 0, closed.stderr
    assert [path.read_bytes() for path in desk.locations.evidence.glob("*.closed.sqlite3-journal")] == [b"unfinished"]


def test_a_log_whose_epoch_was_closed_is_not_without_its_witnesses(desk: Desk) -> None:
    """They are away here: the epoch is in force once they have cosigned it, and is begun once."""
    desk.mintmark("evidence", "add", str(desk.bundle("one")))
    archive = next(desk.locations.checkpoints.iterdir())
    key = (archive / "log.policy").read_text(encoding="utf-8").split()[1]
    name = (desk.locations.evidence / "origin").read_text(encoding="utf-8")
    witness = desk.mintmark("witness", "new-key", "--state", "w", "--name", "w.example/1").stdout.strip()
    away = f"log {key}\nwitness W {witness} http://127.0.0.1:1\nquorum W\n"
    (archive / "log.policy").write_text(away, encoding="utf-8")
    (archive / "tsa.pem").write_text("roots", encoding="utf-8")

    refused = [desk.mintmark("store", "close-epoch", "--reason", "restored-backup") for _ in range(2)]
    new = archive.with_name(f"{archive.name}_2")
    (new / "log.policy").write_text((new / "log.policy").read_text(encoding="utf-8").replace("quorum W", "quorum none"))
    begun = desk.mintmark("store", "close-epoch", "--reason", "restored-backup")

    assert [(one.returncode, "reason  quorum_missing" in one.stderr) for one in refused] == [(5, True)] * 2
    assert (new / "tsa.pem").read_text(encoding="utf-8") == "roots"
    assert begun.returncode == 0, begun.stderr
    assert (desk.locations.evidence / "origin").read_text(encoding="utf-8") == f"{name.strip()}/2\n"
    assert desk.mintmark("evidence", "search").stdout.endswith("1 entries\n")


def test_the_name_of_a_new_log_is_never_the_number_of_an_epoch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _bytes: "79865652")

    origin = log_identity(desk.locations)[0].name

    assert next_origin(origin) == f"{origin}/2"


def test_who_reads_makes_nothing(desk: Desk) -> None:
    for words in (("evidence", "search"), ("evidence", "show", "0"), ("explain", "some-decision"), ("verify",)):
        refused = desk.mintmark(*words)

        assert (refused.returncode, "reason  no_log" in refused.stderr) == (3, True), refused.stderr
    assert list(desk.folder.iterdir()) == []
