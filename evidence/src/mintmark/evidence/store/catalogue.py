"""What guards the log on PostgreSQL, as rows of its catalogue: to be compared with what a migration makes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from importlib.resources import files

from sqlalchemy import Connection

Row = tuple[str, str]  # (place, definition)


_PARTITION = re.compile(r"\bentry_p([0-9]+)")


def read(connection: Connection) -> list[Row]:
    queries = (files("mintmark.evidence.store") / "sql" / "postgresql" / "catalogue.sql").read_text("utf-8")
    return sorted(
        (str(place), str(definition))
        for query in queries.split(";\n")
        if query.strip()
        for place, definition in connection.exec_driver_sql(query)
    )


def expected() -> list[Row]:
    """What a migration makes, as `scripts/store_guards.py` wrote it down."""
    content = (files("mintmark.evidence.store") / "sql" / "postgresql" / "guards.json").read_text("utf-8")
    return [(place, definition) for place, definition in json.loads(content)]


def differences(expected: Iterable[Row], found: Iterable[Row]) -> list[tuple[str, str]]:
    """Every partition of entries must be guarded as the first one is; how many there are is the log's business."""
    want, template = _split(expected)
    have, partitions = _split(found)
    wrong = _compare(want, have)
    for number in sorted(partitions, key=int):
        wrong += [
            (place.replace("entry_p#", f"entry_p{number}"), what)
            for place, what in _compare(template["0"], partitions[number])
        ]
    return wrong


def _compare(want: dict[str, str], have: dict[str, str]) -> list[tuple[str, str]]:
    wrong = []
    for place in sorted(want.keys() | have.keys()):
        if place not in have:
            wrong.append((f"schema {place}", "missing"))
        elif place not in want:
            wrong.append((f"schema {place}", "not of this log"))
        elif want[place] != have[place]:
            wrong.append((f"schema {place}", f"not as it was made: {have[place]}"))
    return wrong


def _split(found: Iterable[Row]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    rest: dict[str, str] = {}
    partitions: dict[str, dict[str, str]] = {}
    for place, definition in found:
        match = _PARTITION.search(place)
        if match is None:
            rest[place] = definition
        else:
            partitions.setdefault(match[1], {})[_PARTITION.sub("entry_p#", place)] = definition
    return rest, partitions
