"""A report made to break its reader is refused by a stable reason, in bounded time and memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipelines.imports.builders import SOUND, only, read, result, sarif, sarif_run
from tests.pipelines.imports.test_real_reports import SCHEMA

from mintmark.pipelines.errors import ExitCode, UsageError
from mintmark.pipelines.scan.imports import READERS, Background, ReportRefused, read_report, reader_of
from mintmark.pipelines.scan.model import Category

MEMORY = 256 * 1024 * 1024
CPU_S = 5
JUNIT = b'<testsuite name="unit" tests="1"><testcase name="a"/></testsuite>'
READ = """
import resource, sys
from pathlib import Path
from mintmark.pipelines.scan.imports import Background, ReportRefused, read_report
from mintmark.pipelines.scan.imports.reading import read_file
try:
    found = read_report(sys.argv[1], read_file(Path(sys.argv[2])), Background())
    print("read", sum(len(report.findings) for report in found.reports))
except ReportRefused as refused:
    print(refused.reason)
"""


def outcome(format_name: str, path: Path) -> str:
    """What a process of 256 MB and 5 s makes of a file."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))

    done = subprocess.run(
        [sys.executable, "-c", READ, format_name, str(path)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def big(path: Path, format_name: str) -> None:
    with path.open("wb") as file:
        file.write(b"<testsuites>" if format_name == "junit" else b'{"runs": "')
        for _ in range(100):
            file.write(b" " * 1024 * 1024)


def results_of(count: int, **more: Any) -> bytes:
    return sarif(sarif_run(*(result(line=number + 1, **more) for number in range(count))))


DENSE: dict[str, Callable[[], bytes]] = {
    "lists": lambda: b"[" + b"[]," * 5_000_000 + b"[]]",
    "objects": lambda: b"[" + b'{"a":{}},' * 1_500_000 + b"{}]",
    "numbers": lambda: b"[" + b"0.1," * 4_000_000 + b"0]",
    "many results": lambda: results_of(10_001),
    "many rules": lambda: sarif(sarif_run(rules=[{"id": str(number)} for number in range(20_001)])),
}


@pytest.mark.parametrize("format_name", READERS)
def test_100_megabytes_are_too_large(format_name: str, tmp_path: Path) -> None:
    big(tmp_path / "report", format_name)

    assert outcome(format_name, tmp_path / "report") == "report_too_large"


@pytest.mark.parametrize("shape", DENSE)
def test_a_small_file_that_would_fill_the_memory_is_too_large(shape: str, tmp_path: Path) -> None:
    (tmp_path / "report").write_bytes(DENSE[shape]())

    assert outcome("sarif", tmp_path / "report") == "report_too_large"


def test_the_widest_text_that_is_allowed_is_read_within_the_limits(tmp_path: Path) -> None:
    """One letter beyond the first 65,536 makes every letter of a text four bytes."""
    text = b"\\ud83d\\ude00" + b"a" * 15_000_000
    (tmp_path / "report").write_bytes(sarif(sarif_run(result(message={"text": "@"}))).replace(b"@", text))

    assert outcome("sarif", tmp_path / "report") == "read 1"


def test_as_much_as_is_allowed_is_read_within_the_limits(tmp_path: Path) -> None:
    message = {"text": "A password of some kind is wrong here. " * 20}
    (tmp_path / "report").write_bytes(results_of(10_000, message=message))

    assert outcome("sarif", tmp_path / "report") == "read 10000"


@pytest.mark.parametrize("format_name", READERS)
def test_a_depth_of_100_000_is_malformed(format_name: str, tmp_path: Path) -> None:
    deep = b"<testsuite>" * 100_000 if format_name == "junit" else b"[" * 100_000 + b"]" * 100_000
    (tmp_path / "report").write_bytes(deep)

    assert outcome(format_name, tmp_path / "report") == "malformed"


LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">' + b"".join(
    b'<!ENTITY %c "%s">' % (ord("b") + n, b"&%c;" % (ord("a") + n) * 10) for n in range(1, 10)
)


@pytest.mark.parametrize(
    "raw",
    [
        LAUGHS + b']><testsuite name="&k;"/>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite/>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite name="&a;"/>',
        b'<?xml version="1.0"?><!DOCTYPE testsuite><testsuite name="u"><testcase name="a"/></testsuite>',
        b'<testsuite name="&undefined;"/>',
    ],
)
def test_document_types_and_entities_are_malformed(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "report").write_bytes(raw)

    assert outcome("junit", tmp_path / "report") == "malformed"


def written(format_name: str) -> bytes:
    return JUNIT if format_name == "junit" else json.dumps(SOUND[format_name]).encode()


@pytest.mark.parametrize("format_name", READERS)
def test_the_sound_report_that_the_hostile_ones_resemble_is_read(format_name: str) -> None:
    found = read_report(format_name, written(format_name), Background())

    assert found.tests or found.reports[0].findings


@pytest.mark.parametrize("format_name", READERS)
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda raw: raw[:-3], id="truncated"),
        pytest.param(lambda raw: raw + raw, id="twice"),
        pytest.param(
            lambda raw: raw.replace(b"urllib3", b"\xff").replace(b"src/shop", b"\xff") + b"\xff", id="not-utf-8"
        ),
        pytest.param(lambda raw: raw.decode().encode("utf-16"), id="utf-16"),
        pytest.param(lambda raw: b"\x00" + raw, id="nul"),
        pytest.param(lambda _: b'{"some": "thing"}', id="other-json"),
        pytest.param(lambda _: b"<html><body/></html>", id="html"),
        pytest.param(lambda _: b"NaN", id="not-a-number"),
        pytest.param(lambda _: b'"text"', id="text"),
    ],
)
def test_what_is_not_of_the_format_is_malformed(format_name: str, spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ReportRefused) as refused:
        read_report(format_name, spoil(written(format_name)), Background())

    assert refused.value.reason == "malformed"
    assert refused.value.exit_code is ExitCode.INCOMPLETE


