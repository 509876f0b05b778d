"""The packages inside container images, as syft names them, matched against advisories in this process."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from mintmark.pipelines.scan import fingerprint, osv_client, severity
from mintmark.pipelines.scan.advisories import PYPI, Advisories, matching
from mintmark.pipelines.scan.debian_version import NotADebianVersion
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.interface import Failure, Observation, ScannerFailed, ScanScope, Workbench
from mintmark.pipelines.scan.model import (
    AdvisorySource,
    Category,
    Confidence,
    Finding,
    Isolation,
    Unread,
)
from mintmark.pipelines.scan.oci import Image, ImageUnreadable, open_image
from mintmark.pipelines.scan.pins import Pin
from mintmark.pipelines.scan.sandbox import Outcome, parse_json
from mintmark.pipelines.scan.scope import below
from mintmark.pipelines.version import __version__

TIMEOUT_S = 600
CONFIGURATION = "mintmark.toml"  # in the tree, it names the images that lie beside it
SYFT_MAJOR = "1."
_PLACES = ("/usr/local/bin", "/usr/bin", "/bin")
# Kinds of packages that somebody publishes advisories for. What is of another kind (a plain binary) nobody could match.
_ADVISED = frozenset({"pypi", "deb", "apk", "rpm", "npm", "golang", "cargo", "gem", "maven", "nuget", "composer"})


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Packed:
    """One package in one image. `ecosystem` is OSV's name, or empty where advisories of its kind are not read here."""

    image: str
    ecosystem: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.image}: {self.name} {self.version}"


