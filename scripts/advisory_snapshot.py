"""Makes the advisory snapshot that ships with Mintmark, from an OSV export for PyPI: `advisory_snapshot.py ALL.ZIP`."""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
SNAPSHOT = ROOT / "pipelines/src/mintmark/pipelines/scan/data/osv-snapshot.zip"
# Besides what our own lock names: packages that services of this kind depend on.
POPULAR = frozenset(
    [
        "aiohttp",
        "certifi",
        "cryptography",
        "django",
        "fastapi",
        "flask",
        "gunicorn",
        "httpx",
        "idna",
        "jinja2",
        "lxml",
        "mako",
        "numpy",
        "paramiko",
        "pillow",
        "protobuf",
        "pyjwt",
        "pyopenssl",
        "python-jose",
        "pyyaml",
        "requests",
        "setuptools",
        "sqlalchemy",
        "starlette",
        "tornado",
        "urllib3",
        "uvicorn",
        "werkzeug",
        "wheel",
    ]
)


def main() -> int:
    locked = set(re.findall(r'^name = "([^"]+)"', (ROOT / "uv.lock").read_text(encoding="utf-8"), re.MULTILINE))
    wanted = locked | POPULAR
    kept = 0
    with zipfile.ZipFile(sys.argv[1]) as exported, zipfile.ZipFile(SNAPSHOT, "w") as snapshot:
        for name in sorted(exported.namelist()):
            content = exported.read(name)
            if name.endswith(".json") and _names(json.loads(content)) & wanted:
                # a fixed time, so that the same export gives the same bytes
                entry = zipfile.ZipInfo(Path(name).name, date_time=(1980, 1, 1, 0, 0, 0))
                snapshot.writestr(entry, content, compress_type=zipfile.ZIP_DEFLATED, compresslevel=9)
                kept += 1
    sys.stdout.write(f"{kept} advisories, {SNAPSHOT.stat().st_size} bytes\n")
    return 0


def _names(document: dict[str, list[dict[str, dict[str, str]]]]) -> set[str]:
    return {re.sub(r"[-_.]+", "-", item.get("package", {}).get("name", "")).lower() for item in document["affected"]}


if __name__ == "__main__":
    raise SystemExit(main())
