"""`python -m cli.bench.bare FILE`: what answers with the same JSON over HTTP, and no more; beside the flow.

`/{name}` is as anybody would write it, with asyncpg's own pool and Litestar's own JSON; `/least/{name}` is the least
that can be done: the query API's own statements, which PostgreSQL answers in JSON.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from litestar import Litestar, Request, Response, get

from cli.bench.statements import Statement
from query_api.prepared import EACH_PLANNED, ONE_PLAN
from shared.http.serving import serve


@get("/{name:str}")
async def read(name: str, request: Request[Any, Any, Any]) -> dict[str, list[dict[str, Any]]]:
    """The rows of a statement."""
    one: Statement = request.app.state.statements[name]
    rows = await request.app.state.pool.fetch(one.sql, *one.bound(dict(request.query_params)))
    return {"results": [dict(row) for row in rows]}


@get("/least/{name:str}")
async def read_least(name: str, request: Request[Any, Any, Any]) -> Response[bytes]:
    """The rows of a statement, as PostgreSQL writes them."""
    one: Statement = request.app.state.statements[name]
    async with request.app.state.pools[one.plans].acquire() as connection:
        row = await connection.fetchrow(one.sql, *one.bound(dict(request.query_params)))
    return Response(b'{"results":[%b]}' % row["records"], media_type="application/json")


async def begin(app: Litestar) -> None:
    """Open pools; those of the least are spared the statement that resets a connection."""
    url = os.environ["TABLEFOLD_BENCH_DATABASE"]
    own: dict[str, Any] = {"min_size": 1, "reset": lambda _: asyncio.sleep(0), "max_cacheable_statement_size": 0}
    app.state.pool = await asyncpg.create_pool(url, max_cacheable_statement_size=0)
    app.state.pools = {
        plans: await asyncpg.create_pool(url, server_settings={"plan_cache_mode": plans}, **own)
        for plans in (ONE_PLAN, EACH_PLANNED)
    }


if __name__ == "__main__":
    application = Litestar([read, read_least], on_startup=[begin])
    application.state.statements = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=dict[str, Statement])
    serve(application, os.environ["TABLEFOLD_LISTEN"], lambda: None)
