"""`python -m query_api` serves the query API."""

from __future__ import annotations

import os
import sys

from litestar import Litestar

from query_api.app import make_app
from shared.datasets.catalogue import Catalogue, load_catalogue
from shared.errors import TablefoldError
from shared.http.redeclaring import Redeclaring
from shared.http.serving import serve
from shared.settings import read_settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = read_settings(os.environ, "blobs_url")
    own = load_catalogue(settings.datasets_folder)

    def make(catalogue: Catalogue) -> Litestar:
        return make_app(settings, catalogue, own)

    app = Redeclaring(make, own, settings.reads_from, "tablefold-query-api")
    serve(app, settings.listen, app.end_streams)


try:
    main()
except TablefoldError as refused:
    sys.exit(f"tablefold: {refused}")
