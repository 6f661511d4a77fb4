"""Rebuilds and the generations that come of them; command -> *projection*."""

from __future__ import annotations

from command_api.migrations.statements import run_statements

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Run the statements of `0008_rebuilds.sql`."""
    run_statements("0008_rebuilds.sql")
