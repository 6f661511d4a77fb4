"""`python -m command_api` serves the command API; `python -m command_api migrate` prepares the database."""

from __future__ import annotations

import os
import sys

from command_api.app import make_app
from command_api.migrating import migrate
from shared.datasets.catalogue import load_catalogue
from shared.http.serving import serve
from shared.settings import read_settings


def main() -> None:
    """Do what the first argument says."""
    settings = read_settings(os.environ)
    if sys.argv[1:] == ["migrate"]:
        migrate(settings.database_url)
        return
    serve(make_app(settings, load_catalogue(settings.datasets_folder)), settings.listen)


main()
