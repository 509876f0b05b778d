"""
Answers OSV's API (https://google.github.io/osv.dev/api/) on loopback for as long as one command runs.

`python -m mintmark.pipelines.scan.osv_service DATABASE COMMAND…` starts the service, runs the command with `{url}`
replaced by the query URL, and leaves with its exit code. Service and command share one process tree, so that both can
stand in one network namespace: the auditor then reaches its advisories and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion

from mintmark.pipelines.scan.advisories import connect, matching

MAX_REQUEST_BYTES = 1024 * 1024
REQUEST_TIMEOUT_S = 30


def main(arguments: list[str]) -> int:
    database, *command = arguments
    _raise_loopback()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with serve(Path(database)) as url:
        return subprocess.run([part.replace("{url}", url) for part in command], env=environment, check=False).returncode


@contextmanager
def serve(database: Path) -> Iterator[str]:
    """Serve while the block runs, and yield the URL of `/v1/query`."""
    server = _Server(("127.0.0.1", 0), database)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _raise_loopback() -> None:
    """In a network namespace of its own even `lo` starts out down (netdevice(7)). Elsewhere it is up, and not ours."""
    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket, contextlib.suppress(PermissionError):
        answer = fcntl.ioctl(any_socket, get_flags, struct.pack("16sH14x", b"lo", 0))
        (flags,) = struct.unpack_from("H", answer, 16)
        if not flags & up:
            fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", flags | up))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], database: Path) -> None:
        super().__init__(address, _Handler)
        self.database = database


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = REQUEST_TIMEOUT_S

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", "0"))
        if self.path not in {"/v1/query", "/v1/querybatch"} or size > MAX_REQUEST_BYTES:
            self.close_connection = True  # the body was not read
            self._answer({"code": 5, "message": "there is POST /v1/query, /v1/querybatch and GET /v1/vulns/ID"}, 404)
            return
        try:
            query = json.loads(self.rfile.read(size))
            self._answer(self._batch(query["queries"]) if self.path.endswith("batch") else self._one(query))
        except (ValueError, KeyError, TypeError, InvalidVersion) as cause:
            self._answer({"code": 3, "message": f"not a query: {cause}"}, 400)

    def do_GET(self) -> None:
        identity = self.path.removeprefix("/v1/vulns/")
        with closing(connect(self.server.database)) as connection:
            row = connection.execute("SELECT doc FROM advisory WHERE id = ?", (identity,)).fetchone()
        self._answer(json.loads(row[0]) if row else {"code": 5, "message": "no such advisory"}, 200 if row else 404)

    def _one(self, query: dict[str, Any]) -> dict[str, Any]:
        """Names of other ecosystems match nothing, as on the public service."""
        if query["package"].get("ecosystem", "PyPI") != "PyPI":
            return {}
        found = matching(self.server.database, query["package"]["name"], query["version"])
        return {"vulns": found} if found else {}

    def _batch(self, queries: list[dict[str, Any]]) -> dict[str, Any]:
        """Ids only: the details are asked for one by one."""
        answers = [self._one(query).get("vulns", []) for query in queries]
        short = [[{"id": item["id"], "modified": item["modified"]} for item in found] for found in answers]
        return {"results": [{"vulns": found} if found else {} for found in short]}

    def _answer(self, document: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """A scanner's questions are in its report."""


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except (sqlite3.Error, OSError) as failure:
        raise SystemExit(f"the advisory service could not run: {failure}") from failure