class ImagesScanner:
    name = "images"

    def files(self, tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:
        """
        Files of the images in the tree; for one beside it (an absolute path), the file that names it.

        None where the scope names no image.
        """
        if not scope.images:
            return None
        beside = [CONFIGURATION] if any(Path(image).is_absolute() for image in scope.images) else []
        return below(tree, [*scope.images, *beside], lambda _: True)

    def scan(self, bench: Workbench) -> Observation:
        """What is given are images and the packages in them; one that no advisory could speak of was not read."""
        program = _syft(bench)
        unread: list[Unread] = []
        named: list[tuple[str, Image]] = []
        for number, image in enumerate(bench.scope.images):
            try:
                named.append((image, open_image(bench.view / image, bench.sandbox.scratch / f"image-{number}")))
            except ImageUnreadable as cause:
                unread.append(Unread(path=image, reason=str(cause)))
        cataloguing = [_catalogue(bench, program, image, found) for image, found in named]
        packed = sorted({item for listed, _ in cataloguing for item in listed})
        holding = {item.image for item in packed}
        unread += [
            Unread(path=image, reason="syft names no package in it") for image, _ in named if image not in holding
        ]
        advisories = _asked(bench, packed)
        matched, unmatched = _matched(advisories, packed)
        online = advisories.facts.source is AdvisorySource.ONLINE
        return Observation(
            tool_version=__version__,
            rules=advisories.facts.records,
            rules_digest=advisories.facts.digest,
            given=(*bench.scope.images, *(str(item) for item in packed)),
            read=frozenset([*holding, *(str(item) for item in matched)]),
            unread=(*unread, *unmatched),
            findings=_findings(advisories, matched, dict(named)),
            isolation=Isolation.NONE if online or not cataloguing else cataloguing[0][1].isolation,
            raw=_raw(bench, named, packed),
            data=advisories.facts,
        )


def _syft(bench: Workbench) -> str:
    """In the environment of its own, or where the system has it; never from the PATH of whoever runs this."""
    candidates = [bench.sandbox.environments.executable("syft"), *(Path(place) / "syft" for place in _PLACES)]
    found = next((str(path) for path in candidates if path.is_file()), None)
    if found is None:
        raise ScannerFailed("images", Failure.TOOL_MISSING, "there are images to scan, and syft is not installed")
    said = bench.sandbox.run([found, "--version"], cwd=bench.sandbox.scratch, timeout_s=60, environment=_QUIET).stdout
    version = said.decode(errors="replace").split()
    if version[:1] != ["syft"] or not version[-1].startswith(SYFT_MAJOR):
        raise ScannerFailed(
            "images", Failure.WRONG_VERSION, f"syft 1 is wanted, and it says {' '.join(version)[:50]!r}"
        )
    return found


_QUIET = {"SYFT_CHECK_FOR_APP_UPDATE": "false"}


def _catalogue(bench: Workbench, program: str, image: str, found: Image) -> tuple[list[Packed], Outcome]:
    sandbox = bench.sandbox
    report = sandbox.scratch / f"syft-{found.digest.removeprefix('sha256:')}.json"
    outcome = sandbox.run(
        [program, "scan", f"{found.scheme}:{found.path}", "--quiet", "--output", f"cyclonedx-json={report}"],
        cwd=sandbox.scratch,
        timeout_s=TIMEOUT_S,
        environment=_QUIET,
    )
    document = parse_json("images", sandbox.read_report(report))
    try:
        _check_format(document)
        return list(_packed(image, document.get("components", []))), outcome  # where it found nothing there is no list
    except (KeyError, TypeError, AttributeError, ValueError) as cause:
        raise ScannerFailed("images", Failure.REPORT_INVALID, f"not syft's CycloneDX: {cause!r}"[:200]) from cause


def _check_format(document: dict[str, Any]) -> None:
    if document["bomFormat"] != "CycloneDX":
        raise ValueError("another format")


def _packed(image: str, components: Sequence[dict[str, Any]]) -> Iterator[Packed]:
    for item in components:
        purl = re.fullmatch(r"pkg:([a-z]+)/([^@?#]+)(?:@([^?#]+))?(?:\?([^#]*))?(?:#.*)?", item.get("purl") or "")
        if purl is None or purl[1] not in _ADVISED:
            continue
        name, version = unquote(purl[2]), unquote(purl[3] or "")  # without a version it is unread, if anything is known
        qualifiers = {key: values[0] for key, values in parse_qs(purl[4] or "").items()}
        if purl[1] == "pypi":
            yield Packed(image=image, ecosystem=PYPI, name=canonicalize_name(name), version=version)
        elif purl[1] == "deb" and (release := re.match(r"debian-(\d+)", qualifiers.get("distro", ""))):
            # advisories name the source package; its version is named where it is another than the binary's
            source, _, source_version = qualifiers.get("upstream", "").partition("@")
            yield Packed(
                image=image,
                ecosystem=f"Debian:{release[1]}",
                name=source or name.rpartition("/")[2],
                version=source_version or version,
            )
        else:
            yield Packed(image=image, ecosystem="", name=f"{purl[1]}/{name}", version=version)


def _asked(bench: Workbench, packed: Sequence[Packed]) -> Advisories:
    """Online, the service is asked about what is of PyPI."""
    if bench.advisories.facts.source is not AdvisorySource.ONLINE:
        return bench.advisories
    pins = sorted({Pin(name=item.name, version=item.version, line=0) for item in packed if item.ecosystem == PYPI})
    return osv_client.ask(bench.advisories, pins, scanner="images", folder=bench.sandbox.scratch)


_Match = dict[Packed, list[dict[str, Any]]]


def _matched(advisories: Advisories, packed: Sequence[Packed]) -> tuple[_Match, list[Unread]]:
    """Without advisories of its kind a package is not clean, but unread."""
    known = {*advisories.ecosystems(), PYPI}
    matched: _Match = {}
    unread: list[Unread] = []
    for item in packed:
        if item.ecosystem not in known:
            kind = item.ecosystem or item.name.partition("/")[0]
            unread.append(Unread(path=str(item), reason=f"there are no advisories for {kind} to match it against"))
            continue
        try:
            matched[item] = matching(_database(advisories), item.name, item.version, item.ecosystem)
        except (InvalidVersion, NotADebianVersion):
            unread.append(Unread(path=str(item), reason="its version has no order, so that no range can hold it"))
    return matched, unread


def _database(advisories: Advisories) -> Path:
    if advisories.database is None:
        raise ValueError("advisories that were not asked for yet")
    return advisories.database


def _findings(advisories: Advisories, matched: _Match, images: dict[str, Image]) -> tuple[Finding, ...]:
    found: dict[str, Finding] = {}
    for item, documents in sorted(matched.items()):
        for document in documents:
            finding = _finding(advisories, item, document, images[item.image].digest)
            found.setdefault(finding.fingerprint, finding)
    return tuple(sorted(found.values(), key=lambda finding: (finding.path, finding.package, finding.rule)))


def _finding(advisories: Advisories, item: Packed, document: dict[str, Any], digest: str) -> Finding:
    aliases = sorted(advisories.same_as([document["id"], *map(str, document.get("aliases", []))]))
    graded, origin = severity.of_alias_set([document, *map(advisories.document, aliases)])
    shown = next((alias for alias in aliases if alias.startswith("CVE-")), aliases[0])
    summary = fingerprint.collapse(str(document.get("summary") or document.get("details") or ""))
    return Finding(
        tool="images",
        rule=shown,
        title=summary[:200] or shown,
        category=Category.DEPENDENCY,
        severity=graded,
        severity_origin=origin,
        confidence=Confidence.HIGH,
        fingerprint=fingerprint.dependency(f"{item.image}:{item.ecosystem}", item.name, aliases),
        message=summary[:300],
        path=item.image,
        resource=digest,
        package=item.name,
        version=item.version,
        fixed_in=_fixed_in(document, item),
        aliases=tuple(aliases),
    )


def _fixed_in(document: dict[str, Any], item: Packed) -> tuple[str, ...]:
    fixes = [
        str(event["fixed"])
        for affected in document.get("affected", [])
        if affected.get("package", {}).get("name") == item.name
        and affected["package"].get("ecosystem") == item.ecosystem
        for ranged in affected.get("ranges", [])
        if ranged.get("type") == "ECOSYSTEM"
        for event in ranged.get("events", [])
        if "fixed" in event
    ]
    return tuple(dict.fromkeys(fixes))


def _raw(bench: Workbench, named: Sequence[tuple[str, Image]], packed: Sequence[Packed]) -> bytes:
    document = {
        "images": {image: {"digest": found.digest, "kind": found.scheme} for image, found in named},
        "packages": [[item.image, item.ecosystem, item.name, item.version] for item in packed],
        "advisories": bench.advisories.facts.source.value,
    }
    return json.dumps(document, sort_keys=True).encode()
