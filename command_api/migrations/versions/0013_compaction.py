"""The books of compaction; before the flow."""

from __future__ import annotations

from command_api.migrations.statements import run_statements

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run the statements of `0013_compaction.sql`."""
    run_statements("0013_compaction.sql")
