"""A Florin that lies: it passes the real one's answers on, changed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.service.builders import Florin

Change = Callable[[str, Any], Any]


@contextmanager
def lying(florin: Florin, change: Change) -> Iterator[str]:
    """The URL of a server whose answers are `change(path, the real answer)`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = florin.call(self.path)
            body = json.dumps(change(self.path, answer.json())).encode()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  the name that it overrides
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
