"""`POST /{dataset}`, `PUT`, `PATCH` and `DELETE /{dataset}/{key}`: *HTTP -> command* -> event, and its outcome.

Bodies are checked by the declaration alone. Whether the record is there, and in which version, the fold decides.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import NoReturn
from urllib.parse import quote

from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Operation

from command_api.answering import Answer, Said
from command_api.commanding import Commands
from command_api.describing import Descriptions
from command_api.json_bodies import BODY_BYTES, JSON, MERGE_PATCH, read_json
from command_api.preconditions import HEADER as IF_MATCH
from command_api.preconditions import expected_versions
from command_api.record_bodies import RecordCheck
from shared.datasets.declaration import Dataset
from shared.errors import NotFound
from shared.events import RecordAdded, RecordCorrected, RecordRemoved
from shared.http.lean_routes import LeanRoute
from shared.http.problems import AnyRequest
from shared.selection.parameters import read_query, short

Handler = Callable[[AnyRequest], Awaitable[Answer]]


class Records:
    """Adds, corrects and removes records of one dataset that has a key."""

    def __init__(self, dataset: Dataset, commands: Commands) -> None:
        self._name = dataset.name
        self._key = dataset.key
        self._commands = commands
        self._check = RecordCheck(dataset)
        noun = noun_of(dataset)
        self._not_found = f"{noun} not found"
        exists = f"{noun} with this {dataset.key} exists already. Change it by PUT, or take another {dataset.key}."
        self._created = Said(applied=f"{noun} created successfully", exists=exists, status=201)
        self._updated = Said(applied=f"{noun} updated successfully", not_found=self._not_found)
        self._deleted = Said(applied=f"{noun} deleted successfully", not_found=self._not_found)

    async def add(self, request: AnyRequest) -> Answer:
        """A record that no file brought: 201, or 409 where its key is taken."""
        body = await _body(request)
        key, values = self._check.whole(read_json(request, body, JSON))
        event = RecordAdded(key=key, values=values)
        location = f"/{self._name}/{quote(key, safe='')}"
        return await self._commands.run(request, self._name, event, self._created, asked=(body,), location=location)

    async def replace(self, request: AnyRequest) -> Answer:
        """The fields given replace the record's, the others stay."""
        return await self._correct(request, JSON)

    async def patch(self, request: AnyRequest) -> Answer:
        """The same, as a merge patch: null takes a value away, a list is replaced as a whole."""
        return await self._correct(request, MERGE_PATCH)

    async def remove(self, request: AnyRequest) -> Answer:
        """The record is no more; its versions stay in the history."""
        await _body(request)
        key, expected = self._path_key(request), expected_versions(request)
        event = RecordRemoved(key=key, expected=expected)
        return await self._commands.run(request, self._name, event, self._deleted, asked=_preconditions(request))

    async def _correct(self, request: AnyRequest, media_types: tuple[str, ...]) -> Answer:
        body = await _body(request)
        key, expected = self._path_key(request), expected_versions(request)
        changes = self._check.changes(read_json(request, body, media_types), key)
        event = RecordCorrected(key=key, changes=changes, expected=expected)
        asked: tuple[str | bytes, ...] = (body, *_preconditions(request))
        return await self._commands.run(request, self._name, event, self._updated, asked=asked)

    def _path_key(self, request: AnyRequest) -> str:
        text = request.path_params["key"]
        key = self._check.key(text)
        return key if key is not None else self._no_key(text)

    def _no_key(self, text: str) -> NoReturn:
        raise NotFound(f"{self._not_found}: {short(text)} can be no {self._key}.")


def noun_of(dataset: Dataset) -> str:
    """What one record is called, after the class that declares it: `SalesOrder` is a sales order."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f" {found[1].lower()}", dataset.record.__name__)


async def _body(request: AnyRequest) -> bytes:
    """The whole body of a request that has no parameters; raises BadParameter."""
    if request.scope["query_string"]:
        read_query(request.scope["path"], request.scope["query_string"], {})
    return await request.body()


def _preconditions(request: AnyRequest) -> tuple[str, ...]:
    return tuple(request.headers.getall(IF_MATCH, []))


def record_routes(dataset: Dataset, commands: Commands) -> list[HTTPRouteHandler]:
    """The routes that write single records of a dataset; none where it has no key."""
    if dataset.key is None:
        return []
    records, said = Records(dataset, commands), Descriptions(dataset)
    one = f"/{dataset.name}/{{key:str}}"
    return [
        _route(HttpMethod.POST, f"/{dataset.name}", records.add, said.add),
        _route(HttpMethod.PUT, one, records.replace, said.replace),
        _route(HttpMethod.PATCH, one, records.patch, said.patch),
        _route(HttpMethod.DELETE, one, records.remove, said.remove),
    ]


def _route(method: HttpMethod, path: str, handler: Handler, operation: type[Operation]) -> HTTPRouteHandler:
    async def handle(request: AnyRequest) -> Answer:
        return await handler(request)

    name = path.strip("/").replace("/{key:str}", "-key")
    route = LeanRoute(
        path,
        http_method=method,
        operation_class=operation,
        operation_id=f"{method.value.lower()}-{name}",
        request_max_body_size=BODY_BYTES,
        status_code=200,
        before_request=handle,
    )
    return route(handle)
