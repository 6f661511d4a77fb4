"""What the routes of an application are called in tables of roles and limits; *HTTP* -> command or query."""

from __future__ import annotations

from collections.abc import Container, Iterator

from litestar import Litestar

Route = tuple[str, str]
"""Method and path as Litestar knows it: `GET /debts/{key}`."""

ALWAYS_OPEN = ("/schema", "/docs", "/health")


def routes_of(app: Litestar) -> Iterator[Route]:
    """All routes but those for OPTIONS."""
    for route in app.routes:
        for method in getattr(route, "methods", ()):
            if method != "OPTIONS":
                yield method, route.path_format


def names_of(route: Route, datasets: Container[str]) -> tuple[str, str, str]:
    """What may stand for a route, the nearest first: itself, with `{dataset}` for each dataset, with `*` at its end.

    GET speaks for HEAD.
    """
    method, path = route
    said = "GET" if method == "HEAD" else method
    template = "/".join("{dataset}" if one in datasets else one for one in path.split("/"))
    return f"{said} {path}", f"{said} {template}", f"{said} {template.rpartition('/')[0]}/*"


def is_always_open(route: Route) -> bool:
    """Whether it is one of those that say nothing of anybody: health, OpenAPI and its page."""
    return route[1] in ALWAYS_OPEN or route[1].startswith(("/schema/", "/docs/"))
