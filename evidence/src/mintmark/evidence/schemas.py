"""The JSON Schemas of our predicates (draft 2020-12), compiled once. Reads a folder; the rest is pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mintmark.evidence.errors import INCOMPLETE, EvidenceError, FormatError

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

SUFFIX = ".schema.json"


class SchemasUnavailable(EvidenceError):
    """Predicates cannot be held to their schemas here: `jsonschema_missing`, or `schema_missing`."""

    exit_code = INCOMPLETE


class HasPredicate(Protocol):
    """What is checked: a statement, by its kind."""

    @property
    def kind(self) -> str: ...

    @property
    def predicate(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PredicateSchemas:
    """One schema a kind. A kind without one is refused, not let through."""

    validators: Mapping[str, Draft202012Validator]

    @classmethod
    def load(cls, folder: Path) -> PredicateSchemas:
        """Read and compile `<kind>.schema.json` of a folder. Raises `SchemasUnavailable`."""
        return cls.of({path.name.removesuffix(SUFFIX): path.read_bytes() for path in folder.glob(f"*{SUFFIX}")})

    @classmethod
    def of(cls, schemas: Mapping[str, bytes]) -> PredicateSchemas:
        """Compile schemas by their kind; they may refer to each other by `$id`. Raises `SchemasUnavailable`."""
        try:
            from jsonschema import Draft202012Validator
            from jsonschema.exceptions import SchemaError
            from referencing import Registry, Resource
        except ImportError as cause:
            raise SchemasUnavailable(
                "predicates are held to their schemas with the library `jsonschema`, which is not installed",
                reason="jsonschema_missing",
                remedy="pip install 'mintmark[pipelines]'",
            ) from cause
        if not schemas:
            raise _unavailable("there are no schemas")
        try:
            documents = {kind: json.loads(content) for kind, content in sorted(schemas.items())}
            for document in documents.values():
                Draft202012Validator.check_schema(document)
        except (ValueError, SchemaError) as cause:
            raise _unavailable(f"not JSON Schemas of draft 2020-12: {cause}") from cause
        resources = [Resource.from_contents(document) for document in documents.values()]
        registry: Registry[Any] = Registry().with_resources([(str(item.id()), item) for item in resources])
        return cls(
            validators={kind: Draft202012Validator(document, registry=registry) for kind, document in documents.items()}
        )

    def check(self, statement: HasPredicate) -> None:
        """Raises `FormatError` (`schema_invalid`) that names the JSON pointer of the first thing that is wrong."""
        validator = self.validators.get(statement.kind)
        if validator is None:
            raise _unavailable(f"there is no schema for {statement.kind}")
        for error in validator.iter_errors(statement.predicate):
            worst = deepest(error)
            raise FormatError(
                f"{statement.kind} predicate",
                why=f"{_pointer(worst)}: {worst.message[:200].encode('unicode_escape').decode()}",
                reason="schema_invalid",
            )


def deepest(error: ValidationError) -> ValidationError:
    """Of a failed choice (`oneOf`) the branch with the fewest complaints was meant; its first one is told."""
    while error.context:
        branches: dict[object, list[ValidationError]] = {}
        for candidate in error.context:
            branches.setdefault(candidate.relative_schema_path[0], []).append(candidate)
        error = min(branches.values(), key=len)[0]
    return error


def _pointer(error: ValidationError) -> str:
    """RFC 6901; the whole document is `/` here, for an empty text would not be seen."""
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in error.absolute_path]
    return "/" + "/".join(steps)


def _unavailable(why: str) -> SchemasUnavailable:
    return SchemasUnavailable(why, reason="schema_missing", remedy="use the policy pack of this release, unchanged")
