"""The wheel that users install: both halves, the policies, and an auditor's half that needs no extra."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

ROOT = Path(__file__).resolve().parents[3]
# What `mintmark --version` must not pay for.
HEAVY = ("cryptography", "pydantic", "sqlalchemy", "orjson", "jinja2", "jsonschema", "wasmtime", "sigstore", "asyncio")
# What `pip install mintmark` does not bring.
EXTRAS = (
    *("jinja2", "jsonschema", "packaging", "uv", "wasmtime", "opa_client", "sigstore", "fastapi", "florin"),
    *("psycopg", "rfc3161_client", "starlette", "uvicorn"),
)
# These need an extra when they are imported, and nobody imports them who has not asked for it.
NEED_EXTRAS = ("mintmark.evidence.ledger.database", "mintmark.evidence.witness.server")

IMPORT_WITHOUT_EXTRAS = f"""
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
for name in {EXTRAS!r}:
    sys.modules[name] = None  # an import of it raises ModuleNotFoundError
import mintmark.evidence, mintmark.pipelines.cli.main
assert mintmark.evidence.__path__[0].startswith(sys.argv[1]), mintmark.evidence.__path__
for module in pkgutil.walk_packages(mintmark.evidence.__path__, "mintmark.evidence."):
    if module.name in {NEED_EXTRAS!r}:
        continue
    importlib.import_module(module.name)
    print(module.name)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [find_uv_bin(), "build", "--quiet", "--wheel", "--package", "mintmark", "--out-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    (built,) = folder.glob("mintmark-*.whl")
    return built


def test_the_wheel_holds_both_halves_and_the_policies_and_nothing_beside_them(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert {
        "mintmark/evidence/verify/check.py",
        "mintmark/evidence/store/sql/postgresql/0001_log.sql",
        "mintmark/evidence/store/migrations/versions/0001_log.py",
        "mintmark/evidence/py.typed",
        "mintmark/pipelines/cli/main.py",
        "mintmark/pipelines/py.typed",
        "mintmark/pipelines/pack/policies/bundle/policy.wasm",
        "mintmark/pipelines/pack/policies/schemas/gate-input.schema.json",
    } <= names
    assert "mintmark/__init__.py" not in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"mintmark"}


def test_the_wheel_carries_every_policy_source_of_the_checkout(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    rules = {str(path.relative_to(ROOT)) for path in (ROOT / "policies/gates").rglob("*.rego")}
    pinned = json.loads((ROOT / "policies/bundle/manifest.json").read_bytes())["files"]

    assert rules
    assert {f"mintmark/pipelines/pack/{rule}" for rule in rules} <= names
    assert {"gates", "schemas", "controls", "semgrep", "checkov", "bundle"} == {path.split("/")[0] for path in pinned}
    assert {f"mintmark/pipelines/pack/policies/{path}" for path in pinned} <= names


def test_the_installed_policy_opens_where_there_is_no_checkout(wheel: Path, tmp_path: Path) -> None:
    """Neither `docs/` nor a `mintmark.toml` is there, and the checkout's own modules are not the ones that run."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from mintmark.pipelines.cli.main import main; "
        "import mintmark.pipelines as ours; print(ours.__path__[0]); raise SystemExit(main())"
    )

    answer = run_python("-I", "-c", program, str(tmp_path / "installed"), "policy", "check", cwd=elsewhere)

    manifest = json.loads((ROOT / "policies/bundle/rules.json").read_bytes())
    assert answer.splitlines()[0] == str(tmp_path / "installed" / "mintmark" / "pipelines")
    assert answer.count("refused its canary") == len(manifest)
    assert f"{len(manifest)} rules, wasm, policy sha256:" in answer


def test_the_installed_command_answers_with_nothing_else_installed(wheel: Path, tmp_path: Path) -> None:
    """`-S` leaves site-packages out, so that only the wheel and the standard library are there."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); from mintmark.pipelines.cli.main import main; main()"

    answer = run_python("-I", "-S", "-c", program, str(tmp_path), "--version")

    assert answer.split() == ["mintmark", wheel.name.split("-")[1]]


def test_the_auditors_half_imports_without_any_extra(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)

    imported = run_python("-I", "-c", IMPORT_WITHOUT_EXTRAS, str(tmp_path)).split()

    assert "mintmark.evidence.verify.check" in imported
    assert "mintmark.evidence.store.sqlite" in imported


def test_the_version_is_said_without_importing_anything_heavy() -> None:
    program = (
        "import json, sys; from mintmark.pipelines.cli.main import main; "
        "assert main(['--version']) == 0; print(json.dumps(sorted(sys.modules)))"
    )

    _, modules = run_python("-I", "-c", program).splitlines()

    roots = {name.partition(".")[0] for name in json.loads(modules)}
    assert "mintmark" in roots
    assert sorted(roots & set(HEAVY)) == []


def run_python(*arguments: str, cwd: Path | None = None) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, timeout=120, stdout=subprocess.PIPE, text=True, cwd=cwd).stdout
