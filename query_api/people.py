"""`GET /users`: who there is, for administrators; *query* -> HTTP.

Users are tables of the command API, and no events. It alone writes them; here they are read through the view
`store.people`, which has no credentials, so that what is read has one place and what is written another.
"""

from __future__ import annotations

import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncEngine

from query_api.answers import Answer, answer, list_body
from query_api.cursors import Cursors
from query_api.links import link_header
from query_api.openapi import described
from query_api.ordering import SortKey
from query_api.pages import COUNT, CURSOR, LIMIT, Page, read_page, read_paging
from query_api.routing import readable
from query_api.snapshots import snapshot
from shared.auth.callers import Role
from shared.datasets.fields import Kind
from shared.http.problems import AnyRequest
from shared.selection.parameters import Parameter, Query, read_query

people = sa.table(
    "people",
    sa.column("name", sa.Text),
    sa.column("role", sa.Text),
    sa.column("scopes", sa.ARRAY(sa.Text)),
    sa.column("dataset_roles", sa.JSON),
    sa.column("disabled", sa.Boolean),
    sa.column("upload_bytes_per_day", sa.BigInteger),
    sa.column("created_at", sa.DateTime(timezone=True)),
    schema="store",
)

BY_NAME = (SortKey("name", people.c.name, Kind.TEXT),)
ROLE = Parameter(name="role", kind=Kind.CHOICE, description="Only with this role.", choices=tuple(Role))
PARAMETERS = {one.name: one for one in (ROLE, LIMIT, CURSOR, COUNT)}


class People:
    """Reads users."""

    def __init__(self, engine: AsyncEngine, cursors: Cursors) -> None:
        self._engine = engine
        self._cursors = cursors

    async def page(self, query: Query) -> Page:
        """One page of all users, by name; raises BadParameter."""
        wanted = sa.select(people)
        if query.has("role"):
            wanted = wanted.where(people.c.role == query.one("role"))
        paging = read_paging(query, self._cursors)
        async with snapshot(self._engine) as connection:
            return await read_page(connection, query, wanted, BY_NAME, paging)


def people_routes(reader: People) -> list[HTTPRouteHandler]:
    """The list."""

    async def read_list(request: AnyRequest) -> Answer:
        page = await reader.page(read_query(request.scope["path"], request.scope["query_string"], PARAMETERS))
        return answer(list_body(page, [dict(row) for row in page.rows]), headers=link_header(page))

    listing = described("people", "Users, by name", tuple(PARAMETERS.values()))
    return [readable("/users", read_list, listing)]
