"""Who else sent the bytes of an upload, and what may be told of users; before the flow."""

from __future__ import annotations

from command_api.migrations.statements import run_statements

revision = "0010"
down_revision = "0008"


def upgrade() -> None:
    """Run the statements of `0010_senders.sql`."""
    run_statements("0010_senders.sql")
