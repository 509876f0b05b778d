"""Starts a release on this machine, from bytes that were verified, in an environment that holds nothing else."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from mintmark.pipelines.build.manifest import sha256
from mintmark.pipelines.build.release import LOCAL_REQUIREMENTS, Release
from mintmark.pipelines.deploy.interface import DeployRefused, Running, StartFailed
from mintmark.pipelines.deploy.service_client import FlorinClient, ServiceRefused, ServiceUnreachable
from mintmark.pipelines.errors import ExitCode

READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 15
INSTALL_TIMEOUT_S = 300
CURRENT = "current.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDriver:
    """
    Each deployment has a folder of its own with its own virtual environment; the ledger's database outlives them.

    The new release starts beside the old one on a free port, and the old one stops once the new one is ready.
    """

    environment: str
    folder: Path

    def start(self, release: Release, *, deployment_id: str) -> Running:
        folder = self.folder / "deployments" / deployment_id
        folder.mkdir(parents=True, mode=0o700)
        python = _install(release, folder)
        _check_installed(release, folder)
        port = _free_port()
        pid = _spawn(python, folder, port=port, deployment_id=deployment_id, data=self._database_folder())
        running = Running(
            environment=self.environment,
            deployment_id=deployment_id,
            digest=release.digest,
            url=f"http://127.0.0.1:{port}",
            pid=pid,
            folder=str(folder),
        )
        try:
            _wait_until_ready(running)
        except BaseException:
            self.stop(running)
            raise
        return running

    def switch(self, running: Running) -> None:
        with self._locked():
            before = self.current()
            path = self.folder / CURRENT
            temporary = path.with_suffix(".new")
            temporary.write_text(json.dumps(asdict(running), indent=2) + "\n", encoding="utf-8")
            temporary.replace(path)
        if before is not None and before.deployment_id != running.deployment_id:
            self.stop(before)

    def current(self) -> Running | None:
        """What runs here. What a copy of this folder says of the place that it was copied from runs there."""
        try:
            running = Running(**json.loads((self.folder / CURRENT).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        own = (self.folder / "deployments" / running.deployment_id).resolve()
        return running if running.deployment_id and Path(running.folder).resolve() == own else None

    def stop(self, running: Running) -> None:
        if not _is_ours(running):
            return
        os.kill(running.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while _is_ours(running) and time.monotonic() < deadline:
            time.sleep(0.05)
        if _is_ours(running):
            os.kill(running.pid, signal.SIGKILL)

    def stop_database(self, running: Running) -> None:
        """Stop the PostgreSQL that this environment's Florin started; its data stay."""
        folder = Path(running.folder)
        subprocess.run(
            [str(_python(folder)), "-I", "-m", "florin.main", "db", "stop"],
            env=_clean_environment(folder) | {"FLORIN_DATA_DIR": str(self._database_folder())},
            check=False,
            capture_output=True,
            timeout=STOP_TIMEOUT_S * 2,
        )

    def database_url(self, running: Running) -> str | None:
        """The URL of the PostgreSQL that this environment's Florin started, or None when it does not run."""
        folder = Path(running.folder)
        done = subprocess.run(
            [str(_python(folder)), "-I", "-m", "florin.main", "db", "url"],
            env=_clean_environment(folder) | {"FLORIN_DATA_DIR": str(self._database_folder())},
            check=False,
            capture_output=True,
            text=True,
            timeout=STOP_TIMEOUT_S * 2,
        )
        return done.stdout.strip() or None if done.returncode == 0 else None

    def _database_folder(self) -> Path:
        """PostgreSQL refuses to run as root; as its own user it needs a path that does not lead through a home."""
        if os.geteuid() != 0:
            return self.folder / "postgresql"
        tag = hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
        return Path("/var/lib/mintmark") / f"{self.environment}-{tag}" / "postgresql"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _python(folder: Path) -> Path:
    return folder / "venv" / "bin" / "python"


def _install(release: Release, folder: Path) -> Path:
    """Install the locked dependencies (hashes required) and then the wheel, from the bytes in memory."""
    wheel = folder / release.wheel_name
    wheel.write_bytes(release.wheel)
    requirements = folder / LOCAL_REQUIREMENTS
    requirements.write_bytes(release.local_requirements)
    python = _python(folder)
    _uv(folder, "venv", str(folder / "venv"))
    _uv(folder, "pip", "install", "--python", str(python), "--require-hashes", "--no-deps", "-r", str(requirements))
    _uv(folder, "pip", "install", "--python", str(python), "--no-deps", "--offline", str(wheel))
    return python


