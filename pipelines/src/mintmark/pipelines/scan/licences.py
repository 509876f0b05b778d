"""The licence of every pin that a package ships with, from the metadata of its locked wheel. No code of it runs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name, canonicalize_version

from mintmark.pipelines.scan import fingerprint
from mintmark.pipelines.scan.export import Tree
from mintmark.pipelines.scan.interface import Failure, Observation, ScannerFailed, ScanScope, Workbench
from mintmark.pipelines.scan.licence_metadata import CLASSIFIERS, FIELDS, UNKNOWN, StatedLicence, stated_licence
from mintmark.pipelines.scan.locked import PYPI, Lock
from mintmark.pipelines.scan.model import Category, Confidence, Finding, Isolation, Severity, Sha256Hex, Unread
from mintmark.pipelines.scan.pins import Pin, export_pins, uv_export
from mintmark.pipelines.scan.requirements_file import read_requirements
from mintmark.pipelines.scan.spdx import PERMISSIVE, is_permissive
from mintmark.pipelines.version import __version__

TIMEOUT_S = 300
GIVE_UP_AFTER = 3  # wheels in a row that could not be had, before the index is taken to be out of reach
_PLATFORMS: tuple[tuple[str, ...], ...] = ((), ("--python-platform", "windows"), ("--python-platform", "macos"))
# How uv finds its index, cache and certificates on this machine. The hashes of the lock hold, whatever these say.
_PASSED = re.compile(
    r"UV_(DEFAULT_INDEX|INDEX.*|CACHE_DIR|FIND_LINKS)|SSL_CERT_\w+|(HTTPS?|ALL|NO)_PROXY", re.IGNORECASE
)


class LicencesScanner:
    name = "licences"

    def files(self, tree: Tree, scope: ScanScope) -> tuple[str, ...] | None:
        present = "uv.lock" in tree.files
        return ("uv.lock",) if scope.lock_package and present else () if scope.lock_package else None

    def scan(self, bench: Workbench) -> Observation:
        """
        What is given and read are pins. One whose wheel could not be had was not read.

        It needs the network for what uv has not cached. Nothing is built, and a wheel is unpacked but never imported.
        """
        pins = export_pins(bench.tree.root, bench.scope.lock_package)
        unpacked = _Unpacked(bench, pins).metadata()
        stated = {pin: stated_licence(content) for pin, content in unpacked.items()}
        return Observation(
            tool_version=__version__,
            rules=len(FIELDS) + len(CLASSIFIERS) + len(PERMISSIVE),
            rules_digest=_rules_digest(),
            given=tuple(str(pin) for pin in pins),
            read=frozenset(str(pin) for pin in stated),
            unread=tuple(_unread(pin) for pin in pins if pin not in stated),
            findings=tuple(finding for pin in sorted(stated) for finding in _findings(pin, stated[pin])),
            isolation=Isolation.NONE,
            raw=_raw(stated),
        )


@dataclass(frozen=True, slots=True)
class _Unpacked:
    """The metadata of the wheels of some pins; every wheel is held to the hashes of the lock by uv."""

    bench: Workbench
    pins: Sequence[Pin]

    def metadata(self) -> dict[Pin, bytes]:
        """All at once for this machine; then one by one what a marker or a platform left out."""
        package = self.bench.scope.lock_package
        emitted = ["--emit-index-url"] if _other_indexes(self.bench.tree.root / "uv.lock") else []
        text = uv_export(
            self.bench.tree.root,
            *("--package", package, "--all-extras", "--no-annotate", "--format", "requirements-txt", *emitted),
        )
        wanted = {pin for pin in self.pins if pin.exact}
        found = self._install(text, "all", ())
        deadline, failures = time.monotonic() + TIMEOUT_S, 0
        lock = read_requirements("requirements.txt", text)
        options = "".join(f"{line}\n" for line in text.splitlines() if line.startswith("--") and "index-url" in line)
        for number, pin in enumerate(sorted(wanted - set(found))):
            if time.monotonic() > deadline or (failures >= GIVE_UP_AFTER and not found):
                break
            one = options + _requirement(lock, pin)
            attempts = (self._install(one, f"{number}-{at}", platform) for at, platform in enumerate(_PLATFORMS))
            gained = next((attempt for attempt in attempts if pin in attempt), {})
            found |= gained
            failures += not gained
        if wanted and not found:
            raise ScannerFailed("licences", Failure.NO_REPORT, "uv could not get a single wheel as it is locked")
        return {pin: content for pin, content in found.items() if pin in wanted}

    def _install(self, requirements: str, name: str, platform: tuple[str, ...]) -> dict[Pin, bytes]:
        from uv import find_uv_bin

        sandbox = self.bench.sandbox
        listed, target = sandbox.scratch / f"{name}.txt", sandbox.scratch / f"wheels-{name}"
        listed.write_text(requirements, encoding="utf-8")
        sandbox.run(
            [
                *(find_uv_bin(), "--quiet", "--no-progress", "pip", "install", "--no-deps", "--require-hashes"),
                *(
                    "--python",
                    sys.executable,
                    "--only-binary",
                    ":all:",
                    *platform,
                    "--target",
                    str(target),
                    "--requirement",
                    str(listed),
                ),
            ],
            cwd=sandbox.scratch,
            timeout_s=TIMEOUT_S,
            environment=_environment(),
            network=True,
        )
        return dict(_metadata_in(target, self.pins))


def _environment() -> dict[str, str]:
    passed = {name: value for name, value in os.environ.items() if _PASSED.fullmatch(name)}
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"
    configured = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return {"UV_CACHE_DIR": str(cache), "XDG_CONFIG_HOME": configured, "UV_HTTP_RETRIES": "1"} | passed


def _metadata_in(target: Path, pins: Sequence[Pin]) -> Iterator[tuple[Pin, bytes]]:
    known = {(pin.name, canonicalize_version(pin.version)): pin for pin in pins if pin.exact}
    for path in sorted(target.glob("*.dist-info/METADATA")):
        name, _, version = path.parent.name.removesuffix(".dist-info").partition("-")
        pin = known.get((canonicalize_name(name), canonicalize_version(version)))
        if pin is not None:
            yield pin, path.read_bytes()


def _other_indexes(lock: Path) -> bool:
    return set(re.findall(r'registry = "([^"]+)"', lock.read_text(encoding="utf-8"))) - {PYPI} != set()


def _requirement(lock: Lock, pin: Pin) -> str:
    """The pin and its hashes, without the marker for which this machine left it out."""
    entry = next(item for item in lock.packages if (item.name, item.version) == (pin.name, pin.version))
    return f"{pin} " + " ".join(f"--hash={item.hash}" for item in entry.files) + "\n"


def _unread(pin: Pin) -> Unread:
    reason = "no wheel of it could be had as it is locked" if pin.exact else "not a release of an index"
    return Unread(path=str(pin), reason=reason)


def _findings(pin: Pin, stated: StatedLicence) -> Iterator[Finding]:
    """Only what needs a decision: deciding is the gate's work."""
    if stated.expression == UNKNOWN:
        yield _finding("licence-unknown", pin, stated, Severity.HIGH, "A component whose licence is not known")
    elif not is_permissive(stated.expression):
        yield _finding(
            "licence-other", pin, stated, Severity.INFO, "A component that is not under a permissive licence"
        )


