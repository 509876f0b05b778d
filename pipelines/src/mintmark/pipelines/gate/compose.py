"""
Makes a pack of our rules and a user's own, or of the user's alone.

A user's folder adds rules, parameters and controls. It cannot touch a file of ours: what a rule of ours says, how the
verdict is reached and what the meta-policy asks stays as it was signed. Only parameters may be given another value, and
`policy diff` shows which.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.gate import build, canary, opa, patch
from mintmark.pipelines.gate.pack import FOLDERS, MANIFEST, PolicyPack
from mintmark.pipelines.gate.wasm import WasmEngine

VERSION_FILE = "OPA_VERSION"
DATA = "gates/data.json"
CATALOGUE = "controls/catalogue.json"
BASELINE = "gates/baseline.json"
BASELINE_PATCH = "gates/baseline.patch.json"
SHARED_TOPICS = ("lib", "meta")
# Lists of data.json that say what METADATA says already: a user's rule is added to them.
LISTED_BY_METADATA = {"waivable": "waivable_rules", "bypassable": "bypassable_rules"}

_NAME = "[a-z][a-z0-9_]*"
_RULE_FILE = re.compile(rf"gates/({_NAME})/({_NAME})(_test\.rego|\.rego|\.canary\.json)")
_OTHER_FILES = {DATA, CATALOGUE, BASELINE_PATCH, "README.md"}


class ComposeRefused(UsageError):
    """A user's folder holds what cannot be added to a pack."""

    def __init__(self, path: str, problem: str, *, reason: str) -> None:
        super().__init__(
            f"{path}: {problem}", reason=reason, remedy="see docs/policy-packs.md, section A pack of your own"
        )
        self.path = path


def compose(ours: Path, additions: Sequence[Path], out: Path, *, with_our_rules: bool = True) -> PolicyPack:
    """
    Build a whole pack in `out` from the sources in `ours` and the folders to add, and return it, proven alive.

    `out` may hold an earlier pack, whose signatures stay; anything else there is refused. Without our rules the lib,
    the verdict, the schemas and the parameters are still ours. Needs the pinned OPA. Raises `ComposeRefused`
    (`shadows`, `not_addable`, `wrong_package`, `malformed`, `out_exists`), `BuildRefused` (`meta_policy`), `OpaFailed`,
    `GateWillNotOpen`; `out` is as it was then.
    """
    _refuse_to_overwrite(out)
    with tempfile.TemporaryDirectory(prefix="mintmark-pack-") as temporary:
        made = Path(temporary)
        _copy_ours(ours, made, with_our_rules=with_our_rules)
        binary = opa.find(opa.pinned_version(made))
        taken = {path.name for path in (ours / "gates").iterdir() if path.is_dir()}
        for folder in additions:
            _add(folder, made, taken, binary)
        _list_by_metadata(made, binary, _params(ours))
        build.build(made)
        pack = PolicyPack.load(made)
        canary.prove_alive(pack, WasmEngine(pack))
        _place(made, out)
    return PolicyPack.load(out, expected_digest=pack.digest)


def _refuse_to_overwrite(out: Path) -> None:
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MANIFEST).is_file())):
        raise ComposeRefused(str(out), "is there, and is no policy pack", reason="out_exists")


def _copy_ours(ours: Path, made: Path, *, with_our_rules: bool) -> None:
    for folder in FOLDERS:
        if folder != "bundle" and (ours / folder).is_dir():
            shutil.copytree(ours / folder, made / folder)
    shutil.copyfile(ours / VERSION_FILE, made / VERSION_FILE)
    if not with_our_rules:
        for topic in (made / "gates").iterdir():
            if topic.is_dir() and topic.name not in SHARED_TOPICS:
                shutil.rmtree(topic)
        (made / "gates/verdict_test.rego").unlink(missing_ok=True)  # its cases are our rules'
        catalogue = {**json.loads((made / CATALOGUE).read_bytes()), "controls": []}
        (made / CATALOGUE).write_bytes(_pretty(catalogue))
        for name in LISTED_BY_METADATA.values():
            _edit_params(made, {name: []})


def _add(folder: Path, made: Path, taken: set[str], binary: Path) -> None:
    """`taken` are the topics that are somebody's already; those of this folder join them."""
    files = list(_files(folder))
    topics = {match[1] for path in files if (match := _RULE_FILE.fullmatch(path))}
    if shadowed := sorted(topics & taken):
        raise ComposeRefused(f"gates/{shadowed[0]}", "a topic of this name is in the pack already", reason="shadows")
    for path in files:
        if _RULE_FILE.fullmatch(path):
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / path, made / path)
            if path.endswith(".rego"):
                _refuse_another_package(path, made, binary)
    if DATA in files:
        overlay = _json(folder / DATA)
        _refuse_other_data(overlay)
        (made / DATA).write_bytes(_pretty(_merged(_json(made / DATA), overlay)))
    if CATALOGUE in files:
        _add_controls(_json(folder / CATALOGUE), made)
    if BASELINE_PATCH in files:
        _patch_baseline(folder / BASELINE_PATCH, made)
    taken |= topics