def _check_installed(release: Release, folder: Path) -> None:
    """Compare what was installed, file by file, with the manifest that the gate saw."""
    site = next((folder / "venv" / "lib").glob("python3.*/site-packages"))
    for path, expected in release.wheel_files().items():
        if path.endswith(".dist-info/RECORD"):
            continue  # rewritten by every installer; it lists the scripts that were made
        installed = site / path
        found = sha256(installed.read_bytes()) if installed.is_file() else "nothing"
        if found != expected:
            raise DeployRefused(
                f"{installed}: sha256:{found} is not what the manifest has, sha256:{expected}",
                reason="digest_mismatch",
                remedy="something wrote into the deployment while it was installed: find out what, then deploy again",
                exit_code=ExitCode.INTEGRITY,
            )


def _uv(folder: Path, *arguments: str) -> None:
    from uv import find_uv_bin

    environment = {name: os.environ[name] for name in _UV_NEEDS if name in os.environ}
    done = subprocess.run(
        [find_uv_bin(), "--quiet", "--no-progress", "--no-config", *arguments],
        env=environment | {"UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
        cwd=folder,
    )
    if done.returncode != 0:
        log = folder / "install.log"
        log.write_bytes(done.stderr)
        raise StartFailed(f"uv {arguments[0]}", detail=done.stderr.decode(errors="replace").strip()[-500:], log=log)


_UV_NEEDS = (
    "PATH",
    "HOME",
    "XDG_CACHE_HOME",
    "UV_CACHE_DIR",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_OFFLINE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "NO_PROXY",
)


def _clean_environment(folder: Path) -> dict[str, str]:
    """Nothing of the caller's environment but where programs are: no secret and no switch gets in."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", "TMPDIR": "/tmp"}  # noqa: S108  PostgreSQL's socket needs a short, shared path


def _spawn(python: Path, folder: Path, *, port: int, deployment_id: str, data: Path) -> int:
    environment = _clean_environment(folder) | {
        "FLORIN_DEPLOYMENT_ID": deployment_id,
        "FLORIN_MODE": "production",
        "FLORIN_HOST": "127.0.0.1",
        "FLORIN_PORT": str(port),
        "FLORIN_DATA_DIR": str(data),
    }
    data.parent.mkdir(parents=True, exist_ok=True)
    with (folder / "service.log").open("ab") as log:
        process = subprocess.Popen(
            [str(python), "-I", "-m", "florin.main", "serve", "--migrate"],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # the service outlives the deployer
        )
    return process.pid


def _wait_until_ready(running: Running) -> None:
    """Ready means: it answers, and it says that it is this deployment and no other."""
    log = Path(running.folder) / "service.log"
    deadline = time.monotonic() + READY_TIMEOUT_S
    detail = "no answer"
    while time.monotonic() < deadline:
        if _ended(running.pid):
            raise StartFailed("the service stopped", detail=_tail(log), log=log)
        try:
            answer = FlorinClient(url=running.url, timeout_s=2).readiness()
        except (ServiceUnreachable, ServiceRefused) as cause:
            detail = str(cause)
            time.sleep(0.1)
            continue
        if answer.get("deployment_id") != running.deployment_id:
            raise StartFailed("another service answers", detail=f"it says {answer.get('deployment_id')}", log=log)
        return
    raise StartFailed(f"not ready after {READY_TIMEOUT_S} s", detail=detail, log=log)


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace").strip()[-800:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ended(child: int) -> bool:
    """Of a child, which nobody else can have taken the number of; its command line is not there in its first moment."""
    try:
        return os.waitpid(child, os.WNOHANG)[0] == child
    except ChildProcessError:
        return True


def _is_ours(running: Running) -> bool:
    """Whether the process still runs and is the one that was started: its command line names its folder."""
    with suppress(ChildProcessError):
        os.waitpid(running.pid, os.WNOHANG)  # a child that ended must not look alive
    # -ww: else an exported COLUMNS cuts the command line off before the folder, and the process would look like another
    shown = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(running.pid)], capture_output=True, text=True, check=False
    ).stdout
    return running.folder in shown