def _finding(rule: str, pin: Pin, stated: StatedLicence, graded: Severity, title: str) -> Finding:
    return Finding(
        tool="licences",
        rule=rule,
        title=title,
        category=Category.LICENCE,
        severity=graded,
        severity_origin="mintmark-licences/1",
        confidence=Confidence.HIGH if stated.origin == "License-Expression" else Confidence.MEDIUM,
        fingerprint=fingerprint.licence(rule, "pypi", pin.name, stated.expression),
        message=f"{pin} is under {stated.expression} (from {stated.origin})",
        path="uv.lock",
        line=pin.line,
        end_line=pin.line,
        resource=stated.expression,
        package=pin.name,
        version=pin.version,
    )


def _rules_digest() -> Sha256Hex:
    table = json.dumps([FIELDS, CLASSIFIERS, sorted(PERMISSIVE)], sort_keys=True)
    return Sha256Hex(hashlib.sha256(table.encode()).hexdigest())


def _raw(stated: Mapping[Pin, StatedLicence]) -> bytes:
    components = [
        {"name": pin.name, "version": pin.version, "licence": item.expression, "origin": item.origin}
        for pin, item in sorted(stated.items())
    ]
    return json.dumps({"components": components}, sort_keys=True).encode()


def licences_in(report: bytes) -> dict[tuple[str, str], str]:
    """(canonical name, version) → SPDX expression or `unknown`, from the raw report that this scanner left."""
    document: dict[str, Any] = json.loads(report)
    document = document.get("report", document)  # as it is kept when the results came from a cache
    return {(item["name"], item["version"]): item["licence"] for item in document["components"]}
