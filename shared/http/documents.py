"""The OpenAPI document of a service: what Litestar derives, completed by what the service tells; *HTTP*.

A route of which nothing is told keeps its service from starting, as one without a role does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from litestar import Litestar, Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from shared.auth.callers import Role
from shared.datasets.catalogue import Catalogue
from shared.errors import BadSettings
from shared.http.described import all_headers, answered, carried, parameter, portable, refused, request_body
from shared.http.guard import Guard
from shared.http.routes import Route, is_always_open, names_of, routes_of
from shared.http.told import EVERYWHERE, GUARDED, JSON, LIMITED, REQUEST_HEADERS, Told, ToldTable
from shared.shares import Limit

Json = dict[str, Any]

VERSION: Final = "0.1.0"
METHODS: Final = ("get", "head", "post", "put", "patch", "delete")
BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token from `POST /tokens`, or a key from `POST /keys`; `Token` does as well as `Bearer`.",
}
SAYS: Final = """{says}

**Who asks.** `Authorization: Bearer` with a token or a key. Each operation names the role that it takes (`x-role`):
none, viewer, editor, publisher, administrator, each of which may do what the ones before it may.

**Limits.** Each operation names its own (`x-rate-limit`); all calls count for their address as well. `RateLimit` and
`RateLimit-Policy` tell what is left, a 429 when to ask again. Bounds of parameters and bodies are in their schemas.

**Problems.** Whatever goes wrong is `application/problem+json` (RFC 9457) whose `type` is `/problems/` and a code; each
operation lists its own. What the gateway answers itself (413, 502, 503, 504) has the type `about:blank`.

