"""
JUnit XML, as pytest, Surefire and most others write it: a result for each top-level suite.

There is no standard. What is counted is the test cases that are there, by what stands inside them. A suite that says
that it had more of them than the file holds was cut short, and the file is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from mintmark.pipelines.scan.imports.interface import Background, Imported, Result, SuiteResult
from mintmark.pipelines.scan.imports.reading import MAX_REPORT_BYTES, TooLarge, moment
from mintmark.pipelines.scan.redaction import redact_text

MAX_DEPTH = 100
MAX_ELEMENTS = 1_000_000
MAX_SUITES = 1000
_FAILED = frozenset({"failure", "error", "rerunFailure", "rerunError"})
_FLAKY = frozenset({"flakyFailure", "flakyError"})  # Surefire: failed, and passed when it ran again
_MAX_COUNT = 2**31


def read_junit(raw: bytes, background: Background) -> Imported:
    """
    Return a result a suite: failed where any test did or none passed, warned where one passed at a second try.

    A document type or an entity of its own refuses the file before it is expanded.
    """
    if len(raw) > MAX_REPORT_BYTES:
        raise TooLarge(f"{len(raw)} bytes, over {MAX_REPORT_BYTES}")
    raw.decode("utf-8")  # expat would also read what says that it is written otherwise
    suites = _Reading().read(raw)
    if not suites:
        raise ValueError("it holds no test suite")
    return Imported(tests=tuple(_result(suite, background) for suite in suites))


@dataclass(slots=True, kw_only=True)
class _Suite:
    """What a suite says of itself, and what was counted in it and in the suites inside."""

    name: str
    finished_at: int
    said: dict[str, int]
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    flaky: int = 0

    @property
    def cases(self) -> int:
        return self.passed + self.failed + self.skipped

    def add(self, inner: _Suite) -> None:
        self.passed += inner.passed
        self.failed += max(inner.failed, inner.said["failures"] + inner.said["errors"])
        self.skipped += inner.skipped
        self.flaky += inner.flaky
        self.finished_at = max(self.finished_at, inner.finished_at)


@dataclass(slots=True, kw_only=True)
class _Reading:
    """The state of one parse."""

    path: list[str] = field(default_factory=list)
    open: list[_Suite] = field(default_factory=list)
    done: list[_Suite] = field(default_factory=list)
    inside: set[str] = field(default_factory=set)  # what the open test case holds
    elements: int = 0

    def read(self, raw: bytes) -> list[_Suite]:
        parser = expat.ParserCreate("utf-8")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.ExternalEntityRefHandler = _refuse
        try:
            parser.Parse(raw, True)  # noqa: FBT003  expat's own
        except expat.ExpatError as cause:
            raise ValueError(f"not XML: {cause}") from cause
        return self.done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        if len(self.path) >= MAX_DEPTH or self.elements > MAX_ELEMENTS:
            raise ValueError(f"over {MAX_ELEMENTS} elements, or nested deeper than {MAX_DEPTH}")
        if not self.path and name not in {"testsuites", "testsuite"}:
            raise ValueError("its root is no test suite")
        parent = self.path[-1] if self.path else ""
        self.path.append(name)
        if name == "testsuite" and parent in {"", "testsuites", "testsuite"}:
            self._open(attributes)
        elif name == "testcase" and parent == "testsuite":
            self.inside = {"skipped"} if attributes.get("status") == "notrun" else set()
        elif name == "testcase":
            raise ValueError("a test case outside a suite")
        elif parent == "testcase":
            self.inside.add(name)

    def _open(self, attributes: dict[str, str]) -> None:
        began = moment(attributes.get("timestamp", ""))
        suite = _Suite(
            name=attributes.get("name", "").strip(),
            finished_at=int(began + _seconds(attributes.get("time", "0"))) if began else 0,
            said={key: _count(attributes.get(key, "0")) for key in ("tests", "failures", "errors")},
        )
        self.open.append(suite)

    def _end(self, name: str) -> None:
        self.path.pop()
        if name == "testcase":
            self._count()
        elif name == "testsuite":
            self._close()

    def _count(self) -> None:
        suite = self.open[-1]
        if self.inside & _FAILED:
            suite.failed += 1
        elif "skipped" in self.inside or "disabled" in self.inside:
            suite.skipped += 1
        else:
            suite.passed += 1
            suite.flaky += bool(self.inside & _FLAKY)

    def _close(self) -> None:
        suite = self.open.pop()
        if suite.said["tests"] > suite.cases:
            raise ValueError(f"a suite says that it has {suite.said['tests']} tests, and {suite.cases} are there")
        if self.open:
            self.open[-1].add(suite)
        else:
            self.done.append(suite)
        if len(self.done) > MAX_SUITES:
            raise TooLarge(f"over {MAX_SUITES} suites")


def _refuse(*_: object) -> int:
    raise ValueError("a document type or an entity of its own")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) < _MAX_COUNT):
        raise ValueError(f"{text[:40]!r} is not a number of tests")
    return int(text)


def _seconds(text: str) -> float:
    """Some write `1,234.5`; what cannot be read is no time."""
    try:
        return min(max(float(text.replace(",", "")), 0.0), 1e9)
    except ValueError:
        return 0.0


def _result(suite: _Suite, background: Background) -> SuiteResult:
    failed = max(suite.failed, suite.said["failures"] + suite.said["errors"])
    result = Result.FAILED if failed or not suite.passed else Result.WARNED if suite.flaky else Result.PASSED
    return SuiteResult(
        suite=redact_text(suite.name, limit=200) or "unnamed",
        result=result,
        passed=suite.passed,
        failed=failed,
        skipped=suite.skipped,
        finished_at=suite.finished_at,
        commit=background.commit,
    )
