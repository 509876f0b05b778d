"""Opens what every command works with: keys, trust, the evidence log, the policy and its engine."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from mintmark.evidence.archive import Archive
from mintmark.evidence.endorsement import Timestamping, WitnessQuorum
from mintmark.evidence.leaf import check_id
from mintmark.evidence.log import EvidenceLog, Recorded
from mintmark.evidence.log_policy import NONE, LogPolicy, PolicyLog, parse_log_policy
from mintmark.evidence.note import NoteSigner, VerifierKey
from mintmark.evidence.publisher import Endorser
from mintmark.evidence.reader import LogReader
from mintmark.evidence.recovery import archived_note, begin_epoch, next_origin
from mintmark.evidence.schemas import PredicateSchemas
from mintmark.evidence.statement import KINDS
from mintmark.evidence.store.open import open_backend, open_store
from mintmark.evidence.store.sql_store import SqlStore
from mintmark.evidence.timestamps import TimestampAuthority
from mintmark.evidence.trust import TrustPolicy
from mintmark.evidence.witness.client import WitnessClient
from mintmark.pipelines.configuration import FILE_NAME as CONFIGURATION_FILE
from mintmark.pipelines.configuration import EvidenceSection, Project, load_project
from mintmark.pipelines.errors import IncompleteError, IntegrityError, UsageError
from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.interface import Engine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.policy_memory import PolicyMemory
from mintmark.pipelines.gate.signed import verify_pack
from mintmark.pipelines.locations import Locations
from mintmark.pipelines.people.collect import directory_of
from mintmark.pipelines.people.directory import Directory
from mintmark.pipelines.sign.local_key import LocalSigner, local_signer, read_secret, write_secret

TRUST_FILE = "trust.toml"
ORIGIN_FILE = "origin"
POLICY_FILE = "log.policy"
AUTHORITIES_FILE = "tsa.pem"


def open_evidence(
    locations: Locations, settings: EvidenceSection | None = None, *, origin: str | None = None
) -> EvidenceLog:
    """
    Open the log for writing, and make it with its keys and trust files on first use.

    `settings` are those of the `mintmark.toml` that is in force here, unless they are given; `origin` is the log's.
    """
    _refuse_committed(locations.state)
    settings = settings or evidence_settings(Path.cwd())
    signer = local_signer(locations.keys)
    origin = origin or _origin(locations.evidence)
    note_signer = _log_key(locations.keys, origin)
    trust = _trust(locations.evidence, signer)
    archive = Archive(folder=_archive(locations, origin))
    policy = _log_policy(archive.folder, note_signer)
    return EvidenceLog.open(
        locations.store_url,
        archive=archive.folder,
        signer=note_signer,
        trust=trust,
        clerk=signer,
        schemas=predicate_schemas(PolicyPack.locate()),
        endorsers=_endorsers(policy, archive, settings),
        witnesses=policy,
    )


def _refuse_committed(state: Path) -> None:
    """
    A log and a trust policy that came with a commit are its author's word for whom to trust.

    Raises `IntegrityError` (`state_committed`). Outside of a checkout there is nothing to ask.
    """
    if not state.is_dir():
        return
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(state), "ls-files", "-z", "--", "."]
    tracked = subprocess.run(command, capture_output=True, check=False, env=own).stdout.split(b"\0")[0]
    if tracked:
        raise IntegrityError(
            f"{state}: {tracked.decode(errors='replace')} is part of a commit, and says whom to trust",
            reason="state_committed",
            remedy="find out who committed it, and take it out, or set MINTMARK_STATE to a folder elsewhere",
        )


def open_reader(locations: Locations) -> LogReader:
    """Open the log for reading: no key is needed, nothing is made or signed. Raises `IncompleteError`."""
    material = verification_material(locations)
    return LogReader(
        store=SqlStore(open_backend(locations.store_url)),
        log_key=material.log_key,
        trust=material.trust,
        witnesses=material.policy,
    )


def evidence_settings(checkout: Path) -> EvidenceSection:
    """What `[evidence]` of a `mintmark.toml` says, or the defaults where there is none."""
    if not (checkout / CONFIGURATION_FILE).exists():
        return EvidenceSection()
    return load_project(checkout).configuration.evidence


def _endorsers(policy: LogPolicy, archive: Archive, settings: EvidenceSection) -> tuple[Endorser, ...]:
    """Witnesses where the log policy asks for a quorum of them, authorities where the configuration names some."""
    endorsers: list[Endorser] = []
    if policy.quorum != NONE:
        client = WitnessClient(policy=policy)
        endorsers.append(WitnessQuorum(client=client, required=settings.witnesses == "required"))
    if settings.timestamps:
        roots = authorities(archive.folder)
        if not roots:
            raise UsageError(
                f"{archive.folder / AUTHORITIES_FILE}: there is no certificate of a timestamp authority",
                reason="no_trusted_time",
                remedy="put the authorities' root certificates (PEM) there: a timestamp that cannot be checked is none",
            )
        stamping = [TimestampAuthority(url=url, roots=roots) for url in settings.timestamps]
        endorsers.append(
            Timestamping(
                authorities=stamping,
                archive=archive,
                every_s=settings.timestamp_every_s,
                required=settings.timestamps_required,
            )
        )
    return tuple(endorsers)


def log_identity(locations: Locations) -> tuple[NoteSigner, Archive]:
    """The log's key and the archive of its checkpoints, without opening its store."""
    origin = _origin(locations.evidence)
    return _log_key(locations.keys, origin), Archive(folder=_archive(locations, origin))


