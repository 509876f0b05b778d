"""A CycloneDX bill of materials from the lock, the same bytes for the same lock."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from mintmark.pipelines.errors import ExitCode, PipelineError
from mintmark.pipelines.scan.export import Tree
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


def export_sbom(tree: Tree, *, package: str, subject_name: str, subject_sha256: str) -> Sbom:
    """List everything that `package` ships with, its extras included. Raises `SbomIncomplete`."""
    text = uv_export(
        tree.root, "--package", package, "--all-extras", "--format", "cyclonedx1.5", "--preview-features", "sbom-export"
    )
    document = json.loads(text)
    if document.get("bomFormat") != "CycloneDX" or document.get("specVersion") != SPEC_VERSION:
        raise SbomIncomplete(
            f"{document.get('bomFormat')} {document.get('specVersion')} is not CycloneDX {SPEC_VERSION}"
        )
    document.pop("serialNumber", None)  # random
    document["metadata"].pop("timestamp", None)
    document["metadata"]["component"] |= {
        "name": subject_name,
        "hashes": [{"alg": "SHA-256", "content": subject_sha256}],
    }
    listed = {(item["name"], item.get("version", "")) for item in document.get("components", [])}
    missing = [str(pin) for pin in export_pins(tree.root, package) if (pin.name, pin.version) not in listed]
    if missing:
        raise SbomIncomplete(f"it does not name {', '.join(missing[:5])}")
    return Sbom(
        document=json.dumps(redact_document(document), sort_keys=True, separators=(",", ":")).encode(),
        components=len(listed),
        lock_digest=hashlib.sha256((tree.root / "uv.lock").read_bytes()).hexdigest(),
    )
