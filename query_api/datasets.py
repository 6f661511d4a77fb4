"""`GET /health`, `GET /datasets` and `GET /datasets/{name}`: what is here; read table -> *query* -> HTTP."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from query_api.answers import Answer, answer
from query_api.compaction import read_compaction
from query_api.lag import KNOWN_FOR, LAG_COLUMNS, lag_of
from query_api.openapi import described
from query_api.parked import count_waiting
from query_api.records import Records
from query_api.routing import readable
from query_api.segments import read_segments, total
from query_api.snapshots import snapshot
from shared.books import checkpoints, datasets, projectors
from shared.datasets.catalogue import Catalogue
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Ge, Kind, When
from shared.errors import NotFound
from shared.http.problems import AnyRequest
from shared.http.schemas import value_schema
from shared.selection.parameters import Parameter, read_query, unknown
from shared.served import Served, read_served

Body = dict[str, object]

ALIVE = sa.select(sa.func.count()).where(projectors.c.seen_at > sa.func.now() - sa.literal(KNOWN_FOR, sa.Interval()))
"""How many projectors were seen not too long ago."""


STOPPED = (
    sa.select(checkpoints.c.stopped_at.label("at"), checkpoints.c.stopped_reason.label("reason"))
    .join(datasets, (datasets.c.dataset == checkpoints.c.dataset) & (datasets.c.generation == checkpoints.c.generation))
    .where(checkpoints.c.dataset == sa.bindparam("dataset"), checkpoints.c.stopped_at.is_not(None))
)
"""Why the lane of a dataset does not go on by itself."""


def field_body(field: Field) -> Body:
    """A field as it is declared; what is not said is left out."""
    said: Body = {
        "labels": field.labels,
        "choices": field.choices,
        "default": field.default,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "when": [bound_body(one) for one in field.when] or None,
        "length": field.length,
        "max_length": field.max_length,
        "case": field.case,
        "pattern": field.pattern.says if field.pattern else None,
        "refers": field.refers or None,
        "partition": msgspec.structs.asdict(field.partition) if field.partition else None,
    }
    marks = {"indexed": field.indexed, "searched": field.search, "sensitive": field.sensitive}
    found = {name: value for name, value in {**said, **marks}.items() if value not in (None, (), False)}
    return {"name": field.name, "kind": field.kind, "required": field.required, **found}


def bound_body(when: When) -> Body:
    """A bound that holds only where another field has a value."""
    name = "minimum" if isinstance(when.bound, Ge) else "maximum"
    return {"field": when.field, "value": when.value, name: when.bound.value}


COUNT = Parameter(
    name="count",
    kind=Kind.CHOICE,
    description="`estimated` asks PostgreSQL's statistics how many records large segments have; `exact` may be slow.",
    choices=("estimated", "exact"),
    default="estimated",
)
PARAMETERS = {COUNT.name: COUNT}


async def read_dataset(connection: AsyncConnection, records: Records, own: Dataset, *, exact: bool) -> Body:
    """A declaration with what is served of it: records, segments, how far it was folded, and how far behind that is.

    `stopped` says why that does not go on by itself, `parked` how many events wait.
    """
    dataset = records.dataset
    served = await read_served(connection, dataset)
    segments = await read_segments(connection, dataset, served, exact=exact)
    wanted = sa.select(*LAG_COLUMNS).where(
        checkpoints.c.dataset == dataset.name, checkpoints.c.generation == served.generation
    )
    lag = lag_of((await connection.execute(wanted)).one_or_none())
    stopped = (await connection.execute(STOPPED, {"dataset": dataset.name})).mappings().one_or_none()
    return {
        **dataset_body(records, served),
        "declaration": declaration_body(dataset, own),
        **msgspec.structs.asdict(lag),
        "stopped": dict(stopped) if stopped else None,
        "parked": await count_waiting(connection, dataset.name),
        "records": total(segments),
        "segments": segments,
        "compaction": await read_compaction(connection, dataset.name, served),
    }


def declaration_body(served: Dataset, own: Dataset) -> Body:
    """Whether what is served was made by another declaration than the one that this service has, until a rebuild."""
    changed = served.fingerprint != own.fingerprint
    return {"served": served.fingerprint, "own": own.fingerprint, "changed": changed}


def dataset_body(records: Records, served: Served) -> Body:
    """A declaration with its position."""
    dataset: Dataset = records.dataset
    members = dataset.members
    return {
        "name": dataset.name,
        "title": dataset.title,
        "key": dataset.key,
        "replaces": dataset.replaces,
        "fields": [field_body(field) for field in dataset.fields],
        "members": {"name": members.name, "fields": [field_body(field) for field in members.fields]}
        if members
        else None,
        "parameters": [
            {"name": one.name, "kind": one.kind, "description": one.description} for one in records.parameters.values()
        ],
        "generation": served.generation,
        "position": served.position,
        "links": {
            "self": f"/datasets/{dataset.name}",
            "records": f"/{dataset.name}",
            "rebuilds": f"/datasets/{dataset.name}/rebuilds",
        },
    }


def dataset_routes(all_records: dict[str, Records], engine: AsyncEngine, own: Catalogue) -> list[HTTPRouteHandler]:
    """Health and the catalogue; `own` are the declarations that the service was started with."""

    async def read_health(request: AnyRequest) -> Answer:
        read_query(request.scope["path"], request.scope["query_string"], {})
        async with snapshot(engine) as connection:
            alive = (await connection.execute(ALIVE)).scalar_one()
        return answer({"status": "ok", "projectors": alive}, headers={"Cache-Control": "no-store"})

    async def read_list(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], PARAMETERS)
        exact = query.one("count") == "exact"
        async with snapshot(engine) as connection:
            bodies = [
                await read_dataset(connection, records, own[name], exact=exact) for name, records in all_records.items()
            ]
        return answer({"results": bodies})

    async def read_one(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], PARAMETERS)
        exact = query.one("count") == "exact"
        name = request.path_params["name"]
        if name not in all_records:
            raise NotFound(str(unknown("dataset", name, tuple(all_records), "")))
        async with snapshot(engine) as connection:
            return answer(await read_dataset(connection, all_records[name], own[name], exact=exact))

    named = {"name": ("Its name.", value_schema(Kind.CHOICE, tuple(all_records)))}
    return [
        readable("/health", read_health, described("service", "Whether the service and its projectors live")),
        readable("/datasets", read_list, described("datasets", "All datasets", (COUNT,))),
        readable("/datasets/{name:str}", read_one, described("datasets", "One dataset", (COUNT,), named)),
    ]
