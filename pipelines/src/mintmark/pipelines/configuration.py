"""Reads `mintmark.toml`: what is shipped, what is scanned, and where it may go. An unknown key is an error."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from mintmark.evidence.confidential import redact
from mintmark.pipelines.errors import UsageError, nearest

FILE_NAME = "mintmark.toml"
REHEARSAL = "rehearsal"  # where the policy judges its canaries: by the evidence of one machine alone


def _relative(text: str) -> str:
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts:
        raise ValueError("a path below the root of the repository, without `..`")
    return text


RelativePath = Annotated[str, AfterValidator(_relative)]


def _public(text: str) -> str:
    if redact(text) != text:
        raise ValueError("an address without a login or a token in it, for it goes into every statement")
    return text


PublicUri = Annotated[str, AfterValidator(_public)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Release(_Section):
    """What is built: one workspace member of a uv project."""

    package: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    path: RelativePath
    source_uri: PublicUri


class Scan(_Section):
    """What the scanners are given; paths from the root of the repository."""

    code: list[RelativePath] = Field(min_length=1)
    iac: list[RelativePath] = Field(default_factory=list)
    workflows: list[RelativePath] = Field(default_factory=lambda: [".github"])
    images: list[RelativePath] = Field(default_factory=list)
    trusted_indexes: list[PublicUri] = Field(default_factory=lambda: ["https://pypi.org/simple"])
    internal_packages: list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*\*?$")]] = Field(default_factory=list)


class GateSection(_Section):
    """
    Which engine decides, and over which policy. Both engines give the same bytes.

    `pack` is a policy pack of one's own in this repository, `policy_digest` pins it. Two people must have signed the
    pack for every protected environment; `signatures = "required"` asks it of the others too.
    """

    engine: Literal["wasm", "opa"] = "wasm"
    opa_url: str | None = None
    pack: RelativePath | None = None
    policy_digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None
    signatures: Literal["required", "optional"] = "optional"


class EvidenceSection(_Section):
    """What vouches for the log besides its key; the witnesses themselves are in its log policy."""

    witnesses: Literal["required", "optional"] = "required"
    timestamps: list[str] = Field(default_factory=list)
    timestamp_every_s: Annotated[float, Field(ge=0)] = 300.0
    timestamps_required: bool = True


class Environment(_Section):
    """Where a release may go, and how strict the policy is there."""

    protected: bool = True
    driver: Literal["local"]
    advisories: str = "snapshot"


def _real(environments: dict[str, Environment]) -> dict[str, Environment]:
    if REHEARSAL in environments:
        raise ValueError(f"{REHEARSAL!r} is where the policy tries itself: nothing is shipped there; take another name")
    return environments


class Configuration(_Section):
    """The whole of `mintmark.toml`."""

    release: Release
    scan: Scan
    gate: GateSection = GateSection()
    evidence: EvidenceSection = EvidenceSection()
    environments: Annotated[dict[str, Environment], AfterValidator(_real)] = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A checkout and its configuration."""

    root: Path
    configuration: Configuration

    def environment(self, name: str) -> Environment:
        """Return a configured environment, or refuse with the nearest name: a typo must not pick other rules."""
        environments = self.configuration.environments
        if name not in environments:
            raise UsageError(
                f"{self.root / FILE_NAME}: there is no environment {name!r}{nearest(name, list(environments))}",
                reason="unknown_environment",
                remedy=f"use one of {', '.join(sorted(environments))}, or add [environments.{name}]",
            )
        return environments[name]


def load_project(root: Path) -> Project:
    """Read the project at `root`; every mistake is reported with file, line and nearest valid name."""
    path = root / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as cause:
        raise UsageError(
            f"{path}: not found",
            reason="no_configuration",
            remedy="run in the root of a repository that has a mintmark.toml, or name it with --source",
        ) from cause
    except UnicodeDecodeError as cause:
        raise UsageError(
            f"{path}: not UTF-8 ({cause})", reason="configuration", remedy="save the file as UTF-8"
        ) from cause
    try:
        configuration = Configuration.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as cause:
        raise UsageError(f"{path}: not TOML: {cause}", reason="configuration", remedy="correct the syntax") from cause
    except ValidationError as cause:
        raise UsageError(
            "\n".join(_explain(path, text, error["loc"], error["type"], error["msg"]) for error in cause.errors()),
            reason="configuration",
            remedy="correct the lines named above",
        ) from cause
    return Project(root=root, configuration=configuration)


def _explain(path: Path, text: str, location: tuple[int | str, ...], kind: str, message: str) -> str:
    key = str(location[-1])
    dotted = ".".join(str(part) for part in location)
    place = f"{path}:{_line_of(text, key)}"
    if kind == "extra_forbidden":
        return f"{place}: unknown key {dotted}{nearest(key, _valid_names(location))}"
    return f"{place}: {dotted}: {message}"


def _line_of(text: str, key: str) -> int:
    """The first line that mentions the key, or 1 for a key that is missing."""
    pattern = re.compile(rf"(^\s*|[\[.]){re.escape(key)}\b")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)), 1)


def _valid_names(location: tuple[int | str, ...]) -> list[str]:
    sections: dict[str, type[BaseModel]] = {
        "release": Release,
        "scan": Scan,
        "gate": GateSection,
        "evidence": EvidenceSection,
    }
    if len(location) == 1:
        return list(Configuration.model_fields)
    model = Environment if location[0] == "environments" else sections.get(str(location[0]))
    return list(model.model_fields) if model else []