def close_epoch(locations: Locations, *, reason: str, now: datetime) -> tuple[Recorded, str]:
    """
    Begin a new log whose first entry is the last archived checkpoint of this one; return it and the new origin.

    The SQLite file of the closed log stays beside the new one; on PostgreSQL the new log needs a database of its own.
    Witnesses, quorum and authorities stay the same. The new log is in force once it has begun: what fails before that
    is done again by the same call.
    """
    signer, archive = log_identity(locations)
    closed = archived_note(archive, signer.verifier)
    check_id(reason)
    origin = next_origin(signer.name)
    _carry_over(archive.folder, _archive(locations, origin), _log_key(locations.keys, origin))
    if locations.store_url.startswith("sqlite"):
        _move_aside(Path(locations.store_url.removeprefix("sqlite:///")), signer.name)
    if open_store(locations.store_url, origin=origin).head().origin == signer.name:
        raise UsageError(
            "MINTMARK_STORE_URL still names the store of the log that is to be closed",
            reason="store_in_use",
            remedy="create and migrate a new database, set MINTMARK_STORE_URL to it, and run this again; a SQLite file "
            "was moved aside before, and what is in its place has to be moved away by hand",
        )
    log = open_evidence(locations, origin=origin)
    begun = _begun_from(log, signer.name) or begin_epoch(
        log, closed=closed, key=signer.verifier, reason=reason, now=now
    )
    (locations.evidence / ORIGIN_FILE).write_text(f"{origin}\n", encoding="utf-8")
    return begun, origin


def _begun_from(log: EvidenceLog, closed: str) -> Recorded | None:
    """The first entry of a log that was begun by a call that failed after it."""
    for row in log.search(kind="epoch", ref=f"closed:{closed}"):
        if row.index == 0:
            return Recorded(id=log.entry(0).id, index=0, kind=row.kind, leaf_hash=log.stored(0).leaf_hash)
    return None


