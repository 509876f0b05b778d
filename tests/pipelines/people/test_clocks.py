"""Wall clocks of the zones that windows are named in, on the days when they are hard to read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.people.clocks import clocks, freeze_timezones


@pytest.mark.parametrize(
    ("moment", "zone", "date", "weekday", "minute"),
    [
        ("2026-03-29T00:59:59", "Europe/Berlin", "2026-03-29", 7, 119),  # the last second before the hour is left out
        ("2026-03-29T01:00:00", "Europe/Berlin", "2026-03-29", 7, 180),
        ("2026-10-25T00:30:00", "Europe/Berlin", "2026-10-25", 7, 150),  # half past two, for the first time
        ("2026-10-25T01:30:00", "Europe/Berlin", "2026-10-25", 7, 150),  # and for the second
        ("2026-11-22T22:59:59", "Europe/Berlin", "2026-11-22", 7, 1439),  # Sunday
        ("2026-11-22T23:00:00", "Europe/Berlin", "2026-11-23", 1, 0),  # the week wraps
        ("2026-12-31T23:30:00", "Europe/Berlin", "2027-01-01", 5, 30),
        ("2026-11-24T18:30:00", "Asia/Kolkata", "2026-11-25", 3, 0),  # five and a half hours
        ("2026-11-24T18:14:59", "Asia/Kathmandu", "2026-11-24", 2, 1439),  # five and three quarters
        ("2026-04-04T15:00:00", "Australia/Lord_Howe", "2026-04-05", 7, 90),  # half an hour, twice
        ("2026-04-04T15:30:00", "Australia/Lord_Howe", "2026-04-05", 7, 120),
        ("2026-11-24T11:59:00", "Pacific/Kiritimati", "2026-11-25", 3, 119),
        ("2026-11-24T11:59:00", "Etc/GMT+12", "2026-11-23", 1, 1439),
    ],
)
def test_the_wall_clock_shows_what_it_shows(moment: str, zone: str, date: str, weekday: int, minute: int) -> None:
    as_of = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    assert clocks(as_of, [zone]) == [{"timezone": zone, "date": date, "weekday": weekday, "minute": minute}]


def test_each_zone_is_told_once_and_by_name() -> None:
    found = clocks(datetime(2026, 11, 24, tzinfo=UTC), ["UTC", "Europe/Berlin", "UTC"])

    assert [clock["timezone"] for clock in found] == ["Europe/Berlin", "UTC"]


@pytest.mark.parametrize(
    "zone", ["Europe/Atlantis", "Europe", "../etc/passwd", "/etc/localtime", "", "europe/berlin\n"]
)
def test_an_unknown_zone_is_refused_and_not_read_as_utc(zone: str) -> None:
    with pytest.raises(UsageError) as refused:
        clocks(datetime(2026, 11, 24, tzinfo=UTC), [zone])

    assert refused.value.reason == "unknown_timezone"


def test_a_moment_without_a_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        clocks(datetime(2026, 11, 24), ["UTC"])  # noqa: DTZ001 - the mistake


def test_the_zones_are_those_of_the_policy() -> None:
    assert freeze_timezones(PolicyPack.locate()) == ["Europe/Berlin"]
