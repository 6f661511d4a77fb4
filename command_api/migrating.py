"""Brings the database to the shape that this version needs, and its roles to their privileges; before the flow."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from command_api.privileges import Passwords, grant

FOLDER = Path(__file__).parent / "migrations"
NONE: Passwords = {}


def migrate(database_url: str, passwords: Passwords = NONE) -> None:
    """Apply every migration that is missing, each in a transaction, then say what the roles of the services may do."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["database_url"] = database_url
    command.upgrade(config, "head")
    grant(database_url, passwords)
