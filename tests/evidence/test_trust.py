"""The trust policy: what it says is what counts, and what could be read in two ways is refused when it loads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.evidence.builders import NOW, signed, statement, trust_text

from mintmark.evidence.bundle import key_hint
from mintmark.evidence.errors import IngestRefused
from mintmark.evidence.ingest import accept, accept_all
from mintmark.evidence.keyless.identity import parse_pattern
from mintmark.evidence.trust import TrustPolicy, TrustPolicyInvalid

Key = ec.EllipticCurvePrivateKey
IDENTITY = """
[[identities]]
issuer = "https://token.actions.example.com"
identity = "https://forge.example.com/org/florin/.github/workflows/ship.yml@refs/heads/main"
repository_id = "495574555"
origin = "ci"
kinds = ["scan"]
trusted_root = "root.json"
"""


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def entry(key: Key, *, kinds: tuple[str, ...] = ("scan",), more: str = "") -> str:
    return trust_text(key.public_key(), kinds=kinds).removeprefix("version = 1\n") + more


def load(folder: Path, *entries: str, head: str = "version = 1\n") -> TrustPolicy:
    (folder / "root.json").write_text("{}", encoding="utf-8")
    path = folder / "trust.toml"
    path.write_text(head + "\n".join(entries), encoding="utf-8")
    return TrustPolicy.load(path)


def refusal(folder: Path, *entries: str, head: str = "version = 1\n") -> TrustPolicyInvalid:
    with pytest.raises(TrustPolicyInvalid) as refused:
        load(folder, *entries, head=head)
    return refused.value


def reason(call: Callable[[], Any]) -> str | None:
    try:
        call()
    except IngestRefused as refused:
        return refused.reason
    return None


def test_a_policy_of_keys_and_identities_loads(tmp_path: Path) -> None:
    key = new_key()

    policy = load(tmp_path, entry(key), IDENTITY, head="version = 1\nthresholds = { scan = 2 }\n")

    assert policy.key(key_hint(key.public_key())) is policy.keys[0]
    assert policy.identities[0].workflow.trusted_root == b"{}"
    assert (policy.threshold("scan"), policy.threshold("vsa")) == (2, 1)


UNREADABLE = {
    "another version": ("version = 2\n", "version"),
    "no toml": ("version = \n", "trust.toml"),
    "an unknown table": ("version = 1\n[[idenities]]\n", "did you mean 'identities'?"),
    "an unknown kind": ("version = 1\nthresholds = { scam = 2 }\n", "did you mean 'scan'?"),
    "a threshold of none": ("version = 1\nthresholds = { scan = 0 }\n", "thresholds.scan"),
    "a threshold that nobody can meet": ("version = 1\nthresholds = { scan = 2 }\n", "1 may write it"),
}


@pytest.mark.parametrize("mistake", UNREADABLE)
def test_a_policy_with_a_mistake_is_refused_whole(mistake: str, tmp_path: Path) -> None:
    head, told = UNREADABLE[mistake]

    refused = refusal(tmp_path, *([entry(new_key())] if head.startswith("version = 1") else []), head=head)

    assert refused.reason == "trust_policy"
    assert refused.exit_code == 2
    assert told in str(refused)


def test_an_empty_policy_is_refused(tmp_path: Path) -> None:
    assert "trusts nobody" in str(refusal(tmp_path))


MISTAKES = {
    "an unknown member": ('not_befor = 2026-01-01T00:00:00Z\nunknown = "x"\n', "did you mean 'not_before'?"),
    "a time without a time zone": ("not_before = 2026-01-01T00:00:00\n", "not_before"),
    "a date": ("revoked_at = 2026-01-01\n", "revoked_at"),
    "never valid": ("not_before = 2026-02-01T00:00:00Z\nnot_after = 2026-01-01T00:00:00Z\n", "never valid"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_key_with_a_mistake_is_refused(mistake: str, tmp_path: Path) -> None:
    more, told = MISTAKES[mistake]

    assert told in str(refusal(tmp_path, entry(new_key(), more=more)))


def test_one_key_under_two_names_is_refused(tmp_path: Path) -> None:
    """It would count for two signers. The digest of the key is its only name, however its point is written."""
    key = new_key()
    other_id = entry(key).replace(key_hint(key.public_key()), "ab" * 32)

    assert "stands twice" in str(refusal(tmp_path, entry(key), entry(key)))
    assert "its id is" in str(refusal(tmp_path, entry(key), other_id))
    assert load(tmp_path, entry(key), entry(new_key())).keys[0].public.public_numbers() == (
        key.public_key().public_numbers()
    )


WEAK: dict[str, Callable[[], Any]] = {
    "RSA-1024": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 - the attack
    "RSA-2048": lambda: rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "a curve of Bitcoin's": lambda: ec.generate_private_key(ec.SECP256K1()),
}


@pytest.mark.parametrize("algorithm", WEAK)
def test_only_p256_keys_are_taken(algorithm: str, tmp_path: Path) -> None:
    public = WEAK[algorithm]().public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    text = f'[[keys]]\nid = "{"ab" * 32}"\norigin = "ci"\nkinds = ["scan"]\npublic_key = """\n{pem}"""\n'

    assert refusal(tmp_path, text).reason == "weak_algorithm"


ORG = r"https://forge\.example\.com/org/florin/"
LOOSE = {
    "not anchored at its start": ORG + ".*$",
    "not anchored at its end": f"^{ORG}.*",
    "an escaped dollar at its end": rf"^{ORG}.*\$",
    "any organisation that begins so": r"^https://forge\.example\.com/org.*/florin/ship\.yml$",
    "any repository": r"^https://forge\.example\.com/org/.*/ship\.yml$",
    "any character for a dot of the host": r"^https://forge.example\.com/org/florin/ship\.yml$",
    "any host": r"^https://[a-z.]+/org/florin/ship\.yml$",
    "any character for a dot of the repository": r"^https://forge\.example\.com/org/florin.py/ship\.yml$",
    "an alternative at the top": rf"^{ORG}ship\.yml|.*$",
    "an alternative behind a class of parentheses": rf"^{ORG}[(]ship|.*[)]$",
    "a parenthesis that closes ours": rf"^{ORG}ship)|(.*$",
    "nothing behind the repository": f"^{ORG}$",
    "no encryption": r"^http://forge\.example\.com/org/florin/ship\.yml$",
}


@pytest.mark.parametrize("looseness", LOOSE)
def test_a_pattern_that_could_match_another_repository_is_refused_when_the_policy_loads(
    looseness: str, tmp_path: Path
) -> None:
    exact = next(line for line in IDENTITY.splitlines() if line.startswith("identity ="))

    refused = refusal(tmp_path, IDENTITY.replace(exact, f"identity_pattern = '''{LOOSE[looseness]}'''"))

    assert refused.reason == "unanchored_identity"


def test_a_pattern_of_one_repository_matches_in_it_alone() -> None:
    pattern = parse_pattern(rf"^{ORG}\.github/workflows/(ship|nightly)\.yml@refs/tags/v[0-9.]+$")
    inside = "https://forge.example.com/org/florin/.github/workflows/ship.yml@refs/tags/v1.2"

    assert pattern.matches(inside)
    assert not pattern.matches(inside.replace("/org/", "/org-evil/"))
    assert not pattern.matches(inside.replace("forge.example", "forgeXexample"))
    assert not pattern.matches(f"{inside}\n")
    assert not pattern.matches(f"https://evil.example.com/{inside}")


def test_an_identity_needs_all_that_tells_it_apart(tmp_path: Path) -> None:
    def without(name: str) -> str:
        return "\n".join(line for line in IDENTITY.splitlines() if not line.startswith(f"{name} ="))

    for name in ("issuer", "identity", "repository_id", "trusted_root", "kinds"):
        assert refusal(tmp_path, without(name)).reason == "trust_policy"
    assert "trusted root" in str(refusal(tmp_path, IDENTITY.replace("root.json", "missing.json")))
    assert "origin" in str(refusal(tmp_path, IDENTITY.replace('"ci"', '"local"')))
    assert "stands twice" in str(refusal(tmp_path, IDENTITY, IDENTITY))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", None),
        (f"revoked_at = {NOW.isoformat()}\n", "key_revoked"),
        (f"revoked_at = {(NOW - timedelta(days=1)).isoformat()}\n", "key_revoked"),
        (f"revoked_at = {(NOW + timedelta(seconds=1)).isoformat()}\n", None),
        (f"not_before = {(NOW + timedelta(seconds=1)).isoformat()}\n", "key_not_valid"),
        (f"not_after = {(NOW - timedelta(seconds=1)).isoformat()}\n", "key_not_valid"),
        (f"not_before = {NOW.isoformat()}\nnot_after = {NOW.isoformat()}\n", None),
    ],
)
def test_a_key_is_judged_at_the_moment_that_is_asked_for(more: str, expected: str | None, tmp_path: Path) -> None:
    key = new_key()
    policy = load(tmp_path, entry(key, more=more))

    assert reason(lambda: accept(signed(key, statement("scan", {})), policy, at=NOW)) == expected


def test_what_was_recorded_before_its_key_was_revoked_still_holds(tmp_path: Path) -> None:
    key = new_key()
    policy = load(tmp_path, entry(key, more=f"revoked_at = {NOW.isoformat()}\n"))
    bundle = signed(key, statement("scan", {}))

    assert accept(bundle, policy, at=NOW - timedelta(days=1)).producer.id == key_hint(key.public_key())
    assert reason(lambda: accept(bundle, policy, at=NOW + timedelta(days=1))) == "key_revoked"


def test_a_moment_without_a_time_zone_is_a_bug_of_the_caller(tmp_path: Path) -> None:
    key = new_key()
    naive = NOW.replace(tzinfo=None)

    with pytest.raises(ValueError, match="time zone"):
        accept(signed(key, statement("scan", {})), load(tmp_path, entry(key)), at=naive)


def test_a_threshold_counts_keys_and_not_signatures(tmp_path: Path) -> None:
    first, second = new_key(), new_key()
    policy = load(tmp_path, entry(first), entry(second), head="version = 1\nthresholds = { scan = 2 }\n")
    payload = statement("scan", {})
    one, again, other = signed(first, payload), signed(first, payload), signed(second, payload)

    assert one != again
    assert reason(lambda: accept_all([one, other], policy, at=NOW)) is None
    assert reason(lambda: accept_all([one, again], policy, at=NOW)) == "threshold"
    assert reason(lambda: accept_all([one], policy, at=NOW)) == "threshold"
    assert reason(lambda: accept(one, policy, at=NOW)) == "threshold"
    assert reason(lambda: accept(one, policy, at=NOW, alone=False)) is None


def test_signers_of_different_statements_do_not_add_up(tmp_path: Path) -> None:
    first, second = new_key(), new_key()
    policy = load(tmp_path, entry(first), entry(second), head="version = 1\nthresholds = { scan = 2 }\n")
    bundles = [signed(first, statement("scan", {"n": 1})), signed(second, statement("scan", {"n": 2}))]

    assert reason(lambda: accept_all(bundles, policy, at=NOW)) == "statement_mismatch"
    assert reason(lambda: accept_all([], policy, at=NOW)) == "unsigned"


def test_a_key_that_may_not_write_a_kind_does_not_count_for_it(tmp_path: Path) -> None:
    keys = [new_key(), new_key(), new_key()]
    entries = [entry(keys[0]), entry(keys[1]), entry(keys[2], kinds=("vsa",))]
    policy = load(tmp_path, *entries, head="version = 1\nthresholds = { scan = 2 }\n")
    payload = statement("scan", {})

    assert reason(lambda: accept_all([signed(keys[0], payload), signed(keys[2], payload)], policy, at=NOW)) == (
        "kind_not_allowed"
    )
    assert reason(lambda: accept_all([signed(key, payload) for key in keys[:2]], policy, at=NOW)) is None


def test_the_policy_that_a_first_run_writes_is_read(tmp_path: Path) -> None:
    from mintmark.pipelines.sign.local_key import LocalSigner
    from mintmark.pipelines.workshop import _trust

    policy = _trust(tmp_path, LocalSigner(key=new_key()))

    assert policy.keys[0].origin == "local"
    assert policy.keys[0].validity.revoked_at is None
