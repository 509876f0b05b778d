import tempfile
from pathlib import Path


def export(name: str) -> None:
    # ruleid: temporary-by-name
    tempfile.mktemp()
    # ruleid: temporary-by-name
    open("/tmp/ledger.csv", "w")
    # ruleid: temporary-by-name
    Path("/tmp/ledger.csv").write_text("")
    # ruleid: temporary-by-name
    open(f"/tmp/ledger-{name}.csv", "w")

    # ok: temporary-by-name
    tempfile.TemporaryFile()
    # ok: temporary-by-name
    tempfile.mkstemp(suffix=".csv")
    # ok: temporary-by-name
    open("/srv/ledger.csv")
