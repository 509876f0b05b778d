"""What the clocks on the wall say at one moment, for rules about local days and hours. Pure but for the tz database."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.gate.pack import PolicyPack

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}")


def clocks(as_of: datetime, timezones: Iterable[str]) -> list[dict[str, Any]]:
    """
    Local date, ISO weekday (1 is Monday) and minute of the day (0 to 1439) in each zone, once each, by name.

    A rule then needs no arithmetic of time zones: which wall clock a night with two half past twos shows is settled
    here. Raises `UsageError` (`unknown_timezone`).
    """
    if as_of.tzinfo is None:
        raise ValueError("a moment without a time zone could be any of 38")
    return [_clock(as_of, name) for name in sorted(set(timezones))]


def freeze_timezones(pack: PolicyPack) -> list[str]:
    """The time zones in which the parameters of the policy name windows."""
    return sorted({freeze["timezone"] for freeze in pack.parameters["freezes"]})


def _clock(as_of: datetime, name: str) -> dict[str, Any]:
    local = as_of.astimezone(_zone(name))
    return {
        "timezone": name,
        "date": local.date().isoformat(),
        "weekday": local.isoweekday(),
        "minute": local.hour * 60 + local.minute,
    }


def _zone(name: str) -> ZoneInfo:
    if not _NAME.fullmatch(name):
        raise _unknown(name)
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as cause:  # ZoneInfoNotFoundError is a KeyError; a folder is an OSError
        raise _unknown(name) from cause


def _unknown(name: str) -> UsageError:
    return UsageError(
        f"there is no time zone {name!r}",
        reason="unknown_timezone",
        remedy="use a name of the tz database, such as Europe/Berlin; a slim system may lack the database (tzdata)",
    )
