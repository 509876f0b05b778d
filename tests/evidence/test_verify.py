"""Verification says what was changed and where, in every table and column that there is."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.builders import NOW, Bench, bench

from mintmark.evidence.verify import Answer


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    place = bench(tmp_path_factory.mktemp("log"))
    place.fill(300)
    return place


def copied(place: Bench, folder: Path) -> Bench:
    shutil.copytree(place.home, folder / "evidence")
    shutil.copytree(place.archive, folder / "archive")
    return Bench(
        home=folder / "evidence", archive=folder / "archive", key=place.key, trust=place.trust, signer=place.signer
    )


def columns(place: Bench) -> list[tuple[str, str]]:
    with sqlite3.connect(place.home / "log.sqlite3") as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [
            (table, row[1]) for table in sorted(tables) for row in connection.execute(f"PRAGMA table_info({table})")
        ]


def tamper(place: Bench, table: str, column: str) -> None:
    """Change one value as somebody would who owns the file: guards away, edit, guards back as they were."""
    connection = sqlite3.connect(place.home / "log.sqlite3")
    guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in guards:
        connection.execute(f"DROP TRIGGER {name}")
    rowid, value = connection.execute(f"SELECT rowid, {column} FROM {table} ORDER BY rowid LIMIT 1").fetchone()
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (edited(value), rowid))
    for _, sql in guards:
        connection.execute(sql)
    connection.commit()
    connection.close()


def edited(value: Any) -> Any:
    """One bit of a blob or text, or another number."""
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if isinstance(value, str):
        return chr(ord(value[0]) ^ 1) + value[1:]
    return value + 100_000


ALL_COLUMNS = [
    ("checkpoint", "note"),
    ("checkpoint", "size"),
    ("entry", "content"),
    ("entry", "id"),
    ("entry", "idx"),
    ("entry", "leaf_hash"),
    ("log_head", "origin"),
    ("log_head", "root"),
    ("log_head", "singleton"),
    ("log_head", "size"),
    ("payload", "commitment"),
    ("payload", "content"),
    ("payload", "salt"),
    ("tile", "content"),
    ("tile", "idx"),
    ("tile", "level"),
    ("view_entry", "at"),
    ("view_entry", "idx"),
    ("view_entry", "kind"),
    ("view_entry", "producer"),
    ("view_ref", "idx"),
    ("view_ref", "position"),
    ("view_ref", "ref"),
    ("view_subject", "digest"),
    ("view_subject", "idx"),
    ("view_subject", "name"),
    ("view_subject", "position"),
]


def test_an_untouched_log_is_verified(filled: Bench) -> None:
    report = filled.verify()

    assert (report.answer, report.exit_code, report.size) == (Answer.VERIFIED, 0, 300)


def test_the_list_below_is_every_column_of_the_live_store(filled: Bench) -> None:
    assert sorted(columns(filled)) == ALL_COLUMNS


@pytest.mark.parametrize(("table", "column"), ALL_COLUMNS)
def test_a_change_in_any_column_is_found_and_named(table: str, column: str, filled: Bench, tmp_path: Path) -> None:
    place = copied(filled, tmp_path)
    if (table, column) == ("log_head", "singleton"):
        pytest.skip("the CHECK constraint of the column itself refuses any other value")

    tamper(place, table, column)
    report = place.verify()

    assert (report.answer, report.exit_code) == (Answer.FAILED, 4)
    assert any(item.place.startswith(table) or f"{table}." in item.place for item in report.broken)
    if table in {"entry", "view_entry", "view_subject", "view_ref"}:
        assert report.first_bad_index == 0


def test_a_guard_that_was_dropped_is_noticed(filled: Bench, tmp_path: Path) -> None:
    place = copied(filled, tmp_path)
    with sqlite3.connect(place.home / "log.sqlite3") as connection:
        connection.execute("DROP TRIGGER entry_no_update")

    assert [item.place for item in place.verify().broken] == ["schema trigger entry_no_update"]


def test_a_deleted_tail_is_found_against_the_archived_checkpoint(tmp_path: Path) -> None:
    """
    A prefix of a valid log is itself valid.

    So the store alone, cut consistently, would pass; the archive knows how long it was.
    """
    place = bench(tmp_path)
    place.fill(3)
    shorter = tmp_path / "shorter.sqlite3"
    shutil.copyfile(place.home / "log.sqlite3", shorter)
    place.open().record(place.bundle(last=True), now=NOW)
    shutil.copyfile(shorter, place.home / "log.sqlite3")

    report = place.verify()

    assert report.answer is Answer.FAILED
    assert [(item.level, item.index) for item in report.broken] == [("L2", 3)]


def test_without_an_archived_checkpoint_nothing_is_verified(filled: Bench, tmp_path: Path) -> None:
    place = copied(filled, tmp_path)
    shutil.rmtree(place.archive)

    report = place.verify()

    assert (report.answer, report.exit_code) == (Answer.NOT_VERIFIABLE, 3)


def test_a_file_that_is_no_database_fails(filled: Bench, tmp_path: Path) -> None:
    place = copied(filled, tmp_path)
    (place.home / "log.sqlite3").write_bytes(b"not a database" * 100)

    assert place.verify().exit_code == 4
