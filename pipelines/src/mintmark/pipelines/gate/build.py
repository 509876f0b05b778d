"""
Makes the policy pack: Rego, METADATA and the scanners' lock in, WebAssembly, catalogue, pages and manifest out.

The same sources and the same OPA give the same bytes, so that anyone can build the pack again and compare.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.gate import canonical, opa
from mintmark.pipelines.gate.errors import PolicyTampered
from mintmark.pipelines.gate.pack import MANIFEST, MANIFEST_SCHEMA, PolicyPack, is_development_file, pack_files
from mintmark.pipelines.gate.pages import render_pages
from mintmark.pipelines.scan.rules import scanner_pins

ENTRYPOINT = "mintmark/gate/verdict"
RULE_LISTS = ("gates/rules.rego", "gates/waivable.rego")
META_SOURCES = ("gates/meta/metadata.rego", "gates/meta/reads.rego")
PINS = "gates/mintmark/params/scanners/data.json"  # OPA takes the folders for the place in the data
BASELINE = "gates/baseline.json"

# All that the policies may call. Each is native to OPA's WebAssembly and a function of its arguments alone: no
# network (http.send), clock (time.now_ns), randomness (rand.intn) or environment (opa.runtime). A new one needs a
# line here, and a look at whether both engines agree on it.
VOCABULARY = frozenset(
    {
        "assign", "concat", "contains", "count", "endswith", "eq", "equal", "gt", "gte", "internal.member_2",
        "internal.member_3", "is_object", "lower", "lt", "lte", "max", "minus", "mul", "neq", "object.get",
        "object.union", "or", "plus", "replace", "split", "startswith", "trim_space", "trim_suffix",
    }
)  # fmt: skip


class BuildRefused(UsageError):
    """The sources are not a pack that may be built: `refusals` says what the meta-policy found."""

    def __init__(self, problem: str, refusals: Sequence[Mapping[str, Any]] = ()) -> None:
        lines = [problem, *(json.dumps(dict(refusal), sort_keys=True) for refusal in refusals)]
        super().__init__("\n  ".join(lines), reason="meta_policy", remedy="see policies/README.md, section Rules")
        self.refusals = tuple(refusals)


def build(policies: Path, *, pages: Path | None = None, write: bool = True) -> list[Path]:
    """
    Build everything that is generated, and return the files that differ from what is there.

    With `write=False` nothing is changed, which is how a check for stale files is made.
    """
    version = opa.pinned_version(policies)
    binary = opa.find(version)
    sources = {**rule_lists(binary, policies), **pinned(policies)}
    differing = _store(policies, sources, write=write)
    check_rules(binary, policies)
    wasm, data = compile_wasm(binary, policies)
    made: dict[str, bytes] = {
        **sources,
        "bundle/policy.wasm": wasm,
        "bundle/data.json": data,
        "bundle/rules.json": _pretty(catalogue(binary, policies)),
    }
    made[MANIFEST] = _pretty(_manifest(policies, made, version))
    differing += [path for path in _store(policies, made, write=write) if path not in differing]
    if pages is not None and (write or not differing):
        rendered = render_pages(PolicyPack.load(policies))
        differing += _store(pages, {name: text.encode() for name, text in rendered.items()}, write=write)
        differing += _strays(pages, rendered, write=write)
    return differing


def pinned(policies: Path) -> dict[str, bytes]:
    """
    What the scanners' lock and their rules say: the pins as parameters, and a baseline whose scans agree with them.

    A new version of a scanner changes both, and nothing else has to be edited.
    """
    pins = {
        tool: {"versions": sorted(pin["versions"]), "rules_digests": sorted(pin.get("rules_digests", ()))}
        for tool, pin in sorted(scanner_pins().items())
    }
    baseline = json.loads((policies / BASELINE).read_bytes())
    for scan in baseline["scans"]:
        if scan["tool"] in pins and scan["status"] == "complete":
            versions, digests = pins[scan["tool"]]["versions"], pins[scan["tool"]]["rules_digests"]
            scan["tool_version"] = scan["expected_version"] = versions[-1]
            scan["rules_digest"] = digests[-1] if digests else scan["rules_digest"]
    return {PINS: _pretty(pins), BASELINE: _pretty(baseline)}


def rego_sources(policies: Path) -> list[str]:
    """The Rego that is compiled: every file below gates/ that is neither a test nor the meta-policy."""
    return [path for path in pack_files(policies) if path.startswith("gates/") and path.endswith(".rego")]


def rule_lists(binary: Path, policies: Path) -> dict[str, bytes]:
    """Rego that names every rule and what each of them says, so that a new rule is a file and nothing else."""
    said = {path: _rule_names(_ast(binary, policies, path)) for path in rego_sources(policies) if _is_rule(path)}
    speaking = {
        path.removeprefix("gates/").removesuffix(".rego").replace("/", "."): what for path, what in said.items()
    }
    waivable = {rule["id"] for rule in catalogue(binary, policies) if rule["waivable"]}
    proofs = [f'"{name}": {_alias(name)}.satisfied,' for name in speaking]
    parts = [_listed(what, what, speaking) for what in ("refusals", "gaps", "warnings")]
    exceptions = {name: what for name, what in speaking.items() if name in waivable}
    modules = {
        RULE_LISTS[0]: [_imports("rules", speaking), "proofs := {", *proofs, "}", *parts],
        RULE_LISTS[1]: [_imports("waivable", exceptions), _listed("refusals", "refusals", exceptions)],
    }
    return {
        path: opa.run(binary, ["fmt"], cwd=policies, stdin="\n".join([_MADE, *lines]).encode())
        for path, lines in modules.items()
    }


_MADE = """# Made by scripts/build_policies.py: the rules, by their places. A rule that is missing here is missing from
# `satisfied`, and the gate refuses an ALLOW without it."""


