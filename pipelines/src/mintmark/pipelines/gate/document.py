"""The gate input: every fact that a decision rests on, in one strict document with one byte form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from mintmark.pipelines.gate import canonical
from mintmark.pipelines.gate.errors import DocumentInvalid
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.plain import visible

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

SCHEMA = "https://mintmark.dev/gate-input/v1"
MAX_BYTES = 64 * 1024 * 1024

Json = Mapping[str, Any]


def build_input(
    *,
    as_of: datetime,
    environment: Json,
    subject: Json,
    source: Json,
    manifest: Json,
    scans: Sequence[Json],
    sbom: Json | None,
    provenance: Json | None,
    waivers: Sequence[Json] = (),
    tests: Sequence[Json] = (),
    change: Json | None = None,
    people: Sequence[Json] = (),
    approvals: Sequence[Json] = (),
    break_glass: Json | None = None,
    open_reviews: Sequence[Json] = (),
    promotions: Sequence[Json] = (),
    clocks: Sequence[Json] = (),
    coverage: Sequence[Json] = (),
    pack: PolicyPack | None = None,
) -> bytes:
    """
    Return the canonical bytes of a valid gate input, or raise `DocumentInvalid`.

    Every list is put in order, so that the order of collection does not change the digest. `None` for the SBOM, the
    provenance, the change or the break-glass says that there is none, which the policy hears. `as_of` must know its
    time zone. The members are those of policies/schemas/gate-input.schema.json.
    """
    if as_of.tzinfo is None:
        raise ValueError("as_of has no time zone")
    moment = as_of.astimezone(UTC).replace(microsecond=0)
    document = {
        "schema": SCHEMA,
        "as_of": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "as_of_epoch": int(moment.timestamp()),
        "environment": dict(environment),
        "subject": dict(subject),
        "source": dict(source),
        "manifest": dict(manifest),
        "scans": _ordered(scans, "tool", "report_digest"),
        "sbom": _or_absent(sbom),
        "provenance": _or_absent(provenance),
        "waivers": _ordered(waivers, "id"),
        "tests": _ordered(tests, "suite", "finished_at"),
        "change": _or_absent(change),
        "people": _ordered(people, "id"),
        "approvals": _ordered(approvals, "id"),
        "break_glass": _or_absent(break_glass),
        "open_reviews": _ordered(open_reviews, "id"),
        "promotions": _ordered(promotions, "environment", "decision_id"),
        "clocks": _ordered(clocks, "timezone"),
        "coverage": _ordered(coverage, "kind"),
    }
    try:
        content = canonical.encode(document)
    except canonical.NotCanonical as error:
        raise DocumentInvalid(error.where, error.problem) from error
    parse(content, pack=pack or PolicyPack.locate())
    return content


def _or_absent(fact: Json | None) -> dict[str, Any]:
    return {"present": False} if fact is None else dict(fact)


def _ordered(facts: Sequence[Json], *by: str) -> list[dict[str, Any]]:
    return sorted((dict(fact) for fact in facts), key=lambda fact: [str(fact.get(name)) for name in by])


def parse(content: bytes, *, pack: PolicyPack) -> dict[str, Any]:
    """Return the document, or raise `DocumentInvalid`: not canonical, not of the schema, or at odds with itself."""
    if len(content) > MAX_BYTES:
        raise DocumentInvalid("", f"{len(content)} bytes, and {MAX_BYTES} is the limit")
    try:
        document = canonical.decode(content)
    except canonical.NotCanonical as error:
        raise DocumentInvalid(error.where, error.problem) from error
    check(document, "gate-input", pack=pack)
    checked = cast("dict[str, Any]", document)  # the schema says so
    _agrees_with_itself(checked)
    return checked


def check(document: object, schema: str, *, pack: PolicyPack) -> None:
    """Validate any document of ours against the pack's schema of that name, or raise `DocumentInvalid`."""
    errors = list(_validator(pack.digest, schema, _Hashable(pack)).iter_errors(document))
    if errors:
        worst = max(errors, key=lambda error: len(error.instance_path))
        raise DocumentInvalid("/" + "/".join(str(step) for step in worst.instance_path), visible(worst.message))


class _Hashable:
    """A pack as a cache argument: equal digests are equal packs."""

    def __init__(self, pack: PolicyPack) -> None:
        self.pack = pack

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashable) and other.pack.digest == self.pack.digest

    def __hash__(self) -> int:
        return hash(self.pack.digest)


@lru_cache(maxsize=32)
def _validator(_digest: str, schema: str, wrapped: _Hashable) -> Draft202012Validator:
    """In Rust, for ten thousand findings would take a validator in Python seconds."""
    from jsonschema_rs import Draft202012Validator, Registry

    schemas = [wrapped.pack.schema(name) for name in wrapped.pack.schema_names]
    registry = Registry([(found["$id"], found) for found in schemas])
    return Draft202012Validator(wrapped.pack.schema(schema), registry=registry)


def _agrees_with_itself(document: dict[str, Any]) -> None:
    try:
        stated = datetime.fromisoformat(document["as_of"])
    except ValueError as error:
        raise DocumentInvalid("/as_of", f"not a date: {error}") from error
    if int(stated.timestamp()) != document["as_of_epoch"]:
        raise DocumentInvalid("/as_of_epoch", f"{document['as_of_epoch']} is not {document['as_of']}")
    for part, key in _UNIQUE.items():
        names = [item[key] for item in document[part]]
        if len(set(names)) != len(names):
            raise DocumentInvalid(f"/{part}", f"two {part} have one {key}")


_UNIQUE = {"waivers": "id", "approvals": "id", "people": "id", "open_reviews": "id", "clocks": "timezone"}
