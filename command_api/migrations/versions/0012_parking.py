"""Events that cannot be applied wait with their reason, loads count their attempts; before the flow."""

from __future__ import annotations

from command_api.migrations.statements import run_statements

revision = "0012"
down_revision = "0010"


def upgrade() -> None:
    """Run the statements of `0012_parking.sql`."""
    run_statements("0012_parking.sql")
