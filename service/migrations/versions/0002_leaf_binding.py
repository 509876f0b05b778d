"""The binding of the ledger to an evidence log."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy.util import await_only

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parent.parent / "sql" / "0002_leaf_binding.sql"


def upgrade() -> None:
    """Many statements at once, which prepared statements refuse: so through the driver's own connection."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("the migration has no connection")
    await_only(connection.execute(_SQL.read_text(encoding="utf-8")))


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back: write a new migration")
