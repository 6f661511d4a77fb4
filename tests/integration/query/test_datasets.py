"""`GET /health`, `GET /datasets`, `GET /datasets/{name}` and the OpenAPI document."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.query.books import Books


async def test_health_counts_the_projectors_seen_within_15_seconds(client: httpx.AsyncClient, books: Books) -> None:
    for name, age_s in (("a", 0), ("b", 10), ("c", 20)):
        await books.execute(
            "INSERT INTO read.projectors (name, seen_at) VALUES (:name, now() - make_interval(secs => :age_s))",
            name=name,
            age_s=age_s,
        )
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "projectors": 2})
    assert answer.headers["cache-control"] == "no-store"


async def test_datasets_are_listed_with_what_is_served(client: httpx.AsyncClient, books: Books) -> None:
    await books.serve("debts", generation=3, position=12)
    results = (await client.get("/datasets")).json()["results"]
    served = {one["name"]: (one["generation"], one["position"]) for one in results}
    others = ("accounts", "clients", "deals", "players", "sales", "teams", "transactions")
    assert served == {"debts": (3, 12), **dict.fromkeys(others, (None, 0))}


async def test_a_dataset_shows_its_declaration(client: httpx.AsyncClient) -> None:
    body = (await client.get("/datasets/accounts")).json()
    assert (body["key"], body["members"]["name"]) == ("client_reference_no", "consumers")
    fields = {one["name"]: one for one in body["fields"] + body["members"]["fields"]}
    assert fields["balance"] == {"name": "balance", "kind": "decimal", "required": True, "indexed": True}
    assert fields["status"]["choices"] == ["INACTIVE", "PAID_IN_FULL", "IN_COLLECTION"]
    assert fields["name"]["labels"] == ["consumer name"]
    assert {"consumer_name", "min_balance", "sort", "cursor"} <= {one["name"] for one in body["parameters"]}
    assert body["links"] == {"self": "/datasets/accounts", "records": "/accounts"}


async def test_an_unknown_dataset_is_404_with_the_nearest(client: httpx.AsyncClient) -> None:
    answer = await client.get("/datasets/debt")
    assert answer.status_code == 404
    assert "Did you mean debts?" in answer.json()["detail"]


@pytest.mark.parametrize("url", ["/health", "/datasets", "/datasets/debts"])
async def test_parameters_are_refused(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.get(f"{url}?x=1")
    assert (answer.status_code, answer.json()["parameter"]) == (400, "x")


async def test_openapi_has_every_route_and_the_parameters_of_each_dataset(client: httpx.AsyncClient) -> None:
    answer = await client.get("/schema/openapi.json")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    for name in ("accounts", "debts", "sales", "players"):
        declared = {one["name"] for one in (await client.get(f"/datasets/{name}")).json()["parameters"]}
        operation = paths[f"/{name}"]["get"]
        assert {one["name"] for one in operation["parameters"]} == declared
        body = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert {"source", "upload", "row"} < set(body["properties"]["results"]["items"]["required"])
    uploads = "/uploads/{upload_id}"
    assert {"/uploads", uploads, f"{uploads}/errors", f"{uploads}/errors.csv", f"{uploads}/file"} <= paths.keys()


async def test_openapi_names_each_operation_once(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/schema/openapi.json")).json()["paths"]
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(set(names)) == len(names)
