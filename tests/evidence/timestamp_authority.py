"""A timestamp authority of one's own: `openssl ts` behind HTTP, with a CA that is made on the spot."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CONFIG = """
[ req ]
distinguished_name = name
[ name ]
[ ca ]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[ authority ]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = {usage}
[ tsa ]
default_tsa = tsa_config
[ tsa_config ]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/authority.pem
signer_key = {folder}/authority.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAuthority:
    """`folder` has `ca.pem`, which is what an auditor trusts."""

    folder: Path

    @property
    def root(self) -> bytes:
        return (self.folder / "ca.pem").read_bytes()

    def reply(self, query: bytes) -> bytes:
        """What the authority answers to a request, both DER."""
        request, response = self.folder / "request.tsq", self.folder / "response.tsr"
        request.write_bytes(query)
        _openssl("ts", "-reply", "-config", "config", "-queryfile", request.name, "-out", response.name, at=self.folder)
        return response.read_bytes()

    def sign_again(self, response: bytes) -> bytes:
        """The same response, signed by this authority's certificate whatever it is good for, which `reply` refuses."""
        (self.folder / "response.tsr").write_bytes(response)
        _openssl("ts", "-reply", "-in", "response.tsr", "-token_out", "-out", "token", at=self.folder)
        _openssl("cms", "-verify", "-noverify", "-inform", "DER", "-in", "token", "-out", "info", at=self.folder)
        signing = ("-signer", "authority.pem", "-inkey", "authority.key", "-in", "info", "-out", "token")
        content = ("-binary", "-nodetach", "-econtent_type", "1.2.840.113549.1.9.16.1.4")
        _openssl("cms", "-sign", "-outform", "DER", *content, *signing, at=self.folder)
        granted = b"\x30\x03\x02\x01\x00"
        body = granted + (self.folder / "token").read_bytes()
        return b"\x30\x82" + len(body).to_bytes(2, "big") + body


def local_authority(folder: Path, *, usage: str = "critical, timeStamping") -> LocalAuthority:
    """A CA and a certificate of an authority below it. `usage` is the certificate's extended key usage."""
    folder.mkdir(parents=True)
    (folder / "config").write_text(_CONFIG.format(folder=folder, usage=usage), encoding="utf-8")
    (folder / "serial").write_text("01\n", encoding="utf-8")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "config")
    _openssl(
        *("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30"),
        *("-subj", f"/CN=CA of {folder.name}", "-extensions", "ca"),
        at=folder,
    )
    _openssl(
        *("req", "-new", *curve, "-keyout", "authority.key", "-out", "authority.csr"),
        *("-subj", f"/CN=Authority of {folder.name}"),
        at=folder,
    )
    _openssl(
        *("x509", "-req", "-in", "authority.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-out", "authority.pem", "-days", "30", "-extfile", "config", "-extensions", "authority"),
        at=folder,
    )
    return LocalAuthority(folder=folder)


@contextmanager
def serving(authority: LocalAuthority) -> Iterator[str]:
    """The URL at which the authority answers RFC 3161 requests over HTTP."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Type"] != "application/timestamp-query":
                self.send_error(415)
                return
            with lock:
                answer = authority.reply(query)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/tsa"
    finally:
        server.shutdown()
        server.server_close()


def _openssl(*words: str, at: Path) -> None:
    done = subprocess.run(["openssl", *words], cwd=at, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
