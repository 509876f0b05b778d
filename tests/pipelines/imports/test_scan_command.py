"""`mintmark scan` tells what was found and how much was read; its exit code says whether all of it was."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.pipelines.imports.builders import (
    FORMATS,
    ROOT,
    TREE,
    VECTORS,
    bandit,
    read,
    result,
    sarif,
    sarif_run,
    vector,
)
from tests.pipelines.scan.builders import CLEAN, commit, lock

from mintmark.pipelines.cli.main import main
from mintmark.pipelines.scan.imports import Background, read_report
from mintmark.pipelines.scan.model import Severity, Status
from mintmark.pipelines.scan.sarif import MAX_RESULTS, sarif_of

SARIF = json.loads((VECTORS / "schema/sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
CONFIGURATION = """\
[release]
package = "shop"
path = "."
source_uri = "git+https://example.org/shop"

[scan]
code = ["src"]
iac = ["deploy"]

[environments.local]
driver = "local"
"""


def write(path: Path, content: bytes | dict[str, Any]) -> str:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return str(path)


def valid(document: dict[str, Any]) -> dict[str, Any]:
    jsonschema.Draft4Validator(SARIF).validate(document)
    return document


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that mintmark can scan, and the working directory."""
    commit(tmp_path / "shop", {**TREE, **lock("urllib3==2.0.6", "idna==3.10"), "mintmark.toml": CONFIGURATION})
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


def test_a_report_that_is_complete_exits_0_whatever_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["scan", "--from", f"sarif={write(tmp_path / 'a', sarif(sarif_run(result(level='error'))))}"])
    out = capsys.readouterr().out

    assert code == 0
    assert re.search(r"^probe 1\.2 +complete \(import\) +1 of 1 read +1 high$", out, re.MULTILINE), out
    assert re.search(r"^high  +probe  R1  src/shop\.py:1  R1   [0-9a-f]{32}$", out, re.MULTILINE), out


def test_a_report_that_is_incomplete_exits_3_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = sarif_run(result()), sarif_run() | {"invocations": []}
    code = main(["scan", "--from", f"sarif={write(tmp_path / 'a', sarif(good, bad))}"])

    assert code == 3
    assert "it does not say that the tool came to its end" in capsys.readouterr().out


def test_reports_and_tests_are_read_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--from", f"bandit={write(tmp_path / 'b', bandit())}", "--from", f"junit={VECTORS / 'pytest-9.2.0.xml'}"]
    code = main(["scan", *words, "--commit", "a" * 40, "-o", "json"])
    document = json.loads(capsys.readouterr().out)

    assert code == 0
    assert document["schema"] == "https://mintmark.dev/scan-reports/v1"
    assert [(item["tool"], item["means"]) for item in document["reports"]] == [("bandit", "import")]
    assert document["tests"] == [
        {"suite": "unit", "result": "FAILED", "passed": 1, "failed": 1, "skipped": 1}
        | {"finished_at": 1795531054, "commit": "a" * 40, "means": "import"}
    ]


def test_a_suite_in_which_nothing_ran_exits_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = write(tmp_path / "junit", b'<testsuite name="unit"/>')
    code = main(["scan", "--from", f"junit={empty}"])

    assert code == 3
    assert "tests unit   FAILED   0 passed, 0 failed, 0 skipped" in capsys.readouterr().out


def test_a_report_comes_from_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Stdin:
        buffer = io.BytesIO(sarif(sarif_run(result())))

    monkeypatch.setattr("sys.stdin", Stdin())

    assert main(["scan", "--from", "sarif=-", "-o", "csv"]) == 0
    assert len(list(csv.DictReader(io.StringIO(capsys.readouterr().out)))) == 1


