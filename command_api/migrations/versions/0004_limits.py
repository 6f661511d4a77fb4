"""How often somebody calls and how much he sends; before the flow."""

from __future__ import annotations

from command_api.migrations.statements import run_statements

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the statements of `0004_limits.sql`."""
    run_statements("0004_limits.sql")
