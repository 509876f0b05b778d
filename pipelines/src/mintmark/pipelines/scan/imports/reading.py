"""Bytes of strangers to plain values, within limits that are known before anything is parsed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.scan.imports.interface import ReportRefused
from mintmark.pipelines.scan.interface import ScannerFailed
from mintmark.pipelines.scan.sandbox import parse_json

MAX_REPORT_BYTES = 16 * 1024 * 1024
MAX_WEIGHT = 128 * 1024 * 1024
MAX_ITEMS = 20_000
_MAX_WHOLE = 2**31


def read_file(path: Path) -> bytes:
    """Return the bytes of a report, never more than it may have: a device or a pipe can have no end."""
    try:
        with path.open("rb") as file:
            return read_stream(file, str(path))
    except OSError as cause:
        raise UsageError(
            f"{path}: {cause.strerror}", reason="unreadable", remedy="name a report that is there, or - for stdin"
        ) from cause


def read_stream(stream: BinaryIO, name: str) -> bytes:
    parts, size = [], 0
    while size <= MAX_REPORT_BYTES and (part := stream.read(1024 * 1024)):
        parts.append(part)
        size += len(part)
    if size > MAX_REPORT_BYTES:
        raise ReportRefused(name, reason="report_too_large", detail=f"over {MAX_REPORT_BYTES} bytes")
    return b"".join(parts)


def weigh(raw: bytes) -> None:
    """
    Refuse what would need too much memory when it is parsed, by what CPython's objects weigh.

    A dict or a list is up to 280 bytes and may be written in two; one letter beyond Latin-1 makes a text four times
    as wide, and there are two copies of it.
    """
    wide = not raw.isascii() or b"\\u" in raw
    weight = len(raw) * (8 if wide else 2) + 280 * (raw.count(b"{") + raw.count(b"[")) + 70 * raw.count(b",")
    if len(raw) > MAX_REPORT_BYTES or weight > MAX_WEIGHT:
        raise TooLarge(f"{len(raw)} bytes, and {weight} when parsed; over {MAX_REPORT_BYTES} or {MAX_WEIGHT}")


class TooLarge(ValueError):
    """Within its format, and over a limit of ours."""


def parse(raw: bytes) -> Any:
    """Strict JSON: UTF-8 without a byte order mark, no NUL, no duplicate key, no NaN, bounded depth."""
    weigh(raw)
    try:
        return parse_json("report", raw)
    except ScannerFailed as failure:
        raise ValueError(failure.detail) from failure


def members(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{what} is not an object")
    return value


def optional(value: Any, what: str) -> Mapping[str, Any]:
    """The members of an object that may be left out."""
    return {} if value is None else members(value, what)


def items(value: Any, what: str) -> list[Any]:
    """A list that may be left out."""
    if value is not None and not isinstance(value, list):
        raise ValueError(f"{what} is not a list")
    if value and len(value) > MAX_ITEMS:
        raise TooLarge(f"{len(value)} {what}, over {MAX_ITEMS}")
    return value or []


def text(value: Any, what: str) -> str:
    """A text that can be written again: JSON may spell halves of characters, which no encoding has."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is not a text")
    value.encode("utf-8")
    return value


def optional_text(value: Any, what: str) -> str:
    return "" if value is None else text(value, what)


def whole(value: Any, what: str) -> int:
    """A number that counts lines or the like; absent is 0."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MAX_WHOLE:
        raise ValueError(f"{what} is not a number that counts")
    return value


def moment(value: str) -> int:
    """
    Epoch seconds of an ISO 8601 text, 0 where it is none.

    One without a time zone is read as early as it can be meant (UTC+14), so that no report looks younger than it is.
    """
    try:
        read = datetime.fromisoformat(value)
        known = read if read.tzinfo else (read - timedelta(hours=14)).replace(tzinfo=UTC)
        return max(int(known.timestamp()), 0)
    except (ValueError, OverflowError):
        return 0
