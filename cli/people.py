"""`./tablefold user`: the first administrator, and whoever else is made without HTTP; beside the flow."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rich_click as click

from cli.servers.folder import ROOT, DataFolder
from cli.servers.ports import is_free
from cli.servers.servers import Servers
from cli.services import migrate
from cli.variables import for_migration
from command_api.adding import add_user
from shared.auth.callers import Role
from shared.errors import BadSettings


@click.group()
def user() -> None:
    """Make users without HTTP."""


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.VIEWER.value, show_default=True)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / ".data",
    help="Folder of the installation; with TABLEFOLD_DATABASE_URL that database is used instead.",
)
def add(name: str, role: str, data: Path) -> None:
    """Make a user, or give one another role and password. The password is read from standard input."""
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    with database_of(data) as url:
        asyncio.run(add_user(url, name, role, password))
    print(f"{name} is {role}. Log in with POST /tokens.")


@contextmanager
def database_of(data: Path) -> Iterator[str]:
    """The database of an installation that runs, or else of a PostgreSQL that is started for the time."""
    given = os.environ.get("TABLEFOLD_DATABASE_URL")
    if given:
        yield given
    elif running := _running(data):
        yield running
    else:
        if not data.exists():
            raise BadSettings(f"There is no installation in {data}: start it once with `./tablefold up`.")
        with Servers(data, with_rabbitmq=False) as servers:
            url = servers.database_url
            migrate(for_migration(servers.postgres))
            yield url


def _running(data: Path) -> str | None:
    """The URL of the PostgreSQL that runs on a data folder, if one does."""
    ports, secret = data / "ports.json", data / "secrets" / "postgres"
    if not (ports.exists() and secret.exists()):
        return None
    port: int | None = json.loads(ports.read_text()).get("postgres")
    if port is None or is_free(port):
        return None
    password = DataFolder(data).secret("postgres")
    return f"postgresql://tablefold:{password}@127.0.0.1:{port}/tablefold"
