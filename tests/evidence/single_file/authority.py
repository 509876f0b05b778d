"""A timestamp authority of one's own, by `openssl ts`, with a certificate authority above it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_CONFIGURATION = """
[tsa]
default_tsa = tsa1
[tsa1]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha1, sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
[stamping]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
[req]
distinguished_name = name
[name]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Authority:
        folder.mkdir()
        (folder / "openssl.cnf").write_text(_CONFIGURATION.format(folder=folder), encoding="utf-8")
        (folder / "serial").write_text("01\n", encoding="utf-8")
        made = cls(folder=folder)
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "openssl.cnf")
        made._run(
            "req",
            "-x509",
            *new_key,
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-subj",
            "/CN=ca",
            "-extensions",
            "authority",
        )
        made._run("req", *new_key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=tsa")
        extensions = ("-extfile", "openssl.cnf", "-extensions", "stamping")
        made._run("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "tsa.pem", *extensions)
        return made

    @property
    def roots(self) -> Path:
        return self.folder / "ca.pem"

    def stamp(self, text: bytes, *, digest: str = "sha256") -> bytes:
        (self.folder / "text").write_bytes(text)
        self._run("ts", "-query", "-data", "text", f"-{digest}", "-cert", "-out", "query")
        self._run("ts", "-reply", "-config", "openssl.cnf", "-queryfile", "query", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    def _run(self, *words: str) -> None:
        done = subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
