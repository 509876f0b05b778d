"""Keyless signatures, verified for real against a Sigstore instance of our own: each attack beside what is accepted."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.evidence.builders import DIGEST, bench, statement
from tests.evidence.sigstore_stand_in import (
    ISSUER,
    LIFETIME,
    MOMENT,
    OWNER_ID,
    REPOSITORY_ID,
    WORKFLOW,
    Signing,
    SigstoreStandIn,
    new_key,
)

from mintmark.evidence.errors import EvidenceError, IngestRefused
from mintmark.evidence.inbox import Submission
from mintmark.evidence.ingest import Accepted, accept, accept_all
from mintmark.evidence.keyless.verify import KeylessUnavailable
from mintmark.evidence.log import Recorded
from mintmark.evidence.statement import KINDS
from mintmark.evidence.trust import TrustPolicy, TrustPolicyInvalid

LATER = MOMENT + timedelta(hours=1)
PAYLOAD = statement("scan", {"origin": "ci"})
LEGITIMATE = Signing()
Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A Sigstore instance, and a trust policy that names one workflow of it."""

    sigstore: SigstoreStandIn
    trust: TrustPolicy

    def accept(self, how: Signing = LEGITIMATE, *, payload: bytes = PAYLOAD, at: datetime = LATER) -> Accepted:
        return accept(self.sigstore.bundle(payload, how), self.trust, at=at)

    def accept_changed(self, change: Callable[[Document], object], how: Signing = LEGITIMATE) -> Accepted:
        document = json.loads(self.sigstore.bundle(PAYLOAD, how))
        change(document)
        return accept(json.dumps(document).encode(), self.trust, at=LATER)


def policy_text(*, trusted_root: str = "trusted_root.json", **changes: str) -> str:
    fields = {
        "issuer": ISSUER,
        "identity": WORKFLOW,
        "repository_id": REPOSITORY_ID,
        "owner_id": OWNER_ID,
        "origin": "ci",
        "trusted_root": trusted_root,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in {**fields, **changes}.items() if value]
    return "version = 1\n[[identities]]\n" + "\n".join([*lines, 'kinds = ["scan", "vsa"]', ""])


def instance(folder: Path, text: str | None = None) -> Instance:
    sigstore = SigstoreStandIn()
    (folder / "trusted_root.json").write_text(json.dumps(sigstore.trusted_root()), encoding="utf-8")
    (folder / "trust.toml").write_text(text or policy_text(), encoding="utf-8")
    return Instance(sigstore=sigstore, trust=TrustPolicy.load(folder / "trust.toml"))


def recent(**changes: Any) -> Signing:
    """A timestamp authority stamps with the time of now."""
    now = datetime.now(UTC).replace(microsecond=0)
    return Signing(**{"valid_from": now - timedelta(minutes=2), "integrated_at": now, "stamped": True, **changes})


def entry_of(document: Document) -> Document:
    return dict(document["verificationMaterial"]["tlogEntries"][0])


def test_a_workflow_that_the_policy_names_is_accepted(tmp_path: Path) -> None:
    accepted = instance(tmp_path).accept()

    assert accepted.statement.kind == "scan"
    assert accepted.producer.origin == "ci"
    assert accepted.signed_at == MOMENT + timedelta(minutes=1)
    assert WORKFLOW not in accepted.producer.id


def test_the_log_takes_it_and_proves_it_later(tmp_path: Path) -> None:
    there = instance(tmp_path)
    log = replace(bench(tmp_path), trust=there.trust).open()

    recorded = log.record(there.sigstore.bundle(PAYLOAD), now=LATER)

    assert log.prove(recorded.index).key_id == there.accept().producer.id


