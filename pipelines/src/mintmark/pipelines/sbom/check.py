"""Reads any CycloneDX bill of materials strictly, and compares it with what the lock pins."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from mintmark.pipelines.errors import ExitCode, PipelineError
from mintmark.pipelines.sbom.cyclonedx import SbomIncomplete
from mintmark.pipelines.scan.interface import ScannerFailed
from mintmark.pipelines.scan.licence_metadata import UNKNOWN
from mintmark.pipelines.scan.pins import Pin
from mintmark.pipelines.scan.sandbox import parse_json
from mintmark.pipelines.scan.spdx import canonical_expression

SPEC_VERSIONS = ("1.4", "1.5", "1.6", "1.7")
SHOWN = 5

Json = dict[str, Any]


class SbomInvalid(PipelineError):
    """A file is not a CycloneDX bill that can be relied on."""

    exit_code = ExitCode.INTEGRITY

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(
            f"not a bill of materials: {where}: {problem}",
            reason="sbom_invalid",
            remedy="make the bill again, as CycloneDX JSON of version 1.4 to 1.7",
        )
        self.where, self.problem = where, problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """`name` is canonical where `ecosystem` (the type of its purl) is pypi; `licence` is SPDX or `unknown`."""

    ecosystem: str
    name: str
    version: str
    licence: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedBill:
    """
    What a bill says, and how it differs from the lock.

    `missing` are pins that it does not name, `extra` are components that no pin stands for. `subject_sha256` is what
    the bill itself says it is about: whether that is the release is for the gate to decide.
    """

    spec_version: str
    subject_name: str
    subject_sha256: str
    components: tuple[Component, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return bool(self.components) and not self.missing and not self.extra

    def require_whole(self) -> CheckedBill:
        """Return itself, or raise `SbomIncomplete` with what differs."""
        if self.whole:
            return self
        said = [f"{kind} {', '.join(names[:SHOWN])}" for kind, names in self._differences() if names]
        raise SbomIncomplete("; ".join(said) or "it names no component")

    def _differences(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return (("it does not name", self.missing), ("the lock does not have", self.extra))

    def to_gate(self, *, lock_digest: str) -> Json:
        """The gate's `sbom`, in the bill's own words; `lock_digest` is hex. Raises `SbomIncomplete`."""
        self.require_whole()
        return {
            "present": True,
            "format": "CycloneDX",
            "spec_version": self.spec_version,
            "components": len(self.components),
            "subject_sha256": self.subject_sha256,
            "lock_digest": f"sha256:{lock_digest}",
        }


def check_bill(content: bytes, *, pins: Sequence[Pin]) -> CheckedBill:
    """Read a bill and hold it against the pins of a lock. Raises `SbomInvalid`."""
    document = _object(_parsed(content), "the document")
    if document.get("bomFormat") != "CycloneDX" or document.get("specVersion") not in SPEC_VERSIONS:
        raise SbomInvalid("specVersion", f"not CycloneDX {', '.join(SPEC_VERSIONS)}")
    _check_head(document)
    subject = _object(_object(document.get("metadata"), "metadata").get("component"), "metadata.component")
    subject_name = _text(subject, "name", "metadata.component")
    described = list(_all_components(document.get("components"), "components"))
    components = [_component(item, where) for item, where in described]
    _check_references(document, [(subject, "metadata.component"), *described])
    doubled = [
        name for name, times in Counter((item.ecosystem, *_key(item)) for item in components).items() if times > 1
    ]
    if doubled:
        raise SbomInvalid("components", f"{' '.join(doubled[0][1:])} stands twice")
    named, wanted = {_key(item): item for item in components}, {(pin.name, pin.version): pin for pin in pins}
    return CheckedBill(
        spec_version=document["specVersion"],
        subject_name=subject_name,
        subject_sha256=_sha256(subject),
        components=tuple(components),
        missing=tuple(sorted(str(pin) for key, pin in wanted.items() if key not in named)),
        extra=tuple(sorted(str(item) for item in components if item.ecosystem != "pypi" or _key(item) not in wanted)),
    )


def _parsed(content: bytes) -> Any:
    try:
        return parse_json("sbom", content)
    except ScannerFailed as cause:
        raise SbomInvalid("the document", cause.detail) from cause


def _check_head(document: Json) -> None:
    version = document.get("version", 1)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise SbomInvalid("version", "not a whole number from 1")
    serial = document.get("serialNumber")
    if serial is not None and not (isinstance(serial, str) and _SERIAL.fullmatch(serial)):
        raise SbomInvalid("serialNumber", "not a UUID as a URN (RFC 4122)")


_SERIAL = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def _all_components(listed: Any, where: str) -> Iterator[tuple[Json, str]]:
    """Components may hold components; how deep is bounded by the parser."""
    for number, item in enumerate(_list(listed, where)):
        place = f"{where}[{number}]"
        component = _object(item, place)
        yield component, place
        if "components" in component:
            yield from _all_components(component["components"], f"{place}.components")


def _component(item: Json, where: str) -> Component:
    """Name and version, and a purl that says the same of them."""
    if item.get("type") not in _TYPES:
        raise SbomInvalid(f"{where}.type", "not a type of component")
    name, version = _text(item, "name", where), _text(item, "version", where)
    ecosystem, purl_name, purl_version = parse_purl(_text(item, "purl", where), where)
    if ecosystem == "pypi":
        name, purl_name = canonicalize_name(name), canonicalize_name(purl_name)
    if purl_version != version or name not in {purl_name, purl_name.rpartition("/")[2]}:
        raise SbomInvalid(f"{where}.purl", f"names {purl_name} {purl_version}, and the component {name} {version}")
    for number, hashed in enumerate(_list(item.get("hashes", []), f"{where}.hashes")):
        _hash(hashed, f"{where}.hashes[{number}]")
    return Component(ecosystem=ecosystem, name=name, version=version, licence=_licence(item, where))


_TYPES = frozenset(
    {
        "application",
        "framework",
        "library",
        "container",
        "platform",
        "operating-system",
        "device",
        "device-driver",
        "firmware",
        "file",
        "machine-learning-model",
        "data",
        "cryptographic-asset",
    }
)
_PURL = re.compile(
    r"pkg:/{0,2}(?P<type>[A-Za-z][A-Za-z0-9.+-]*)/(?P<name>[^@?#]*[^@?#/])@(?P<version>[^?#]+)(?:\?[^#]*)?(?:#.*)?"
)


def parse_purl(text: str, where: str) -> tuple[str, str, str]:
    """(type, namespace and name, version) of a package URL (ECMA-427), or raise `SbomInvalid`."""
    found = _PURL.fullmatch(text)
    if found is None or re.search(r"%(?![0-9A-Fa-f]{2})|\s", text):
        raise SbomInvalid(f"{where}.purl", "not a package URL with a version")
    return found["type"].lower(), unquote(found["name"]), unquote(found["version"])


def _licence(item: Json, where: str) -> str:
    """What the component says, in SPDX; names that are not SPDX's, and several licences side by side, are not known."""
    licenses = _list(item.get("licenses", []), f"{where}.licenses")
    if not licenses:
        return UNKNOWN
    first = _object(licenses[0], f"{where}.licenses[0]")
    nested = first.get("license")
    text = first.get("expression") or (nested.get("id") if isinstance(nested, dict) else None)
    if not isinstance(text, str) and not isinstance(nested, dict):
        raise SbomInvalid(f"{where}.licenses[0]", "neither a license nor an expression")
    return (canonical_expression(text) if isinstance(text, str) and len(licenses) == 1 else None) or UNKNOWN