def _imports(package: str, names: Iterable[str]) -> str:
    return "\n".join(
        [f"package mintmark.{package}", *(f"import data.mintmark.gates.{name} as {_alias(name)}" for name in names)]
    )


def _listed(part: str, what: str, speaking: Mapping[str, Collection[str]]) -> str:
    members = [f"{_alias(name)}.{what}," for name, said in speaking.items() if what in said]
    return "\n".join(["", f"{part} := [", *members, "]"])


def _is_rule(path: str) -> bool:
    return path.count("/") == 2 and not path.startswith("gates/lib/")


def _alias(name: str) -> str:
    return name.replace(".", "_")


def _rule_names(module: Any) -> set[str]:
    return {str(rule["head"].get("name") or rule["head"]["ref"][0]["value"]) for rule in module.get("rules", [])}


def check_rules(binary: Path, policies: Path) -> None:
    """Hold the sources against the meta-policy, or raise `BuildRefused`."""
    controls = [
        control["id"] for control in json.loads((policies / "controls/catalogue.json").read_bytes())["controls"]
    ]
    described = {"inspect": inspect(binary, policies), "controls": controls}
    parsed = {"modules": {path.removeprefix("gates/"): _ast(binary, policies, path) for path in rego_sources(policies)}}
    _hold(binary, policies, "data.mintmark.meta.metadata", described)
    _hold(binary, policies, "data.mintmark.meta.reads", parsed)


def inspect(binary: Path, policies: Path) -> Any:
    """What OPA says of the sources and their METADATA, without tests and the meta-policy."""
    with tempfile.TemporaryDirectory() as folder:
        for path in rego_sources(policies):
            copy = Path(folder, path.removeprefix("gates/"))
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((policies / path).read_bytes())
        return json.loads(opa.run(binary, ["inspect", "-a", "-f", "json", "."], cwd=Path(folder)))


def _ast(binary: Path, policies: Path, path: str) -> Any:
    return json.loads(opa.run(binary, ["parse", "--format", "json", path], cwd=policies))


def _hold(binary: Path, policies: Path, package: str, document: Mapping[str, Any]) -> None:
    found = opa.evaluate(binary, package, policies=policies, sources=META_SOURCES, document=document) or {}
    if found.get("valid") is not True:
        raise BuildRefused(f"{package} refuses the pack", found.get("refusals", ()))