def _carry_over(archive: Path, new: Path, signer: NoteSigner) -> None:
    """A log that had to be witnessed does not go on without witnesses because its epoch was closed."""
    new.mkdir(parents=True, exist_ok=True, mode=0o700)
    policy, roots = archive / POLICY_FILE, archive / AUTHORITIES_FILE
    if policy.exists() and not (new / POLICY_FILE).exists():
        same = replace(parse_log_policy(policy.read_bytes()), logs=(PolicyLog(key=signer.verifier),))
        (new / POLICY_FILE).write_bytes(same.encode())
    if roots.exists() and not (new / AUTHORITIES_FILE).exists():
        (new / AUTHORITIES_FILE).write_bytes(roots.read_bytes())


def _move_aside(file: Path, origin: str) -> None:
    """Once, and never over the file of a log that was closed before."""
    aside = file.with_name(f"{file.stem}-{origin.replace('/', '_')}.closed{file.suffix}")
    if not file.exists() or aside.exists():
        return
    journal = file.with_name(f"{file.name}-journal")  # what a killed writer left is rolled back by it
    if journal.exists():
        journal.rename(aside.with_name(f"{aside.name}-journal"))
    file.rename(aside)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationMaterial:
    """What verification needs and nothing else: it opens no key and makes no file."""

    trust: TrustPolicy
    log_key: VerifierKey
    policy: LogPolicy
    authorities: tuple[bytes, ...]
    archive: Path
    trust_file: Path
    policy_file: Path


def verification_material(locations: Locations) -> VerificationMaterial:
    """Find the trust policy, the log policy, the authorities and the archived checkpoints. Raises `IncompleteError`."""
    _refuse_committed(locations.state)
    origin_file = locations.evidence / ORIGIN_FILE
    if not origin_file.exists():
        raise IncompleteError(
            f"{locations.evidence}: there is no evidence log",
            reason="no_log",
            remedy="run where `mintmark ship` was run, or set MINTMARK_STATE",
        )
    origin = _origin(locations.evidence)
    archive = _archive(locations, origin)
    policy_file = archive / POLICY_FILE
    if not policy_file.exists():
        raise IncompleteError(
            f"{policy_file}: the log policy, which has the log's key, is missing",
            reason="no_key",
            remedy="bring back the folder of archived checkpoints: without it nothing can be verified",
        )
    policy = parse_log_policy(policy_file.read_bytes())
    return VerificationMaterial(
        trust=TrustPolicy.load(locations.evidence / TRUST_FILE),
        log_key=policy.log_key(origin),
        policy=policy,
        authorities=authorities(archive),
        archive=archive,
        trust_file=locations.evidence / TRUST_FILE,
        policy_file=policy_file,
    )


def authorities(folder: Path) -> tuple[bytes, ...]:
    """The certificates (PEM) of the timestamp authorities that are trusted, where there are any."""
    path = folder / AUTHORITIES_FILE
    return (path.read_bytes(),) if path.exists() else ()


def _archive(locations: Locations, origin: str) -> Path:
    return locations.checkpoints / origin.replace("/", "_")


def _log_policy(archive: Path, signer: NoteSigner) -> LogPolicy:
    """The log's key and its witnesses; made without witnesses on first use, and theirs to whoever runs the log."""
    path = archive / POLICY_FILE
    if not path.exists():
        archive.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(f"log {signer.vkey}\nquorum none\n", encoding="utf-8")
    policy = parse_log_policy(path.read_bytes())
    if signer.verifier not in policy.log_keys(signer.name):
        raise UsageError(
            f"{path}: it has not the key of {signer.name}",
            reason="log_policy",
            remedy=f"add the line: log {signer.vkey}",
        )
    return policy


def predicate_schemas(pack: PolicyPack) -> PredicateSchemas:
    """The schemas of the pack, as its manifest pins them."""
    return PredicateSchemas.of({name: pack.files[f"schemas/{name}.schema.json"] for name in pack.schema_names})


def pack_in_force(checkout: Path) -> PolicyPack:
    """The pack that the `mintmark.toml` of a checkout names, or ours where it names none, or there is none."""
    if not (checkout / CONFIGURATION_FILE).exists():
        return PolicyPack.locate()
    return _configured_pack(load_project(checkout))


