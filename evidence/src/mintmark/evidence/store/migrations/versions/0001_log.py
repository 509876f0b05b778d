"""The log, its payloads and its projection."""

from __future__ import annotations

from alembic import op

from mintmark.evidence.store.schema import run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(op.get_bind(), "0001_log.sql")


def downgrade() -> None:
    raise NotImplementedError("a log is never taken back: write a new migration")
