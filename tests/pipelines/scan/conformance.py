"""The situations that every scanner is put in, once each, and what it says of them in a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.pipelines.scan import builders
from tests.pipelines.scan.adapters import (
    ADAPTERS,
    CLEAN_WHEEL,
    IMAGE,
    NOT_APPLICABLE,
    SECTIONS,
    SWITCHES,
    Adapter,
    image,
)
from tests.pipelines.scan.builders import fake_tools, scan
from tests.pipelines.scan.fake_tool import VERSIONS
from tests.pipelines.scan_infra.index import lock_of

from mintmark.pipelines.scan import images
from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import ScanReport, Status

Reports = Mapping[str, ScanReport]
SCOPE = replace(builders.SCOPE, images=[IMAGE])
CLEAN: Mapping[str, str] = {**builders.CLEAN, **lock_of(CLEAN_WHEEL), **image("idna", "3.10")}
DIRTY: Mapping[str, str] = {**CLEAN, **{path: text for item in ADAPTERS for path, text in item.files.items()}}
TOOLS = tuple(item.name for item in ADAPTERS)
_SCANNERS = tuple(item.scanner for item in ADAPTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """`expected` is what every adapter says, but for its own `exceptions`. Misbehaviour is `fake_tool.py`'s."""

    title: str
    expected: str
    run: Callable[[Laboratory, Path], Reports]
    say: Callable[[Laboratory, Adapter], str] | None = None
    misbehaviour: bool = False


@dataclass(kw_only=True)
class Laboratory:
    """
    Runs a situation when it is first asked for, with all scanners at once, and keeps what they said.

    `absent` says of a scanner why its tool is not on this machine.
    """

    folder: Path
    environments: ToolEnvironments
    advisories: Advisories
    absent: Mapping[str, str] = field(default_factory=dict)
    _kept: dict[str, Reports] = field(default_factory=dict)

    def reports(self, situation: str) -> Reports:
        if situation not in self._kept:
            place = self.folder / situation
            place.mkdir()
            self._kept[situation] = SITUATIONS[situation].run(self, place)
        return self._kept[situation]

    def cell(self, situation: str, adapter: Adapter) -> str:
        kind = SITUATIONS[situation]
        if kind.misbehaviour and not adapter.tool:
            return NOT_APPLICABLE
        if kind.say is not None:
            return kind.say(self, adapter)
        report = self.reports(situation).get(adapter.name)
        return NOT_APPLICABLE if report is None else said(report)

    def expected(self, situation: str, adapter: Adapter) -> str:
        kind = SITUATIONS[situation]
        if kind.misbehaviour and not adapter.tool:
            return NOT_APPLICABLE
        return adapter.exceptions.get(situation, kind.expected)


def said(report: ScanReport) -> str:
    code = report.reason.partition(":")[0]
    match report.status:
        case Status.FAILED:
            return f"failed: `{code}`"
        case Status.SKIPPED:
            return "skipped" if report.present else "skipped, as the tree holds none"
        case Status.INCOMPLETE if report.unread:
            return "incomplete, and names it"
        case Status.INCOMPLETE:
            return f"incomplete: `{code}`"
        case Status.COMPLETE:
            return "complete"


def _real(files: Mapping[str, str], scope: ScanScope = SCOPE) -> Callable[[Laboratory, Path], Reports]:
    return lambda lab, place: scan(place, files, lab.environments, lab.advisories, scope, _SCANNERS)


def _fake(behaviour: str) -> Callable[[Laboratory, Path], Reports]:
    def run(lab: Laboratory, place: Path) -> Reports:
        tools = fake_tools(place / "tools", VERSIONS, behaviour)
        with pytest.MonkeyPatch.context() as patch:
            if behaviour == "hang":
                for item in ADAPTERS:
                    patch.setattr(item.module, "TIMEOUT_S", 1, raising=False)
            return scan(place, CLEAN, tools, lab.advisories, SCOPE, _SCANNERS)

    return run


def _none_installed(lab: Laboratory, place: Path) -> Reports:
    nowhere = ToolEnvironments(root=place / "tools", versions=VERSIONS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "_PLACES", ())
        return scan(place, CLEAN, nowhere, lab.advisories, SCOPE, _SCANNERS)


def _without_service(lab: Laboratory, place: Path) -> Reports:
    """The advisory service stops before it answers, as its database is not there; and no index listens."""
    cut_off = replace(lab.advisories, database=place / "no" / "database")
    asking = [item.scanner for item in ADAPTERS if "unreachable" in item.exceptions]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
        patch.setenv("UV_CACHE_DIR", str(place / "uv"))
        return scan(place, CLEAN, lab.environments, cut_off, SCOPE, asking)


def _with_switches() -> Mapping[str, str]:
    sections = {path: DIRTY.get(path, "") + text for path, text in SECTIONS.items()}
    return {**DIRTY, **sections, **SWITCHES}


