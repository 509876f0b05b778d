"""A scanner runs apart: it inherits no secret, reaches no network, ends in time and cannot flood the disk."""

import json
import socket
import sys
import time
from pathlib import Path

import pytest
from tests.pipelines.scan_infra.builders import sandbox

from mintmark.pipelines.scan.interface import Failure, ScannerFailed
from mintmark.pipelines.scan.model import Isolation
from mintmark.pipelines.scan.sandbox import MAX_DEPTH, MAX_REPORT_BYTES, _can_unshare, parse_json

CONNECT = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 2).close()"


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-I", "-c", *arguments]


def _alive(process: int) -> bool:
    """A killed process whose parent has not asked yet is a zombie, and dead."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _gone(process: int) -> bool:
    until = time.monotonic() + 5
    while _alive(process) and time.monotonic() < until:
        time.sleep(0.02)
    return not _alive(process)


def test_a_scanner_inherits_no_variable_and_has_a_home_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINTMARK_TEST_TOKEN", "correct horse")
    box = sandbox(tmp_path)
    outcome = box.run(
        _python("import json, os; print(json.dumps(dict(os.environ)))"),
        cwd=tmp_path,
        timeout_s=30,
        environment={"SCANNER_OPTION": "1"},
    )
    seen = json.loads(outcome.stdout)

    assert seen.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"  # Python may set it for itself
    assert set(seen) == {
        "PATH",
        "HOME",
        "TMPDIR",
        "LANG",
        "PYTHONHASHSEED",
        "PYTHONDONTWRITEBYTECODE",
        "SCANNER_OPTION",
    }
    assert Path(seen["HOME"]).is_relative_to(box.scratch)
    assert b"correct horse" not in outcome.stdout


def test_a_scanner_reaches_the_network_only_where_its_adapter_asks_for_it(tmp_path: Path) -> None:
    if not _can_unshare():
        pytest.skip("this platform allows no network namespace")
    box = sandbox(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = _python(CONNECT, str(server.getsockname()[1]))
        apart = box.run(command, cwd=tmp_path, timeout_s=30)
        connected = box.run(command, cwd=tmp_path, timeout_s=30, network=True)

    assert (apart.isolation, apart.exit_code) == (Isolation.NAMESPACE, 1)
    assert b"Error" in apart.stderr
    assert (connected.isolation, connected.exit_code) == (Isolation.NONE, 0)


def test_what_a_scanner_leaves_running_is_ended_too(tmp_path: Path) -> None:
    outcome = sandbox(tmp_path).run(
        ["sh", "-c", f"sleep 600 >/dev/null & echo $! > {tmp_path}/child; echo done"], cwd=tmp_path, timeout_s=30
    )

    assert (outcome.exit_code, outcome.stdout) == (0, b"done\n")
    assert _gone(int((tmp_path / "child").read_text(encoding="ascii")))


def test_a_scanner_cannot_fill_the_disk(tmp_path: Path) -> None:
    flood = "import sys\nwhile True: sys.stdout.buffer.write(b' ' * 2**20)"
    box = sandbox(tmp_path)
    with pytest.raises(ScannerFailed) as refusal:
        box.run(_python(flood), cwd=tmp_path, timeout_s=60)

    assert refusal.value.failure is Failure.REPORT_TOO_LARGE
    if sys.platform == "linux":
        assert (box.scratch / "stdout").stat().st_size == MAX_REPORT_BYTES + 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{} {}",
        b"\xff\xfe{}",
        b'{"a": 1, "a": 2}',
        b'{"a": [{"b": 1, "b": 1}]}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\\u0000"}',
        b'{"\\u0000": 1}',
        b'"\\u0000"',
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 100_000 + b"]" * 100_000,
        b"9" * 10_000,
    ],
)
def test_a_hostile_report_is_refused(raw: bytes) -> None:
    with pytest.raises(ScannerFailed) as refusal:
        parse_json("probe", raw)

    assert refusal.value.failure is Failure.REPORT_INVALID


@pytest.mark.parametrize(
    ("raw", "document"),
    [
        (b'{"a": [1, 2.5, null, true, "\xc3\xa9"]}', {"a": [1, 2.5, None, True, "é"]}),
        (rb'{"code": "text.strip(\"\\u0000\")"}', {"code": 'text.strip("\\u0000")'}),
        (b'[{"a": 1}, {"a": 1}]', [{"a": 1}, {"a": 1}]),
    ],
    ids=["all kinds of value", "source text that quotes an escaped NUL", "the same key in two objects"],
)
def test_an_honest_report_is_parsed(raw: bytes, document: object) -> None:
    assert parse_json("probe", raw) == document
