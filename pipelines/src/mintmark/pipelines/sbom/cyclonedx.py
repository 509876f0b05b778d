"""A CycloneDX bill of materials from the lock, the same bytes for the same lock."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mintmark.pipelines.errors import ExitCode, PipelineError
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.licence_metadata import UNKNOWN
from mintmark.pipelines.scan.pins import export_pins, uv_export
from mintmark.pipelines.scan.redaction import redact_document

SPEC_VERSION = "1.5"


class SbomIncomplete(PipelineError):
    """The bill does not name what the lock pins."""

    exit_code = ExitCode.INCOMPLETE

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"the SBOM is not whole: {detail}", reason="sbom_incomplete", remedy="run `uv lock` and commit the lock"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sbom:
    """`lock_digest` is hex."""

    document: bytes
    components: int
    lock_digest: str

    def to_gate(self, *, subject_sha256: str) -> dict[str, Any]:
        return {
            "present": True,
            "format": "CycloneDX",
            "spec_version": SPEC_VERSION,
            "components": self.components,
            "subject_sha256": subject_sha256,
            "lock_digest": f"sha256:{self.lock_digest}",
        }


def export_sbom(
    tree: Tree,
    *,
    package: str,
    subject_name: str,
    subject_sha256: str,
    licences: Mapping[tuple[str, str], str] | None = None,
) -> Sbom:
    """
    List everything that `package` ships with, its extras included. Raises `SbomIncomplete`.

    `licences` are SPDX expressions by canonical name and version, as `scan.licences.licences_in` reads them from the
    scan; the bill says of a component that is not among them, or is there as `unknown`, that its licence is not known.
    """
    text = uv_export(
        tree.root, "--package", package, "--all-extras", "--format", "cyclonedx1.5", "--preview-features", "sbom-export"
    )
    document = json.loads(text)
    if document.get("bomFormat") != "CycloneDX" or document.get("specVersion") != SPEC_VERSION:
        raise SbomIncomplete(
            f"{document.get('bomFormat')} {document.get('specVersion')} is not CycloneDX {SPEC_VERSION}"
        )
    document.pop("serialNumber", None)  # uv's is random; ours comes from the content
    document["metadata"].pop("timestamp", None)
    document["metadata"]["component"] |= {
        "name": subject_name,
        "hashes": [{"alg": "SHA-256", "content": subject_sha256}],
    }
    listed = {(item["name"], item.get("version", "")) for item in document.get("components", [])}
    missing = [str(pin) for pin in export_pins(tree.root, package) if (pin.name, pin.version) not in listed]
    if missing:
        raise SbomIncomplete(f"it does not name {', '.join(missing[:5])}")
    for item in document.get("components", []):
        item.update(_licence((licences or {}).get((item["name"], item.get("version", "")), UNKNOWN)))
    return Sbom(
        document=_with_serial(redact_document(document)),
        components=len(listed),
        lock_digest=hashlib.sha256((tree.root / "uv.lock").read_bytes()).hexdigest(),
    )


def _licence(expression: str) -> dict[str, Any]:
    """Absence is said aloud: a bill that is silent of a licence reads like one that nobody asked for."""
    if expression == UNKNOWN:
        return {"properties": [{"name": "mintmark:licence", "value": UNKNOWN}]}
    if " " in expression or expression.startswith("LicenseRef-"):
        return {"licenses": [{"expression": expression}]}
    return {"licenses": [{"license": {"id": expression}}]}


def _with_serial(document: dict[str, Any]) -> bytes:
    """CycloneDX wants a UUID that is the bill's own: here the same content has the same, and no other has it."""
    content = _encoded(document)
    name = f"https://mintmark.dev/sbom/sha256:{hashlib.sha256(content).hexdigest()}"
    return _encoded(document | {"serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, name).urn})


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
