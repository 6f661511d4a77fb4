"""`GET /health`, `GET /datasets`, `GET /datasets/{name}` and the OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from tests.integration.query.books import Books
from tests.integration.query.samples import sale


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
    await books.create("debts", generation=3)
    await books.serve("debts", generation=3, position=12)
    results = (await client.get("/datasets")).json()["results"]
    served = {one["name"]: (one["generation"], one["position"]) for one in results}
    others = ("accounts", "clients", "deals", "players", "sales", "teams", "transactions")
    assert served == {"debts": (3, 12), **dict.fromkeys(others, (None, 0))}


async def test_a_dataset_says_how_many_records_its_segments_hold(client: httpx.AsyncClient, books: Books) -> None:
    await books.create("sales")
    await books.serve("sales", position=5)
    await books.insert("sales", [sale(number) for number in range(1, 8)])
    body = (await client.get("/datasets/sales")).json()
    seven = {"value": 7, "relation": "eq"}
    assert (body["records"], body["segments"], body["position"]) == (seven, [{"number": 0, "records": seven}], 5)
    assert datetime.fromisoformat(body["folded_at"]) <= datetime.now(UTC)
    nothing = (await client.get("/datasets/accounts")).json()
    assert (nothing["records"], nothing["segments"], nothing["folded_at"]) == ({"value": 0, "relation": "eq"}, [], None)


async def test_a_large_segment_is_estimated_unless_an_exact_count_is_asked_for(
    client: httpx.AsyncClient, books: Books
) -> None:
    await books.create("players")
    await books.serve("players")
    await books.execute(
        "INSERT INTO players_1.records (number, team, segment) "
        "SELECT i, repeat('x', 100), 0 FROM generate_series(1, 50000) AS i"
    )
    assert (await client.get("/datasets/players")).json()["records"] == {"value": 50_000, "relation": "eq"}
    await books.execute("ANALYZE players_1.segment_0")
    await books.execute("DELETE FROM players_1.records WHERE number = 1")
    (estimated,) = (await client.get("/datasets/players")).json()["segments"]
    assert estimated["records"] == {"value": 50_000, "relation": "estimate"}
    exact = (await client.get("/datasets/players?count=exact")).json()
    assert exact["records"] == {"value": 49_999, "relation": "eq"}


async def test_a_dataset_says_how_its_compaction_goes(client: httpx.AsyncClient, books: Books) -> None:
    await books.create("teams")
    await books.serve("teams")
    none = {"merges": 0, "segments_merged": 0, "last_at": None, "under_way": False, "to_be_dropped": 0}
    assert (await client.get("/datasets/teams")).json()["compaction"] == none
    at = "2026-03-01 10:00:00+00"
    for number, state, swapped_at, dropped_at in (
        (-1, "swapped", at, at),
        (-2, "swapped", at, None),
        (-3, "copying", None, None),
    ):
        await books.execute(
            "INSERT INTO read.merges (dataset, generation, number, sources, uploads, state, swapped_at, dropped_at) "
            "VALUES ('teams', 1, :number, '{1,2,3}', '{1,2,3}', :state, "
            "CAST(CAST(:swapped_at AS text) AS timestamptz), CAST(CAST(:dropped_at AS text) AS timestamptz))",
            number=number,
            state=state,
            swapped_at=swapped_at,
            dropped_at=dropped_at,
        )
    said = (await client.get("/datasets/teams")).json()["compaction"]
    assert datetime.fromisoformat(said.pop("last_at")) == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert said == {"merges": 2, "segments_merged": 6, "under_way": True, "to_be_dropped": 1}


async def test_a_dataset_shows_its_declaration(client: httpx.AsyncClient) -> None:
    body = (await client.get("/datasets/accounts")).json()
    assert (body["key"], body["members"]["name"]) == ("client_reference_no", "consumers")
    fields = {one["name"]: one for one in body["fields"] + body["members"]["fields"]}
    assert fields["balance"] == {"name": "balance", "kind": "decimal", "required": True, "indexed": True}
    assert fields["status"]["choices"] == ["INACTIVE", "PAID_IN_FULL", "IN_COLLECTION"]
    assert fields["name"]["labels"] == ["consumer name"]
    assert {"consumer_name", "min_balance", "sort", "cursor"} <= {one["name"] for one in body["parameters"]}
    links = {"self": "/datasets/accounts", "records": "/accounts", "rebuilds": "/datasets/accounts/rebuilds"}
    assert body["links"] == links
    assert body["declaration"]["changed"] is False


async def test_a_dataset_shows_the_rules_of_its_declaration(client: httpx.AsyncClient) -> None:
    bodies = {name: (await client.get(f"/datasets/{name}")).json() for name in ("transactions", "clients", "deals")}
    fields = {one["name"]: one for body in bodies.values() for one in body["fields"]}
    assert fields["amount"]["when"] == [{"field": "transaction_type", "value": "BUY", "minimum": 0}]
    assert (fields["currency"]["length"], fields["currency"]["case"]) == (3, "upper")
    assert fields["transaction_date"]["partition"] == {"years": 5, "since": 2010, "until": 2030}
    assert (fields["account_balance"]["minimum"], fields["account_balance"]["maximum"]) == (-(10**13) + 1, 10**13 - 1)
    refers = [one for one in bodies["transactions"]["fields"] if "refers" in one]
    assert [(one["name"], one["refers"]) for one in refers] == [("client_id", "clients")]
    assert [body["replaces"] for body in bodies.values()] == [False, False, True]


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
        assert {one["name"] for one in operation["parameters"] if one["in"] == "query"} == declared
        body = operation["responses"]["200"]["content"]["application/json"]["schema"]
        record = body["properties"]["results"]["items"]
        for shape in record.get("anyOf", [record]):  # A rejected row is another shape.
            assert {"source", "upload", "row"} < set(shape["properties"])
            assert "required" not in shape  # `fields` may leave any of them out.
        if f"/{name}/{{key}}" in paths:
            single = paths[f"/{name}/{{key}}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            assert all({"source", "upload", "row"} < set(one["required"]) for one in single.get("anyOf", [single]))
    uploads = "/uploads/{upload_id}"
    assert {"/uploads", uploads, f"{uploads}/errors", f"{uploads}/errors.csv", f"{uploads}/file"} <= paths.keys()


async def test_openapi_types_lists_files_and_problems(client: httpx.AsyncClient) -> None:
    document = (await client.get("/schema/openapi.json")).json()
    operation = document["paths"]["/debts"]["get"]
    parameters = {one["name"]: one for one in operation["parameters"]}
    for name, listed in (("fields", {"name", "upload"}), ("sort", {"name", "-name"})):
        assert (parameters[name]["style"], parameters[name]["explode"]) == ("form", False)
        assert listed <= set(parameters[name]["schema"]["items"]["enum"])
    files = {"text/csv", "application/x-ndjson", "application/vnd.apache.parquet"}
    assert files < operation["responses"]["200"]["content"].keys()
    name = operation["responses"]["400"]["$ref"].rpartition("/")[2]
    (problem,) = document["components"]["responses"][name]["content"].values()
    told = (await client.get("/debts?statuss=x")).json()
    assert told.keys() == problem["schema"]["properties"].keys()
    assert problem["example"].keys() == set(problem["schema"]["required"])
    assert told["type"] == problem["example"]["type"]


async def test_openapi_names_each_operation_once(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/schema/openapi.json")).json()["paths"]
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(set(names)) == len(names)


NOTED = """
    UPDATE read.checkpoints SET head = :head, head_seen_at = now() - make_interval(secs => :ago_s),
        waiting_since = now() - make_interval(secs => :waited_s)
    WHERE dataset = 'clients'
"""


async def test_a_dataset_says_how_far_it_is_behind_and_never_zero_where_nobody_knows(
    client: httpx.AsyncClient, books: Books
) -> None:
    async def lag() -> tuple[object, ...]:
        body = (await client.get("/datasets/clients")).json()
        (listed,) = (one for one in (await client.get("/datasets")).json()["results"] if one["name"] == "clients")
        names = ("position", "head", "lag_events")
        assert [listed[name] for name in names] == [body[name] for name in names]
        lag_s = body["lag_s"]
        return (*(body[name] for name in names), lag_s if lag_s is None else round(lag_s), bool(body["head_seen_at"]))

    assert await lag() == (0, None, None, None, False)
    await books.create("clients")
    await books.serve("clients", position=5)
    assert await lag() == (5, None, None, None, False)
    await books.execute(NOTED, head=8, ago_s=2, waited_s=100)
    assert await lag() == (5, 8, 3, 100, True)
    await books.fold("clients", 9)
    assert await lag() == (9, 8, 0, 0, True)
    await books.execute(NOTED, head=9, ago_s=20, waited_s=100)
    assert await lag() == (9, 9, None, None, True)
