"""`GET /{dataset}/summary`: counts and sums of a selection, whole and by a field; read table -> *query* -> HTTP."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from sqlalchemy.ext.asyncio import AsyncEngine

from query_api.answers import Answer
from query_api.as_of import AS_OF
from query_api.caching import Asked, Caching, Made
from query_api.moments import Moment
from query_api.openapi import described
from query_api.records import Records
from query_api.routing import readable
from query_api.snapshots import snapshot
from query_api.waiting import Waiter
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Kind
from shared.errors import BadSettings
from shared.http.problems import AnyRequest
from shared.http.schemas import array_schema, field_schema, object_schema, value_schema
from shared.selection.filters import filter_parameters, filters_of
from shared.selection.parameters import Parameter, Query, read_query
from shared.selection.values import write_value

Body = dict[str, object]

MAX_GROUPS = 1000
"""Most groups of one answer, those with the most records first."""

MEASURED = (Kind.DECIMAL, Kind.INTEGER)
GROUPED = (Kind.CHOICE, Kind.TEXT, Kind.INTEGER, Kind.DATE)


def measures_of(dataset: Dataset) -> tuple[Field, ...]:
    """The fields that are summed: numbers that are no key."""
    return tuple(field for field in dataset.fields if field.kind in MEASURED and field.name != dataset.key)


def summary_parameters(dataset: Dataset) -> dict[str, Parameter]:
    """The filters of the dataset, `group`, and `sums` where there are any.

    Raises BadSettings where a declaration uses these names.
    """
    groups = [
        one.name for one in dataset.fields if one.kind in GROUPED and one.name != dataset.key and not one.sensitive
    ]
    sums = tuple(field.name for field in measures_of(dataset))
    own = [
        Parameter(name="group", kind=Kind.CHOICE, description="The field to group by.", choices=tuple(groups)),
        AS_OF,
    ]
    if sums:
        says = "The fields to sum; all of them unless given."
        own.append(Parameter(name="sums", kind=Kind.TEXT, description=says, listed=sums))
    filters = filter_parameters(filters_of(dataset))
    if taken := filters.keys() & {one.name for one in own}:
        raise BadSettings(f"Dataset {dataset.name!r} has a filter {', '.join(taken)}, which summaries have; rename it.")
    return {**filters, **{one.name: one for one in own}}


class Summaries:
    """Counts and sums the records of one dataset; a summary that takes longer than a statement may is a 503."""

    def __init__(self, records: Records, engine: AsyncEngine) -> None:
        self.dataset = records.dataset
        self._records = records
        self._engine = engine
        self.parameters = summary_parameters(records.dataset)

    async def read(self, query: Query) -> tuple[Body, Moment]:
        """The whole selection and, with `group`, its groups. Raises BadParameter."""
        group = None if (given := query.one("group")) is None else str(given)
        wanted = query.listed("sums") if "sums" in self.parameters else None
        sums = [one for one in measures_of(self._records.dataset) if wanted is None or one.name in wanted]
        async with snapshot(self._engine) as connection:
            found = await self._records.select(connection, query)
            if found.served.generation is None:
                return _body(group, [], sums), found.moment
            statement = summed(found.table, group, sums).where(*found.conditions)
            rows = [tuple(row) for row in await connection.execute(statement)]
        return _body(group, rows, sums), found.moment


def summed(table: sa.FromClause, group: str | None, sums: Sequence[Field]) -> sa.Select[tuple[object, ...]]:
    """The total in the first row, which is no group; then the groups, one more than are answered."""
    measures = [sa.func.count(), *(sa.func.sum(table.c[field.name]) for field in sums)]
    if group is None:
        return sa.select(sa.literal(1), sa.null(), *measures).select_from(table)
    column = table.c[group]
    is_total = sa.func.grouping(column)
    return (
        sa.select(is_total, column, *measures)
        .group_by(sa.func.rollup(column))
        .order_by(is_total.desc(), sa.func.count().desc(), column)
        .limit(MAX_GROUPS + 2)
    )


def _body(group: str | None, rows: Sequence[Sequence[object]], sums: Sequence[Field]) -> Body:
    total = _measured(rows[0][2:], sums) if rows else {"count": 0, "sums": dict.fromkeys(field.name for field in sums)}
    if group is None:
        return {"total": total}
    groups: list[Body] = [{group: row[1], **_measured(row[2:], sums)} for row in rows[1 : MAX_GROUPS + 1]]
    return {"total": total, "group": group, "results": groups, "more": len(rows) > MAX_GROUPS + 1}


def _measured(values: Sequence[object], sums: Sequence[Field]) -> Body:
    """Sums are text, so that no digit is lost at any size; None where no record has a value."""
    count, *summed_up = values
    kept = {
        field.name: None if value is None else write_value(value) for field, value in zip(sums, summed_up, strict=True)
    }
    return {"count": count, "sums": kept}


def summary_schema(dataset: Dataset) -> Schema:
    """The total, and each group under the name of its field."""
    sums = {one.name: value_schema(Kind.DECIMAL, nullable=True) for one in measures_of(dataset)}
    measured = {
        "count": value_schema(Kind.INTEGER),
        "sums": Schema(type=OpenAPIType.OBJECT, properties=dict(sums)),
    }
    total = object_schema(dict(measured))
    grouped = summary_parameters(dataset)["group"].choices
    values = {name: field_schema(dataset.field(name)) for name in grouped}
    one = Schema(type=OpenAPIType.OBJECT, properties={**dict(values), **dict(measured)}, required=list(measured))
    groups = array_schema(one)
    properties = {
        "total": total,
        "group": value_schema(Kind.TEXT),
        "results": groups,
        "more": Schema(type=OpenAPIType.BOOLEAN, description=f"Whether there are more than {MAX_GROUPS} groups."),
    }
    return Schema(type=OpenAPIType.OBJECT, properties=dict(properties), required=["total"])


def summary_routes(reader: Summaries, waiter: Waiter, caching: Caching) -> list[HTTPRouteHandler]:
    """The summary of one dataset."""
    dataset = reader.dataset

    async def read_summary(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], reader.parameters)
        await waiter.wait(request)

        async def make() -> Made:
            body, moment = await reader.read(query)
            return Made(body, (moment,))

        return await caching.answer(request, Asked(query, (dataset,)), make)

    operation = described(
        dataset.name,
        f"Counts and sums of {dataset.title.lower()}",
        tuple(reader.parameters.values()),
        answers=summary_schema(dataset),
    )
    return [readable(f"/{dataset.name}/summary", read_summary, operation)]