@pytest.mark.parametrize("format_name", SOUND)
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda raw: b"\xef\xbb\xbf" + raw, id="byte-order-mark"),
        pytest.param(lambda raw: b'{"a": 1, ' + raw[1:-1] + b', "a": 2}', id="duplicate-key"),
        pytest.param(lambda raw: raw[:-1] + b', "n": "\\u0000"}', id="escaped-nul"),
        pytest.param(lambda raw: raw[:-1] + b', "n": Infinity}', id="infinity"),
        pytest.param(lambda raw: raw[:-1] + b', "n": ' + b"9" * 5000 + b"}", id="long-number"),
    ],
)
def test_json_that_others_may_read_otherwise_is_malformed(format_name: str, spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ReportRefused) as refused:
        read_report(format_name, spoil(written(format_name)), Background())

    assert refused.value.reason == "malformed"


@pytest.mark.parametrize(
    "uri",
    [
        *("../../etc/passwd", "src/../../etc/passwd", "src/..", "/etc/passwd", "file:///etc/passwd"),
        *("C:\\Windows\\win.ini", "C:/Windows/win.ini", "src\\..\\..\\etc", "\\\\server\\share"),
        *("%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc%2fpasswd", "%2Fetc%2Fpasswd", "%252e%252e%252fetc", "..%5cetc"),
        *("file://server/etc/passwd", "https://example.org/a.py", "data:text/plain,a", "src/a%00.py", "src/a\n.py"),
        *("", ".", "src/%ff.py", "a" * 5000, "src/\u202ea.py"),
    ],
)
def test_a_path_outside_the_tree_is_malformed(uri: str) -> None:
    with pytest.raises(ReportRefused) as refused:
        read("sarif", sarif(sarif_run(result(uri=uri))))

    assert refused.value.reason == "malformed"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("src/shop.py", "src/shop.py"),
        ("./src//shop.py", "src/shop.py"),
        ("src/a%20b.py", "src/a b.py"),
        ("src/..hidden.py", "src/..hidden.py"),
        ("file:///srv/shop/src/shop.py", "src/shop.py"),
        ("/srv/shop/src/shop.py", "src/shop.py"),
        ("src/gr%C3%BC%C3%9Fe.py", "src/grüße.py"),
    ],
)
def test_a_path_in_the_tree_is_taken(uri: str, path: str) -> None:
    bases = {"SRCROOT": {"uri": "file:///srv/shop/"}}

    assert only(read("sarif", sarif(sarif_run(result(uri=uri), originalUriBaseIds=bases)))).path == path


def based(base: dict[str, Any], uri: str = "a.py", name: str = "B") -> bytes:
    place = {"physicalLocation": {"artifactLocation": {"uri": uri, "uriBaseId": name}}}
    return sarif(sarif_run(result() | {"locations": [place]}, originalUriBaseIds=base))


@pytest.mark.parametrize(
    ("bases", "path"),
    [
        ({}, "a.py"),
        ({"B": {}}, "a.py"),
        ({"B": {"uri": "file:///srv/shop"}}, "a.py"),
        ({"B": {"uri": "src/", "uriBaseId": "SRCROOT"}, "SRCROOT": {"uri": "file:///srv/shop/"}}, "src/a.py"),
        ({"B": {"uri": "file:///srv/shop/src/"}, "%SRCROOT%": {"uri": "file:///srv/shop/"}}, "src/a.py"),
        ({"B": {"uri": "src/"}}, "src/a.py"),
    ],
)
def test_base_ids_are_resolved_below_the_root(bases: dict[str, Any], path: str) -> None:
    assert only(read("sarif", based(bases))).path == path


