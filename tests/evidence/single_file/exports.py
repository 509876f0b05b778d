"""Builds exports of a real log with all that one may hold, and runs the stand-alone verifier on them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cryptography
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.evidence.builders import NOW, Bench, bench, signed, statement
from tests.evidence.single_file.authority import Authority

from mintmark.evidence import single_file
from mintmark.evidence.checkpoint import open_checkpoint
from mintmark.evidence.export import export_log
from mintmark.evidence.log import EvidenceLog
from mintmark.evidence.note import key_id
from mintmark.evidence.receipt import Receipt
from mintmark.evidence.tree import inclusion_proof, leaf_hash, root_of

WITNESSED_AT = 1_764_000_000
LEGS = ((1, "cash:eur", 500), (2, "sales:eur", -500))


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Cosigns whatever it is given (C2SP tlog-cosignature, cosignature/v1)."""

    name: str
    key: Ed25519PrivateKey

    @property
    def vkey(self) -> str:
        public = self.key.public_key().public_bytes_raw()
        return f"{self.name}+{key_id(self.name, 4, public).hex()}+{base64.b64encode(bytes([4]) + public).decode()}"

    def line(self, text: str, *, at: int = WITNESSED_AT) -> bytes:
        signature = at.to_bytes(8, "big") + self.key.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
        identity = key_id(self.name, 4, self.key.public_key().public_bytes_raw())
        return f"\u2014 {self.name} {base64.b64encode(identity + signature).decode()}\n".encode()


def witness(name: str) -> Witness:
    return Witness(name=name, key=Ed25519PrivateKey.generate())


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """An export, and beside it what an auditor brings."""

    place: Bench
    folder: Path
    policy: Path
    trust: Path
    tsa_roots: Path | None = None

    def words(self, *more: str) -> list[str]:
        words = [str(self.folder), "--policy", str(self.policy), "--trust", str(self.trust), *more]
        return words if self.tsa_roots is None else [*words, "--tsa-roots", str(self.tsa_roots)]

    def copied(self, folder: Path) -> Exported:
        """An export of its own to change; what the auditor brought stays where it is."""
        shutil.copytree(self.folder, folder / "export")
        return replace(self, folder=folder / "export")


def export(place: Bench, log: EvidenceLog, folder: Path, *, witnesses: Sequence[Witness] = ()) -> Exported:
    """Export as the product does; the policy asks for all of the witnesses, and these cosign the newest checkpoint."""
    export_log(log, folder / "export")
    single_file.write_single_file(folder / "export" / "verify.py")
    lines = [f"log {place.signer.vkey}\n"]
    lines += [f"witness {each.name} {each.vkey}\n" for each in witnesses]
    lines += [
        f"group all all {' '.join(each.name for each in witnesses)}\nquorum all\n" if witnesses else "quorum none\n"
    ]
    (folder / "log.policy").write_text("".join(lines), encoding="utf-8")
    note = folder / "export" / "checkpoint"
    text, _, _ = note.read_text(encoding="utf-8").rpartition("\n\n")
    note.write_bytes(note.read_bytes() + b"".join(each.line(f"{text}\n") for each in witnesses))
    return Exported(
        place=place,
        folder=folder / "export",
        policy=folder / "log.policy",
        trust=place.archive.parent / "trust.toml",
    )


def journal_entry(identity: int, *, legs: Sequence[tuple[int, str, int]] = LEGS) -> str:
    head = f"florin/entry/v1\nid {identity}\ncreated_at 2026-11-24T12:00:00.000000Z\nkind sale\nsource shop\n"
    return f"{head}ref r{identity}\ndeployment none\n" + "".join(
        f"posting {leg} {code} EUR {amount}\n" for leg, code, amount in legs
    )


def journal_lines(texts: dict[int, str]) -> bytes:
    rows = [
        {"canonical": text, "id": identity, "leaf_hash": leaf_hash(text.encode()).hex()}
        for identity, text in sorted(texts.items())
    ]
    return b"".join(json.dumps(row, sort_keys=True, separators=(",", ":")).encode() + b"\n" for row in rows)


def batch(
    number: int, identities: Sequence[int], *, total: int, previous: int | None, **changes: Any
) -> dict[str, Any]:
    """The predicate of a batch over journal entries that move 5 EUR each; `total` counts those bound so far."""
    ranges: list[list[int]] = []
    for identity in sorted(identities):
        if ranges and ranges[-1][1] == identity - 1:
            ranges[-1][1] = identity
        else:
            ranges.append([identity, identity])
    balance = [{"currency": "EUR", "debits_minor": str(500 * total), "credits_minor": str(500 * total)}]
    written = json.dumps(balance, sort_keys=True, separators=(",", ":")).encode()
    return {
        "ledger": "florin",
        "batch": number,
        "first": min(identities),
        "last": max(identities),
        "count": len(identities),
        "root": root_of([leaf_hash(journal_entry(identity).encode()) for identity in sorted(identities)]).hex(),
        "ranges": ranges,
        "trial_balance": balance,
        "trial_balance_digest": hashlib.sha256(written).hexdigest(),
        "previous": previous,
        "as_of": "2026-11-24T12:00:00.000Z",
    } | changes


