"""Holds every answer that tests get against the OpenAPI documents: nothing is answered that is not told there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx
import jsonschema_rs
from litestar import Litestar

from shared.http.documents import Documents

Json = dict[str, Any]

QUERIES_DOCUMENT = "/schema/openapi.json"
COMMANDS_DOCUMENT = "/schema/commands/openapi.json"
READS = ("GET", "HEAD")
UNTOLD = re.compile(r"/(schema|docs|health)(/.*)?")
"""Paths that are in no document, or not in that of both services."""


class Document:
    """One document, its schemas made strict: what it does not name may not be there. Each is compiled once."""

    def __init__(self, document: Json) -> None:
        self._components: Json = strict(document["components"])
        self._operations: list[tuple[re.Pattern[str], Json]] = [
            (re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), operations)
            for path, operations in sorted(document["paths"].items(), key=lambda one: one[0].count("{"))
        ]
        self._validators: dict[tuple[int, str, str], jsonschema_rs.Validator] = {}

    def faults(self, response: httpx.Response) -> list[str]:
        """What of an answer the document does not tell."""
        request = response.request
        operation = self._operation(request.method, request.url.path.rstrip("/"))
        if operation is None:
            untold = response.status_code in (204, 404, 405)
            return [] if untold else ["an answer where the document has no operation"]
        told = operation["responses"].get(str(response.status_code))
        if told is None:
            return ["a status that is not told"]
        told = self._resolved(told)
        headers = {name: self._resolved(one) for name, one in told.get("headers", {}).items()}
        missing = [name for name, one in headers.items() if one["required"] and name not in response.headers]
        return [*(f"no header {name}" for name in missing), *self._faults_of_content(response, told)]

    def _faults_of_content(self, response: httpx.Response, told: Json) -> list[str]:
        content = told.get("content")
        if content is None:
            is_empty = response.request.method == "HEAD" or response.headers.get("content-length", "0") == "0"
            return [] if is_empty else ["a body where none is told"]
        media_type = media_type_of(response)
        if media_type not in content:
            return [f"the media type {media_type!r}"]
        if not media_type.endswith("json") or media_type == "application/x-ndjson":
            return []
        key = (id(told), str(response.status_code), media_type)
        if key not in self._validators:
            schema = {**strict(content[media_type]["schema"]), "components": self._components}
            self._validators[key] = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        found = self._validators[key].iter_errors(response.json())
        return [f"{'/'.join(map(str, one.instance_path))}: {one.message[:500]}" for one in found]

    def _operation(self, method: str, path: str) -> Json | None:
        found = next((operations for matches, operations in self._operations if matches.fullmatch(path)), {})
        operation: Json | None = found.get(method.lower())
        return operation

    def _resolved(self, said: Json) -> Json:
        """What is meant, where only its name is said."""
        _, _, kind, name = said["$ref"].split("/") if "$ref" in said else ("", "", "", "")
        found: Json = self._components[kind][name] if kind else said
        return found


class Judge:
    """Both documents, or that of one service; raises AssertionError for an answer that breaks them."""

    def __init__(self, queries: Document | None, commands: Document | None) -> None:
        self._queries = queries
        self._commands = commands

    def faults(self, response: httpx.Response) -> list[str]:
        """What is wrong with one answer."""
        request = response.request
        document = self._queries if request.method in READS else self._commands
        if document is None or request.method == "OPTIONS" or UNTOLD.fullmatch(request.url.path):
            return []
        if is_of_gateway(response):
            return []
        return document.faults(response)

    def check(self, response: httpx.Response) -> None:
        """Fail the test whose answer is not told."""
        says = f"{response.request.method} {response.request.url} {response.status_code}"
        faults = self.faults(response)
        assert not faults, f"{says}: {faults}"


KNOWN: dict[object, Judge] = {}
"""By application (its title and the declarations that it serves) or by origin."""


def judge_of(app: Litestar) -> Judge | None:
    """What judges the answers of an application; those of one service and the same declarations have one judge."""
    config = app.openapi_config
    documents = next((one for one in (config.render_plugins if config else ()) if isinstance(one, Documents)), None)
    if documents is None:
        return None
    declared = tuple((name, one.fingerprint) for name, one in documents.catalogue.items())
    key = (documents.config.title, declared)
    if key not in KNOWN:
        document = Document(documents.document(app))
        is_queries = documents.config.path == "/schema"
        KNOWN[key] = Judge(document if is_queries else None, None if is_queries else document)
    return KNOWN[key]


def check_of_origin(response: httpx.Response) -> None:
    """Hold an answer of a running stack against its documents, which may have changed since they were read."""
    if is_json(response):
        response.read()
    origin = str(response.request.url.copy_with(raw_path=b"/"))
    judge = KNOWN.get(origin)
    if judge is not None and not judge.faults(response):
        return
    try:
        KNOWN[origin] = Judge(*(_read(origin, path) for path in (QUERIES_DOCUMENT, COMMANDS_DOCUMENT)))
    except httpx.HTTPError:
        return  # A part of it is away, which is what the test is about.
    KNOWN[origin].check(response)


def _read(origin: str, path: str) -> Document:
    answer = httpx.get(origin.rstrip("/") + path, trust_env=False, timeout=30).raise_for_status()
    return Document(answer.json())


def media_type_of(response: httpx.Response) -> str:
    """Without its parameters."""
    said: str = response.headers.get("content-type", "")
    return said.split(";")[0].strip()


def is_json(response: httpx.Response) -> bool:
    """Whether its body is one JSON text."""
    return re.fullmatch(r"application/(\w+\+)?json", media_type_of(response)) is not None


def is_of_gateway(response: httpx.Response) -> bool:
    """Whether nginx made it, because a service did not."""
    if response.status_code not in (413, 502, 503, 504) or not is_json(response):
        return False
    return response.request.method == "HEAD" or bool(response.json().get("type") == "about:blank")


def strict(schema: Any) -> Any:
    """The same schema or part of a document, in which an object has no member that is not named."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {name: one if name in ("example", "examples") else strict(one) for name, one in schema.items()}
    if isinstance(schema.get("properties"), Mapping) and "type" in schema and "additionalProperties" not in schema:
        found["additionalProperties"] = False
    return found