@pytest.mark.parametrize(
    ("bases", "uri"),
    [
        ({"B": {"uri": "file:///usr/lib/"}, "SRCROOT": {"uri": "file:///srv/shop/"}}, "a.py"),
        ({"B": {"uri": "file:///usr/lib/"}, "C": {"uri": "file:///srv/shop/"}}, "a.py"),
        ({"B": {"uri": "src/", "uriBaseId": "B"}}, "a.py"),
        ({"B": {"uri": "https://example.org/"}}, "a.py"),
        ({"B": {"uri": "file:///srv/shop/src/.."}}, "a.py"),
        ({"B": {"uri": "file:///srv/shop/src/"}, "SRCROOT": {"uri": "file:///srv/shop/"}}, "../a.py"),
    ],
)
def test_base_ids_that_lead_out_of_the_tree_are_malformed(bases: dict[str, Any], uri: str) -> None:
    with pytest.raises(ReportRefused) as refused:
        read("sarif", based(bases, uri))

    assert refused.value.reason == "malformed"


@pytest.mark.parametrize(
    "more",
    [
        {"ruleIndex": 7},
        {"ruleIndex": -2},
        {"ruleIndex": True},
        {"message": {"text": "\ud800"}},
        {"ruleId": "\udfff"},
        {"locations": [{"physicalLocation": {"artifactLocation": {"index": 3}}}]},
        {"locations": [{"physicalLocation": {"artifactLocation": {"uri": "a"}, "region": {"startLine": 1e99}}}]},
        {"locations": [{"physicalLocation": {"artifactLocation": {"uri": "a"}, "region": {"startLine": -1}}}]},
        {"locations": {"0": {}}},
        {"properties": []},
        {"suppressions": ["accepted"]},
    ],
)
def test_a_result_that_cannot_be_true_refuses_the_whole_report(more: dict[str, Any]) -> None:
    with pytest.raises(ReportRefused) as refused:
        read("sarif", sarif(sarif_run(result(line=2), result(**more))))

    assert refused.value.reason == "malformed"


SECRETS = (
    "ghp_" + "0aB1" * 9,
    "AKIA" + "Q3EXAMPLE7KEY9ZW",
    "-----BEGIN " + "PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw\n" * 4,
)


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_that_a_report_quotes_of_the_source_is_kept(secret: str) -> None:
    found = result(
        ruleId="generic-api-key",
        properties={"tags": ["secret"], "match": secret},
        message={"text": f"{secret} was found", "markdown": secret},
        fixes=[{"description": {"text": secret}}],
        codeFlows=[{"message": {"text": secret}}],
        suppressions=[{"kind": "inSource", "justification": f"only {secret}"}],
        partialFingerprints={"hash": secret},
    )
    place = found["locations"][0]["physicalLocation"]
    place["region"]["snippet"] = {"text": f"token = '{secret}'"}
    place["contextRegion"] = {"startLine": 1, "snippet": {"text": secret}}
    other = deepcopy(found) | {"ruleId": "R1", "properties": {}}
    report = read("sarif", sarif(sarif_run(found, other)))
    kept = json.dumps(report.to_json())

    assert [item.category for item in report.findings] == [Category.CODE, Category.SECRET]
    assert secret.split("\n", maxsplit=1)[0] not in kept
    assert "only" not in kept


def test_another_secret_in_the_same_place_has_the_same_fingerprint() -> None:
    """A hash of it would let anybody try guesses on it."""
    found = [result(properties={"tags": ["secret"]}, partialFingerprints={"h": text}) for text in SECRETS[:2]]
    marks = {only(read("sarif", sarif(sarif_run(item)))).fingerprint for item in found}

    assert len(marks) == 1


def test_a_format_that_is_not_known_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError) as refused:
        reader_of("cyclondx")

    assert refused.value.reason == "unknown_format"
    assert "did you mean 'cyclonedx'?" in str(refused.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    own: list[tuple[Any, Any]] = []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        own += [(value, key), *places_in(inner)]
    return own


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(SOUND)), st.data())
def test_a_report_with_anything_anywhere_is_a_valid_scan_or_malformed(format_name: str, data: st.DataObject) -> None:
    document = deepcopy(SOUND[format_name])
    places = places_in(document)
    for _ in range(data.draw(st.integers(1, 2))):
        container, key = places[data.draw(st.integers(0, len(places) - 1))]
        if isinstance(container, dict) and data.draw(st.booleans()):
            container.pop(key, None)
        else:
            container[key] = data.draw(VALUES)
    try:
        found = read_report(format_name, json.dumps(document).encode(), Background())
    except ReportRefused as refused:
        assert refused.reason == "malformed"  # noqa: PT017  the other outcome is a report
        return
    for report in found.reports:
        jsonschema.Draft202012Validator(SCHEMA).validate(report.to_json())
