"""`Allow` in the answer to OPTIONS: every method of the path, whichever handlers they belong to; *HTTP*."""

from __future__ import annotations

from collections.abc import Iterable

from litestar.types import Scope

from shared.http.answer_starts import Change, Headers


def allowing(routes: Iterable[tuple[str, str]]) -> Change:
    """What tells them; `routes` are the methods and path templates of an app.

    Litestar makes the answer with the first handler of a path, and knows only the methods of that one.
    """
    methods: dict[str, list[str]] = {}
    for method, path in sorted(routes):
        methods.setdefault(path, ["OPTIONS"]).append(method)

    def corrected(scope: Scope, headers: Headers) -> Headers:
        if scope.get("method") != "OPTIONS":
            return headers
        known = methods.get(str(scope.get("path_template")), [])
        others = [pair for pair in headers if pair[0].lower() != b"allow"]
        if not known or len(others) == len(headers):
            return headers
        return [*others, (b"allow", ", ".join(sorted(known)).encode())]

    return corrected
