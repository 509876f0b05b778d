"""
`mintmark verify-bundle`: checks signed evidence about one file or digest, offline and without a log.

Verified is 0, not verifiable is 3 (nobody whom you trust is named, or no time is proven), failed is 4. Verified says
that the evidence holds, and not that it is good news: a verdict that refuses is verified too, and its result is shown.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mintmark.evidence.canonical import MAX_DOCUMENT_BYTES
from mintmark.evidence.errors import FormatError, IngestRefused
from mintmark.evidence.ingest import Accepted, accept_all, expect
from mintmark.evidence.keyless.identity import WorkflowIdentity
from mintmark.evidence.statement import KINDS, Run, Statement
from mintmark.evidence.trust import TrustPolicy
from mintmark.pipelines.cli.output import add_outputs, write_outputs
from mintmark.pipelines.deploy.admission import parse_digest
from mintmark.pipelines.errors import IncompleteError, UsageError
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.workshop import predicate_schemas

NOT_VERIFIABLE = {"key_unknown", "no_trusted_time"}
# kind → the member that says how it came out: a verdict may hold in every way and be a DENY
RESULTS = {"decision": "decision", "scan": "status", "vsa": "verificationResult"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """What the evidence must be about; `name` is a file's name, where a file was given."""

    digest: str
    name: str | None


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    artefact = _artefact(options.artefact)
    trust = _trust(options)
    bundles = [_read(path) for path in options.bundle]
    try:
        accepted = accept_all(bundles, trust, at=datetime.now(UTC), schemas=predicate_schemas(PolicyPack.locate()))
        expect(
            accepted[0].statement,
            digest=artefact.digest,
            name=artefact.name,
            kind=options.kind,
            resource_uri=options.resource_uri,
            run=Run(id=options.run, commit=options.commit, policy_digest=options.policy_digest),
        )
    except IngestRefused as cause:
        if cause.reason in NOT_VERIFIABLE:
            raise IncompleteError(str(cause), reason=cause.reason, remedy=cause.remedy) from cause
        raise
    write_outputs(options, {"human": lambda: _human(artefact, accepted), "json": lambda: _json(artefact, accepted)})
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark verify-bundle", description=__doc__)
    parser.add_argument("artefact", metavar="FILE|sha256:DIGEST")
    parser.add_argument(
        "--bundle", action="append", required=True, type=Path, metavar="B", help="repeat for several signers"
    )
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--key", type=Path, metavar="PEM", help="the public key that must have signed")
    who.add_argument("--identity", metavar="URI", help="the workflow that must have signed, exactly")
    who.add_argument("--trust", type=Path, metavar="TOML", help="a trust policy, see docs/trust.md")
    parser.add_argument("--issuer", metavar="URL", help="with --identity: who vouched for it")
    parser.add_argument("--repository-id", metavar="N", help="with --identity: the forge's number of its repository")
    parser.add_argument(
        "--trusted-root", type=Path, metavar="FILE", help="with --identity: Sigstore's trusted_root.json"
    )
    parser.add_argument("--kind", choices=sorted(KINDS), help="refuse evidence of another kind")
    parser.add_argument("--resource-uri", metavar="U", help="refuse a summary that is for another place")
    parser.add_argument("--run", metavar="ID", help="refuse evidence of another run of the pipeline")
    parser.add_argument("--commit", metavar="ID", help="refuse provenance of another commit")
    parser.add_argument("--policy-digest", metavar="sha256:…", help="refuse a decision under another policy")
    add_outputs(parser, ("human", "json"))
    return parser


def _artefact(text: str) -> Artefact:
    if text.startswith("sha256:"):
        return Artefact(digest=parse_digest(text), name=None)
    path = Path(text)
    try:
        with path.open("rb") as handle:
            return Artefact(digest=hashlib.file_digest(handle, "sha256").hexdigest(), name=path.name)
    except OSError as cause:
        raise _unreadable(path, cause) from cause


def _trust(options: argparse.Namespace) -> TrustPolicy:
    companions = {"--issuer": options.issuer, "--trusted-root": options.trusted_root}
    if options.identity is None:
        given = [name for name, value in {**companions, "--repository-id": options.repository_id}.items() if value]
        if given:
            raise UsageError(f"{given[0]} goes with --identity", reason="usage", remedy="see --help")
        if options.trust is not None:
            return TrustPolicy.load(options.trust)
        try:
            return TrustPolicy.of_key(_read(options.key))
        except FormatError as cause:
            raise UsageError(f"{options.key}: {cause}", reason=cause.reason, remedy=cause.remedy) from cause
    missing = [name for name, value in companions.items() if value is None]
    if missing:
        raise UsageError(f"--identity needs {' and '.join(missing)}", reason="usage", remedy="see --help")
    return TrustPolicy.of_identity(
        WorkflowIdentity(
            issuer=options.issuer,
            identity=options.identity,
            repository_id=options.repository_id,
            owner_id=None,
            trusted_root=_read(options.trusted_root),
        )
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            return handle.read(MAX_DOCUMENT_BYTES + 1)  # one more than is ever taken: what is longer is refused as such
    except OSError as cause:
        raise _unreadable(path, cause) from cause


def _unreadable(path: Path, cause: OSError) -> UsageError:
    return UsageError(f"{path}: {cause.strerror}", reason="unreadable", remedy="give the path of a readable file")


def _human(artefact: Artefact, accepted: Sequence[Accepted]) -> str:
    what = " ".join(filter(None, (artefact.name, f"sha256:{artefact.digest}")))
    lines = [f"VERIFIED  {what}"]
    lines.append(f"  kind    {accepted[0].statement.kind}")
    result = _result(accepted[0].statement)
    if result is not None:
        lines.append(f"  result  {result}")
    for item in accepted:
        origin = f", origin {item.producer.origin}" if item.producer.origin else ""
        time = f", signed by {item.signed_at.isoformat()}" if item.signed_at else ""
        lines.append(f"  signer  {item.producer.id}{origin}{time}")
    return "\n".join(lines) + "\n"


def _json(artefact: Artefact, accepted: Sequence[Accepted]) -> str:
    statement = accepted[0].statement
    document = {
        "verified": True,
        "digest": f"sha256:{artefact.digest}",
        "kind": statement.kind,
        "result": _result(statement),
        "subjects": [{"name": subject.name, "digest": f"sha256:{subject.digest}"} for subject in statement.subjects],
        "signers": [
            {
                "id": item.producer.id,
                "origin": item.producer.origin,
                "signed_at": item.signed_at.isoformat() if item.signed_at else None,
            }
            for item in accepted
        ],
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _result(statement: Statement) -> str | None:
    member = RESULTS.get(statement.kind)
    return None if member is None else str(statement.predicate[member])
