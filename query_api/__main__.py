"""`python -m query_api` serves the query API."""

from __future__ import annotations

import os

from query_api.app import make_app
from shared.datasets.catalogue import load_catalogue
from shared.http.serving import serve
from shared.settings import read_settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = read_settings(os.environ)
    serve(make_app(settings, load_catalogue(settings.datasets_folder)), settings.listen)


main()
