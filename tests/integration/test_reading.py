"""Pages, links and exports as a caller behind the gateway has them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time

import asyncpg
import httpx

from cli.stack import Stack
from tests.alone import as_superuser
from tests.files import debt, debts
from tests.steps import PLAIN_HTTP, Api, bearer


def test_links_and_files_work_through_the_gateway(api: Api, source: str) -> None:
    names = [f"=Name {number:02}" for number in range(23)]
    api.upload("debts", debts(*(debt(name=name) for name in names)), source=source)
    answer = api.http.get("/debts", params={"source": source, "sort": "name", "limit": 5, "fields": "name"})
    found: list[str] = []
    while True:
        found += [record["name"] for record in answer.json()["results"]]
        if "next" not in answer.links:
            break
        answer = api.http.get(answer.links["next"]["url"])
        assert answer.status_code == 200, answer.text
    assert found == names
    back = api.http.get(answer.links["prev"]["url"]).json()["results"]
    assert [record["name"] for record in back] == names[-8:-3]
    asked = {"source": source, "sort": "name", "fields": "name"}
    file = api.http.get("/debts", params=asked, headers={"Accept": "text/csv"})
    assert [row["name"] for row in csv.DictReader(io.StringIO(file.text))] == [f"'{name}" for name in names]
    lines = api.http.get("/debts", params={**asked, "format": "ndjson"}).text.splitlines()
    assert [json.loads(line)["name"] for line in lines] == names
    assert api.http.get("/debts", params={**asked, "format": "parquet"}).content[:4] == b"PAR1"
    summary = api.get("/debts/summary", source=source, group="status")
    assert summary["results"] == [{"status": "PROCESSED", "count": 23, "sums": {"debt_amount": "287.50"}}]


SESSIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'tablefold-exports' AND backend_type = 'client backend' AND state <> 'idle'
"""


async def test_a_caller_that_leaves_the_gateway_frees_the_export(api: Api, stack: Stack, source: str) -> None:
    rows = [debt(name="x" * 190, email=f"{'y' * 240}@example.com") for _ in range(30_000)]
    await asyncio.to_thread(api.upload, "debts", debts(*rows), source=source)
    connection = await asyncpg.connect(as_superuser(stack.postgres))
    async with httpx.AsyncClient(
        base_url=stack.url, headers=bearer(api.token), trust_env=False, verify=PLAIN_HTTP
    ) as client:
        async with client.stream("GET", "/debts", params={"format": "csv", "source": source}) as answer:
            assert answer.status_code == 200
            assert await connection.fetchval(SESSIONS) == 1
        left = time.monotonic()
        while await connection.fetchval(SESSIONS):
            assert time.monotonic() - left < 1
            await asyncio.sleep(0.02)
    await connection.close()
