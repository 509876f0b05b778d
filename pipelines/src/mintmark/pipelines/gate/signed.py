"""
Who vouches for a policy pack: two people, by their own keys, for one version that is newer than the last.

The signatures lie beside the pack and not in it, since they are about its digest. Nothing in the pack says whether they
are needed: a pack that was swapped would say no.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mintmark.evidence.bundle import parse_bundle
from mintmark.evidence.errors import EvidenceError
from mintmark.evidence.ingest import accept
from mintmark.evidence.statement import KINDS, Statement, parse_statement
from mintmark.evidence.trust import TrustPolicy
from mintmark.pipelines.gate.errors import PolicyNotVouchedFor, PolicyTampered
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.policy_memory import PolicyMemory, Remembered
from mintmark.pipelines.sign.interface import Signer
from mintmark.pipelines.sign.statements import statement

FOLDER = "signatures"
SUFFIX = ".sigstore.json"
SUBJECT = "policy-pack"
KIND = "policy"
PEOPLE_NEEDED = 2
MAX_SIGNATURES = 1_000
MAX_SIGNATURE_BYTES = 64 * 1024

PersonId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._+@/-]*$", max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What the signers of one pack must agree on. `previous` is the digest of the version before, or empty."""

    serial: int
    opa_version: str
    previous: str
    author: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPack:
    """
    A pack that may be used. `signers` are people; `version` is `None` where two of them did not vouch for it.

    `warnings` are for the console of whoever uses it, loud and on top.
    """

    pack: PolicyPack
    version: Version | None
    signers: tuple[str, ...]
    warnings: tuple[str, ...]


def verify_pack(
    pack: PolicyPack,
    *,
    trust: TrustPolicy,
    people: Mapping[str, str],
    memory: PolicyMemory,
    required: bool,
    now: datetime,
    expected_digest: str | None = None,
) -> SignedPack:
    """
    Return the pack with who vouches for it, or raise `PolicyNotVouchedFor`.

    `people` maps the id of a key or workflow (as the trust policy has it) to the one human who holds it; no bot is in
    it. Where signatures are not `required`, what would be refused is a warning, and nothing is remembered.

    1. The pinned digest is the pack's (`policy_tampered`), and only signatures lie with the signatures
       (`policy_extra_file`). 2. Somebody whom the trust policy lets write `policy` signed it (`policy_unsigned`).
    3. At least two different humans signed the same version (`policy_two_person`). 4. It is not older than the last one
       that was accepted here, nor another one of the same number (`policy_rollback`).
    """
    if expected_digest is not None and expected_digest.removeprefix("sha256:") != pack.digest:
        raise PolicyTampered("bundle/manifest.json", f"the pack is {pack.digest}, and {expected_digest} is pinned")
    bundles = read_signatures(pack.root)
    try:
        version, signers = _vouched(pack, bundles, trust=trust, people=people, protected=required, now=now)
        warnings = _newest(pack, version, memory, remember=required)
    except PolicyNotVouchedFor as refused:
        if required:
            raise
        loud = f"{refused} ({refused.reason}); an environment that requires signatures would refuse it"
        return SignedPack(pack=pack, version=None, signers=(), warnings=(loud,))
    return SignedPack(pack=pack, version=version, signers=signers, warnings=warnings)


