"""`/parked/{dataset}/{position}`: what a person decides about an event that waits; *HTTP -> command -> event*."""

from __future__ import annotations

from litestar import delete, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

from command_api.answering import Answer, Said
from command_api.commanding import Commands
from command_api.describing import operation
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.errors import BadParameter, NotFound
from shared.events import ParkedDiscarded, ParkedRetried
from shared.http.problems import AnyRequest
from shared.selection.parameters import Parameter as Declared
from shared.selection.parameters import read_query, short

REASON_CHARACTERS = 500

REASON = Declared(
    name="reason",
    kind=Kind.TEXT,
    description=f"Why it will not be applied, at most {REASON_CHARACTERS} characters; it stays in the log.",
)

GONE = "Nothing waits at this position, or what it was about is gone: see GET /parked, and `state=retried` there."
RETRY = Said(applied="Applied", not_found=GONE, rejected="Its values are not good any more.")
DISCARD = Said(applied="Discarded", not_found=GONE)

POSITION = Parameter(
    name="position",
    param_in="path",
    description="The position of the event that waits.",
    required=True,
    schema=Schema(type=OpenAPIType.INTEGER, minimum=1),
)


def parked_routes(dataset: Dataset, commands: Commands) -> list[HTTPRouteHandler]:
    """To apply after all what waits in a dataset, or to discard it."""
    name = dataset.name
    path = f"/parked/{name}/{{position:str}}"
    why = Parameter(
        name=REASON.name,
        param_in="query",
        description=REASON.description,
        required=True,
        schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=REASON_CHARACTERS),
    )
    retrying = operation(name, "Apply an event that waits, as if it came now", [POSITION], None)
    discarding = operation(name, "Discard an event that waits", [POSITION, why], None)

    @post(f"{path}/retry", operation_id=f"retry-{name}", status_code=200, operation_class=retrying)
    async def retry_parked(request: AnyRequest) -> Answer:
        read_query(request.scope["path"], request.scope["query_string"], {})
        event = ParkedRetried(parked_position=_position(request))
        return await commands.run(request, name, event, RETRY)

    @delete(path, operation_id=f"discard-{name}", status_code=200, operation_class=discarding)
    async def discard_parked(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], {REASON.name: REASON})
        reason = str(query.one(REASON.name) or "").strip()
        if not 0 < len(reason) <= REASON_CHARACTERS:
            raise BadParameter(REASON.name, f"reason: say in 1 to {REASON_CHARACTERS} characters why it is discarded.")
        event = ParkedDiscarded(parked_position=_position(request), reason=reason)
        return await commands.run(request, name, event, DISCARD)

    return [retry_parked, discard_parked]


def _position(request: AnyRequest) -> int:
    text: str = request.path_params["position"]
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:19]) < 2**63:
        raise NotFound(f"{short(text)} is no position: GET /parked has those of what waits.")
    return int(text)