@pytest.mark.parametrize("rekor", [1, 2])
def test_a_timestamp_of_an_authority_counts_like_the_time_of_a_log(rekor: int, tmp_path: Path) -> None:
    accepted = instance(tmp_path).accept(recent(rekor=rekor, integrated_at=None), at=datetime.now(UTC))

    assert accepted.signed_at is not None
    assert abs(accepted.signed_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_pattern_of_one_repository_takes_its_workflows_and_no_other(tmp_path: Path) -> None:
    pattern = r"^https://forge\.example\.com/org/florin/\.github/workflows/(ship|nightly)\.yml@refs/heads/main$"
    there = instance(tmp_path, policy_text(identity="", identity_pattern=pattern))

    there.accept()
    there.accept(Signing(identity=WORKFLOW.replace("ship", "nightly")))
    with pytest.raises(IngestRefused) as refused:
        there.accept(Signing(identity=WORKFLOW.replace("ship", "evil")))

    assert refused.value.reason == "identity_mismatch"


def test_a_pattern_is_not_counted_as_many_signers_and_named_workflows_are(tmp_path: Path) -> None:
    """One workflow, run from two branches, would be two of the signers that a kind asks for."""
    pattern = r"^https://forge\.example\.com/org/florin/\.github/workflows/ship\.yml@refs/heads/.*$"
    nightly = WORKFLOW.replace("ship", "nightly")
    named = policy_text() + policy_text(identity=nightly).removeprefix("version = 1\n")
    there = instance(tmp_path, named + "[thresholds]\nscan = 2\n")
    bundles = [there.sigstore.bundle(PAYLOAD, Signing(identity=one)) for one in (WORKFLOW, nightly)]

    assert len({item.producer.id for item in accept_all(bundles, there.trust, at=LATER)}) == 2
    with pytest.raises(IngestRefused) as refused:
        accept_all([bundles[0], bundles[0]], there.trust, at=LATER)
    with pytest.raises(TrustPolicyInvalid, match="one by one"):
        instance(
            tmp_path,
            policy_text(identity="", identity_pattern=pattern)
            + policy_text(identity=nightly).removeprefix("version = 1\n")
            + "[thresholds]\nscan = 2\n",
        )

    assert refused.value.reason == "threshold"


ISSUED: dict[str, tuple[str, Signing]] = {
    "another branch": ("identity_mismatch", Signing(identity=WORKFLOW.replace("heads/main", "heads/feature"))),
    "a fork": ("identity_mismatch", Signing(identity=WORKFLOW.replace("/org/", "/org-evil/"))),
    "the workflow, called from a fork": ("identity_mismatch", Signing(repository_id="1")),
    "the workflow without its repository": ("identity_mismatch", Signing(repository_id=None)),
    "a repository that took over the name": ("identity_mismatch", Signing(owner_id="2")),
    "a person's address": ("identity_mismatch", Signing(identity="a@example.com", mail=True)),
    "another issuer": ("issuer_mismatch", Signing(issuer="https://login.example.com")),
    "two issuers": ("malformed", Signing(issuer_v1="https://login.example.com")),
    "logged before its certificate": ("time_invalid", Signing(integrated_at=MOMENT - timedelta(seconds=1))),
    "logged after its certificate": (
        "time_invalid",
        Signing(integrated_at=MOMENT + LIFETIME + timedelta(seconds=1)),
    ),
    "logged in the future": ("future", Signing(valid_from=LATER, integrated_at=LATER + timedelta(seconds=61))),
    "no time that anybody signed": ("no_trusted_time", Signing(integrated_at=None)),
    "a weak key": ("weak_algorithm", Signing(key=rsa.generate_private_key(65537, 1024))),  # noqa: S505 - the attack
    "no proof that the certificate was logged": ("signature_invalid", Signing(sct=False)),
}


@pytest.mark.parametrize("attack", ISSUED)
def test_a_signature_that_the_instance_itself_made_for_another_case_is_refused(attack: str, tmp_path: Path) -> None:
    reason, how = ISSUED[attack]

    with pytest.raises(IngestRefused) as refused:
        instance(tmp_path).accept(how)

    assert refused.value.reason == reason


def test_a_certificate_of_another_authority_is_refused(tmp_path: Path) -> None:
    """It says all the right things, and nobody whom we trust says so."""
    there = instance(tmp_path)

    with pytest.raises(IngestRefused) as refused:
        accept(SigstoreStandIn().bundle(PAYLOAD), there.trust, at=LATER)

    assert refused.value.reason == "signature_invalid"


def test_a_certificate_logged_by_another_log_is_refused(tmp_path: Path) -> None:
    there = instance(tmp_path)
    for stranger in (replace(there.sigstore, rekor=new_key()), replace(there.sigstore, ct=new_key())):
        with pytest.raises(IngestRefused) as refused:
            accept(stranger.bundle(PAYLOAD), there.trust, at=LATER)

        assert refused.value.reason == "signature_invalid"


def test_a_timestamp_of_another_authority_is_no_trusted_time(tmp_path: Path) -> None:
    there = instance(tmp_path)
    stranger = replace(there.sigstore, tsa=new_key(), tsa_ca=new_key())

    with pytest.raises(IngestRefused) as refused:
        accept(stranger.bundle(PAYLOAD, recent(rekor=2)), there.trust, at=datetime.now(UTC))

    assert refused.value.reason == "signature_invalid"


@pytest.mark.parametrize("rekor", [1, 2])
def test_a_genuine_log_entry_of_something_else_is_refused(rekor: int, tmp_path: Path) -> None:
    there = instance(tmp_path)
    how = recent(rekor=rekor)
    at = datetime.now(UTC)
    other = entry_of(json.loads(there.sigstore.bundle(statement("scan", {"number": 2}), how)))
    document = json.loads(there.sigstore.bundle(PAYLOAD, how))
    document["verificationMaterial"]["tlogEntries"] = [other]

    with pytest.raises(IngestRefused) as refused:
        accept(json.dumps(document).encode(), there.trust, at=at)
    control = there.accept(how, at=at)

    assert refused.value.reason == "log_entry_mismatch"
    assert control.statement.kind == "scan"


def test_the_entry_of_an_earlier_signature_of_the_same_statement_is_refused(tmp_path: Path) -> None:
    """The same payload, by the same workflow: yet the entry is of another signature by another certificate."""
    there = instance(tmp_path)
    earlier = entry_of(json.loads(there.sigstore.bundle(PAYLOAD)))

    with pytest.raises(IngestRefused) as refused:
        there.accept_changed(lambda document: document["verificationMaterial"].update(tlogEntries=[earlier]))

    assert refused.value.reason == "log_entry_mismatch"


def _entry(document: Document) -> Document:
    entry: Document = document["verificationMaterial"]["tlogEntries"][0]
    return entry


def _forged_time(document: Document) -> None:
    entry = _entry(document)
    entry["integratedTime"] = str(int(entry["integratedTime"]) + 1)


def _other_kind(document: Document) -> None:
    _entry(document)["kindVersion"] = {"kind": "hashedrekord", "version": "0.0.1"}


def _envelope(document: Document, **changes: Any) -> None:
    document["dsseEnvelope"].update(changes)


def _other_signature(document: Document) -> None:
    """The signature of somebody else's key, and an entry to fit; the certificate stays."""
    other = json.loads(SigstoreStandIn().bundle(PAYLOAD))
    body = json.loads(base64.b64decode(_entry(document)["canonicalizedBody"]))
    signature = other["dsseEnvelope"]["signatures"][0]["sig"]
    body["spec"]["signatures"][0]["signature"] = signature
    _entry(document)["canonicalizedBody"] = base64.b64encode(json.dumps(body).encode()).decode()
    document["dsseEnvelope"]["signatures"] = [{"sig": signature}]


CHANGED: dict[str, tuple[str, Callable[[Document], object]]] = {
    "the log entry stripped": (
        "log_entry_mismatch",
        lambda d: d["verificationMaterial"].update(tlogEntries=[]),
    ),
    "two log entries": (
        "log_entry_mismatch",
        lambda d: d["verificationMaterial"]["tlogEntries"].append(entry_of(d)),
    ),
    "an entry of another kind": ("log_entry_mismatch", _other_kind),
    "the log's promise stripped": ("no_trusted_time", lambda d: _entry(d).pop("inclusionPromise")),
    "a time that the log did not sign": ("signature_invalid", _forged_time),
    "another index": ("signature_invalid", lambda d: _entry(d)["inclusionProof"].update(logIndex="0")),
    "a signature of another key": ("signature_invalid", _other_signature),
    "the signature stripped": ("unsigned", lambda d: _envelope(d, signatures=[])),
    "an HMAC in its place": (
        "weak_algorithm",
        lambda d: _envelope(d, signatures=[{"sig": base64.b64encode(b"\x07" * 32).decode()}]),
    ),
    "another payload": (
        "log_entry_mismatch",
        lambda d: _envelope(d, payload=base64.b64encode(statement("scan", {"number": 3})).decode()),
    ),
    "plain text": ("type_mismatch", lambda d: _envelope(d, payloadType="text/plain")),
    "a key beside the certificate": (
        "malformed",
        lambda d: d["verificationMaterial"].update(publicKey={"hint": "a"}),
    ),
    "an unknown member of the entry": ("malformed", lambda d: _entry(d).update(note="unverified")),
    "another spelling of a member": (
        "malformed",
        lambda d: _entry(d).update(integrated_time=_entry(d)["integratedTime"]),
    ),
    "a certificate that is none": (
        "malformed",
        lambda d: d["verificationMaterial"].update(certificate={"rawBytes": "AAAA"}),
    ),
}


@pytest.mark.parametrize("attack", CHANGED)
def test_a_bundle_changed_after_signing_is_refused(attack: str, tmp_path: Path) -> None:
    reason, change = CHANGED[attack]

    with pytest.raises(IngestRefused) as refused:
        instance(tmp_path).accept_changed(change)

    assert refused.value.reason == reason


@pytest.mark.parametrize(("flipped", "reason"), [(0, None), (1, "signature_invalid")])
def test_a_false_timestamp_is_refused_beside_a_time_that_a_log_signed(
    flipped: int, reason: str | None, tmp_path: Path
) -> None:
    there = instance(tmp_path)
    document = json.loads(there.sigstore.bundle(PAYLOAD, recent()))
    stamp = document["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]
    content = bytearray(base64.b64decode(stamp["signedTimestamp"]))
    content[-1] ^= flipped  # the last byte of the authority's signature
    stamp["signedTimestamp"] = base64.b64encode(content).decode()

    found = None
    try:
        accept(json.dumps(document).encode(), there.trust, at=datetime.now(UTC))
    except IngestRefused as refused:
        found = refused.reason

    assert found == reason
    assert entry_of(document)["inclusionPromise"]


P256 = bytes.fromhex("06082a8648ce3d030107")  # the name of the curve, in DER
VERSION_3 = bytes.fromhex("a003020102")


@pytest.mark.parametrize(
    ("was", "now", "reason"),
    [
        (P256, P256[:-1] + b"\x06", "weak_algorithm"),
        (VERSION_3, VERSION_3[:-1] + b"\x12", "malformed"),
        (b"", b"", "identity_mismatch"),
    ],
    ids=["a curve that nobody knows", "a version that does not exist", "as it was (the control)"],
)
def test_a_certificate_of_an_unknown_sort_is_refused_and_does_not_stop_the_log(
    was: bytes, now: bytes, reason: str, tmp_path: Path
) -> None:
    """It is read before anybody is asked for trust, so that whoever may submit could stop a log that fails on it."""
    document = json.loads(instance(tmp_path).sigstore.bundle(PAYLOAD))
    certificate = document["verificationMaterial"]["certificate"]
    content = base64.b64decode(certificate["rawBytes"])
    assert was in content
    certificate["rawBytes"] = base64.b64encode(content.replace(was, now, 1)).decode()
    place = bench(tmp_path)
    bundles = [json.dumps(document).encode(), place.bundle()]

    refused, recorded = place.open().record_each([Submission(bundle=bundle) for bundle in bundles], now=LATER)

    assert isinstance(refused, IngestRefused)
    assert refused.reason == reason
    assert isinstance(recorded, Recorded)


def test_writing_the_bundle_again_changes_nothing(tmp_path: Path) -> None:
    """The control of all that is changed above."""
    assert instance(tmp_path).accept_changed(lambda _: None).statement.kind == "scan"


def test_a_workflow_may_write_only_its_kinds_and_claim_only_its_origin(tmp_path: Path) -> None:
    there = instance(tmp_path)

    with pytest.raises(IngestRefused) as kind:
        there.accept(payload=statement("decision", {}))
    with pytest.raises(IngestRefused) as origin:
        there.accept(payload=statement("scan", {"origin": "local"}))
    with pytest.raises(IngestRefused) as confused:
        there.accept(payload=statement("sbom", {}, predicateType=KINDS["vsa"]))

    reasons = [failure.value.reason for failure in (kind, origin, confused)]
    assert reasons == ["kind_not_allowed", "origin_mismatch", "type_mismatch"]


@pytest.mark.parametrize(("minutes", "reason"), [(0, "key_revoked"), (2, None)])
def test_a_revoked_workflow_keeps_what_a_log_saw_before(minutes: int, reason: str | None, tmp_path: Path) -> None:
    revoked = (MOMENT + timedelta(minutes=minutes)).isoformat()
    there = instance(tmp_path, policy_text() + f"revoked_at = {revoked}\n")

    if reason is None:
        assert there.accept().statement.kind == "scan"
        return
    with pytest.raises(IngestRefused) as refused:
        there.accept()

    assert refused.value.reason == reason


def test_verification_calls_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = instance(tmp_path)
    bundle = there.sigstore.bundle(PAYLOAD)

    def refuse(*_: object) -> None:
        raise AssertionError("verification opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    assert accept(bundle, there.trust, at=LATER).statement.kind == "scan"


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = instance(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "sigstore"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sigstore", None)

    with pytest.raises(KeylessUnavailable) as missing:
        there.accept()

    assert missing.value.reason == "sigstore_missing"
    assert "mintmark[sigstore]" in missing.value.remedy


def test_a_trusted_root_that_is_none_verifies_nothing(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    there = instance(tmp_path, policy_text(trusted_root="other.json"))

    with pytest.raises(EvidenceError) as refused:
        there.accept()

    assert refused.value.reason == "trusted_root"


def test_the_public_trusted_root_of_the_library_can_be_used(tmp_path: Path) -> None:
    """A certificate of our instance is none of the public one's."""
    import sigstore

    store = Path(sigstore.__file__).parent / "_store" / "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
    (tmp_path / "public.json").write_bytes((store / "trusted_root.json").read_bytes())
    there = instance(tmp_path, policy_text(trusted_root="public.json"))

    with pytest.raises(IngestRefused) as refused:
        there.accept()

    assert refused.value.reason == "signature_invalid"


def test_sigstores_own_command_accepts_what_we_accept(tmp_path: Path) -> None:
    """Else the instance of these tests would be one that only our own code believes."""
    there = instance(tmp_path)
    (tmp_path / "bundle.json").write_bytes(there.sigstore.bundle(PAYLOAD))
    (tmp_path / "config.json").write_text(json.dumps(there.sigstore.trust_config()), encoding="utf-8")
    command = [sys.executable, "-m", "sigstore", "--trust-config", "config.json", "verify", "identity", "--offline"]
    options = ["--bundle", "bundle.json", "--cert-identity", WORKFLOW, "--cert-oidc-issuer"]

    good = subprocess.run(
        [*command, *options, ISSUER, f"sha256:{DIGEST}"], cwd=tmp_path, capture_output=True, check=False, timeout=60
    )
    bad = subprocess.run(
        [*command, *options, "https://login.example.com", f"sha256:{DIGEST}"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert (good.returncode, bad.returncode) == (0, 1), good.stderr.decode()
