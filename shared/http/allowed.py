"""`Allow` in the answer to OPTIONS: every method of the path, whichever handlers they belong to; *HTTP*."""

from __future__ import annotations

from collections.abc import Iterable

from litestar.types import ASGIApp, Scope

from shared.http.answer_starts import Headers, with_changed_headers


def with_allow(app: ASGIApp, routes: Iterable[tuple[str, str]]) -> ASGIApp:
    """The same app; `routes` are its methods and path templates.

    Litestar makes the answer with the first handler of a path, and knows only the methods of that one.
    """
    methods: dict[str, list[str]] = {}
    for method, path in sorted(routes):
        methods.setdefault(path, ["OPTIONS"]).append(method)

    def corrected(scope: Scope, headers: Headers) -> Headers:
        known = methods.get(str(scope.get("path_template")), [])
        others = [pair for pair in headers if pair[0].lower() != b"allow"]
        if scope.get("method") != "OPTIONS" or not known or len(others) == len(headers):
            return headers
        return [*others, (b"allow", ", ".join(sorted(known)).encode())]

    return with_changed_headers(app, corrected)
