"""A service that is asked for advisories is believed only when it answers what was asked, in time, and knows some."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.scan.builders import clock, lock, tree
from tests.pipelines.scan_infra.builders import advisory, osv_zip
from tests.pipelines.scan_infra.services import Answer, always, answering, dripping, elsewhere, reply, silent

from mintmark.pipelines.errors import InfrastructureError, UsageError
from mintmark.pipelines.scan import advisories as advisories_module
from mintmark.pipelines.scan import osv_client
from mintmark.pipelines.scan.advisories import Advisories, open_advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.fetch import is_safe
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import AdvisorySource, Isolation, ScanReport, Severity, Status
from mintmark.pipelines.scan.osv_service import serve
from mintmark.pipelines.scan.pip_audit import PipAuditScanner
from mintmark.pipelines.scan.run import scan_release

CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
CANARY = advisory("PYSEC-0", "Jinja2", {"introduced": "0"}, {"fixed": "2.11.3"})
LEAK = advisory(
    "GHSA-1",
    "My.Shop",
    {"introduced": "0"},
    {"fixed": "1.2"},
    aliases=["CVE-2024-1"],
    severity=[{"type": "CVSS_V3", "score": CRITICAL}],
)
EXPORT = (CANARY, LEAK, advisory("GHSA-2", "my-shop", {"introduced": "0"}, withdrawn="2024-06-01T00:00:00Z"))


def audited(folder: Path, environments: ToolEnvironments, advisories: Advisories, *pins: str) -> ScanReport:
    reports = scan_release(
        tree(folder, lock(*pins)),
        ScanScope(lock_package="shop"),
        environments,
        advisories,
        folder / "reports",
        clock,
        scanners=(PipAuditScanner(),),
    )
    return next(report for report in reports if report.tool == "pip-audit")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    """Our own service, which answers as OSV does."""
    opened = open_advisories(str(osv_zip(tmp_path / "all.zip", *EXPORT)), cache=tmp_path / "served")
    assert opened.database is not None
    with serve(opened.database) as url:
        yield url.removesuffix("/query")


def online(url: str, folder: Path) -> Advisories:
    return open_advisories(f"online:{url}", cache=folder)


def test_what_a_service_knows_is_found_and_the_clean_pin_beside_it_is_not(
    tmp_path: Path, environments: ToolEnvironments, service: str
) -> None:
    report = audited(tmp_path, environments, online(service, tmp_path), "my-shop==1.1", "idna==3.10")
    (finding,) = report.findings

    assert (report.status, report.given, report.read) == (Status.COMPLETE, 2, 2), report.reason
    assert (finding.package, finding.rule, finding.fixed_in) == ("my-shop", "CVE-2024-1", ("1.2",))
    assert (finding.severity, finding.severity_origin) == (Severity.CRITICAL, "CVSS 9.8")
    assert finding.aliases == ("CVE-2024-1", "GHSA-1")


def test_the_fixed_release_is_clean_online(tmp_path: Path, environments: ToolEnvironments, service: str) -> None:
    report = audited(tmp_path, environments, online(service, tmp_path), "my-shop==1.2", "idna==3.10")

    assert (report.status, report.findings) == (Status.COMPLETE, ()), report.reason


def test_the_evidence_says_that_it_was_online_when_and_what_was_answered(
    tmp_path: Path, environments: ToolEnvironments, service: str
) -> None:
    opened = online(service, tmp_path)
    first, again, other = (
        audited(tmp_path / name, environments, opened, pin)
        for name, pin in (("first", "my-shop==1.1"), ("again", "my-shop==1.1"), ("other", "my-shop==1.2"))
    )
    facts = [report.data for report in (first, again, other)]

    assert facts[0] == facts[1] != facts[2]
    assert facts[0] is not None
    assert (facts[0].source, facts[0].records, facts[0].as_of) == (AdvisorySource.ONLINE, 2, opened.facts.as_of)
    assert first.isolation is Isolation.NONE


def test_a_service_finds_what_its_export_finds(tmp_path: Path, environments: ToolEnvironments, service: str) -> None:
    pins = ("my-shop==1.1", "jinja2==2.11.2", "idna==3.10")
    asked = audited(tmp_path / "online", environments, online(service, tmp_path), *pins)
    exported = open_advisories(str(tmp_path / "all.zip"), cache=tmp_path / "cache")
    read = audited(tmp_path / "export", environments, exported, *pins)

    assert asked.findings == read.findings
    assert {finding.package for finding in asked.findings} == {"my-shop", "jinja2"}


def test_a_service_has_judged_and_is_not_judged_again(tmp_path: Path, environments: ToolEnvironments) -> None:
    """By range or list this advisory says nothing of 9.9; the service says that it is affected."""
    odd = advisory("GHSA-9", "my-shop", {"introduced": "0"}, {"fixed": "1.2"})

    def answer(handler: BaseHTTPRequestHandler, question: Any) -> None:
        known = {"jinja2": CANARY, "my-shop": odd}.get(question["package"]["name"])
        reply(handler, json.dumps({"vulns": [known]} if known else {}).encode())

    with answering(answer) as url:
        report = audited(tmp_path, environments, online(f"{url}/v1", tmp_path), "my-shop==9.9", "idna==3.10")

    assert report.status is Status.COMPLETE, report.reason
    assert [(item.package, item.rule) for item in report.findings] == [("my-shop", "GHSA-9")]


def test_every_page_of_an_answer_is_read(tmp_path: Path, environments: ToolEnvironments) -> None:
    second = advisory("GHSA-3", "my-shop", {"introduced": "0"}, {"fixed": "2"})

    def answer(handler: BaseHTTPRequestHandler, question: Any) -> None:
        document: dict[str, Any] = {"vulns": [CANARY]}
        if question["package"]["name"] == "my-shop":
            document = {"vulns": [second]} if "page_token" in question else {"vulns": [LEAK], "next_page_token": "2"}
        reply(handler, json.dumps(document).encode())

    with answering(answer) as url:
        report = audited(tmp_path, environments, online(url, tmp_path), "my-shop==1.1")

    assert {item.rule for item in report.findings} == {"CVE-2024-1", "GHSA-3"}


def with_canary(body: bytes) -> Answer:
    """As it should be for what is known to be vulnerable, and `body` for all else."""
    known = json.dumps({"vulns": [CANARY]}).encode()
    return lambda handler, question: reply(handler, known if question["package"]["name"] == "jinja2" else body)


MISBEHAVIOURS: dict[str, tuple[Answer, str]] = {
    "an error": (always(b"{}", 500), "no_report"),
    "overload": (always(b"{}", 429), "no_report"),
    "no such page": (always(b"{}", 404), "no_report"),
    "another address": (elsewhere, "no_report"),
    "nothing": (silent, "timeout"),
    "a drop at a time": (dripping, "timeout"),
    "half of it": (always(b'{"vulns": [', length=500), "no_report"),
    "an empty body": (always(b""), "report_invalid"),
    "a web page": (always(b"<html>Please log in</html>"), "report_invalid"),
    "another API": (always(b'{"status": "ok"}'), "report_invalid"),
    "a list": (always(b"[]"), "report_invalid"),
    "nothing about anything": (always(b"{}"), "report_invalid"),
    "an answer without documents": (with_canary(b'{"vulns": "none"}'), "report_invalid"),
    "null": (with_canary(b'{"vulns": null}'), "report_invalid"),
    "ids only": (with_canary(b'{"vulns": [{"id": "GHSA-1", "modified": "2024-05-06T07:08:09Z"}]}'), "report_invalid"),
    "another package": (with_canary(json.dumps({"vulns": [CANARY]}).encode()), "report_invalid"),
    "pages without end": (with_canary(b'{"next_page_token": "again"}'), "report_too_large"),
}


@pytest.mark.parametrize("case", MISBEHAVIOURS)
def test_a_service_that_answers_otherwise_is_neither_clean_nor_vulnerable(
    case: str, tmp_path: Path, environments: ToolEnvironments, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, failure = MISBEHAVIOURS[case]
    monkeypatch.setattr(osv_client, "WAIT_S", 1.0)
    monkeypatch.setattr(osv_client, "DEADLINE_S", 2.0)
    with answering(answer) as url:
        report = audited(tmp_path, environments, online(url, tmp_path), "my-shop==1.1")

    assert (report.status, report.reason.partition(":")[0]) == (Status.FAILED, failure), report.reason
    assert (report.findings, report.read) == ((), 0)


def test_a_service_that_is_not_there_is_neither_clean_nor_vulnerable(
    tmp_path: Path, environments: ToolEnvironments
) -> None:
    with answering(always(b"{}")) as url:
        pass
    report = audited(tmp_path, environments, online(url, tmp_path), "my-shop==1.1")

    assert (report.status, report.reason.partition(":")[0]) == (Status.FAILED, "no_report")
    assert report.findings == ()


@pytest.mark.parametrize(
    "url", ["http://osv.example/v1", "ftp://osv.example", "file:///etc/osv", "https://", "osv.example"]
)
def test_a_service_that_could_be_overheard_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        online(url, tmp_path)

    assert refused.value.reason == "no_advisories"
    assert not is_safe(url)


@pytest.mark.parametrize("url", ["https://osv.example/v1", "http://127.0.0.1:8000/v1", "http://[::1]/v1"])
def test_https_and_this_machine_may_be_asked(url: str, tmp_path: Path) -> None:
    assert online(url, tmp_path).service == url


def test_online_alone_is_osv_itself(tmp_path: Path) -> None:
    assert open_advisories("online", cache=tmp_path).service == "https://api.osv.dev/v1"


def test_an_export_by_url_is_the_export_by_path(tmp_path: Path) -> None:
    export = osv_zip(tmp_path / "all.zip", *EXPORT)
    with answering(always(export.read_bytes())) as url:
        fetched = open_advisories(f"{url}/PyPI/all.zip", cache=tmp_path / "one")
    read = open_advisories(str(export), cache=tmp_path / "two")

    assert fetched.facts == read.facts
    assert fetched.facts.complete
    assert fetched.database is not None
    assert list((tmp_path / "one").rglob("*.zip")) == []


def test_the_shipped_snapshot_is_partial_from_a_url_too(tmp_path: Path) -> None:
    shipped = Path(advisories_module.__file__).parent / "data/osv-snapshot.zip"
    with answering(always(shipped.read_bytes())) as url:
        facts = open_advisories(f"{url}/all.zip", cache=tmp_path).facts

    assert (facts.source, facts.complete) == (AdvisorySource.SNAPSHOT, False)


@pytest.mark.parametrize("answer", [always(b"no", 503), silent, dripping, elsewhere, always(b"PK", length=100)])
def test_an_export_that_does_not_come_whole_is_no_export(
    answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisories_module, "DOWNLOAD_WAIT_S", 1.0)
    monkeypatch.setattr(advisories_module, "DOWNLOAD_S", 2.0)
    with answering(answer) as url, pytest.raises(InfrastructureError) as refused:
        open_advisories(f"{url}/all.zip", cache=tmp_path)

    assert refused.value.reason == "advisories_unreachable"
    assert list(tmp_path.rglob("*.sqlite3")) == []


def test_an_export_over_the_limit_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advisories_module, "MAX_ARCHIVE_BYTES", 10)
    with answering(always(b"x" * 11)) as url, pytest.raises(InfrastructureError) as refused:
        open_advisories(f"{url}/all.zip", cache=tmp_path)

    assert refused.value.reason == "advisories_unreachable"


def _damaged(path: Path, how: str) -> None:
    """Cut it at the end or in half, turn bytes of a member, or say that it is encrypted."""
    content = bytearray(path.read_bytes())
    match how:
        case "cut":
            content = content[:-30]
        case "half":
            content = content[: len(content) // 2]
        case "turned":
            at = content.index(b"GHSA-1.json") + len(b"GHSA-1.json") + 5
            content[at : at + 20] = bytes(byte ^ 0xFF for byte in content[at : at + 20])
        case "encrypted":
            for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
                content[content.index(mark) + offset] |= 1
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["cut", "half", "turned", "encrypted"])
def test_a_damaged_export_is_refused_and_leaves_nothing(how: str, tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for document in EXPORT:
            archive.writestr(f"{document['id']}.json", json.dumps(document))
    whole = shutil.copyfile(path, tmp_path / "whole.zip")
    _damaged(path, how)
    with pytest.raises(UsageError) as refused:
        open_advisories(str(path), cache=tmp_path / "cache")

    assert refused.value.reason == "no_advisories"
    assert list((tmp_path / "cache").rglob("*.*")) == []
    assert open_advisories(str(whole), cache=tmp_path / "cache").facts.records == 2


def test_aliases_of_aliases_are_one_vulnerability(tmp_path: Path, environments: ToolEnvironments) -> None:
    """PYSEC-1 knows the CVE and GHSA-5 knows PYSEC-1 only: one vulnerability, whoever is read first."""
    documents = (
        advisory("PYSEC-1", "purse", {"introduced": "0"}, aliases=["CVE-2024-5"]),
        advisory("GHSA-5", "purse", {"introduced": "0"}, aliases=["PYSEC-1"]),
        advisory("PYSEC-2", "purse", {"introduced": "0"}, aliases=["CVE-2024-6"]),
    )
    opened = open_advisories(str(osv_zip(tmp_path / "all.zip", *documents)), cache=tmp_path)
    report = audited(tmp_path, environments, opened, "purse==1.0")

    assert [(item.rule, item.aliases) for item in report.findings] == [
        ("CVE-2024-5", ("CVE-2024-5", "GHSA-5", "PYSEC-1")),
        ("CVE-2024-6", ("CVE-2024-6", "PYSEC-2")),
    ]
