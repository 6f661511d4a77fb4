"""`/datasets/{name}/rebuilds`: fold a log again, prove what is served, see it as it was; *HTTP -> command*.

What is asked for stands in `store.rebuilds`. It is no event: it changes nothing of what is true, and a replay of the
log must not repeat it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import msgspec
from litestar import delete, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Parameter

from command_api.answering import Answer, json_answer
from command_api.asking import Asked, Rebuilds
from command_api.describing import operation
from command_api.idempotency import read_claim
from shared.datasets.catalogue import Catalogue
from shared.datasets.fields import Kind
from shared.errors import BadParameter, NotFound
from shared.http.callers import caller_of
from shared.http.problems import AnyRequest
from shared.http.schemas import value_schema
from shared.selection.parameters import read_query, short, unknown

BODY_BYTES = 16 * 1024

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}\Z")]
Position = Annotated[int, msgspec.Meta(ge=0)]
Time = Annotated[datetime, msgspec.Meta(extra_json_schema={"format": "date-time"})]


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a body may ask for; `until` is a position (inclusive) or a time."""

    purpose: Literal["rebuild", "verify", "as-of"] = "rebuild"
    name: Name | None = None
    until: Position | Time | None = None
    accept_differences: bool = False


ID = Parameter(
    name="id", param_in="path", description="The id of the rebuild.", required=True, schema=value_schema(Kind.UUID)
)


def read_wish(body: bytes) -> Wish:
    """What a body asks for; raises msgspec's errors, or BadParameter for what does not fit together."""
    wish = msgspec.json.decode(body or b"{}", type=Wish, strict=True)
    if (wish.purpose == "as-of") != (wish.name is not None):
        raise BadParameter("name", "name: an as-of generation has a name, by which it is read; others have none.")
    if wish.purpose != "as-of" and wish.until is not None:
        raise BadParameter(
            "until", "until: only an as-of generation ends before the log does. Say its purpose and name."
        )
    if isinstance(wish.until, datetime) and wish.until.tzinfo is None:
        raise BadParameter("until", "until: say the time with its offset, as 2026-03-01T00:00:00Z.")
    return wish


def rebuild_routes(rebuilds: Rebuilds, catalogue: Catalogue) -> list[HTTPRouteHandler]:
    """To ask, to cancel, and to take back."""

    def dataset_of(request: AnyRequest) -> str:
        read_query(request.scope["path"], request.scope["query_string"], {})
        name: str = request.path_params["name"]
        if name not in catalogue:
            raise NotFound(str(unknown("dataset", name, tuple(catalogue), "")))
        return name

    named = value_schema(Kind.CHOICE, tuple(catalogue))
    name = Parameter(name="name", param_in="path", description="The dataset.", required=True, schema=named)
    ask = operation("datasets", "Fold the log of a dataset again, beside what is served", [name], None)
    cancel = operation("datasets", "Cancel a rebuild, or drop an as-of generation", [name, ID], None)
    restore = operation("datasets", "Serve again what a rebuild has replaced", [name, ID], None)

    @post(
        "/datasets/{name:str}/rebuilds",
        operation_id="ask-rebuild",
        status_code=202,
        request_max_body_size=BODY_BYTES,
        operation_class=ask,
    )
    async def ask_rebuild(request: AnyRequest) -> Answer:
        dataset, wish = dataset_of(request), read_wish(await request.body())
        actor = caller_of(request).name
        asked = Asked(
            id=_id(request, actor),
            dataset=dataset,
            purpose=wish.purpose,
            name=wish.name,
            accept_differences=wish.accept_differences,
            asked_by=actor,
        )
        return _accepted(await rebuilds.ask(asked, wish.until))

    @delete(
        "/datasets/{name:str}/rebuilds/{id:str}", operation_id="cancel-rebuild", status_code=200, operation_class=cancel
    )
    async def cancel_rebuild(request: AnyRequest) -> Answer:
        dataset, rebuild_id = dataset_of(request), _named(request)
        await rebuilds.cancel(dataset, rebuild_id, caller_of(request).name)
        return json_answer(200, {"message": "Rebuild cancelled", "id": rebuild_id}, {})

    @post(
        "/datasets/{name:str}/rebuilds/{id:str}/restore",
        operation_id="restore-rebuild",
        status_code=202,
        operation_class=restore,
    )
    async def restore_rebuild(request: AnyRequest) -> Answer:
        dataset, actor = dataset_of(request), caller_of(request).name
        asked = Asked(
            id=_id(request, actor), dataset=dataset, purpose="restore", restores=_named(request), asked_by=actor
        )
        return _accepted(await rebuilds.ask(asked, None))

    return [ask_rebuild, cancel_rebuild, restore_rebuild]


def _id(request: AnyRequest, actor: str) -> UUID:
    """The same for the same `Idempotency-Key`: asked twice, built once."""
    claim = read_claim(request, actor)
    return uuid4() if claim is None else uuid5(NAMESPACE_URL, claim)


def _named(request: AnyRequest) -> UUID:
    text: str = request.path_params["id"]
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"{short(text)} is no rebuild: its id is a UUID.") from None


def _accepted(asked: Asked) -> Answer:
    own = f"/datasets/{asked.dataset}/rebuilds/{asked.id}"
    body = {"message": "Asked for", "id": asked.id, "purpose": asked.purpose, "links": {"self": own}}
    return json_answer(202, body, {"Location": own, "Retry-After": "1"})
