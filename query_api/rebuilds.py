"""`GET /datasets/{name}/rebuilds`: what is folded again, and what came of it; read table -> *query* -> HTTP."""

from __future__ import annotations

from uuid import UUID

import msgspec
import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncEngine

from query_api.answers import Answer, answer
from query_api.openapi import described
from query_api.pages import LIMIT
from query_api.routing import readable
from query_api.snapshots import snapshot
from shared.datasets.catalogue import Catalogue
from shared.datasets.fields import Kind
from shared.errors import NotFound
from shared.http.problems import AnyRequest
from shared.http.schemas import value_schema
from shared.selection.parameters import read_query, short, unknown

Body = dict[str, object]

FOUND = """
    SELECT asked.id, asked.dataset, asked.purpose, asked.name, asked.until_position, asked.restores, asked.asked_by,
        asked.asked_at, asked.cancelled_by, asked.cancelled_at, taken.generation, taken.failure AS not_taken,
        made.rebuild_id = asked.id AS is_latest, made.state, made.replaced, made.head, made.rows, made.rows_expected,
        made.rows_per_s, made.events_per_s, made.left_s, made.began_at, made.moved_at, made.ended_at, made.retired_at,
        made.dropped_at, made.failure, CAST(made.compared AS text) AS compared, checkpoint.position
    FROM store.rebuilds AS asked
    LEFT JOIN read.rebuilds AS taken USING (id)
    LEFT JOIN read.generations AS made ON (made.dataset, made.generation) = (taken.dataset, taken.generation)
    LEFT JOIN read.checkpoints AS checkpoint
        ON (checkpoint.dataset, checkpoint.generation) = (made.dataset, made.generation)
"""
"""Every rebuild that was asked for, with what is known of it."""

OF_DATASET = f"{FOUND} WHERE asked.dataset = :dataset"
LIST = sa.text(f"{OF_DATASET} ORDER BY asked.asked_at DESC, asked.id LIMIT :limit")
ONE = sa.text(f"{OF_DATASET} AND asked.id = :id")

UNDER_WAY = ("waiting", "building")
TOLD = (
    *("id", "dataset", "purpose", "name", "until_position", "restores", "asked_by", "asked_at", "cancelled_by"),
    *("cancelled_at", "generation", "replaced", "position", "head", "rows", "rows_expected", "rows_per_s"),
    *("events_per_s", "left_s", "began_at", "moved_at", "ended_at", "retired_at", "dropped_at"),
)


def body_of(row: sa.RowMapping, *, whole: bool) -> Body:
    """A rebuild as it is answered; in lists of what was compared only whether it is equal."""
    own = f"/datasets/{row['dataset']}/rebuilds/{row['id']}"
    compared: Body | None = msgspec.json.decode(row["compared"]) if row["compared"] else None
    if compared is not None and not whole:
        compared = {name: compared[name] for name in ("position", "equal", "declaration_changed")}
    return {
        **{name: row[name] for name in TOLD},
        "state": _state(row),
        "compared": compared,
        "failure": row["not_taken"] or row["failure"],
        "links": {"self": own},
    }


def _state(row: sa.RowMapping) -> str:
    if row["generation"] is None:
        return "failed" if row["not_taken"] else "cancelled" if row["cancelled_at"] else "waiting"
    return str(row["state"] if row["is_latest"] else "superseded")


def rebuild_routes(engine: AsyncEngine, catalogue: Catalogue) -> list[HTTPRouteHandler]:
    """The list of a dataset, newest first, and each of them."""

    def dataset_of(request: AnyRequest) -> str:
        name: str = request.path_params["name"]
        if name not in catalogue:
            raise NotFound(str(unknown("dataset", name, tuple(catalogue), "")))
        return name

    async def read_list(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], {LIMIT.name: LIMIT})
        values = {"dataset": dataset_of(request), "limit": query.integer("limit")}
        async with snapshot(engine) as connection:
            rows = (await connection.execute(LIST, values)).mappings().all()
        return answer({"results": [body_of(row, whole=False) for row in rows]})

    async def read_one(request: AnyRequest) -> Answer:
        read_query(request.scope["path"], request.scope["query_string"], {})
        dataset, text = dataset_of(request), request.path_params["id"]
        async with snapshot(engine) as connection:
            found = await connection.execute(ONE, {"dataset": dataset, "id": _id(text)})
            row = found.mappings().one_or_none()
        if row is None:
            raise NotFound(f"There is no rebuild {short(text)} of {dataset}; the list has them all.")
        body = body_of(row, whole=True)
        return answer(body, headers={"Retry-After": "1"} if body["state"] in UNDER_WAY else {})

    name = {"name": ("The dataset.", value_schema(Kind.CHOICE, tuple(catalogue)))}
    listing = described("datasets", "Rebuilds of a dataset, newest first", (LIMIT,), name)
    single = described(
        "datasets", "One rebuild", path={**name, "id": ("The id of the rebuild.", value_schema(Kind.UUID))}
    )
    return [
        readable("/datasets/{name:str}/rebuilds", read_list, listing),
        readable("/datasets/{name:str}/rebuilds/{id:str}", read_one, single),
    ]


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"{short(text)} is no rebuild: its id is a UUID.") from None
