"""
Offers hostile bundles to ingest, each in a forked process of its own that may take 256 MiB and 5 s of processor time.

The operating system ends a process that takes more, so what is shown is a limit and not a measurement. Prints a JSON
object: attack → reason of the refusal, or how the process ended.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.evidence.builders import NOW, bench, signed, statement
from tests.evidence.sigstore_stand_in import ISSUER, REPOSITORY_ID, WORKFLOW, SigstoreStandIn

from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.ingest import accept
from mintmark.evidence.keyless.identity import WorkflowIdentity
from mintmark.evidence.schemas import PredicateSchemas
from mintmark.evidence.trust import TrustedIdentity, TrustPolicy

MIB = 1024 * 1024
MEMORY = 256 * MIB
SECONDS = 5
DEPTH = 100_000
SCHEMAS = Path(__file__).resolve().parents[2] / "policies" / "schemas"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """What is accepted, to be made hostile; `payload` signs bytes with the trusted key."""

    bundle: bytes
    keyless: dict[str, Any]
    payload: Callable[[bytes], bytes]

    def padded(self, extra: bytes) -> bytes:
        return self.bundle[:-1] + b',"more":' + extra + b"}"

    def listed(self, item: bytes, count: int) -> bytes:
        return self.payload(b'{"a":[' + item * count + b"1]}")

    def entry(self, body: bytes) -> bytes:
        self.keyless["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"] = base64.b64encode(body).decode()
        return json.dumps(self.keyless).encode()


# attack → the reason it is refused with, and the bytes
ATTACKS: dict[str, tuple[str, Callable[[Sound], bytes]]] = {
    "100 MB": ("malformed", lambda _: b"{" + b" " * (100 * MIB) + b"}"),
    "100 MB in one string": ("malformed", lambda s: s.padded(b'"' + b"a" * (100 * MIB) + b'"')),
    "a depth of 100,000": ("malformed", lambda s: s.padded(b"[" * DEPTH + b"]" * DEPTH)),
    "the same in the payload": ("malformed", lambda s: s.payload(b'{"a":' + b"[" * DEPTH + b"]" * DEPTH + b"}")),
    "five million objects": ("malformed", lambda s: s.padded(b"[" + b"{}," * 5_000_000 + b"1]")),
    "four million objects in the payload": ("malformed", lambda s: s.listed(b"{},", 4_000_000)),
    "six million numbers in the payload": ("malformed", lambda s: s.listed(b"1,", 6_000_000)),
    "as many objects as are read": ("type_mismatch", lambda s: s.listed(b"{},", 333_000)),
    "as many texts as are read": ("type_mismatch", lambda s: s.listed(b'"\xf0\x9f\x98\x80 ab",', 490_000)),
    "an endless number": ("malformed", lambda s: s.padded(b"1" * 15_000_000)),
    "an endless string of escapes": ("malformed", lambda s: s.padded(b'"' + b"\\\\" * 7_000_000)),
    "wide characters": ("malformed", lambda s: s.padded(b'"' + "\U0001f600".encode() * 3_900_000 + b'"')),
    "NUL": ("malformed", lambda _: b"\0" * 1000),
    "NUL in the payload": ("malformed", lambda s: s.payload(b'{"a":"\\u0000"}')),
    "bad UTF-8": ("malformed", lambda s: s.padded(b'"\xff"')),
    "bad UTF-8 in the payload": ("malformed", lambda s: s.payload(b'{"a":"\xff\xfe"}')),
    "a key twice": ("malformed", lambda s: s.bundle[:-1] + b',"mediaType":"x"}'),
    "a key twice in the payload": ("malformed", lambda s: s.payload(statement("scan", {})[:-1] + b',"_type":"x"}')),
    "a payload that is no base64": ("malformed", lambda s: s.bundle.replace(b'"payload":"', b'"payload":"*')),
    "an invalid schema": ("schema_invalid", lambda s: s.payload(statement("gap", {"what": "a b"}))),
    "a long list of an invalid schema": (
        "schema_invalid",
        lambda s: s.payload(statement("scan", {"findings": [0] * 400_000})),
    ),
    "a log entry of a depth of 100,000": ("log_entry_mismatch", lambda s: s.entry(b"[" * DEPTH)),
    "a log entry of 75 MB": ("malformed", lambda s: s.entry(b" " * (75 * MIB))),
    "a log entry as long as is read": ("log_entry_mismatch", lambda s: s.entry(b" " * (11 * MIB))),
    "nothing at all (the control)": ("accepted", lambda s: s.bundle),
    "nothing at all, keyless (the control)": ("accepted", lambda s: json.dumps(s.keyless).encode()),
}


def main(folder: Path) -> None:
    place, sigstore, schemas = bench(folder), SigstoreStandIn(), PredicateSchemas.load(SCHEMAS)
    gap = statement("gap", {"what": "witness:1"})
    workflow = WorkflowIdentity(
        issuer=ISSUER,
        identity=WORKFLOW,
        repository_id=REPOSITORY_ID,
        owner_id=None,
        trusted_root=json.dumps(sigstore.trusted_root()).encode(),
    )
    identity = TrustedIdentity(workflow=workflow, origin="ci", kinds=frozenset(["gap"]))
    trust = TrustPolicy(keys=place.trust.keys, identities=(identity,))
    sound = Sound(
        bundle=signed(place.key, gap),
        keyless=json.loads(sigstore.bundle(gap)),
        payload=lambda payload: signed(place.key, payload),
    )

    def offer(content: bytes) -> str:
        try:
            accept(content, trust, at=NOW + timedelta(hours=1), schemas=schemas)
        except EvidenceError as refused:
            return refused.reason
        return "accepted"

    offer(json.dumps(sound.keyless).encode())  # all that is needed is loaded before anything is limited
    print(json.dumps({attack: _forked(offer, make, sound) for attack, (_, make) in ATTACKS.items()}))


def _forked(offer: Callable[[bytes], str], make: Callable[[Sound], bytes], sound: Sound) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        content = make(sound)
        _limit()
        os.write(writing, offer(content).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answers:
        answer = answers.read()
    _, status = os.waitpid(child, 0)
    return answer if status == 0 else f"ended with status {status}"


def _limit() -> None:
    held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
    used = int(time.process_time()) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + SECONDS, used + SECONDS))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
