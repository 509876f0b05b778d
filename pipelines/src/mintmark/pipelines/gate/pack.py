"""The policy pack: every file of it read once, compared with its manifest, and used from memory ever after."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Self

from mintmark.pipelines.gate import canonical
from mintmark.pipelines.gate.canonical import Sha256Hex
from mintmark.pipelines.gate.errors import PackNotFound, PolicyTampered

MANIFEST = "bundle/manifest.json"
MANIFEST_SCHEMA = "https://mintmark.dev/policy-manifest/v1"
FOLDERS = ("gates", "schemas", "controls", "semgrep", "checkov", "bundle")
MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_FILES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the catalogue. `message` and `fix` are templates over the facts of a violation."""

    id: str
    package: str
    source: str
    title: str
    description: str
    severity: str
    controls: tuple[str, ...]
    waivable: bool
    bypassable: bool
    message: str
    why: str
    accepted: str
    remedy: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a framework asks for, by its own number."""

    framework: str
    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A statement of intent, the rules that speak to it, and the framework requirements that it helps to meet."""

    id: str
    statement: str
    rules: tuple[str, ...]
    requirements: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPack:
    """
    A verified pack. `digest` is the SHA-256 of the canonical manifest, which names the SHA-256 of every file.

    What is not in the manifest is not in here: nothing is read from the folder after `load`.
    """

    root: Path
    digest: Sha256Hex
    opa_version: str
    files: Mapping[str, bytes]
    rules: Mapping[str, Rule]
    controls: Mapping[str, Control]

    @classmethod
    def locate(cls, directory: Path | None = None, *, expected_digest: str | None = None) -> Self:
        """Load the given pack, or the one that was installed with us, or the one of this checkout."""
        package = Path(__file__).resolve().parents[1]
        places = (directory,) if directory else (package / "pack" / "policies", package.parents[3] / "policies")
        for place in places:
            if (place / MANIFEST).is_file():
                return cls.load(place, expected_digest=expected_digest)
        raise PackNotFound(places)

    @property
    def parameters(self) -> dict[str, Any]:
        """What the organisation sets: limits, groups and windows, those of an environment under `environments`."""
        parameters: dict[str, Any] = json.loads(self.data)["mintmark"]["params"]
        return parameters

    def settings(self, environment: str) -> dict[str, Any]:
        """The parameters of an environment; one that the pack does not list has its own, which are strict."""
        params = self.parameters
        settings: dict[str, Any] = params["environments"].get(environment, params["unlisted_environment"])
        return settings

    @classmethod
    def load(cls, root: Path, *, expected_digest: str | None = None) -> Self:
        """Read and verify every file. `expected_digest` pins the pack: another one is `policy_tampered`."""
        manifest = _manifest(root)
        digest = canonical.sha256(canonical.encode(manifest))
        if expected_digest is not None and expected_digest.removeprefix("sha256:") != digest:
            raise PolicyTampered(MANIFEST, f"the pack is {digest}, and {expected_digest} is pinned")
        named: dict[str, str] = manifest["files"]
        _refuse_extra_files(root, named)
        files = {path: _verified(root, path, sha256) for path, sha256 in sorted(named.items())}
        return cls(
            root=root,
            digest=digest,
            opa_version=manifest["opa_version"],
            files=files,
            rules=_rules(files),
            controls=_controls(files),
        )

    @property
    def wasm(self) -> bytes:
        return self.files["bundle/policy.wasm"]

    @property
    def data(self) -> bytes:
        """The parameters of the policy, as the engines get them."""
        return self.files["bundle/data.json"]

    @property
    def entrypoint(self) -> str:
        return "mintmark/gate/verdict"

    @property
    def sources(self) -> dict[str, str]:
        """The Rego that was compiled: path below `gates/` to text, each after what it imports."""
        paths = [path for path in self.files if path.startswith("gates/") and path.endswith(".rego")]
        texts = {path.removeprefix("gates/"): self.files[path].decode() for path in paths}
        providers = {_words_after("package ", text)[0]: path for path, text in texts.items()}
        imports = {
            path: {providers[name] for name in _words_after("import data.", text) if name in providers}
            for path, text in texts.items()
        }
        return {path: texts[path] for path in TopologicalSorter(imports).static_order()}

    @property
    def baseline(self) -> dict[str, Any]:
        """A gate input that the policy must allow."""
        baseline: dict[str, Any] = json.loads(self.files["gates/baseline.json"])
        return baseline

    @property
    def canaries(self) -> dict[str, dict[str, Any]]:
        """Rule id to its canary: a title, and a patch that turns the baseline into something this rule refuses."""
        return {
            path.removeprefix("gates/").removesuffix(".canary.json").replace("/", "."): json.loads(content)
            for path, content in self.files.items()
            if path.endswith(".canary.json")
        }

    def schema(self, name: str) -> dict[str, Any]:
        schema: dict[str, Any] = json.loads(self.files[f"schemas/{name}.schema.json"])
        return schema

    @property
    def schema_names(self) -> tuple[str, ...]:
        suffix = ".schema.json"
        paths = (path for path in self.files if path.startswith("schemas/") and path.endswith(suffix))
        return tuple(path.removeprefix("schemas/").removesuffix(suffix) for path in paths)

    def requirements(self, rule: Rule) -> tuple[Requirement, ...]:
        """The framework requirements that a rule speaks to, through its controls, each once."""
        found = (requirement for control in rule.controls for requirement in self.controls[control].requirements)
        return tuple(dict.fromkeys(found))


