"""${message}."""

from __future__ import annotations

from alembic import op

from mintmark.evidence.store.schema import run_sql

revision = "${up_revision}"
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(op.get_bind(), "${up_revision}_….sql")


def downgrade() -> None:
    raise NotImplementedError("a log is never taken back: write a new migration")
