"""The event store and the books of the projectors; before the flow."""

from __future__ import annotations

from command_api.migrations.statements import run_statements

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the statements of `0001_begin.sql`."""
    run_statements("0001_begin.sql")
