"""People with keys of their own, and packs that they sign, for the tests of signed policies."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from tests.policies.builders import POLICIES

from mintmark.evidence.trust import TrustedKey, TrustPolicy, Validity
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.policy_memory import PolicyMemory
from mintmark.pipelines.gate.signed import FOLDER, SUFFIX, SignedPack, Version, sign_pack, verify_pack
from mintmark.pipelines.sign.local_key import LocalSigner

NOW = datetime(2026, 9, 21, 12, tzinfo=UTC)
POLICY = frozenset({"policy"})


def signer() -> LocalSigner:
    return LocalSigner(key=ec.generate_private_key(ec.SECP256R1()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Ana and Ben hold keys, Ana two of them; Cy's is revoked, Dan's may sign scans, nobody knows whose Eve's is."""

    folder: Path
    keys: Mapping[str, LocalSigner] = dataclasses.field(
        default_factory=lambda: {name: signer() for name in ("ana", "ana2", "ben", "cy", "dan", "eve", "laptop")}
    )

    @property
    def trust(self) -> TrustPolicy:
        return TrustPolicy(
            keys=tuple(
                TrustedKey(
                    id=key.identity,
                    origin="local" if name == "laptop" else "ci",
                    kinds=frozenset({"scan"}) if name == "dan" else POLICY,
                    public=key.key.public_key(),
                    validity=Validity(revoked_at=NOW - timedelta(days=1)) if name == "cy" else Validity(),
                )
                for name, key in self.keys.items()
            )
        )

    @property
    def people(self) -> dict[str, str]:
        people = {key.identity: name.rstrip("2") for name, key in self.keys.items() if name != "eve"}
        return {**people, self.keys["laptop"].identity: "ben"}

    @property
    def memory(self) -> PolicyMemory:
        return PolicyMemory(folder=self.folder / "state", name="https://example.com/florin.git")

    def pack(self, name: str = "one", *, edit: tuple[str, str] = ("", "")) -> PolicyPack:
        """A pack in a folder of its own; `edit` makes it another one, with a manifest of its own."""
        root = self.folder / name
        shutil.copytree(POLICIES, root)
        shutil.rmtree(root / FOLDER, ignore_errors=True)
        if edit[0]:
            manifest = root / "bundle/manifest.json"
            manifest.write_text(manifest.read_text().replace(*edit))
        return PolicyPack.load(root)

    def sign(self, pack: PolicyPack, *names: str, version: Version | None = None, persons: Sequence[str] = ()) -> None:
        for name, person in zip(names, persons or names, strict=True):
            bundle = sign_pack(pack, self.keys[name], version or one(pack), person=person.rstrip("2"), now=NOW)
            place(pack, name, bundle)

    def verify(self, pack: PolicyPack, *, required: bool = True, now: datetime = NOW) -> SignedPack:
        return verify_pack(pack, trust=self.trust, people=self.people, memory=self.memory, required=required, now=now)


def one(pack: PolicyPack) -> Version:
    return Version(serial=1, opa_version=pack.opa_version, previous="", author="ana")


def after(pack: PolicyPack, last: PolicyPack | None, serial: int) -> Version:
    previous = f"sha256:{last.digest}" if last else ""
    return Version(serial=serial, opa_version=pack.opa_version, previous=previous, author="ana")


def place(pack: PolicyPack, name: str, bundle: bytes) -> None:
    folder = pack.root / FOLDER
    folder.mkdir(exist_ok=True)
    number = len(list(folder.iterdir()))
    (folder / f"{number:03d}-{name}{SUFFIX}").write_bytes(bundle)
