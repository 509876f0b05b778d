"""The ledger and the payments that stand on it."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy.util import await_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    for name in ("0001_ledger.sql", "0001_payments.sql"):
        _run((_SQL / name).read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back: write a new migration")


def _run(script: str) -> None:
    """Many statements at once, which prepared statements refuse: so through the driver's own connection."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("the migration has no connection")
    await_only(connection.execute(script))
