"""How far logs go, and which uploads changed last; before the flow."""

from __future__ import annotations

from command_api.migrations.statements import run_statements

revision = "0007"
down_revision = "0004"


def upgrade() -> None:
    """Run the statements of `0007_live.sql`."""
    run_statements("0007_live.sql")
