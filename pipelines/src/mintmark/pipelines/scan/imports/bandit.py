"""bandit's JSON, of any version that has `results`, `errors` and `metrics`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mintmark.pipelines.scan import bandit
from mintmark.pipelines.scan.imports import grading
from mintmark.pipelines.scan.imports.interface import Background, Imported
from mintmark.pipelines.scan.imports.places import confined, look_at, roots
from mintmark.pipelines.scan.imports.reading import items, members, moment, optional, optional_text, parse, text, whole
from mintmark.pipelines.scan.imports.report import Understood, make
from mintmark.pipelines.scan.model import Unread

_CONFIDENCES = frozenset({"high", "medium", "low"})
_NUMBERED = re.compile(r"^(\d+) (.*)$")


def read_bandit(raw: bytes, background: Background) -> Imported:
    """Complete where no file had an error, some file was read, and nothing took a finding out of the report."""
    document = members(parse(raw), "the report")
    metrics = members(document["metrics"], "metrics")
    read = {_path(name, background) for name in metrics if name != "_totals"}
    results = [_result(members(item, "a result"), background) for item in items(document["results"], "results")]
    look = look_at(background, dict(map(_quoted, results)))
    unread = [
        Unread(path=_path(item["filename"], background), reason=optional_text(item.get("reason"), "a reason"))
        for item in items(document["errors"], "errors")
    ]
    done = Understood(
        tool="bandit",
        given=len(read | {item.path for item in unread}),
        read=len(read - {item.path for item in unread}),
        unread=unread,
        doubts=[
            *doubts_of(optional(metrics.get("_totals"), "the totals"), told=len(results)),
            *([] if read else ["it read no file"]),
        ],
        finished_at=moment(optional_text(document.get("generated_at"), "generated_at")),
        findings=bandit.findings(results, look),
    )
    return Imported(reports=(make(done, background),))


def doubts_of(totals: Mapping[str, Any], *, told: int) -> list[str]:
    """
    What bandit's counters say that its results, `told` of them, do not. Its SARIF has the same counters.

    They count before a level (`-l`, `-i`) or a baseline (`-b`) takes results away.
    """
    silenced = sum(whole(totals.get(name), name) for name in ("nosec", "skipped_tests"))
    counted = sum(whole(count, name) for name, count in totals.items() if name.startswith("SEVERITY."))
    return [
        *(
            [f"{silenced} findings may have been silenced in the source: run bandit with --ignore-nosec"]
            if silenced
            else []
        ),
        *([f"it counts {counted} findings and tells {told}: run it without a level and a baseline"] * (counted > told)),
    ]


def _path(name: Any, background: Background) -> str:
    return confined(text(name, "a file name"), roots(background))


def _result(result: Any, background: Background) -> dict[str, Any]:
    """The same result as our own adapter wants it, with the worst reading of what cannot be read."""
    confidence = str(result.get("issue_confidence")).lower()
    graded, _ = grading.worst(
        [grading.of_word(result["issue_severity"], "issue_severity")] if "issue_severity" in result else []
    )
    weakness = optional(result.get("issue_cwe"), "issue_cwe").get("id")
    lines = [whole(line, "a line") for line in items(result.get("line_range"), "lines")]
    return {
        "filename": _path(result["filename"], background),
        "test_id": text(result["test_id"], "test_id"),
        "test_name": text(result["test_name"], "test_name"),
        "issue_severity": graded.value,
        "issue_confidence": confidence if confidence in _CONFIDENCES else "high",
        "issue_cwe": {"id": whole(weakness, "a weakness")} if weakness else None,
        "issue_text": text(result["issue_text"], "issue_text"),
        "line_number": whole(result["line_number"], "line_number"),
        "line_range": lines or [whole(result["line_number"], "line_number")],
        "col_offset": whole(result.get("col_offset"), "col_offset"),
        "code": optional_text(result.get("code"), "code"),
    }


def _quoted(result: dict[str, Any]) -> tuple[tuple[str, int, int], str]:
    """bandit quotes lines with their numbers before them."""
    first, last = result["line_range"][0], result["line_range"][-1]
    numbered = [match for line in result["code"].split("\n") if (match := _NUMBERED.match(line))]
    flagged = [match[2] for match in numbered if first <= int(match[1][:10]) <= last]
    return (result["filename"], first, last), "\n".join(flagged)
