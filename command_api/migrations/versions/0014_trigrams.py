"""What reading takes: trigrams, for substrings; before the flow."""

from __future__ import annotations

from command_api.migrations.statements import run_statements

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the statements of `0014_trigrams.sql`."""
    run_statements("0014_trigrams.sql")