@pytest.mark.parametrize(
    ("words", "code", "reason", "said"),
    [
        (["--from", "sarif={bad}"], 3, "malformed", "not of the format sarif"),
        (["--from", "sarf={good}"], 2, "unknown_format", "did you mean 'sarif'?"),
        (["--from", "sarif"], 2, "usage", "no file"),
        (["--from", "sarif={good}.none"], 2, "unreadable", "No such file"),
        (["--from", "sarif={folder}"], 2, "unreadable", "Is a directory"),
        (["--from", "sarif=/dev/zero"], 3, "report_too_large", "over 16777216 bytes"),
        (["--from", "sarif=-", "--from", "bandit=-"], 2, "usage", "stdin was named twice"),
        (["--from", "sarif={good}", "--only", "bandit"], 2, "usage", "--only is for our own scanners"),
        (["--from", "sarif={good}", "--commit", "HEAD"], 2, "no_commit", "not a whole commit id"),
        (["--from", "sarif={good}", "--tree", "{good}"], 2, "unreadable", "is not a folder"),
        (["--tree", "."], 2, "usage", "--tree and --root are for --from"),
        (["--source", "{shop}", "--only", "bandt"], 2, "unknown_tool", "did you mean 'bandit'?"),
        (["--source", "{folder}"], 2, "no_configuration", "mintmark.toml"),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_reason(
    words: list[str],
    code: int,
    reason: str,
    said: str,
    tmp_path: Path,
    shop: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    names = {
        "good": write(tmp_path / "good", sarif(sarif_run(result()))),
        "bad": write(tmp_path / "bad", b"[]"),
        "folder": str(tmp_path / "empty"),
        "shop": str(shop),
    }

    assert main(["scan", *(word.format(**names) for word in words)]) == code
    told = capsys.readouterr()
    assert f"reason  {reason}\n" in told.err
    assert said in told.err
    assert told.out == ""


def test_text_that_would_move_a_terminal_is_spelled_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b[2J\u202eR1"
    main(["scan", "--from", f"sarif={write(tmp_path / 'a', sarif(sarif_run(result(rule=hostile))))}"])
    out = capsys.readouterr().out

    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\\x1b[2J\\u202eR1" in out


def test_a_cell_that_would_be_a_formula_is_a_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = result(rule='=HYPERLINK("http://example.org","a")', message={"text": "+1, and\n-1"})
    main(["scan", "--from", f"sarif={write(tmp_path / 'a', sarif(sarif_run(found)))}", "-o", "csv"])
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))

    assert row["rule"].startswith("'=HYPERLINK")
    assert row["message"] == "'+1, and -1"
    assert (row["path"], row["severity"], row["suppressed_inline"]) == ("src/shop.py", "high", "False")


def test_the_commit_that_is_checked_out_is_the_one_that_reports_must_be_of(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = sarif_run(result()) | {"versionControlProvenance": [{"revisionId": "b" * 40}]}

    assert main(["scan", "--from", f"sarif={write(tmp_path / 'a', sarif(other))}"]) == 3
    assert f"it is of commit {'b' * 40}" in capsys.readouterr().out


def test_a_tree_at_hand_is_looked_at(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["scan", "--from", f"osv={VECTORS / 'osv-scanner-1.9.2.json'}", "--root", ROOT, "-o", "json"]
    ghost = write(tmp_path / "ghost", sarif(sarif_run(result(uri="src/ghost.py"))))

    assert main(words) == 3  # osv-scanner does not say that it came to its end
    assert [item["path"] for item in json.loads(capsys.readouterr().out)["reports"][0]["findings"]] == [
        "requirements.txt"
    ]
    assert main(["scan", "--from", f"sarif={ghost}", "--tree", str(shop)]) == 3
    assert "reason  malformed" in capsys.readouterr().err


def test_a_checkout_at_hand_counts_as_its_commit(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that what others found in it and what we find are of one tree, whatever else lies in the folder."""
    assert main(["scan", "--only", "bandit", "-o", "json"]) == 0
    own = json.loads(capsys.readouterr().out)["reports"][0]
    (shop / "src/notes.py").write_text("pass\n", encoding="utf-8")
    found = write(tmp_path / "a", bandit(filename=str(shop / "src/shop.py")))
    other = write(tmp_path / "b", sarif(sarif_run(result(uri="src/notes.py"))))

    assert main(["scan", "--from", f"bandit={found}", "--tree", str(shop), "-o", "json"]) == 0
    imported = json.loads(capsys.readouterr().out)["reports"][0]
    assert imported["tree_digest"] == own["tree_digest"]
    assert {item["fingerprint"] for item in imported["findings"]} <= {item["fingerprint"] for item in own["findings"]}
    assert main(["scan", "--from", f"sarif={other}", "--tree", str(shop)]) == 3
    assert "reason  malformed" in capsys.readouterr().err


def test_our_scanners_read_the_commit_and_judge_nothing(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "src/shop.py").write_text("pass\n", encoding="utf-8")  # not committed, and so not scanned
    code = main(["scan", "--only", "bandit", "-o", "json", "-o", f"sarif={shop / 'out.sarif'}"])
    told = capsys.readouterr()
    (report,) = json.loads(told.out)["reports"]
    document = valid(json.loads((shop / "out.sarif").read_text(encoding="utf-8")))

    assert code == 0
    assert "1 uncommitted changes are not scanned" in told.err
    assert (report["tool"], report["means"], report["status"], report["read"]) == ("bandit", "run", "complete", 2)
    assert "B602" in {item["rule"] for item in report["findings"]}
    assert len(document["runs"][0]["results"]) == len(report["findings"])


def test_a_file_that_does_not_parse_exits_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {**CLEAN, "src/broken.py": "def (", "mintmark.toml": CONFIGURATION}
    commit(tmp_path / "shop", files)
    monkeypatch.chdir(tmp_path / "shop")

    assert main(["scan", "--only", "bandit"]) == 3
    assert "unread  src/broken.py" in capsys.readouterr().out


def test_our_sarif_is_valid_and_says_the_same_when_it_is_read_again() -> None:
    reports = [report for name in ("a", "b") for report in _reports(name)]
    document = valid(sarif_of(reports))
    again = read_report("sarif", json.dumps(document).encode(), Background()).reports

    assert [item.status for item in again] == [item.status for item in reports]
    for before, after in zip(reports, again, strict=True):
        told = sorted(
            (item.rule, item.path, item.line, item.severity, item.suppressed_inline) for item in before.findings
        )
        heard = sorted(
            (item.rule, item.path, item.line, item.severity, item.suppressed_inline) for item in after.findings
        )
        assert told == heard
        assert before.finished_at == after.finished_at


def _reports(name: str) -> tuple[Any, ...]:
    """One finding of each severity, of rules of their own; the second report is incomplete."""
    found = [
        result(rule="R1", properties={"security-severity": "9.9"}),
        result(rule="R2", level="error", suppressions=[{"kind": "inSource"}]),
        result(rule="R3", level="warning", uri="src/a%20b%23c.py"),
        result(rule="R4", level="note", line=4),
        result(rule="R5", kind="informational", level="none"),
    ]
    more = {} if name == "a" else {"invocations": [{"executionSuccessful": False}]}
    return read_report("sarif", sarif(sarif_run(*found) | more), Background()).reports


def test_every_finding_of_our_sarif_has_its_fingerprint_and_its_score() -> None:
    (run,) = sarif_of(_reports("a"))["runs"]
    scores = {item["ruleId"]: item["properties"]["security-severity"] for item in run["results"]}
    (report,) = _reports("a")

    assert scores == {"R1": "9.0", "R2": "7.0", "R3": "4.0", "R4": "0.1", "R5": "0.0"}
    assert {item["partialFingerprints"]["mintmark/v1"] for item in run["results"]} == {
        item.fingerprint for item in report.findings
    }
    assert [item["ruleId"] for item in run["results"] if "suppressions" in item] == ["R2"]
    assert [run["tool"]["driver"]["rules"][item["ruleIndex"]]["id"] for item in run["results"]] == [
        item["ruleId"] for item in run["results"]
    ]


def test_a_run_with_too_many_findings_shows_the_worst_and_counts_the_rest() -> None:
    mild = [result(line=number + 1, level="note") for number in range(MAX_RESULTS)]
    report = read("sarif", sarif(sarif_run(*mild, result(uri="src/z.py", level="error"))))
    document = valid(sarif_of([report]))
    (run,) = document["runs"]

    assert len(run["results"]) == MAX_RESULTS
    assert run["results"][0]["level"] == "error"
    assert run["properties"]["mintmark/leftOut"] == 1
    assert "1 findings were left out" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert read("sarif", document).status is Status.INCOMPLETE  # a part is not the whole
    assert read("sarif", document).findings[-1].severity is Severity.HIGH


def test_every_real_report_becomes_valid_sarif() -> None:
    for name in FORMATS:
        valid(sarif_of([vector(name)]))
