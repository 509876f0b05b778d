"""Reports that were made elsewhere, one reader a format: facts of others, marked `import`, for the gate to weigh."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mintmark.pipelines.errors import UsageError, nearest
from mintmark.pipelines.scan.imports.bandit import read_bandit
from mintmark.pipelines.scan.imports.checkov import read_checkov
from mintmark.pipelines.scan.imports.cyclonedx import read_cyclonedx
from mintmark.pipelines.scan.imports.interface import Background, Imported, Reader, ReportRefused
from mintmark.pipelines.scan.imports.junit import read_junit
from mintmark.pipelines.scan.imports.osv import read_osv
from mintmark.pipelines.scan.imports.pip_audit import read_pip_audit
from mintmark.pipelines.scan.imports.reading import TooLarge
from mintmark.pipelines.scan.imports.sarif import read_sarif
from mintmark.pipelines.scan.imports.semgrep import read_semgrep

READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "sarif": read_sarif,
        "cyclonedx": read_cyclonedx,
        "junit": read_junit,
        "osv": read_osv,
        "bandit": read_bandit,
        "semgrep": read_semgrep,
        "checkov": read_checkov,
        "pip-audit": read_pip_audit,
    }
)


def reader_of(name: str) -> Reader:
    """Raise `UsageError` with the nearest name for a format that there is none for."""
    if name not in READERS:
        raise UsageError(
            f"{name!r} is not a format of reports{nearest(name, READERS)}",
            reason="unknown_format",
            remedy=f"use one of {', '.join(READERS)}",
        )
    return READERS[name]


def read_report(format_name: str, raw: bytes, background: Background, *, name: str = "report") -> Imported:
    """
    Read one file; `name` is what messages call it.

    Raises `ReportRefused` with the reason `malformed` or `report_too_large`: then nothing of the file is taken.
    """
    reader = reader_of(format_name)
    try:
        return reader(raw, background)
    except (TooLarge, MemoryError) as cause:
        raise ReportRefused(
            name, reason="report_too_large", detail=f"{cause}" or "more than fits the memory"
        ) from cause
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as cause:
        detail = f"not of the format {format_name}: {_told(cause)}"
        raise ReportRefused(name, reason="malformed", detail=detail) from cause


def _told(cause: BaseException) -> str:
    """A missing member by its name, and nothing at length: what a report holds may be a secret."""
    return f"{cause.args[0]!s} is missing"[:100] if isinstance(cause, KeyError) else f"{cause}"[:300]


__all__ = ["READERS", "Background", "Imported", "ReportRefused", "read_report", "reader_of"]
