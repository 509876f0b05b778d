"""A package index on loopback: wheels with the metadata that a test wants, and a lock that holds them."""

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One wheel; `metadata` are the lines of METADATA that say what the test is about."""

    name: str
    version: str
    metadata: Sequence[str] = ()
    tag: str = "py3-none-any"
    marker: str = ""

    @property
    def file_name(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}-{self.tag}.whl"

    @property
    def content(self) -> bytes:
        """Importing it would fail, so that a test notices whoever does."""
        folder = f"{self.name.replace('-', '_')}-{self.version}.dist-info"
        lines = ["Metadata-Version: 2.4", f"Name: {self.name}", f"Version: {self.version}", *self.metadata]
        members = {
            f"{self.name.replace('-', '_')}.py": "raise SystemExit('a scanned package must not run')\n",
            f"{folder}/METADATA": "\n".join(lines) + "\n",
            f"{folder}/WHEEL": f"Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: {self.tag}\n",
        }
        members[f"{folder}/RECORD"] = "".join(f"{name},,\n" for name in [*members, f"{folder}/RECORD"])
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, text in members.items():
                archive.writestr(zipfile.ZipInfo(name), text)
        return packed.getvalue()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def lock_of(*wheels: Wheel, hashes: Mapping[str, str] | None = None) -> dict[str, str]:
    """A uv project `shop` that depends on these; `hashes` stand in for those of their wheels."""
    entries, wanted, needed = "", [], []
    for wheel in wheels:
        hashed = (hashes or {}).get(wheel.name, wheel.sha256)
        marker = f', marker = "{wheel.marker}"' if wheel.marker else ""
        wanted.append(f'{{ name = "{wheel.name}", specifier = "=={wheel.version}"{marker} }}')
        needed.append(f'{{ name = "{wheel.name}"{marker} }}')
        entries += (
            f'\n[[package]]\nname = "{wheel.name}"\nversion = "{wheel.version}"\n'
            'source = { registry = "https://pypi.org/simple" }\n'
            f'wheels = [{{ url = "https://files.pythonhosted.org/{wheel.file_name}", hash = "sha256:{hashed}" }}]\n'
        )
    pins = [f"{item.name}=={item.version}" + (f" ; {item.marker}" if item.marker else "") for item in wheels]
    return {
        "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n'
        f"dependencies = {json.dumps(pins)}\n",
        "uv.lock": 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n'
        '[[package]]\nname = "shop"\nversion = "1"\nsource = { virtual = "." }\n'
        f"dependencies = [{', '.join(needed)}]\n\n[package.metadata]\nrequires-dist = [{', '.join(wanted)}]\n{entries}",
    }


@contextmanager
def served(*wheels: Wheel) -> Iterator[str]:
    """Serve them by the simple API (PEP 503), and yield its URL."""
    pages: dict[str, bytes] = {}
    for wheel in wheels:
        pages[f"/files/{wheel.file_name}"] = wheel.content
        link = f'<a href="/files/{wheel.file_name}#sha256={wheel.sha256}">{wheel.file_name}</a>\n'
        pages[f"/simple/{wheel.name}/"] = pages.get(f"/simple/{wheel.name}/", b"<!DOCTYPE html>") + link.encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "text/html" if self.path.startswith("/simple") else "application/zip")
            self.send_header("Content-Length", str(len(page or b"")))
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