**Positions.** A `Position` such as `debts:57` says how far the log is folded in an answer; `Read-After` asks for more.
"""


class Documents(JsonRenderPlugin):
    """Serves the document of one application under `path`, made when it is first asked for."""

    def __init__(self, title: str, path: str, says: str, told: ToldTable) -> None:
        super().__init__()
        self.config = OpenAPIConfig(title=title, version=VERSION, path=path, render_plugins=[self])
        self._says = SAYS.format(says=says)
        self._told = told
        self._of: dict[Route, Told] = {}
        self.catalogue: Catalogue = {}
        self._guard: Guard | None = None
        self._made: bytes | None = None

    def covering(self, app: Litestar, catalogue: Catalogue, guard: Guard) -> Litestar:
        """The same app, once something is told of every route of it; raises BadSettings that names one without.

        The guard covers the app already.
        """
        self.catalogue, self._guard = catalogue, guard
        for route in routes_of(app):
            if not is_always_open(route):
                self._find(route)
        return app

    def render(self, request: Request[Any, Any, Any], openapi_schema: Json) -> bytes:
        """The complete document as JSON."""
        del request
        if self._made is None:
            self._made = msgspec.json.encode(self.complete(openapi_schema))
        return self._made

    def document(self, app: Litestar) -> Json:
        """The complete document of an application as plain data."""
        return self.complete(app.openapi_schema.to_schema())

    def complete(self, derived: Json) -> Json:
        """What Litestar derived, with all that is told; raises RuntimeError before an app is covered."""
        if self._guard is None:
            raise RuntimeError("The document is that of an app: call covering first.")
        filling = Filling(self._guard, [*self._told.values()])
        for path, operations in derived["paths"].items():
            for method, operation in operations.items():
                if method in METHODS:
                    route = (method.upper(), path)
                    filling.fill(operation, route, self._find(route))
        components = {
            "schemas": filling.schemas,
            "responses": filling.responses,
            "headers": all_headers(),
            "securitySchemes": {"bearer": BEARER},
        }
        info = {**derived["info"], "description": self._says}
        return {**derived, "info": info, "components": components, "servers": [{"url": "/"}]}

    def _find(self, route: Route) -> Told:
        _, path = route
        names = names_of(route, self.catalogue)
        found = next((self._told[name] for name in names if name in self._told), None)
        if found is None:
            says = f"Nothing is told of the route `{names[1]}`: add it to the table in documented.py of its service."
            raise BadSettings(f"{says} ({path})")
        return found


class Filling:
    """Completes operations, and collects what they refer to: the schemas of told shapes, and answers of problems."""

    def __init__(self, guard: Guard, told: Sequence[Told]) -> None:
        self._guard = guard
        shapes = [one.body for one in told] + [answer.shape for one in told for answer in one.answers.values()]
        known = list({id(one): one for one in shapes if one is not None}.values())
        made, schemas = msgspec.json.schema_components(known, ref_template="#/components/schemas/{name}")
        made, self.schemas = portable(made), portable(schemas)
        self._references = {id(one): schema for one, schema in zip(known, made, strict=True)}
        self.responses: Json = {}

    def fill(self, operation: Json, route: Route, told: Told) -> None:
        """Complete one operation."""
        role, limit = self._guard.role_of(route), self._guard.limit_of(route)
        operation["summary"] = told.summary or operation["summary"]
        operation["description"] = f"{told.says}\n\n{_said_of(role, limit)}"
        operation.pop("deprecated", None)
        if told.tag:
            operation["tags"] = [told.tag]
        operation["security"] = [] if role is None else [{"bearer": []}]
        operation["x-role"] = "anybody" if role is None else str(role)
        if limit is not None:
            operation["x-rate-limit"] = {"policy": limit[0], "calls": limit[1].calls, "window_s": limit[1].window_s}
        self._fill_request(operation, told)
        codes = [*told.problems, *EVERYWHERE, *(GUARDED if role is not None else ()), *(LIMITED if limit else ())]
        has_body = route[0] != "HEAD"
        operation["responses"] = {
            **self._answers(operation.get("responses", {}), told, limited=limit is not None, has_body=has_body),
            **refused(codes, self.responses, has_body=has_body),
        }

    def _fill_request(self, operation: Json, told: Told) -> None:
        read = [{"name": name, "in": "header", **REQUEST_HEADERS[name]} for name in told.reads]
        own = [{**one, **told.path.get(one["name"], {})} for one in operation.get("parameters", ())]
        operation["parameters"] = [parameter(one, self.schemas) for one in (*own, *read)]
        if told.body is not None:
            schema = self._references[id(told.body)]
            operation["requestBody"] = request_body(schema, required=not told.body_may_be_missing)
        if "requestBody" in operation:
            self._name(operation["requestBody"], operation["operationId"])
            operation["requestBody"] = carried(operation["requestBody"], self.schemas)

    def _name(self, body: Json, operation_id: str) -> None:
        """Give the one schema of a body that may have several JSON types a name: generated clients have it once."""
        medias = [media for name, media in body["content"].items() if name.endswith("json")]
        if len(medias) > 1:
            name = f"{operation_id.title().replace('-', '')}Body"
            self.schemas[name] = medias[0]["schema"]
            for media in medias:
                media["schema"] = {"$ref": f"#/components/schemas/{name}"}

    def _answers(self, derived: Json, told: Told, *, limited: bool, has_body: bool) -> Json:
        found: Json = {}
        for status, answer in told.answers.items():
            own = derived.get(str(status), {}).get("content", {}).get(JSON, {}).get("schema", {})
            schema = self._references[id(answer.shape)] if answer.shape is not None else own
            made = answered(answer, schema if has_body else None, self.schemas, limited=limited)
            found[str(status)] = made
        return found


def _said_of(role: Role | None, limit: tuple[str, Limit] | None) -> str:
    """What the role and the limit of a route are, in words."""
    who = "Anybody may." if role is None else "Takes a token or a key of anybody." if role is Role.NONE else ""
    said = [who or f"Takes the role `{role}`."]
    if limit is not None:
        name, one = limit
        whose = "with all other calls of the same user" if name == "user" else "of the same user"
        said.append(f"At most {one.calls:,} calls in {one.window_s} s, {whose}.")
    return " ".join(said)
