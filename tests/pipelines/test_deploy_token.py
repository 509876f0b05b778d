"""A deploy token is good for one artefact, one environment, one policy and one use, and not for long."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.builders import NOW, Bench, bench, signed, statement
from tests.pipelines.test_admission import POLICY, decided, release

from mintmark.evidence.log import EvidenceLog
from mintmark.pipelines.deploy.admission import Admitted, admit
from mintmark.pipelines.deploy.token import Token, TokenRefused, redeem
from mintmark.pipelines.errors import ExitCode


@pytest.fixture
def place(tmp_path: Path) -> Bench:
    return bench(tmp_path)


@pytest.fixture
def log(place: Bench) -> EvidenceLog:
    opened = place.open()
    decided(place, opened, release())
    return opened


def admitted(log: EvidenceLog, tmp_path: Path) -> Admitted:
    from mintmark.pipelines.build.release import keep

    made = release()
    keep(made, tmp_path / "releases")
    return admit(
        log,
        digest=made.digest,
        environment="local",
        policy_digest=POLICY,
        releases=tmp_path / "releases",
        now=NOW,
    )


def token(place: Bench, *, kind: str = "deploy-token", subject: str = "", **changes: Any) -> bytes:
    predicate = {
        "id": str(uuid.UUID(int=7)),
        "decision_id": "d-1",
        "environment": "local",
        "policy_digest": POLICY,
        "issued": "2026-01-02T03:04:05Z",
        "expires": "2026-01-02T03:14:05Z",
        "origin": "local",
    } | changes
    named = [{"name": "a.whl", "digest": {"sha256": subject or release().digest}}]
    return signed(place.key, statement(kind, predicate, subject=named))


def issued(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))


def use(bundle: bytes, log: EvidenceLog, tmp_path: Path, *, now: Any = NOW) -> Token:
    return redeem(bundle, log, admitted(log, tmp_path), environment="local", policy_digest=POLICY, now=now)


def times(start: Any = NOW, lifetime: timedelta = timedelta(minutes=10)) -> dict[str, str]:
    return {"issued": issued(start), "expires": issued(start + lifetime)}


def test_a_token_for_exactly_this_is_good_once(place: Bench, log: EvidenceLog, tmp_path: Path) -> None:
    bundle = token(place, **times())

    assert use(bundle, log, tmp_path).decision_id == "d-1"


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("token_digest", {"subject": "e" * 64}),
        ("token_environment", {"environment": "production"}),
        ("token_policy", {"policy_digest": "sha256:" + "d" * 64}),
        ("token_decision", {"decision_id": "d-0"}),
        ("token_expired", times(NOW - timedelta(minutes=10))),
        ("token_expired", times(lifetime=timedelta(minutes=15, seconds=1))),
        ("token_invalid", times(NOW + timedelta(hours=1))),
        ("token_invalid", {"kind": "scan", "tool": "bandit", "status": "complete"}),
        ("token_invalid", {"origin": "ci"}),
    ],
)
def test_a_token_for_anything_else_is_refused(
    reason: str, changes: dict[str, Any], place: Bench, log: EvidenceLog, tmp_path: Path
) -> None:
    with pytest.raises(TokenRefused) as refused:
        use(token(place, **{**times(), **changes}), log, tmp_path)

    assert refused.value.reason == reason
    assert refused.value.exit_code is ExitCode.DENIED


def test_a_token_is_good_until_its_last_second_and_not_in_it(place: Bench, log: EvidenceLog, tmp_path: Path) -> None:
    bundle = token(place, **times())

    assert use(bundle, log, tmp_path, now=NOW + timedelta(minutes=9, seconds=59))
    with pytest.raises(TokenRefused) as refused:
        use(bundle, log, tmp_path, now=NOW + timedelta(minutes=10))
    assert refused.value.reason == "token_expired"


def test_a_token_of_an_unknown_key_or_with_a_broken_signature_is_refused(
    place: Bench, log: EvidenceLog, tmp_path: Path
) -> None:
    (tmp_path / "stranger").mkdir()
    stranger = bench(tmp_path / "stranger")
    for bundle in (token(stranger, **times()), token(place, **times())[:-9], b""):
        with pytest.raises(TokenRefused) as refused:
            use(bundle, log, tmp_path)
        assert refused.value.reason == "token_invalid"


def test_a_token_that_a_deployment_was_recorded_on_is_used_up(place: Bench, log: EvidenceLog, tmp_path: Path) -> None:
    bundle = token(place, **times())
    used = use(bundle, log, tmp_path)
    deployment = {
        "deployment_id": "x",
        "environment": "local",
        "digest": f"sha256:{release().digest}",
        "started_at": issued(NOW),
        "token_id": used.id,
        "origin": "local",
    }
    named = [{"name": "a.whl", "digest": {"sha256": release().digest}}]
    log.record(signed(place.key, statement("deployment", deployment, subject=named)), now=NOW)

    with pytest.raises(TokenRefused) as refused:
        use(bundle, log, tmp_path)
    assert refused.value.reason == "token_reused"
    assert use(token(place, **times(), id=str(uuid.UUID(int=8))), log, tmp_path)
