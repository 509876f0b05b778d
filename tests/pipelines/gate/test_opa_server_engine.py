"""The OPA server is asked only while it runs exactly the pack."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import pytest
from tests.policies.builders import gate_input, opa_server

from mintmark.pipelines.errors import ExitCode, UsageError
from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.errors import EngineUnavailable, NoDecision, PolicyTampered
from mintmark.pipelines.gate.opa_server import OpaServerEngine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.verdict import Answer


def put(url: str, content: bytes, kind: str = "text/plain") -> None:
    request = urllib.request.Request(url, data=content, method="PUT", headers={"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status in {200, 204}


def delete(url: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=10):
        pass


def test_the_gate_opens_on_a_server_that_runs_the_pack(pack: PolicyPack, published: OpaServerEngine) -> None:
    gate = Gate.open(pack, published)

    assert gate.judge(gate_input(pack)).allowed
    assert gate.judge(gate_input(pack)).engine_name == "opa-server"


def test_an_empty_server_is_not_asked(pack: PolicyPack, server: str) -> None:
    with pytest.raises(PolicyTampered) as tampered:
        OpaServerEngine(pack, server).evaluate(gate_input(pack))

    assert tampered.value.reason == "policy_tampered"


def test_a_server_with_one_changed_policy_is_not_asked(pack: PolicyPack, server: str) -> None:
    engine = OpaServerEngine(pack, server)
    engine.publish()
    changed = pack.sources["scan/fresh.rego"].replace("default satisfied := false", "default satisfied := true")
    put(f"{server}/v1/policies/mintmark/scan/fresh.rego", changed.encode())

    with pytest.raises(PolicyTampered) as tampered:
        engine.evaluate(gate_input(pack))

    assert tampered.value.path == "package mintmark.gates.scan.fresh"


def test_a_policy_added_to_our_packages_under_any_name_is_found(pack: PolicyPack, server: str) -> None:
    engine = OpaServerEngine(pack, server)
    engine.publish()
    put(f"{server}/v1/policies/harmless", b"package mintmark.gates.scan.fresh\n\nsatisfied if true\n")

    with pytest.raises(PolicyTampered):
        engine.evaluate(gate_input(pack))


def test_a_policy_of_somebody_else_beside_ours_does_no_harm(pack: PolicyPack, server: str) -> None:
    engine = OpaServerEngine(pack, server)
    engine.publish()
    put(f"{server}/v1/policies/other", b"package other\n\nallow if true\n")

    assert b'"decision":"ALLOW"' in engine.evaluate(gate_input(pack))


def test_a_removed_policy_is_found(pack: PolicyPack, server: str) -> None:
    engine = OpaServerEngine(pack, server)
    engine.publish()
    delete(f"{server}/v1/policies/mintmark/verdict.rego")

    with pytest.raises(PolicyTampered):
        engine.evaluate(gate_input(pack))


def test_a_changed_parameter_is_found_and_the_decision_is_an_error(pack: PolicyPack, server: str) -> None:
    engine = OpaServerEngine(pack, server)
    engine.publish()
    gate = Gate.open(pack, engine)
    put(f"{server}/v1/data/mintmark/params/required_tools", b'["bandit"]', "application/json")

    decision = gate.judge(gate_input(pack))

    assert (decision.answer, decision.reason) == (Answer.ERROR, "policy_tampered")


def test_a_server_that_went_away_is_unavailable(pack: PolicyPack) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(EngineUnavailable) as unavailable:
        OpaServerEngine(pack, f"http://127.0.0.1:{port}").evaluate(gate_input(pack))

    assert unavailable.value.reason == "engine_unavailable"


@pytest.mark.parametrize("url", ["", "127.0.0.1:8181", "ftp://127.0.0.1", "http://", "http://127.0.0.1:8181/v1"])
def test_an_address_that_is_none_is_a_usage_error(pack: PolicyPack, url: str) -> None:
    with pytest.raises(UsageError) as refused:
        OpaServerEngine(pack, url)

    assert refused.value.reason == "opa_url"


class LyingServer:
    """Shows the pack's policies and parameters as OPA would, and answers the query as it likes."""

    def __init__(self, pack: PolicyPack, status: int, body: bytes) -> None:
        policies = {
            name.replace("/", "-"): {
                "raw": text,
                "ast": {"package": {"path": [{"value": "data"}, {"value": "mintmark"}]}},
            }
            for name, text in pack.sources.items()
        }
        params = json.loads(pack.data)["mintmark"]["params"]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.removeprefix("/v1/")
                name = path.removeprefix("policies/")
                match path:
                    case "policies/":
                        result: object = [{"id": identity} for identity in policies]
                    case "data/mintmark/params":
                        result = params
                    case _:
                        result = policies[name]
                self._send(200, json.dumps({"result": result}).encode())

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self._send(status, body)

            def _send(self, code: int, content: bytes) -> None:
                self.send_response(code)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b"", b"not json", b'{"result":1.5}', b'{"warning":"x"}'])
def test_an_answer_that_is_none_is_no_decision(pack: PolicyPack, body: bytes) -> None:
    """OPA answers `{}` with status 200 for an undefined verdict."""
    with LyingServer(pack, 200, body) as server, pytest.raises(NoDecision) as no_decision:
        OpaServerEngine(pack, server.url).evaluate(gate_input(pack))

    assert no_decision.value.reason == "no_decision"


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_error_of_the_server_is_unavailable(pack: PolicyPack, status: int) -> None:
    with LyingServer(pack, status, b'{"code":"x"}') as server, pytest.raises(EngineUnavailable):
        OpaServerEngine(pack, server.url).evaluate(gate_input(pack))


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes the connection and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_server_that_never_answers_is_unavailable(pack: PolicyPack, silent: str) -> None:
    with pytest.raises(EngineUnavailable):
        OpaServerEngine(pack, silent, timeout_s=0.3).evaluate(gate_input(pack))


class SlowServer:
    """Answers every question with the right bytes, one byte at a time."""

    def __init__(self, every_s: float) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                with suppress(OSError):  # who asked has gone
                    for _ in range(1000):
                        self.wfile.write(b" ")
                        time.sleep(every_s)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_a_server_that_answers_byte_by_byte_is_not_waited_for(pack: PolicyPack) -> None:
    """Each byte comes in time: it is the whole answer that has a limit."""
    with SlowServer(every_s=0.05) as server, pytest.raises(EngineUnavailable, match="timeout"):
        OpaServerEngine(pack, server.url, timeout_s=0.5).evaluate(gate_input(pack))


def test_a_server_that_came_back_is_asked_again(opa: Path, pack: PolicyPack, tmp_path: Path) -> None:
    """A failure is not remembered: neither by the engine nor by the gate."""
    with opa_server(opa, tmp_path) as url:
        engine = OpaServerEngine(pack, url)
        engine.publish()
        gate = Gate.open(pack, engine)
        assert gate.judge(gate_input(pack)).allowed

    gone = gate.judge(gate_input(pack))

    with opa_server(opa, tmp_path, address=url.removeprefix("http://")):
        empty = gate.judge(gate_input(pack))
        OpaServerEngine(pack, url).publish()
        back = gate.judge(gate_input(pack))

    assert (gone.answer, gone.reason, gone.exit_code) == (Answer.ERROR, "engine_unavailable", ExitCode.INFRASTRUCTURE)
    assert (empty.answer, empty.reason) == (Answer.ERROR, "policy_tampered")
    assert back.allowed
