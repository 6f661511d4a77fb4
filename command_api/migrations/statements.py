"""What migrations have in common; before the flow."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import Connection, text


def run_statements(file_name: str) -> None:
    """Run every statement of an SQL file of this folder."""
    for statement in (Path(__file__).parent / file_name).read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)


def forget_read_tables(connection: Connection) -> None:
    """Drop all generations and what the projectors noted of them: the log is folded again from its first event."""
    generations = connection.execute(text("SELECT dataset, generation FROM read.checkpoints")).all()
    for dataset, generation in generations:
        connection.execute(text(f'DROP SCHEMA IF EXISTS "{dataset}_{generation}" CASCADE'))
    connection.execute(text("TRUNCATE read.datasets, read.checkpoints, read.uploads, read.chunks"))