def sign_pack(pack: PolicyPack, signer: Signer, version: Version, *, person: str, now: datetime) -> bytes:
    """Return a bundle by which `person` vouches for the pack as this version. Raises `ValueError` for a bad id."""
    if now.tzinfo is None:
        raise ValueError("now has no time zone")
    claim = _Claim(
        serial=version.serial,
        opa_version=version.opa_version,
        previous=version.previous,
        author=version.author,
        person=person,
        at=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    subject = {"name": SUBJECT, "digest": {"sha256": pack.digest}}
    return signer.sign(statement([subject], KINDS[KIND], claim.model_dump(exclude_none=True)))


def version_to_sign(pack: PolicyPack, *, author: str) -> Version:
    """
    The version that the next signature is for: the one that others signed already, or the one after the newest.

    Read from the signatures beside the pack and not verified: whoever signs looks at it first.
    """
    claims = [found for content in read_signatures(pack.root).values() if (found := _peek(content)) is not None]
    same = [claim.version for digest, claim in claims if digest == pack.digest]
    others = [(claim.serial, digest) for digest, claim in claims if digest != pack.digest]
    newest = max(others, default=(0, ""))
    if same and (joined := max(same, key=lambda version: version.serial)).serial > newest[0]:
        return joined
    previous = f"sha256:{newest[1]}" if newest[1] else ""
    return Version(serial=newest[0] + 1, opa_version=pack.opa_version, previous=previous, author=author)


def read_signatures(root: Path) -> dict[str, bytes]:
    """File name to content of what lies in the pack's folder of signatures. Raises `PolicyTampered`."""
    folder = root / FOLDER
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    if len(files) > MAX_SIGNATURES:
        raise PolicyTampered(FOLDER, f"{len(files)} files, and {MAX_SIGNATURES} is the limit")
    for file in files:
        name = f"{FOLDER}/{file.name}"
        if not file.name.endswith(SUFFIX) or not file.is_file():
            raise PolicyTampered(name, "not a signature", reason="policy_extra_file")
        if file.stat().st_size > MAX_SIGNATURE_BYTES:
            raise PolicyTampered(name, f"larger than {MAX_SIGNATURE_BYTES} bytes")
    return {file.name: file.read_bytes() for file in files}


class _Claim(BaseModel):
    """The predicate of https://mintmark.dev/policy/v1, read by code: the schema in the pack is the pack's own word."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    serial: Annotated[int, Field(ge=1, le=2**53 - 1)]
    opa_version: Annotated[str, Field(min_length=1, max_length=50)]
    previous: Annotated[str, Field(pattern=r"^(|sha256:[0-9a-f]{64})$")]
    author: PersonId
    person: PersonId
    at: Annotated[str, Field(max_length=24)]
    origin: Literal["local", "ci"] | None = None

    @property
    def version(self) -> Version:
        return Version(serial=self.serial, opa_version=self.opa_version, previous=self.previous, author=self.author)


def _vouched(
    pack: PolicyPack,
    bundles: Mapping[str, bytes],
    *,
    trust: TrustPolicy,
    people: Mapping[str, str],
    protected: bool,
    now: datetime,
) -> tuple[Version, tuple[str, ...]]:
    """The newest version that enough people signed for this very digest, and who they are."""
    signers: dict[Version, set[str]] = defaultdict(set)
    problems = []
    for name, content in bundles.items():
        if not _speaks_of(content, pack.digest):
            continue  # of an older version, or no bundle: it vouches for nothing here
        try:
            version, person = _one(content, pack, trust=trust, people=people, protected=protected, now=now)
            signers[version].add(person)
        except (EvidenceError, _NotCounted) as problem:
            problems.append(f"{name}: {problem}")
    needed = max(PEOPLE_NEEDED, trust.threshold(KIND))
    enough = [version for version, persons in signers.items() if len(persons) >= needed]
    if enough:
        version = max(enough, key=lambda one: one.serial)
        return version, tuple(sorted(signers[version]))
    raise _too_few(pack, signers, problems, needed)


class _NotCounted(Exception):
    """A signature that holds, and by which nobody vouches here."""


def _one(
    content: bytes,
    pack: PolicyPack,
    *,
    trust: TrustPolicy,
    people: Mapping[str, str],
    protected: bool,
    now: datetime,
) -> tuple[Version, str]:
    """The version that one signature is for, and whose it is. Raises `EvidenceError` or `_NotCounted`."""
    accepted = accept(content, trust, at=now, alone=False)
    if protected and accepted.producer.origin in {None, "local"}:
        raise _NotCounted("its key is of origin local, which counts for no environment that requires signatures")
    try:
        claim = _Claim.model_validate(accepted.statement.predicate)
    except ValidationError as cause:
        raise _NotCounted(f"its predicate is not of kind {KIND}: {cause.errors()[0]['msg']}") from cause
    person = people.get(accepted.producer.id, "")
    if person in {"", "unknown"}:
        raise _NotCounted(f"nobody is known to hold key {accepted.producer.id[:16]}")
    if claim.person != person:
        raise _NotCounted(f"it says {claim.person}, and the key is of {person}")
    if claim.opa_version != pack.opa_version:
        raise _NotCounted(f"it is about OPA {claim.opa_version}, and the pack is of {pack.opa_version}")
    return claim.version, person


def _too_few(
    pack: PolicyPack, signers: Mapping[Version, set[str]], problems: Sequence[str], needed: int
) -> PolicyNotVouchedFor:
    told = "".join(f"; {problem}" for problem in problems)
    remedy = "have it signed: each person runs `mintmark policy sign` with a key of their own"
    if not signers:
        return PolicyNotVouchedFor(
            f"nobody vouches for sha256:{pack.digest}{told}", reason="policy_unsigned", remedy=remedy
        )
    best = max(signers, key=lambda version: (len(signers[version]), version.serial))
    return PolicyNotVouchedFor(
        f"{', '.join(sorted(signers[best]))} alone signed version {best.serial}, and {needed} different people must"
        f" sign the same version{told}",
        reason="policy_two_person",
        remedy=remedy,
    )


def _speaks_of(content: bytes, digest: str) -> bool:
    found = _statement(content)
    return found is not None and any(subject.digest == digest and subject.name == SUBJECT for subject in found.subjects)


def _peek(content: bytes) -> tuple[str, _Claim] | None:
    """The digest and the claim of a signature, unverified; nothing for what is no signature of a pack."""
    found = _statement(content)
    if found is None or found.subjects[0].name != SUBJECT:
        return None
    try:
        return found.subjects[0].digest, _Claim.model_validate(found.predicate)
    except ValidationError:
        return None


def _statement(content: bytes) -> Statement | None:
    try:
        found = parse_statement(parse_bundle(content).payload)
    except EvidenceError:
        return None
    return found if found.kind == KIND and len(found.subjects) == 1 else None


def _newest(pack: PolicyPack, version: Version, memory: PolicyMemory, *, remember: bool) -> tuple[str, ...]:
    """Compare with what was accepted before, and remember this one; both under one lock."""
    found = Remembered(serial=version.serial, digest=pack.digest)
    with memory.locked():
        last = memory.recall()
        warnings = _compare(version, found, last)
        if remember and found != last:
            memory.write(found)
    return warnings


def _compare(version: Version, found: Remembered, last: Remembered | None) -> tuple[str, ...]:
    """
    A version that follows the last one must name it. One that comes later may have skipped some, and says so.

    Otherwise two packs could each be the next one, and no machine would see that it got the other.
    """
    if last is None:
        return (f"version {found.serial} is the first policy that is accepted here: nothing older was compared",)
    if found == last:
        return ()
    if found.serial <= last.serial:
        raise _rollback(f"it is version {found.serial}, and version {last.serial} was accepted here before", last)
    if version.previous == f"sha256:{last.digest}":
        return ()
    if found.serial == last.serial + 1:
        raise _rollback(f"version {found.serial} follows {version.previous or 'nothing'}, another version", last)
    return (
        f"version {found.serial} comes after version {last.serial}, which it does not name: what was in force in"
        " between was not seen here",
    )


def _rollback(problem: str, last: Remembered) -> PolicyNotVouchedFor:
    return PolicyNotVouchedFor(
        f"{problem}; version {last.serial}, sha256:{last.digest}, stays in force",
        reason="policy_rollback",
        remedy="use that version, or have this one signed again as a later one that names it",
    )
