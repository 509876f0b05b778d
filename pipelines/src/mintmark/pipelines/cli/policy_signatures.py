"""`mintmark policy sign` and `verify`: who vouches for a policy pack."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from mintmark.evidence.trust import TrustPolicy
from mintmark.pipelines.configuration import FILE_NAME, load_project
from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.policy_memory import PolicyMemory
from mintmark.pipelines.gate.signed import FOLDER, SUFFIX, SignedPack, sign_pack, verify_pack, version_to_sign
from mintmark.pipelines.locations import locate
from mintmark.pipelines.people.directory import FILE_NAME as PEOPLE
from mintmark.pipelines.people.directory import read_directory
from mintmark.pipelines.sign.local_key import PERSON_KEY, person_signer
from mintmark.pipelines.workshop import TRUST_FILE, policy_memory, policy_signers


def sign(options: argparse.Namespace) -> int:
    pack = PolicyPack.locate(options.pack)
    version = version_to_sign(pack, author=options.author)
    if version.author != options.author:
        raise UsageError(
            f"version {version.serial} is signed already, as written by {version.author}",
            reason="policy_author",
            remedy=f"if that is so, give --author {version.author}; if not, take the other signature away",
        )
    signer = person_signer(options.key or locate(Path.cwd()).keys / PERSON_KEY)
    try:
        bundle = sign_pack(pack, signer, version, person=options.person or options.author, now=datetime.now(UTC))
    except ValueError as cause:
        raise UsageError(
            f"not the id of a person: {options.person or options.author!r}", reason="usage", remedy="use small letters"
        ) from cause
    path = pack.root / FOLDER / f"{version.serial:06d}-{pack.digest[:12]}-{signer.identity[:12]}{SUFFIX}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bundle)
    sys.stdout.write(
        f"version   {version.serial}, written by {version.author}\n"
        f"follows   {version.previous or 'nothing: it is the first'}\n"
        f"policy    sha256:{pack.digest}\n"
        f"signed    {path}\n"
    )
    return 0


def verify(options: argparse.Namespace) -> int:
    found = _verified(options, PolicyPack.locate(options.pack), required=True, now=datetime.now(UTC), pin=options.pin)
    sys.stdout.write(_human(found))
    return 0


def describe(options: argparse.Namespace, pack: PolicyPack, *, now: datetime) -> str:
    """The state of the signatures, where it can be known; never a refusal."""
    if not _trust_file(options).exists():
        return "signatures not checked: there is no trust policy here\n"
    return _human(_verified(options, pack, required=False, now=now, pin=None))


def _verified(
    options: argparse.Namespace, pack: PolicyPack, *, required: bool, now: datetime, pin: str | None
) -> SignedPack:
    return verify_pack(
        pack,
        trust=TrustPolicy.load(_trust_file(options)),
        people=policy_signers(read_directory(Path.cwd() / PEOPLE)) | dict(options.holder),
        memory=_memory(),
        required=required,
        now=now,
        expected_digest=pin,
    )


def _human(found: SignedPack) -> str:
    lines = [f"WARNING   {warning}" for warning in found.warnings]
    if found.version is not None:
        lines.append(f"signed    version {found.version.serial}, by {', '.join(found.signers)}")
        lines.append(f"policy    sha256:{found.pack.digest}")
    return "\n".join(lines) + "\n"


def _trust_file(options: argparse.Namespace) -> Path:
    file: Path = options.trust or locate(Path.cwd()).evidence / TRUST_FILE
    return file


def _memory() -> PolicyMemory:
    """As the gate remembers it for this repository."""
    here = Path.cwd()
    name = load_project(here).configuration.release.source_uri if (here / FILE_NAME).exists() else "policies"
    return policy_memory(locate(here), name)