def batch_bundle(place: Bench, predicate: dict[str, Any], **changes: Any) -> bytes:
    subject = {"name": f"{predicate['ledger']}/batch/{predicate['batch']}", "digest": {"sha256": predicate["root"]}}
    return signed(place.key, statement("ledger-batch", predicate, **({"subject": [subject]} | changes)))


def rich_export(folder: Path, *, scans: int) -> Exported:
    """Scans, two batches of a ledger, an erased payload, two witnesses, a timestamp, two archived checkpoints."""
    place = bench(folder)
    log = place.fill(scans)
    first, second = [1, 2, 4], [3, 5, 6]
    before = log.record(batch_bundle(place, batch(1, first, total=3, previous=None)), now=NOW).index
    log.record(batch_bundle(place, batch(2, second, total=6, previous=before)), now=NOW)
    log.erase(1, basis="gdpr-17", now=NOW)
    made = export(place, log, folder, witnesses=[witness("w1.example/a"), witness("w2.example/b")])
    (made.folder / "ledger").mkdir()
    journal = {identity: journal_entry(identity) for identity in (*first, *second)}
    (made.folder / "ledger" / "entries.jsonl").write_bytes(journal_lines(journal))
    authority = Authority.make(folder / "authority")
    newest = open_checkpoint((made.folder / "checkpoint").read_bytes(), place.signer.verifier)
    name = f"{newest.size:012d}-{newest.root.hex()[:16]}"
    (made.folder / "timestamp").mkdir()
    (made.folder / "timestamp" / f"{name}.1.tsr").write_bytes(authority.stamp(newest.text().encode()))
    (made.folder / "trust").mkdir()
    for source, target in ((made.policy, "log.policy"), (made.trust, "trust.toml"), (authority.roots, "tsa.pem")):
        shutil.copyfile(source, made.folder / "trust" / target)
    return replace(made, tsa_roots=authority.roots)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the verifier said: the exit code, and the report where it made one."""

    code: int
    report: dict[str, Any]
    errors: str

    @property
    def reasons(self) -> set[tuple[str, str]]:
        return {(item["level"], item["reason"]) for item in self.report["broken"]}

    @property
    def open_reasons(self) -> set[tuple[str, str]]:
        return {(item["level"], item["reason"]) for item in self.report["not_verifiable"]}

    def state(self, level: str) -> str:
        return str(self.report["levels"][level]["state"])


def ask(words: Sequence[str]) -> Answer:
    """Call the verifier within this process: for the many cases of a table."""
    said, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        code = single_file.main([*words, "--json"])
    return Answer(code=code, report=json.loads(said.getvalue() or "{}"), errors=errors.getvalue())


# An isolated interpreter that sees the standard library, the folder that it is given, and nothing else.
_WITH_FOLDER = """
import runpy, sys
sys.path.append(sys.argv.pop(1))
del sys.argv[0]
runpy.run_path(sys.argv[0], None, "__main__")
"""


def interpreters() -> list[str]:
    """Bare, with the `cryptography` package alone, and the oldest Python that is supported, where there is one."""
    old = shutil.which("python3.9")
    works = old is not None and subprocess.run([old, "--version"], capture_output=True, check=False).returncode == 0
    return ["bare", "with cryptography", *(["python3.9"] if works else [])]


def run_alone(interpreter: str, words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """As an auditor runs it: a copy of the file, and nothing of ours to import."""
    program = folder / "verify.py"
    single_file.write_single_file(program)
    command = ["python3.9" if interpreter == "python3.9" else sys.executable, "-I", "-S"]
    if interpreter == "with cryptography":
        command += ["-c", _WITH_FOLDER, str(_packages(folder))]
    return subprocess.run(
        [*command, str(program), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
    )


def _packages(folder: Path) -> Path:
    """A folder in which `cryptography` and what it stands on can be imported, and nothing more."""
    packages = folder / "packages"
    packages.mkdir(exist_ok=True)
    installed = Path(cryptography.__file__).parents[1]
    for pattern in ("cryptography", "cffi", "_cffi_backend*"):
        for path in installed.glob(pattern):
            (packages / path.name).symlink_to(path)
    return packages


def receipt_files(place: Bench, index: int, folder: Path, *, note: bytes | None = None) -> tuple[Path, Path]:
    """A receipt and its entry as files, under the newest checkpoint of the log or under a cosigned copy of it."""
    log = place.open()
    stored = log.receipt(index)
    receipt, entry = folder / f"{index}.tlog-proof", folder / f"{index}.entry"
    checkpoint = stored.checkpoint if note is None else note
    if note is not None:
        size = open_checkpoint(note, place.signer.verifier).size
        leaves = [single_file.leaf_hash(log.entry(at).encode()) for at in range(size)]
        proof = inclusion_proof(index, size, lambda low, high: root_of(leaves[low:high]))
        stored = Receipt(index=index, proof=tuple(proof), checkpoint=note)
    receipt.write_bytes(Receipt(index=index, proof=stored.proof, checkpoint=checkpoint).encode())
    entry.write_bytes(log.entry(index).encode())
    return receipt, entry
