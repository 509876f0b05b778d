"""Makes the advisory snapshot that Mintmark ships, from an OSV export for PyPI: `advisory_snapshot.py ALL.ZIP [TO]`."""

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
        "asyncpg",
        "authlib",
        "bleach",
        "bottle",
        "celery",
        "certifi",
        "cherrypy",
        "configobj",
        "cryptography",
        "defusedxml",
        "django",
        "djangorestframework",
        "dnspython",
        "docutils",
        "ecdsa",
        "eventlet",
        "fastapi",
        "flask",
        "flask-cors",
        "gevent",
        "gitpython",
        "graphene",
        "gunicorn",
        "h2",
        "httplib2",
        "httpx",
        "idna",
        "jinja2",
        "joblib",
        "jsonpickle",
        "jwcrypto",
        "kombu",
        "lxml",
        "mako",
        "markdown",
        "markdown2",
        "mysqlclient",
        "nltk",
        "numpy",
        "oauthlib",
        "orjson",
        "paramiko",
        "pillow",
        "pip",
        "protobuf",
        "psutil",
        "psycopg2",
        "py",
        "pyasn1",
        "pycryptodome",
        "pycryptodomex",
        "pydantic",
        "pygments",
        "pyjwt",
        "pymongo",
        "pymysql",
        "pyopenssl",
        "python-jose",
        "python-multipart",
        "pyyaml",
        "redis",
        "reportlab",
        "requests",
        "requests-oauthlib",
        "rsa",
        "sanic",
        "scikit-learn",
        "sentry-sdk",
        "setuptools",
        "sqlalchemy",
        "sqlparse",
        "starlette",
        "tornado",
        "tqdm",
        "twisted",
        "ujson",
        "urllib3",
        "uvicorn",
        "virtualenv",
        "waitress",
        "werkzeug",
        "wheel",
        "zipp",
    ]
)


def main(export: Path, snapshot: Path) -> int:
    kept = select(export, snapshot)
    sys.stdout.write(f"{kept} advisories, {snapshot.stat().st_size} bytes\n")
    return 0


def select(export: Path, snapshot: Path) -> int:
    """Write the advisories of the packages above, the same bytes for the same export, and return how many."""
    locked = set(re.findall(r'^name = "([^"]+)"', (ROOT / "uv.lock").read_text(encoding="utf-8"), re.MULTILINE))
    wanted = locked | POPULAR
    kept = 0
    with zipfile.ZipFile(export) as exported, zipfile.ZipFile(snapshot, "w") as selected:
        for name in sorted(exported.namelist()):
            content = exported.read(name)
            if name.endswith(".json") and _names(json.loads(content)) & wanted:
                # a fixed time, so that the same export gives the same bytes
                entry = zipfile.ZipInfo(Path(name).name, date_time=(1980, 1, 1, 0, 0, 0))
                selected.writestr(entry, content, compress_type=zipfile.ZIP_DEFLATED, compresslevel=9)
                kept += 1
    return kept


def _names(document: dict[str, list[dict[str, dict[str, str]]]]) -> set[str]:
    return {re.sub(r"[-_.]+", "-", item.get("package", {}).get("name", "")).lower() for item in document["affected"]}


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else SNAPSHOT))
