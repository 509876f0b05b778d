"""A release with secrets in its source, its image and its environment: refused, recorded, and without them."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import Place, committed_clone

from mintmark.evidence.confidential import check

pytestmark = pytest.mark.e2e

WEAK = "battery-staple-horse"  # only an allow-list can keep this out: it looks like nothing
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PLANTED = (WEAK, TOKEN)


def statements_of(checkout: Path) -> list[bytes]:
    with sqlite3.connect(checkout / ".mintmark/evidence/log.sqlite3") as connection:
        bundles = [json.loads(row[0]) for row in connection.execute("SELECT content FROM payload")]
    return [base64.b64decode(bundle["dsseEnvelope"]["payload"]) for bundle in bundles]


@pytest.fixture(scope="module")
def planted(place: Place, shipped: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, str]:
    """The place whose log has the refusal now, and all that the command said."""
    copy = committed_clone(place.checkout, tmp_path_factory.mktemp("planted") / "mintmark")
    (copy / "service/src/florin/acquirer.py").write_text(
        f'"""Signs in at the acquirer."""\n\nimport subprocess\n\npassword = "{WEAK}"\nTOKEN = "{TOKEN}"\n\n\n'
        "def sign_in() -> None:\n"
        f'    subprocess.call("curl https://florin:{WEAK}@example.org", shell=True)  # {TOKEN}\n',
        encoding="utf-8",
    )
    committed = committed_clone(copy, copy.parent / "committed")
    environment = place.environment | {"DB_PASSWORD": WEAK, "GITHUB_TOKEN": TOKEN}
    told = Place(checkout=place.checkout, environment=environment).mintmark(
        "ship", "--env", "local", "--source", str(committed), "--no-trace", "-o", "human", "-o", "json"
    )
    assert told.returncode == 1, told.stdout + told.stderr
    return place, told.stdout + told.stderr


def test_the_finding_is_recorded_and_no_statement_holds_a_secret(planted: tuple[Place, str]) -> None:
    statements = statements_of(planted[0].checkout)
    decoded = [json.loads(content) for content in statements]
    found = [
        finding
        for document in decoded
        for finding in document["predicate"].get("findings", [])
        if finding["path"] == "service/src/florin/acquirer.py"
    ]

    assert {(item["tool"], item["category"]) for item in found} >= {("bandit", "secret"), ("semgrep", "secret")}
    assert all(re.fullmatch("[0-9a-f]{32}", item["fingerprint"]) for item in found)
    for content in statements:
        check(content)
        assert not [secret for secret in PLANTED if secret.encode() in content]


def test_nothing_that_was_written_or_said_holds_a_secret(planted: tuple[Place, str]) -> None:
    """The release itself is what it was built from, and lies apart from evidence and reports."""
    place, said = planted
    state = place.checkout / ".mintmark"
    written = [path for part in ("evidence", "reports") for path in (state / part).rglob("*") if path.is_file()]
    forms = {form for secret in PLANTED for form in (secret.encode(), *base64_forms(secret))}

    assert len(written) > 10
    for path in written:
        content = path.read_bytes()
        assert not [form for form in forms if form in content], path
    assert not [secret for secret in PLANTED if secret in said]


def base64_forms(secret: str) -> list[bytes]:
    """What of the secret's base64 does not depend on what stands around it, for each of the three alignments."""
    return [base64.b64encode(b"x" * pad + secret.encode())[4:-4] for pad in range(3)]


def test_a_login_in_the_address_of_the_source_is_refused_and_not_quoted(place: Place, tmp_path: Path) -> None:
    configuration = (place.checkout / "mintmark.toml").read_text(encoding="utf-8")
    address = f"https://florin:{WEAK}@example.org"
    (tmp_path / "mintmark.toml").write_text(
        re.sub(r'source_uri = ".*"', f'source_uri = "{address}"', configuration), encoding="utf-8"
    )
    done = place.mintmark("ship", "--env", "local", "--source", str(tmp_path))

    assert (done.returncode, "reason  configuration" in done.stderr) == (2, True)
    assert "without a login" in done.stderr
    assert WEAK not in done.stdout + done.stderr
