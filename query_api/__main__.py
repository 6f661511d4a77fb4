"""`python -m query_api` serves the query API."""

from __future__ import annotations

import os
import sys

from query_api.app import make_app
from shared.datasets.catalogue import load_catalogue
from shared.errors import TablefoldError
from shared.http.serving import serve
from shared.settings import read_settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = read_settings(os.environ, "blobs_url")
    serve(make_app(settings, load_catalogue(settings.datasets_folder)), settings.listen)


try:
    main()
except TablefoldError as refused:
    sys.exit(f"tablefold: {refused}")
