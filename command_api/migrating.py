"""Brings the database to the shape that this version needs; before the flow."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

FOLDER = Path(__file__).parent / "migrations"


def migrate(database_url: str) -> None:
    """Apply every migration that is missing, each in a transaction; does nothing where all are there."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["database_url"] = database_url
    command.upgrade(config, "head")
