"""The event store and the books of the projectors; before the flow."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the statements of `0001_begin.sql`."""
    statements = (Path(__file__).parent.parent / "0001_begin.sql").read_text()
    for statement in statements.split(";\n"):
        if statement.strip():
            op.execute(statement)