def _files(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        raise ComposeRefused(str(folder), "there is no such folder", reason="not_addable")
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder).as_posix()
        if file.is_symlink() or not (file.is_dir() or _RULE_FILE.fullmatch(path) or path in _OTHER_FILES):
            raise ComposeRefused(
                path,
                "neither a rule (gates/<topic>/<rule>.rego), its test or canary, nor parameters or controls",
                reason="not_addable",
            )
        if not file.is_dir():
            yield path


def _refuse_another_package(path: str, made: Path, binary: Path) -> None:
    """A file under a name of the user's that speaks in a package of ours would add to our rules."""
    module = json.loads(opa.run(binary, ["parse", "--format", "json", path], cwd=made))
    found = ".".join(str(part["value"]) for part in module["package"]["path"]).removeprefix("data.")
    wanted = "mintmark." + path.removesuffix(".rego").replace("/", ".")
    if found != wanted:
        raise ComposeRefused(path, f"its package is {found}, and must be {wanted}", reason="wrong_package")


def _refuse_other_data(overlay: Any) -> None:
    """
    Data may be parameters alone: an OPA server gets nothing else, and would decide otherwise than the WebAssembly.

    At the place of a rule or of the library they would also look like an answer of ours.
    """
    match overlay:
        case {"mintmark": {"params": dict() as params, **beside}, **others} if not beside and not others:
            if "scanners" in params:
                problem = "mintmark.params.scanners is written by the build, from the lock of the scanners"
                raise ComposeRefused(DATA, problem, reason="not_addable")
        case _:
            raise ComposeRefused(DATA, 'it may hold {"mintmark": {"params": {…}}} alone', reason="not_addable")


def _merged(ours: Any, overlay: Any) -> Any:
    """Objects member by member; anything else is replaced."""
    if not (isinstance(ours, dict) and isinstance(overlay, dict)):
        return overlay
    return {**ours, **{key: _merged(ours[key], value) if key in ours else value for key, value in overlay.items()}}


def _add_controls(added: Any, made: Path) -> None:
    catalogue = _json(made / CATALOGUE)
    known = {control["id"] for control in catalogue["controls"]}
    controls = added.get("controls") if isinstance(added, dict) else None
    if not isinstance(controls, list) or not all(isinstance(control, dict) for control in controls):
        raise ComposeRefused(CATALOGUE, "not a catalogue of controls", reason="malformed")
    if twice := sorted(known & {str(control.get("id")) for control in controls}):
        raise ComposeRefused(CATALOGUE, f"control {twice[0]} is in the pack already", reason="shadows")
    (made / CATALOGUE).write_bytes(_pretty({**catalogue, "controls": [*catalogue["controls"], *controls]}))


def _patch_baseline(file: Path, made: Path) -> None:
    """An input that must be allowed may have to say more, where a user's rule asks for more."""
    try:
        patched = patch.apply(_json(made / BASELINE), _json(file))
    except (ValueError, TypeError, KeyError) as cause:
        raise ComposeRefused(BASELINE_PATCH, f"it does not fit the baseline: {cause}", reason="malformed") from cause
    (made / BASELINE).write_bytes(_pretty(patched))


def _list_by_metadata(made: Path, binary: Path, ours: Mapping[str, Any]) -> None:
    """Where nobody gave these lists another value, what METADATA says of the added rules is added to them."""
    described = build.inspect(binary, made)["annotations"]
    customs = [item["annotations"].get("custom", {}) for item in described if item["annotations"]["scope"] == "package"]
    params = _params(made)
    for member, name in LISTED_BY_METADATA.items():
        if params[name] in (ours[name], []):
            said = {str(custom["id"]) for custom in customs if custom.get(member) is True and "id" in custom}
            _edit_params(made, {name: sorted({*params[name], *said})})


def _params(root: Path) -> dict[str, Any]:
    params: dict[str, Any] = _json(root / DATA)["mintmark"]["params"]
    return params


def _edit_params(made: Path, changes: Mapping[str, Any]) -> None:
    (made / DATA).write_bytes(_pretty(_merged(_json(made / DATA), {"mintmark": {"params": dict(changes)}})))


def _place(made: Path, out: Path) -> None:
    """Folder by folder; the manifest, without which there is no pack, comes last."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / "bundle", ignore_errors=True)
    for folder in FOLDERS:
        if folder != "bundle":
            shutil.rmtree(out / folder, ignore_errors=True)
            if (made / folder).is_dir():
                shutil.copytree(made / folder, out / folder)
    shutil.copyfile(made / VERSION_FILE, out / VERSION_FILE)
    shutil.copytree(made / "bundle", out / "bundle")


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError) as cause:
        raise ComposeRefused(file.name, f"not JSON: {cause}", reason="malformed") from cause


def _pretty(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
