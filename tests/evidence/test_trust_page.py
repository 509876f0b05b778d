"""docs/trust.md says what is so: its policies load or are refused, and its commands are run."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.evidence.builders import signed, statement
from tests.evidence.sigstore_stand_in import Signing, SigstoreStandIn

from mintmark.evidence import bundle, ingest, trust
from mintmark.evidence import statement as statements
from mintmark.evidence.errors import IngestRefused
from mintmark.evidence.ingest import accept
from mintmark.evidence.trust import TrustPolicy, TrustPolicyInvalid
from mintmark.pipelines.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
KEY = ec.derive_private_key(20261124, ec.SECP256R1())  # the first key of the page, which signs nothing elsewhere
SOURCES = Path(ingest.__file__).parent


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def load(folder: Path, text: str) -> TrustPolicy:
    (folder / "trusted_root.json").write_text("{}", encoding="utf-8")
    (folder / "trust.toml").write_text(text, encoding="utf-8")
    return TrustPolicy.load(folder / "trust.toml")


def test_its_policies_load(tmp_path: Path) -> None:
    whole, pattern = (load(tmp_path, text) for text in blocks("toml"))

    assert (len(whole.keys), len(whole.identities), whole.threshold("decision")) == (2, 1, 2)
    assert pattern.identities[0].workflow.names(
        "https://github.com/org/florin/.github/workflows/ship.yml@refs/heads/main"
    )


def test_the_policy_that_it_warns_of_is_refused(tmp_path: Path) -> None:
    (text,) = blocks("toml refused")

    with pytest.raises(TrustPolicyInvalid) as refused:
        load(tmp_path, text)

    assert refused.value.reason == "unanchored_identity"


def test_the_id_of_an_identity_is_made_as_it_says() -> None:
    command, output = blocks("console")[0].removeprefix("$ ").split("\n", maxsplit=1)

    said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout

    assert said == output


def test_the_id_of_an_identity_is_what_the_log_is_told(tmp_path: Path) -> None:
    identity = load(tmp_path, blocks("toml")[0]).identities[0].workflow
    sigstore = SigstoreStandIn()
    (tmp_path / "trusted_root.json").write_text(json.dumps(sigstore.trusted_root()), encoding="utf-8")
    policy = TrustPolicy.load(tmp_path / "trust.toml")
    how = Signing(identity=str(identity.identity), issuer=identity.issuer)

    accepted = accept(sigstore.bundle(statement("scan", {}), how), policy, at=datetime(2026, 11, 25, tzinfo=UTC))

    assert accepted.producer.id in blocks("console")[0]


def test_its_command_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command, output = blocks("console")[1].removeprefix("$ mintmark ").split("\n", maxsplit=1)
    load(tmp_path, blocks("toml")[0])
    digest = hashlib.sha256(b"wheel").hexdigest()
    (tmp_path / "florin.whl").write_bytes(b"wheel")
    scan = statement("scan", SCAN, subject=[{"name": "florin.whl", "digest": {"sha256": digest}}])
    (tmp_path / "scan.sigstore.json").write_bytes(signed(KEY, scan))
    monkeypatch.chdir(tmp_path)

    code = main(command.split())

    assert code == 0
    assert capsys.readouterr().out == output.replace("DIGEST", digest)


def test_statement_v0_1_is_refused_as_it_says(tmp_path: Path) -> None:
    policy = load(tmp_path, blocks("toml")[0])
    for version in ("https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v2"):
        with pytest.raises(IngestRefused) as refused:
            accept(signed(KEY, statement("scan", {}, _type=version)), policy, at=datetime(2026, 11, 25, tzinfo=UTC))
        assert refused.value.reason == "type_mismatch"
    assert accept(signed(KEY, statement("scan", {})), policy, at=datetime(2026, 11, 25, tzinfo=UTC))


def test_every_reason_that_the_code_gives_is_on_the_page_and_the_other_way_round() -> None:
    files = [Path(str(module.__file__)) for module in (bundle, ingest, statements, trust)]
    files += [SOURCES / "schemas.py", *(SOURCES / "keyless").glob("*.py")]
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    given = set(re.findall(r'reason="([a-z_]+)"', code))
    given |= set(re.findall(r'_refuse\((?:\s*f?"[^"]*",\s*)"([a-z_]+)"', code))
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", PAGE))

    about_ourselves = {"trust_policy", "trusted_root", "sigstore_missing", "jsonschema_missing", "schema_missing"}
    assert {reason for reason in given - about_ourselves if f"`{reason}`" not in PAGE} == set()
    assert {name for name in named if name.endswith("mismatch")} <= given


SCAN = {
    "tool": "bandit",
    "tool_version": "1",
    "expected_version": "1",
    "status": "complete",
    "reason": "",
    "present": 1,
    "means": "run",
    "cached": "no",
    "rules": 1,
    "rules_digest": f"sha256:{'ab' * 32}",
    "given": 1,
    "read": 1,
    "unread": [],
    "started_at": 1,
    "finished_at": 1,
    "tree_digest": f"sha256:{'ab' * 32}",
    "report_digest": f"sha256:{'ab' * 32}",
    "data": None,
    "findings": [],
    "origin": "local",
}