def _unreadable() -> Mapping[str, str]:
    """The lock gains a dependency from git, of which no advisory can speak."""
    files = dict(CLEAN)
    for item in ADAPTERS:
        files |= item.unreadable
    files["uv.lock"] = files["uv.lock"].replace('{ name = "idna" }]', '{ name = "idna" }, { name = "till" }]', 1) + (
        '\n[[package]]\nname = "till"\nversion = "1"\n'
        'source = { git = "https://example.org/till?rev=1#0000000000000000000000000000000000000000" }\n'
    )
    return files


def _say_found(lab: Laboratory, adapter: Adapter) -> str:
    report = lab.reports("findings")[adapter.name]
    found = {(item.rule, item.path, item.category) for item in report.findings if not item.suppressed_inline}
    return f"{said(report)}, found" if set(adapter.finds) <= found else f"{said(report)}, not found"


def _say_silenced(lab: Laboratory, adapter: Adapter) -> str:
    if not adapter.silenced:
        return NOT_APPLICABLE
    report = lab.reports("findings")[adapter.name]
    marked = {(item.rule, item.path) for item in report.findings if item.suppressed_inline}
    return f"{said(report)}, found and marked" if set(adapter.silenced) <= marked else f"{said(report)}, obeyed"


def _say_unmoved(lab: Laboratory, adapter: Adapter) -> str:
    """The same findings, to the last field, with the configuration files as without them."""
    report, before = lab.reports("configured")[adapter.name], lab.reports("findings")[adapter.name]
    same = report.findings == before.findings and report.given - before.given == report.read - before.read
    return f"{said(report)}, nothing changed" if same else f"{said(report)}, other findings"


def _say_unread(lab: Laboratory, adapter: Adapter) -> str:
    report = lab.reports("unreadable")[adapter.name]
    named = set(adapter.unread) <= {item.path for item in report.unread if item.reason}
    return said(report) if adapter.unread and named and report.read < report.given else "not named"


SITUATIONS: Mapping[str, Situation] = {
    "clean": Situation(title="a clean tree", expected="complete", run=_real(CLEAN)),
    "findings": Situation(title="findings", expected="complete, found", run=_real(DIRTY), say=_say_found),
    "silenced": Situation(
        title="findings that a comment silences",
        expected="complete, found and marked",
        run=_real(DIRTY),
        say=_say_silenced,
    ),
    "configured": Situation(
        title="a configuration of its own in the repository",
        expected="complete, nothing changed",
        run=_real(_with_switches()),
        say=_say_unmoved,
    ),
    "unreadable": Situation(
        title="something that it cannot parse",
        expected="incomplete, and names it",
        run=_real(_unreadable()),
        say=_say_unread,
    ),
    "empty": Situation(
        title="a scope in which nothing stands, in a tree without anything",
        expected="incomplete: `nothing_given`",
        run=_real({"README.md": "shop\n"}),
    ),
    "elsewhere": Situation(
        title="a scope that misses what the tree holds",
        expected="incomplete: `nothing_given`",
        run=_real(
            {path: text for path, text in CLEAN.items() if path != "uv.lock"},
            ScanScope(code=["no"], iac=["no"], workflows=["no"], images=["no"], lock_package="shop"),
        ),
    ),
    "out-of-scope": Situation(title="no scope at all", expected="skipped", run=_real(CLEAN, ScanScope())),
    "unreachable": Situation(title="its service does not answer", expected=NOT_APPLICABLE, run=_without_service),
    "missing": Situation(
        title="it is not installed", expected="failed: `tool_missing`", run=_none_installed, misbehaviour=True
    ),
    **{
        behaviour: Situation(title=title, expected=expected, run=_fake(behaviour), misbehaviour=True)
        for behaviour, title, expected in (
            ("crash", "it crashes", "failed: `no_report`"),
            ("hang", "it hangs", "failed: `timeout`"),
            ("old", "another version than the locked one", "failed: `wrong_version`"),
            ("silent", "no report", "failed: `no_report`"),
            ("empty-report", "an empty report", "failed: `no_report`"),
            ("absent-minded", "a report that mentions nothing", "incomplete, and names it"),
            ("huge", "a report of 100 MB", "failed: `report_too_large`"),
            ("deep", "a report that is nested 100,000 deep", "failed: `report_invalid`"),
            ("nul", "a NUL in its report", "failed: `report_invalid`"),
            ("not-utf-8", "a report that is not UTF-8", "failed: `report_invalid`"),
            ("twice", "a key twice in its report", "failed: `report_invalid`"),
            ("truncated", "half a report", "failed: `report_invalid`"),
            ("other-schema", "a report of another schema", "failed: `report_invalid`"),
        )
    },
}
