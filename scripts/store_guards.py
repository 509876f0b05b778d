"""Write down what guards a freshly migrated evidence store on PostgreSQL: `mintmark verify` compares with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mintmark.evidence.store import catalogue, postgresql

TARGET = Path(__file__).parents[1] / "evidence/src/mintmark/evidence/store/sql/postgresql/guards.json"


def main(url: str) -> None:
    """`url` is an empty database's, with a login that may create roles."""
    postgresql.migrate(url)
    with postgresql.engine(url, role=None).connect() as connection:
        found = catalogue.read(connection)
    TARGET.write_text("[\n" + ",\n".join(json.dumps(row) for row in found) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