def _configured_pack(project: Project) -> PolicyPack:
    pack = project.configuration.gate.pack
    return PolicyPack.locate(project.root / pack if pack else None)


def open_gate(
    project: Project, locations: Locations, *, environment: str | None, warn: Callable[[str], None]
) -> tuple[Gate, PolicyPack]:
    """
    Open the gate over the configured pack, with the configured engine, for one environment or for none.

    It stays shut when two people did not sign the policy for a protected environment (`PolicyNotVouchedFor`), and when
    a canary is not refused. What would have kept it shut elsewhere goes to `warn`.
    """
    section = project.configuration.gate
    pack = _configured_pack(project)
    protected = environment is not None and project.environment(environment).protected
    signed = verify_pack(
        pack,
        trust=_trust_here(locations),
        people=policy_signers(_people_here(project.root)),
        memory=policy_memory(locations, project.configuration.release.source_uri),
        required=protected or section.signatures == "required",
        now=datetime.now(UTC),
        expected_digest=section.policy_digest,
    )
    for warning in signed.warnings:
        warn(warning)
    return Gate.open(pack, _engine(project, pack)), pack


def _people_here(root: Path) -> Directory:
    """Nobody is known where there is no commit that could say who is who."""
    return directory_of(root) if (root / ".git").exists() else Directory()


def policy_memory(locations: Locations, name: str) -> PolicyMemory:
    """Which policy was accepted last under a name, such as the address of a repository."""
    return PolicyMemory(folder=locations.policies, name=name)


def policy_signers(directory: Directory) -> dict[str, str]:
    """Key → the human who holds it."""
    return {key: person for key, person in directory.key_owners.items() if not directory.is_bot(person)}


def _trust_here(locations: Locations) -> TrustPolicy:
    """Nobody is trusted where no log was made yet."""
    path = locations.evidence / TRUST_FILE
    return TrustPolicy.load(path) if path.exists() else TrustPolicy()


def _engine(project: Project, pack: PolicyPack) -> Engine:
    from mintmark.pipelines.gate.wasm import WasmEngine

    section = project.configuration.gate
    if section.engine == "wasm":
        return WasmEngine(pack)
    from mintmark.pipelines.gate.opa_server import OpaServerEngine

    return OpaServerEngine(pack, section.opa_url or "http://127.0.0.1:8181")


def _origin(folder: Path) -> str:
    """The log's name, made once at random: two logs must never share one."""
    path = folder / ORIGIN_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # behind a letter: digits alone, as one in fifty is, would be the number of an epoch
        path.write_text(f"mintmark.local/x{secrets.token_hex(4)}\n", encoding="utf-8")
    origin = path.read_text(encoding="utf-8").strip()
    if not re.fullmatch(r"[a-z0-9.-]+/[a-z0-9/-]+", origin):
        raise IntegrityError(
            f"{path}: {origin!r} is not a log name", reason="malformed", remedy="restore the file from a backup"
        )
    return origin


def _log_key(folder: Path, origin: str) -> NoteSigner:
    path = folder / f"{origin.replace('/', '_')}.logkey"
    if not path.exists():
        write_secret(path, NoteSigner.generate(origin).encode().encode() + b"\n")
    return NoteSigner.decode(read_secret(path).decode().strip())


def _trust(folder: Path, signer: LocalSigner) -> TrustPolicy:
    """The key of this machine may write every kind of evidence, as origin `local`."""
    path = folder / TRUST_FILE
    if not path.exists():
        path.write_text(
            "# Which keys may write which kinds of evidence. Keys of origin `local` satisfy no protected environment.\n"
            "version = 1\n\n[[keys]]\n"
            f'id = "{signer.identity}"\norigin = "{signer.origin}"\n'
            f"kinds = {json.dumps(list(KINDS))}\n"
            f'public_key = """\n{signer.public_pem().decode()}"""\n',
            encoding="utf-8",
        )
    return TrustPolicy.load(path)
