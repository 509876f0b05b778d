"""Admission believes nothing that it has not verified again: each refusal has its reason, and the sound one passes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.builders import NOW, Bench, bench, signed, statement
from tests.evidence.stores import administrator
from tests.pipelines.wheels import small_wheel

from mintmark.evidence.log import EvidenceLog
from mintmark.pipelines.build.manifest import describe
from mintmark.pipelines.build.release import Release, keep
from mintmark.pipelines.deploy import admission
from mintmark.pipelines.deploy.admission import admit, parse_digest
from mintmark.pipelines.errors import ExitCode, PipelineError, UsageError

POLICY = "sha256:" + "c" * 64


def release() -> Release:
    wheel = small_wheel()
    artifacts = {"a-1-py3-none-any.whl": wheel, "requirements.txt": b"", "requirements-local.txt": b""}
    manifest = describe(
        name="a", version="1", source_uri="git+x", commit="1" * 40, tree_digest="sha256:x", artifacts=artifacts
    )
    return Release(
        wheel_name="a-1-py3-none-any.whl", wheel=wheel, requirements=b"", local_requirements=b"", manifest=manifest
    )


def decided(place: Bench, log: EvidenceLog, made: Release, **changes: Any) -> None:
    """Record a verdict; `changes` replace fields of its predicate, or `subject`, `ref_environment`, `kind`, `now`."""
    subject = changes.pop("subject", made.digest)
    environment = changes.pop("ref_environment", "local")
    kind, now = changes.pop("kind", "decision"), changes.pop("now", NOW)
    predicate = {
        "id": "d-1",
        "decision": "ALLOW",
        "environment": "local",
        "policy_digest": POLICY,
        "as_of": NOW.isoformat(),
        "manifest": {"digest": f"sha256:{made.manifest_digest}", "files": 3},
        "origin": "local",
    } | changes
    payload = statement(kind, predicate, subject=[{"name": "a.whl", "digest": {"sha256": subject}}])
    log.record(signed(place.key, payload), now=now, refs=(f"environment:{environment}",))


@pytest.fixture
def place(tmp_path: Path) -> Bench:
    return bench(tmp_path)


def admitted(log: EvidenceLog, made: Release, folder: Path, **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "digest": made.digest,
        "environment": "local",
        "policy_digest": POLICY,
        "now": NOW,
    } | changes
    return admit(log, releases=folder, **arguments)


def test_an_allowed_release_is_admitted_with_its_own_bytes(place: Bench, tmp_path: Path) -> None:
    made, log = release(), place.open()
    keep(made, tmp_path / "releases")
    decided(place, log, made)

    assert admitted(log, made, tmp_path / "releases").release == made


REFUSED: dict[str, tuple[str, ExitCode, dict[str, Any], dict[str, Any]]] = {
    "denied": ("not_allowed", ExitCode.DENIED, {"decision": "DENY"}, {}),
    "incomplete": ("not_allowed", ExitCode.DENIED, {"decision": "INCOMPLETE"}, {}),
    "for another environment": ("resource_uri_mismatch", ExitCode.DENIED, {"environment": "production"}, {}),
    "under another policy": ("policy_changed", ExitCode.DENIED, {"policy_digest": "sha256:" + "d" * 64}, {}),
    "a day old": ("stale", ExitCode.DENIED, {}, {"now": NOW + timedelta(hours=24, seconds=1)}),
    "from the future": ("future", ExitCode.DENIED, {}, {"now": NOW - timedelta(seconds=61)}),
    "elsewhere": ("no_decision", ExitCode.INCOMPLETE, {"ref_environment": "production"}, {}),
    "never": ("no_decision", ExitCode.INCOMPLETE, {"subject": "e" * 64}, {}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_verdict_that_does_not_speak_for_this_is_refused(what: str, place: Bench, tmp_path: Path) -> None:
    reason, code, recorded, asked = REFUSED[what]
    made, log = release(), place.open()
    keep(made, tmp_path / "releases")
    decided(place, log, made, **recorded)

    with pytest.raises(PipelineError) as refused:
        admitted(log, made, tmp_path / "releases", **asked)

    assert (refused.value.reason, refused.value.exit_code) == (reason, code)


def test_a_later_refusal_takes_an_allow_back(place: Bench, tmp_path: Path) -> None:
    made, log = release(), place.open()
    keep(made, tmp_path / "releases")
    decided(place, log, made)
    decided(place, log, made, decision="DENY")

    with pytest.raises(PipelineError) as refused:
        admitted(log, made, tmp_path / "releases")

    assert refused.value.reason == "not_allowed"


def test_an_allow_that_is_recorded_once_more_does_not_take_a_refusal_back(place: Bench, tmp_path: Path) -> None:
    """Its signature, digest, environment and policy hold, and its day is not over: it is a replay all the same."""
    made, log, later = release(), place.open(), NOW + timedelta(hours=1)
    keep(made, tmp_path / "releases")
    decided(place, log, made)
    allow = log.bundle(0)
    decided(place, log, made, decision="DENY", as_of=later.isoformat(), now=later)
    log.record(allow, now=later, refs=("environment:local",))

    with pytest.raises(PipelineError) as refused:
        admitted(log, made, tmp_path / "releases", now=later)

    assert (refused.value.reason, refused.value.exit_code) == ("not_allowed", ExitCode.DENIED)


def test_an_allow_that_is_made_after_a_refusal_is_admitted(place: Bench, tmp_path: Path) -> None:
    made, log, later = release(), place.open(), NOW + timedelta(hours=1)
    keep(made, tmp_path / "releases")
    decided(place, log, made, decision="DENY")
    decided(place, log, made, as_of=later.isoformat(), now=later)

    assert admitted(log, made, tmp_path / "releases", now=later).entry_index == 1


def test_more_verdicts_than_are_read_admit_nothing(
    place: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MAX_VERDICTS", 2)
    made, log = release(), place.open()
    keep(made, tmp_path / "releases")
    decided(place, log, made)
    assert admitted(log, made, tmp_path / "releases").entry_index == 0
    decided(place, log, made)

    with pytest.raises(PipelineError) as refused:
        admitted(log, made, tmp_path / "releases")

    assert refused.value.reason == "too_many_verdicts"


def test_a_scan_that_reads_like_a_verdict_and_is_filed_as_one_is_refused(place: Bench, tmp_path: Path) -> None:
    """Whoever may sign scans writes the members of a verdict into one, and whoever may write the store files it so."""
    made, log = release(), place.open()
    keep(made, tmp_path / "releases")
    decided(place, log, made, kind="scan", tool="x", status="complete")
    with closing(administrator(place.url)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE view_entry SET kind = 'decision'")

    with pytest.raises(PipelineError) as refused:
        admitted(log, made, tmp_path / "releases")

    assert (refused.value.reason, refused.value.exit_code) == ("type_mismatch", ExitCode.INTEGRITY)


CHANGES: dict[str, Callable[[Path], Path]] = {
    "wheel": lambda folder: next(folder.glob("*.whl")),
    "requirements": lambda folder: folder / "requirements-local.txt",
    "manifest": lambda folder: next(folder.glob("*.manifest.json")),
}


@pytest.mark.parametrize("what", CHANGES)
def test_bytes_changed_after_the_verdict_are_refused(what: str, place: Bench, tmp_path: Path) -> None:
    made, log = release(), place.open()
    folder = keep(made, tmp_path / "releases")
    decided(place, log, made)
    path = CHANGES[what](folder)
    path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(PipelineError) as refused:
        admitted(log, made, tmp_path / "releases")

    assert (refused.value.reason, refused.value.exit_code) == ("digest_mismatch", ExitCode.INTEGRITY)


def test_only_a_digest_names_a_release() -> None:
    digest = hashlib.sha256(b"").hexdigest()

    assert parse_digest(f"sha256:{digest}") == digest
    for name in ("latest", "sha256:abc", f"sha512:{digest}", f"{digest}\n"):
        with pytest.raises(UsageError) as refused:
            parse_digest(name)
        assert refused.value.reason == "mutable_ref"


def test_the_digest_is_of_the_bytes_in_memory() -> None:
    made = release()

    assert replace(made, wheel=made.wheel + b"x").digest != made.digest


def said(place: Bench, log: EvidenceLog, made: Release, verdict: str, *, at: timedelta, **changes: Any) -> None:
    """Record one person's word on the release."""
    predicate = {
        "person": "ben",
        "verdict": verdict,
        "commit": "1" * 40,
        "environment": "local",
        "repository": "git+x",
        "at": (NOW + at).isoformat(),
        "expires": (NOW + timedelta(days=1)).isoformat(),
        "comment": "",
    } | changes
    named = [{"name": "a.whl", "digest": {"sha256": made.digest}}]
    log.record(signed(place.key, statement("approval", predicate, subject=named)), now=NOW)


def test_a_rejection_after_the_verdict_stops_the_deployment(place: Bench, tmp_path: Path) -> None:
    """The gate hears it when it is asked again; a verdict of an hour ago did not."""
    made, log = release(), place.open()
    keep(made, tmp_path / "releases")
    decided(place, log, made)
    said(place, log, made, "approve", at=timedelta(seconds=5))
    said(place, log, made, "reject", at=timedelta(seconds=-5))
    said(place, log, made, "reject", at=timedelta(seconds=5), environment="production")
    assert admitted(log, made, tmp_path / "releases", now=NOW + timedelta(minutes=1))

    said(place, log, made, "reject", at=timedelta(seconds=5))
    with pytest.raises(PipelineError) as refused:
        admitted(log, made, tmp_path / "releases", now=NOW + timedelta(minutes=1))

    assert (refused.value.reason, refused.value.exit_code) == ("rejected_since", ExitCode.DENIED)
