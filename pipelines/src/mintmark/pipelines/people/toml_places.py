"""Says where in a TOML file a mistake is: file, line, and the nearest name that would have been valid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from pydantic import ValidationError

from mintmark.pipelines.errors import nearest

Location = tuple[int | str, ...]


def explain(source: str, text: str, failure: ValidationError, names: Mapping[tuple[str, ...], Sequence[str]]) -> str:
    """One line for each mistake. `names` has the valid keys by the path of their table, without the positions."""
    return "\n".join(
        _one(source, text, tuple(error["loc"]), error["type"], error["msg"], names) for error in failure.errors()
    )


def _one(
    source: str, text: str, location: Location, kind: str, message: str, names: Mapping[tuple[str, ...], Sequence[str]]
) -> str:
    place = f"{source}:{line_of(text, location)}"
    dotted = ".".join(str(part) for part in location)
    if kind != "extra_forbidden":
        return f"{place}: {dotted}: {message}"
    key = str(location[-1])
    table = tuple(part for part in location[:-1] if isinstance(part, str))
    return f"{place}: unknown key {dotted}{nearest(key, names.get(table, ()))}"


def line_of(text: str, location: Location) -> int:
    """The line of a key below arrays of tables, counted from 1; of the table that it is missing from, else."""
    lines = text.splitlines()
    at, table = 0, ""
    for part, position in pairwise(location):
        if isinstance(part, str) and isinstance(position, int):
            table = f"{table}.{part}" if table else part
            headers = [number for number, line in enumerate(lines) if number >= at and _opens(line, table)]
            at = headers[position] if position < len(headers) else at
    key = next((part for part in reversed(location) if isinstance(part, str)), "")
    pattern = re.compile(rf"(^\s*|[\[.{{,]\s*){re.escape(key)}\b")
    return next((number for number in range(at, len(lines)) if pattern.search(lines[number])), at) + 1


def _opens(line: str, table: str) -> bool:
    return re.sub(r"\s", "", line).startswith(f"[[{table}]]")
