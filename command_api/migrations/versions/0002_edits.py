"""Corrections, withdrawals, reviews and history; before the flow."""

from __future__ import annotations

from alembic import op

from command_api.migrations.statements import forget_read_tables, run_statements

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the statements of `0002_edits.sql`; read tables are folded anew, in their new shape."""
    forget_read_tables(op.get_bind())
    run_statements("0002_edits.sql")
