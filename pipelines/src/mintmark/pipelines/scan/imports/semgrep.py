"""semgrep's JSON, of any version and by any rules."""

from __future__ import annotations

from typing import Any

from mintmark.pipelines.scan import semgrep
from mintmark.pipelines.scan.imports import grading
from mintmark.pipelines.scan.imports.interface import Background, Imported
from mintmark.pipelines.scan.imports.places import confined, look_at, roots
from mintmark.pipelines.scan.imports.reading import items, members, optional, optional_text, parse, text, whole
from mintmark.pipelines.scan.imports.report import Understood, cwes, make
from mintmark.pipelines.scan.model import Category, Unread

_CATEGORIES = frozenset(Category)
_SECRETS = frozenset({"CWE-259", "CWE-321", "CWE-798"})  # hard-coded passwords, keys, credentials
_WITHHELD = "requires login"  # stands for the lines where nobody was logged in


def read_semgrep(raw: bytes, background: Background) -> Imported:
    """Complete where there is no error, no rule was skipped and some file was scanned."""
    document = members(parse(raw), "the report")
    paths = members(document["paths"], "paths")
    scanned = {confined(text(path, "a path"), roots(background)) for path in items(paths["scanned"], "scanned files")}
    results = [_result(members(item, "a result"), background) for item in items(document["results"], "results")]
    errors = [members(item, "an error") for item in items(document["errors"], "errors")]
    unread = [Unread(path=_where(error, background), reason=semgrep.reason(dict(error))) for error in errors]
    skipped = items(document.get("skipped_rules"), "skipped rules")
    doubts = [*([f"{len(skipped)} rules were skipped"] if skipped else []), *([] if scanned else ["it read no file"])]
    done = Understood(
        tool="semgrep",
        version=optional_text(document.get("version"), "version"),
        given=len(scanned | {item.path for item in unread}),
        read=len(scanned - {item.path for item in unread}),
        unread=unread,
        doubts=doubts,
        findings=semgrep.findings(results, look_at(background, dict(map(_quoted, results)))),
    )
    return Imported(reports=(make(done, background),))


def _where(error: Any, background: Background) -> str:
    path = optional_text(error.get("path"), "the path of an error")
    return confined(path, roots(background)) if path else "semgrep's rules"


def _result(result: Any, background: Background) -> dict[str, Any]:
    """The same result as our own adapter wants it: rules of others have no such metadata as ours have."""
    extra = members(result["extra"], "extra")
    start, end = members(result["start"], "start"), members(result["end"], "end")
    check = text(result["check_id"], "check_id")
    return {
        "path": confined(text(result["path"], "a path"), roots(background)),
        "check_id": check,
        "start": {"line": whole(start["line"], "a line"), "offset": whole(start.get("offset"), "an offset")},
        "end": {"line": whole(end["line"], "a line")},
        "extra": {
            "message": text(extra["message"], "a message"),
            "metadata": _metadata(optional(extra.get("metadata"), "metadata"), extra, check),
            "is_ignored": extra.get("is_ignored") is True,
            "lines": optional_text(extra.get("lines"), "lines"),
        },
    }


def _metadata(said: Any, extra: Any, check: str) -> dict[str, Any]:
    stated = [
        grading.of_word(place["severity"], f"{what} severity")
        for place, what in ((extra, "rule"), (said, "metadata"))
        if place.get("severity") is not None
    ]
    confidence = str(said.get("confidence")).lower()
    named = said.get("cwe") or []
    weaknesses = cwes(text(item, "a weakness") for item in (named if isinstance(named, list) else [named]))
    return {
        "title": optional_text(said.get("title"), "title") or check.rpartition(".")[2],
        "category": _category(said.get("category"), weaknesses),
        "severity": grading.worst(stated)[0].value,
        "confidence": confidence if confidence in {"high", "medium", "low"} else "high",
        "cwe": weaknesses,
    }


def _category(said: Any, weaknesses: tuple[str, ...]) -> str:
    """What registries call `security` or `correctness` is code to us."""
    if isinstance(said, str) and said in _CATEGORIES:
        return said
    return (Category.SECRET if _SECRETS & set(weaknesses) else Category.CODE).value


def _quoted(result: dict[str, Any]) -> tuple[tuple[str, int, int], str]:
    lines = result["extra"]["lines"]
    return (result["path"], result["start"]["line"], result["end"]["line"]), "" if lines == _WITHHELD else lines