def compile_wasm(binary: Path, policies: Path) -> tuple[bytes, bytes]:
    """Return the WebAssembly and the parameters, compiled with the restricted vocabulary."""
    with tempfile.TemporaryDirectory() as folder:
        capabilities, bundle = Path(folder, "capabilities.json"), Path(folder, "bundle.tar.gz")
        capabilities.write_bytes(restricted_capabilities(binary))
        arguments = ["build", "--bundle", ".", "--target", "wasm", "--entrypoint", ENTRYPOINT]
        limits = ["--ignore", "*_test.rego", "--ignore", "meta", "--capabilities", str(capabilities)]
        opa.run(binary, [*arguments, *limits, "--output", str(bundle)], cwd=policies / "gates")
        with tarfile.open(fileobj=io.BytesIO(bundle.read_bytes())) as archive:
            members = {member.name.lstrip("/"): archive.extractfile(member) for member in archive.getmembers()}
            wasm, data = members["policy.wasm"], members["data.json"]
            if wasm is None or data is None:
                raise BuildRefused("opa build made a bundle without a policy or without data")
            return wasm.read(), canonical.encode(json.loads(data.read()))


def require_compiled(binary: Path, pack: PolicyPack) -> None:
    """
    Compile a pack's own Rego again: what decides must be what can be read. Raises `PolicyTampered`, `OpaFailed`.

    A manifest names whatever lies there, and two people who sign a pack have read its Rego and not its WebAssembly.
    """
    with tempfile.TemporaryDirectory(prefix="mintmark-compiled-") as folder:
        for path, content in pack.files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        wasm, data = compile_wasm(binary, Path(folder))
        made = {
            "bundle/policy.wasm": wasm,
            "bundle/data.json": data,
            "bundle/rules.json": _pretty(catalogue(binary, Path(folder))),
        }
    for path, content in made.items():
        if pack.files[path] != content:
            raise PolicyTampered(path, f"not what OPA {pack.opa_version} makes of the pack's sources")


def restricted_capabilities(binary: Path) -> bytes:
    """OPA's own capabilities without every builtin that is not in `VOCABULARY`, and without any host to reach."""
    capabilities = json.loads(opa.run(binary, ["capabilities", "--current"], cwd=Path.cwd()))
    allowed = [builtin for builtin in capabilities["builtins"] if builtin["name"] in VOCABULARY]
    return json.dumps({**capabilities, "builtins": allowed, "allow_net": []}).encode()


def catalogue(binary: Path, policies: Path) -> list[dict[str, Any]]:
    """The rules as their METADATA describes them, by id."""
    rules = []
    for annotation in inspect(binary, policies)["annotations"]:
        about, package = annotation["annotations"], ".".join(part["value"] for part in annotation["path"])
        custom = about.get("custom", {})
        if package.startswith("data.mintmark.gates.") and about["scope"] == "package":
            texts = {key: custom.get(key, "").strip() for key in ("message", "why", "accepted", "remedy", "fix")}
            rules.append(
                {
                    "id": custom["id"],
                    "package": package.removeprefix("data."),
                    "source": f"policies/gates/{annotation['location']['file'].removeprefix('./')}",
                    "title": about["title"].strip(),
                    "description": about["description"].strip(),
                    "severity": custom["severity"],
                    "controls": custom["controls"],
                    "waivable": custom["waivable"],
                    "bypassable": custom["bypassable"],
                    **texts,
                }
            )
    return sorted(rules, key=lambda rule: str(rule["id"]))


def _manifest(policies: Path, made: Mapping[str, bytes], version: str) -> dict[str, Any]:
    files = {path: (policies / path).read_bytes() for path in pack_files(policies) if path not in made}
    contents = {**files, **made}
    return {
        "schema": MANIFEST_SCHEMA,
        "opa_version": version,
        "files": {
            path: hashlib.sha256(contents[path]).hexdigest()
            for path in sorted(contents)
            if not is_development_file(path)
        },
    }


def _store(folder: Path, contents: Mapping[str, bytes], *, write: bool) -> list[Path]:
    differing = [
        folder / name
        for name, content in contents.items()
        if not (folder / name).is_file() or (folder / name).read_bytes() != content
    ]
    if write:
        for path in differing:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents[path.relative_to(folder).as_posix()])
    return differing


def _strays(pages: Path, rendered: Mapping[str, str], *, write: bool) -> list[Path]:
    """Pages of rules that are gone."""
    strays = [page for page in sorted(pages.glob("*.md")) if page.name not in rendered]
    if write:
        for page in strays:
            page.unlink()
    return strays


def _pretty(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
