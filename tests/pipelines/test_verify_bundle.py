"""`mintmark verify-bundle`, run as its user runs it: verified is 0, not verifiable 3, failed 4, and 2 a mistake."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.evidence.builders import signed, statement, trust_text
from tests.evidence.sigstore_stand_in import ISSUER, REPOSITORY_ID, WORKFLOW, Signing, SigstoreStandIn

from mintmark.pipelines.cli.main import main

PLACE = "git+https://example.com/florin#production"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An artefact, evidence about it, and what is needed to verify it."""

    folder: Path
    key: ec.EllipticCurvePrivateKey

    @property
    def artefact(self) -> str:
        return str(self.folder / "a.whl")

    @property
    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(b'the artefact').hexdigest()}"

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def by_key(self, *more: str, bundle: str = "bundle.json") -> list[str]:
        return [self.artefact, "--bundle", self.path(bundle), "--key", self.path("key.pem"), *more]

    def by_identity(self, *more: str) -> list[str]:
        who = ["--identity", WORKFLOW, "--issuer", ISSUER, "--trusted-root", self.path("root.json")]
        return [self.artefact, "--bundle", self.path("keyless.json"), *who, *more]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    (tmp_path / "a.whl").write_bytes(b"the artefact")
    subject = [{"name": "a.whl", "digest": {"sha256": hashlib.sha256(b"the artefact").hexdigest()}}]
    summary = {
        "verifier": {"id": "https://mintmark.dev/gate"},
        "timeVerified": "2026-01-02T03:04:05Z",
        "resourceUri": PLACE,
        "policy": {},
        "verificationResult": "PASSED",
        "verifiedLevels": [],
    }
    payload = statement("vsa", summary, subject=subject)
    now = datetime.now(UTC).replace(microsecond=0)
    sigstore = SigstoreStandIn()
    keyless = sigstore.bundle(payload, Signing(valid_from=now - timedelta(minutes=1), integrated_at=now))
    broken = statement("vsa", {**summary, "verificationResult": "yes"}, subject=subject)
    failed = statement("vsa", {**summary, "verificationResult": "FAILED"}, subject=subject)
    files = {
        "failed.json": signed(key, failed),
        "bundle.json": signed(key, payload),
        "broken.json": signed(key, broken),
        "stranger.json": signed(ec.generate_private_key(ec.SECP256R1()), payload),
        "keyless.json": keyless,
        "root.json": json.dumps(sigstore.trusted_root()).encode(),
        "key.pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "trust.toml": trust_text(public).encode(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return Desk(folder=tmp_path, key=key)


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    try:
        code = main(["verify-bundle", *words])
    except SystemExit as ended:  # argparse
        code = int(str(ended.code))
    said = capsys.readouterr()
    return code, said.out + said.err


VERIFIED: dict[str, Callable[[Desk], list[str]]] = {
    "by a key": lambda desk: desk.by_key(),
    "by a trust policy": lambda desk: [
        desk.artefact, "--bundle", desk.path("bundle.json"), "--trust", desk.path("trust.toml"),
    ],
    "by a digest": lambda desk: [desk.digest, *desk.by_key()[1:]],
    "by an identity": lambda desk: desk.by_identity(),
    "by an identity and its repository": lambda desk: desk.by_identity("--repository-id", REPOSITORY_ID),
    "for its kind and place": lambda desk: desk.by_key("--kind", "vsa", "--resource-uri", PLACE),
}  # fmt: skip


@pytest.mark.parametrize("way", VERIFIED)
def test_what_holds_is_verified(way: str, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(VERIFIED[way](desk), capsys)

    assert code == 0, said
    assert said.startswith("VERIFIED")
    assert desk.digest in said


REFUSED: dict[str, tuple[int, str, Callable[[Desk], list[str]]]] = {
    "another key": (3, "key_unknown", lambda desk: desk.by_key(bundle="stranger.json")),
    "another digest": (4, "subject_mismatch", lambda desk: [f"sha256:{'ab' * 32}", *desk.by_key()[1:]]),
    "another kind": (4, "type_mismatch", lambda desk: desk.by_key("--kind", "decision")),
    "another place": (4, "resource_uri_mismatch", lambda desk: desk.by_key("--resource-uri", "git+https://x#y")),
    "an invalid predicate": (4, "schema_invalid", lambda desk: desk.by_key(bundle="broken.json")),
    "another repository": (4, "identity_mismatch", lambda desk: desk.by_identity("--repository-id", "1")),
    "a bundle that is none": (4, "malformed", lambda desk: desk.by_key(bundle="key.pem")),
    "no such bundle": (2, "unreadable", lambda desk: desk.by_key(bundle="missing.json")),
    "no such artefact": (2, "unreadable", lambda desk: [desk.path("b.whl"), *desk.by_key()[1:]]),
    "a key that is none": (
        2,
        "malformed",
        lambda desk: [desk.artefact, "--bundle", desk.path("bundle.json"), "--key", desk.path("a.whl")],
    ),
    "a name for a digest": (2, "mutable_ref", lambda desk: ["sha256:latest", *desk.by_key()[1:]]),
    "an issuer without an identity": (2, "usage", lambda desk: desk.by_key("--issuer", ISSUER)),
    "an identity without its issuer": (
        2,
        "usage",
        lambda desk: [desk.artefact, "--bundle", desk.path("keyless.json"), "--identity", WORKFLOW],
    ),
    "nobody to trust": (2, "required", lambda desk: [desk.artefact, "--bundle", desk.path("bundle.json")]),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_what_does_not_hold_says_why_by_its_exit_code(
    mistake: str, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    code, reason, words = REFUSED[mistake]

    found, said = run(words(desk), capsys)

    assert (found, reason in said) == (code, True), said
    assert "VERIFIED" not in said


def test_an_artefact_of_which_one_byte_changed_is_refused(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    (desk.folder / "a.whl").write_bytes(b"The artefact")

    code, said = run(desk.by_key(), capsys)

    assert (code, "digest_mismatch" in said) == (4, True)


def test_two_signers_where_the_policy_wants_two(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    payload = json.loads((desk.folder / "bundle.json").read_bytes())["dsseEnvelope"]["payload"]

    (desk.folder / "second.json").write_bytes(signed(other, base64.b64decode(payload)))
    keys = [trust_text(key.public_key()).removeprefix("version = 1\n") for key in (desk.key, other)]
    (desk.folder / "trust.toml").write_text("version = 1\nthresholds = { vsa = 2 }\n" + "".join(keys), encoding="utf-8")
    policy = ["--trust", desk.path("trust.toml")]
    first, second = ["--bundle", desk.path("bundle.json")], ["--bundle", desk.path("second.json")]

    both = run([desk.artefact, *first, *second, *policy], capsys)
    twice = run([desk.artefact, *first, *first, *policy], capsys)

    assert both[0] == 0
    assert (twice[0], "threshold" in twice[1]) == (4, True)


def test_the_answer_for_machines_names_subject_kind_and_signer(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(desk.by_identity("-o", "json"), capsys)

    answer = json.loads(said)
    assert code == 0
    assert (answer["verified"], answer["digest"], answer["kind"]) == (True, desk.digest, "vsa")
    assert answer["subjects"] == [{"name": "a.whl", "digest": desk.digest}]
    assert len(answer["signers"]) == 1
    assert answer["signers"][0]["signed_at"]


@pytest.mark.parametrize(("bundle", "result"), [("bundle.json", "PASSED"), ("failed.json", "FAILED")])
def test_evidence_that_holds_and_is_bad_news_says_so(
    bundle: str, result: str, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(desk.by_key(bundle=bundle), capsys)
    _, document = run(desk.by_key("-o", "json", bundle=bundle), capsys)

    assert (code, f"  result  {result}\n" in said) == (0, True)
    assert json.loads(document)["result"] == result
