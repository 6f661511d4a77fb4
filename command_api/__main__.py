"""`python -m command_api` serves the command API; `migrate` prepares database and keys, `add-user` adds a user."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from pathlib import Path

from command_api.adding import add_first, add_user
from command_api.app import make_app
from command_api.migrating import migrate
from command_api.privileges import passwords_of
from shared.auth.keys import ensure_keys
from shared.datasets.catalogue import load_catalogue
from shared.errors import TablefoldError
from shared.http.redeclaring import Redeclaring
from shared.http.serving import serve
from shared.settings import Settings, read_settings


def main() -> None:
    """Do what the first argument says."""
    match sys.argv[1:]:
        case ["migrate"]:
            prepare(read_settings(os.environ))
        case ["add-user", name, role]:
            database_url = read_settings(os.environ).database_url
            asyncio.run(add_user(database_url, name, role, sys.stdin.readline().rstrip("\r\n")))
        case _:
            settings = read_settings(os.environ, "amqp_url", "blobs_url")
            own = load_catalogue(settings.datasets_folder)
            make = partial(make_app, settings)
            app = Redeclaring(make, own, settings.database_url, "tablefold-command-api")
            serve(app, settings.listen, app.end_streams)


def prepare(settings: Settings) -> None:
    """Bring the database up to date; make the first administrator, and the first pair of keys where there is none."""
    migrate(settings.database_url, passwords_of(settings))
    if settings.administrator:
        asyncio.run(add_first(settings.database_url, settings.administrator, settings.administrator_password))
    if settings.signing_keys_folder and settings.public_keys_folder:
        ensure_keys(Path(settings.signing_keys_folder), Path(settings.public_keys_folder))


try:
    main()
except TablefoldError as refused:
    sys.exit(f"tablefold: {refused}")
