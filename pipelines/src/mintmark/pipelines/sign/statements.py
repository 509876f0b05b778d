"""The statements that Mintmark and its people make about a release, as in-toto Statement v1 documents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mintmark.pipelines.build.manifest import sha256
from mintmark.pipelines.build.release import Release
from mintmark.pipelines.version import __version__

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
VSA = "https://slsa.dev/verification_summary/v1"
SBOM = "https://cyclonedx.org/bom"
SCAN = "https://mintmark.dev/scan/v1"
DECISION = "https://mintmark.dev/decision/v1"
DEPLOYMENT = "https://mintmark.dev/deployment/v1"
APPROVAL = "https://mintmark.dev/approval/v1"
WAIVER = "https://mintmark.dev/waiver/v1"
BREAK_GLASS = "https://mintmark.dev/break-glass/v1"
REVIEW_ITEM = "https://mintmark.dev/review-item/v1"

BUILD_TYPE = "https://mintmark.dev/build/python-wheel/v1"
BUILDER = "https://mintmark.dev/builders/local"
VERIFIER = "https://mintmark.dev/gate"


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, as in-toto's Timestamp."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def subject_of(release: Release) -> dict[str, Any]:
    """The subject of every statement about a release: its wheel."""
    return {"name": release.wheel_name, "digest": {"sha256": release.digest}}


def statement(subjects: Sequence[Mapping[str, Any]], predicate_type: str, predicate: Mapping[str, Any]) -> bytes:
    """Serialise a Statement v1 (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md)."""
    document = {
        "_type": STATEMENT_TYPE,
        "subject": list(subjects),
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def provenance(
    release: Release,
    *,
    package: str,
    invocation: str,
    origin: str,
    lock_digest: str,
    constraints_digest: str,
    started: datetime,
    finished: datetime,
) -> bytes:
    """SLSA provenance v1 (https://slsa.dev/spec/v1.1/provenance): from which source, by which build, with what."""
    source = release.source
    predicate = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"package": package, "source": {"uri": source["uri"], "commit": source["commit"]}},
            "internalParameters": {
                "origin": origin,
                "tree_digest": source["tree_digest"],
                "cache": "verified",  # what the build takes from a cache is compared with the hashes of its lock
            },
            "resolvedDependencies": [
                {"uri": f"{source['uri']}@{source['commit']}", "digest": {"gitCommit": source["commit"]}},
                {"name": "uv.lock", "digest": {"sha256": lock_digest}},
                {"name": "requirements-build.txt", "digest": {"sha256": constraints_digest}},
            ],
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": {"mintmark": __version__}},
            "metadata": {
                "invocationId": invocation,
                "startedOn": timestamp(started),
                "finishedOn": timestamp(finished),
            },
            "byproducts": [{"name": "manifest.json", "digest": {"sha256": release.manifest_digest}}],
        },
    }
    manifest = {"name": "manifest.json", "digest": {"sha256": release.manifest_digest}}
    return statement([subject_of(release), manifest], PROVENANCE, predicate)


def sbom(release: Release, document: bytes) -> bytes:
    """The CycloneDX document is the predicate (https://github.com/in-toto/attestation, predicate `cyclonedx`)."""
    return statement([subject_of(release)], SBOM, json.loads(document))


def scan(release: Release, report: Mapping[str, Any], *, invocation: str, origin: str) -> bytes:
    """What one scanner read and found; it carries no pass or fail."""
    return statement([subject_of(release)], SCAN, {**report, "origin": origin, "invocation": invocation})


def decision(release: Release, verdict: Mapping[str, Any], *, origin: str) -> bytes:
    """The whole decision, with all that is needed to evaluate it again."""
    return statement([subject_of(release)], DECISION, {**verdict, "origin": origin})


def summary(
    release: Release,
    *,
    environment: str,
    passed: bool,
    policy_digest: str,
    inputs: Sequence[bytes],
    verified: datetime,
    origin: str,
) -> bytes:
    """SLSA Verification Summary v1 (https://slsa.dev/spec/v1.1/verification_summary), for tools that read only that."""
    predicate = {
        "verifier": {"id": VERIFIER, "version": {"mintmark": __version__}},
        "timeVerified": timestamp(verified),
        "resourceUri": f"{release.source['uri']}#{environment}",
        "policy": {"digest": {"sha256": policy_digest.removeprefix("sha256:")}},
        "inputAttestations": [{"digest": {"sha256": sha256(bundle)}} for bundle in inputs],
        "verificationResult": "PASSED" if passed else "FAILED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_1"] if passed else [],
        "slsaVersion": "1.1",
        "origin": origin,
    }
    return statement([subject_of(release)], VSA, predicate)


def deployment(release: Release, facts: Mapping[str, Any], *, origin: str) -> bytes:
    """Which bytes run where, since when, under which decision."""
    return statement([subject_of(release)], DEPLOYMENT, {**facts, "origin": origin})


def repository_subject(uri: str) -> dict[str, Any]:
    """A repository as a subject, for what is said about no artefact: the address stays out of the log."""
    return {"name": "repository", "digest": {"sha256": sha256(uri.encode())}}


def approval(subject: Mapping[str, Any], said: Mapping[str, Any]) -> bytes:
    """
    A person lets one artefact into one environment, or says no (policies/schemas/approval.schema.json).

    What people sign claims no origin: their key has one in the trust policy, and that one counts.
    """
    return statement([subject], APPROVAL, said)


def waiver(terms_digest: str, waived: Mapping[str, Any], *, repository: str) -> bytes:
    """A person asks for a waiver, or approves one, of exactly these terms (SHA-256, hex) in one repository."""
    terms = {"name": f"waiver/{waived['id']}", "digest": {"sha256": terms_digest}}
    return statement([terms, repository_subject(repository)], WAIVER, waived)


def break_glass(subject: Mapping[str, Any], said: Mapping[str, Any]) -> bytes:
    """A person asks for an emergency release of one artefact, or approves one."""
    return statement([subject], BREAK_GLASS, said)


def review_item(item: Mapping[str, Any], *, repository: str, subject: Mapping[str, Any] | None = None) -> bytes:
    """What must be looked at afterwards is opened, about an artefact where there is one, or closed by a person."""
    about = [] if subject is None else [subject]
    return statement([*about, repository_subject(repository)], REVIEW_ITEM, item)
