"""A waiver is for one finding, ends, and is approved by somebody else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.waivers import Waiver, approve, load_waivers, write_waiver


def waiver() -> Waiver:
    return Waiver(
        id="w-1",
        rule="deps.known_vulnerability",
        fingerprint="ab" * 16,
        environment="local",
        reason='not reachable: see "notes"',
        requested_by="jo",
        requested=datetime(2026, 11, 1, tzinfo=UTC),
        expires=datetime(2026, 12, 1, tzinfo=UTC),
    )


def test_a_waiver_comes_back_as_the_gate_wants_it(tmp_path: Path) -> None:
    write_waiver(tmp_path, waiver())
    approve(tmp_path, "w-1", "kim")

    (found,) = load_waivers(tmp_path)

    assert found["approved_by"] == ["kim"]
    assert found["expires_epoch"] == int(datetime(2026, 12, 1, tzinfo=UTC).timestamp())
    assert found["reason"] == 'not reachable: see "notes"'


def test_nobody_approves_what_they_asked_for(tmp_path: Path) -> None:
    write_waiver(tmp_path, waiver())

    with pytest.raises(UsageError) as refused:
        approve(tmp_path, "w-1", "jo")

    assert refused.value.reason == "sod"
    assert load_waivers(tmp_path)[0]["approved_by"] == []


def test_a_waiver_that_cannot_be_read_is_an_error_and_not_an_absence(tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text('id = "w"\n', encoding="utf-8")

    with pytest.raises(UsageError) as refused:
        load_waivers(tmp_path)

    assert refused.value.reason == "waiver_malformed"


def test_without_a_folder_there_are_no_waivers(tmp_path: Path) -> None:
    assert load_waivers(tmp_path / "none") == []
