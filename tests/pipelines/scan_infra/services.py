"""Servers on loopback that answer as nobody should: late, broken, cut off, or something else than was asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler, Any], None]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """Serve while the block runs; `answer` gets each request and its body, and yields the root's URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length", "0"))
            answer(self, json.loads(self.rfile.read(size)))

        def do_GET(self) -> None:
            answer(self, None)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, length: int | None = None) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def always(body: bytes, status: int = 200, length: int | None = None) -> Answer:
    return lambda handler, _: reply(handler, body, status, length)


def silent(handler: BaseHTTPRequestHandler, _: Any) -> None:
    time.sleep(3)


def dripping(handler: BaseHTTPRequestHandler, _: Any) -> None:
    """Never silent, and never finished."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _count in range(40):
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.1)


def elsewhere(handler: BaseHTTPRequestHandler, _: Any) -> None:
    handler.send_response(302)
    handler.send_header("Location", "http://127.0.0.1:9/v1/query")
    handler.send_header("Content-Length", "0")
    handler.end_headers()
