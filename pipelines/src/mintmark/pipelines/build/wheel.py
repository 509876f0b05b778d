"""Builds a workspace member's wheel with uv, so that the same source gives the same bytes."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from mintmark.pipelines.build.manifest import describe, sha256
from mintmark.pipelines.build.release import LOCAL_REQUIREMENTS, REQUIREMENTS, Release
from mintmark.pipelines.errors import ExitCode, PipelineError

BUILD_TIMEOUT_S = 300


class BuildFailed(PipelineError):
    """The build tool did not produce exactly one wheel."""

    exit_code = ExitCode.INCOMPLETE

    def __init__(self, step: str, *, detail: str) -> None:
        super().__init__(
            f"{step} failed: {detail}", reason="build_failed", remedy="run the build by hand and correct the source"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source tree as it was exported from one commit."""

    root: Path
    uri: str
    commit: str
    tree_digest: str
    committed_at: int  # seconds since the epoch; becomes SOURCE_DATE_EPOCH


def build_release(source: Source, *, package: str, path: str) -> Release:
    """
    Build the wheel of `package` (at `path` in the source) and export its locked dependencies.

    The build backend and all it needs are pinned with hashes (`requirements-build.txt`), the environment is clean, and
    file times come from the commit (https://reproducible-builds.org/specs/source-date-epoch/).
    """
    with tempfile.TemporaryDirectory(prefix="mintmark-build-") as name:
        wheel_path = _build_wheel(source, path=path, out=Path(name))
        wheel_name, wheel = wheel_path.name, wheel_path.read_bytes()
    requirements = _export(source, package)
    local_requirements = _export(source, package, "--extra", "local")
    manifest = describe(
        name=package,
        version=wheel_name.split("-")[1],
        source_uri=source.uri,
        commit=source.commit,
        tree_digest=source.tree_digest,
        artifacts={wheel_name: wheel, REQUIREMENTS: requirements, LOCAL_REQUIREMENTS: local_requirements},
    )
    return Release(
        wheel_name=wheel_name,
        wheel=wheel,
        requirements=requirements,
        local_requirements=local_requirements,
        manifest=manifest,
    )


def build_constraints_digest() -> str:
    """SHA-256 (hex) of the pinned build backend, which the provenance lists as a dependency of the build."""
    return sha256((files("mintmark.pipelines.build") / "requirements-build.txt").read_bytes())


def _build_wheel(source: Source, *, path: str, out: Path) -> Path:
    with as_file(files("mintmark.pipelines.build") / "requirements-build.txt") as constraints:
        _uv(
            source,
            "build",
            "--wheel",
            "--out-dir",
            str(out),
            "--build-constraints",
            str(constraints),
            "--require-hashes",
            str(source.root / path),
        )
    wheels = list(out.glob("*.whl"))
    if len(wheels) != 1:
        raise BuildFailed("uv build", detail=f"expected one wheel, found {len(wheels)}")
    return wheels[0]


def _export(source: Source, package: str, *extra: str) -> bytes:
    """The locked dependencies with their hashes, as pip reads them."""
    return _uv(
        source,
        "export",
        "--frozen",
        "--no-header",
        "--no-annotate",
        "--no-dev",
        "--no-emit-workspace",
        "--package",
        package,
        *extra,
    )


def _uv(source: Source, *arguments: str) -> bytes:
    from uv import find_uv_bin

    command = [find_uv_bin(), "--quiet", "--no-progress", "--directory", str(source.root), *arguments]
    try:
        done = subprocess.run(
            command, env=_clean_environment(source), capture_output=True, timeout=BUILD_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as cause:
        raise BuildFailed(f"uv {arguments[0]}", detail=f"not finished after {BUILD_TIMEOUT_S} s") from cause
    if done.returncode != 0:
        raise BuildFailed(f"uv {arguments[0]}", detail=done.stderr.decode(errors="replace").strip()[-2000:])
    return done.stdout


# What a build needs to find its tools, its cache and its index; nothing else of the caller's environment gets in.
_ALLOWED = (
    "PATH",
    "HOME",
    "LANG",
    "XDG_CACHE_HOME",
    "UV_CACHE_DIR",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_OFFLINE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "NO_PROXY",
)


def _clean_environment(source: Source) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ALLOWED if name in os.environ}
    return kept | {"SOURCE_DATE_EPOCH": str(source.committed_at), "PYTHONHASHSEED": "0", "UV_PYTHON_DOWNLOADS": "never"}