def is_development_file(path: str) -> bool:
    """Tests, examples and the meta-policy lie beside the rules, are run by developers, and never reach an engine."""
    if path.startswith(("semgrep/", "checkov/")):
        return "/examples/" in path or (path.startswith("semgrep/") and not path.endswith(".yaml"))
    return path.endswith("_test.rego") or path.startswith("gates/meta/")


def pack_files(root: Path) -> Iterable[str]:
    """Every path below the pack's folders that an engine or the gate could use, relative to the root."""
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            path = file.relative_to(root).as_posix()
            if not file.is_dir() and not is_development_file(path) and path != MANIFEST and file.name != ".gitkeep":
                yield path


def _words_after(keyword: str, text: str) -> list[str]:
    """The names that lines of this keyword begin with: `import data.mintmark.lib.x as y` gives `mintmark.lib.x`."""
    return [line.removeprefix(keyword).split()[0] for line in text.splitlines() if line.startswith(keyword)]


def _manifest(root: Path) -> dict[str, Any]:
    path = root / MANIFEST
    if not path.is_file():
        raise PackNotFound((root,))
    try:
        manifest = json.loads(path.read_bytes(), object_pairs_hook=_without_duplicates)
    except ValueError as error:
        raise PolicyTampered(MANIFEST, f"not JSON: {error}") from error
    match manifest:
        case {"schema": "https://mintmark.dev/policy-manifest/v1", "opa_version": str(), "files": dict() as files} if (
            len(manifest) == 3 and 0 < len(files) <= MAX_FILES and all(isinstance(v, str) for v in files.values())
        ):
            return dict(manifest)
    raise PolicyTampered(MANIFEST, "not a policy manifest of version 1")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key appears twice")
    return dict(pairs)


def _refuse_extra_files(root: Path, named: Mapping[str, str]) -> None:
    for path in pack_files(root):
        if path not in named:
            raise PolicyTampered(path, "not named by the manifest", reason="policy_extra_file")


def _verified(root: Path, path: str, sha256: str) -> bytes:
    file = root / path
    if not path.startswith(FOLDERS) or ".." in Path(path).parts or not file.is_file():
        raise PolicyTampered(path, "named by the manifest, and not there")
    if file.stat().st_size > MAX_FILE_BYTES:
        raise PolicyTampered(path, f"larger than {MAX_FILE_BYTES} bytes")
    content = file.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise PolicyTampered(path, f"its SHA-256 is {found}, and the manifest says {sha256}")
    return content


def _rules(files: Mapping[str, bytes]) -> dict[str, Rule]:
    rules = [
        Rule(**{**entry, "controls": tuple(entry["controls"])}) for entry in json.loads(files["bundle/rules.json"])
    ]
    if not rules:
        raise PolicyTampered("bundle/rules.json", "no rule at all: an empty policy allows everything")
    return {rule.id: rule for rule in rules}


def _controls(files: Mapping[str, bytes]) -> dict[str, Control]:
    return {
        entry["id"]: Control(
            id=entry["id"],
            statement=entry["statement"],
            rules=tuple(entry["rules"]),
            requirements=tuple(Requirement(**requirement) for requirement in entry["requirements"]),
        )
        for entry in json.loads(files["controls/catalogue.json"])["controls"]
    }
