"""Fingerprints that outlive edits elsewhere: they name what was flagged, and not the line that it stands on."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable

from mintmark.pipelines.scan.model import Fingerprint
from mintmark.pipelines.scan.redaction import redact_quoted

LENGTH = 32


def _made(*parts: str) -> Fingerprint:
    """As JSON, since git allows any separator in a path: no text can move from one part into the next."""
    return Fingerprint(hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:LENGTH])


class Occurrences:
    """Numbers equal findings of one scan in the order of their places, so that each has a fingerprint of its own."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, ...]] = Counter()

    def next(self, *key: str) -> str:
        number = self._seen[key]
        self._seen[key] += 1
        return str(number)


def code(tool: str, rule: str, path: str, flagged: str, occurrence: str) -> Fingerprint:
    """`flagged` is the flagged text; white space does not count, nor does what looks like a secret in it."""
    return _made("code", tool, rule, path, redact_quoted(collapse(flagged)), occurrence)


def secret(kind: str, path: str, structure: str, occurrence: str) -> Fingerprint:
    """
    Of the place alone: a hash of the secret would let anybody who reads evidence try guesses on it, for ever.

    See docs/decisions/0011-fingerprints-of-secrets.md for what that costs.
    """
    return _made("secret", kind, path, structure, occurrence)


def iac(tool: str, check: str, path: str, resource: str) -> Fingerprint:
    return _made("iac", tool, check, path, resource)


def workflow(audit: str, path: str, route: str, occurrence: str) -> Fingerprint:
    """`route` is the way through the YAML, such as `jobs.build.steps.0.run`: lines above do not change it."""
    return _made("workflow", audit, path, route, occurrence)


def dependency(ecosystem: str, name: str, aliases: Iterable[str]) -> Fingerprint:
    """No version, so that a waiver outlives a bump that does not fix; the least alias, whoever reports first."""
    return _made("dependency", ecosystem, name, min(aliases))


def supply_chain(rule: str, ecosystem: str, name: str, source: str) -> Fingerprint:
    """No version; but where it comes from counts, so that a waiver for one source does not excuse the next."""
    return _made("supply-chain", rule, ecosystem, name, source)


def licence(rule: str, ecosystem: str, name: str, expression: str) -> Fingerprint:
    """A component that changes its licence is another finding."""
    return _made("licence", rule, ecosystem, name, expression)


def configuration(tool: str, rule: str, path: str) -> Fingerprint:
    return _made("configuration", tool, rule, path)


def collapse(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
