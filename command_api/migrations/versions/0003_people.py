"""Users, credentials, sessions, API keys and the audit; before the flow."""

from __future__ import annotations

from command_api.migrations.statements import run_statements

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the statements of `0003_people.sql`."""
    run_statements("0003_people.sql")
