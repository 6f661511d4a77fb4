"""`GET /docs`: both OpenAPI documents for people, with nothing from elsewhere; *query* -> HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from query_api.answers import Answer
from shared.errors import NotFound
from shared.http.problems import AnyRequest
from shared.selection.parameters import short

FOLDER: Final = Path(__file__).parent / "reference"
ASSETS: Final = {
    "page.css": "text/css",
    "swagger-ui.css": "text/css",
    "start.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Its own scripts, styles and requests, and nobody else's; no script or style stands in the page."""

KEPT: Final = {"Cache-Control": "public, max-age=3600"}


def docs_routes() -> list[HTTPRouteHandler]:
    """The page, open to everybody as the documents are, and what it is made of."""

    @get("/docs", include_in_schema=False)
    async def read_page() -> Answer:
        page = (FOLDER / "page.html").read_bytes()
        return Response(page, media_type="text/html", headers={**KEPT, "Content-Security-Policy": POLICY})

    @get("/docs/{name:str}", include_in_schema=False)
    async def read_asset(request: AnyRequest) -> Answer:
        name: str = request.path_params["name"]
        if name not in ASSETS:
            raise NotFound(f"There is nothing called {short(name)} here; the page is /docs.")
        return Response((FOLDER / name).read_bytes(), media_type=ASSETS[name], headers=KEPT)

    return [read_page, read_asset]