def _check_references(document: Json, described: Sequence[tuple[Json, str]]) -> None:
    """Every `bom-ref` is one thing's, and every dependency is between things that the bill describes."""
    refs: list[str] = []
    for item, where in described:
        if "bom-ref" in item:
            refs.append(_text(item, "bom-ref", where))
    services = _list(document.get("services", []), "services")
    refs += [item["bom-ref"] for item in services if isinstance(item, dict) and isinstance(item.get("bom-ref"), str)]
    if len(set(refs)) != len(refs):
        doubled = next(ref for ref, times in Counter(refs).items() if times > 1)
        raise SbomInvalid("bom-ref", f"{doubled} stands twice")
    seen: set[str] = set()
    for number, item in enumerate(_list(document.get("dependencies", []), "dependencies")):
        where = f"dependencies[{number}]"
        entry = _object(item, where)
        ref = _text(entry, "ref", where)
        needed = _list(entry.get("dependsOn", []), f"{where}.dependsOn")
        unknown = [name for name in [ref, *needed] if name not in refs]
        if unknown or ref in seen:
            raise SbomInvalid(where, f"{unknown[0]!r} is not described" if unknown else f"{ref} stands twice")
        seen.add(ref)


def _sha256(subject: Json) -> str:
    """Which bytes the bill is about; a name alone is any bytes that bear it."""
    hashes = [_hash(item, "metadata.component.hashes") for item in _list(subject.get("hashes", []), "hashes")]
    found = [content for algorithm, content in hashes if algorithm == "SHA-256"]
    if len(found) != 1:
        raise SbomInvalid("metadata.component.hashes", "it does not say once by SHA-256 what it is about")
    return found[0].lower()


_ALGORITHMS = {"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-384": 96, "SHA-512": 128}


def _hash(item: Any, where: str) -> tuple[str, str]:
    algorithm, content = _text(_object(item, where), "alg", where), _text(item, "content", where)
    length = _ALGORITHMS.get(algorithm, len(content))
    if not re.fullmatch(r"[0-9a-fA-F]+", content) or len(content) != length:
        raise SbomInvalid(where, f"not a hash of {algorithm}")
    return algorithm, content


def _object(value: Any, where: str) -> Json:
    if not isinstance(value, dict):
        raise SbomInvalid(where, "not an object")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise SbomInvalid(where, "not a list")
    return value


def _text(item: Json, name: str, where: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value.strip():
        raise SbomInvalid(f"{where}.{name}", "missing, or not a text")
    return value


def _key(component: Component) -> tuple[str, str]:
    return component.name, component.version
