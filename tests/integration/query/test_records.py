"""`GET /{dataset}`: what it selects, what it answers and what it refuses."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import httpx
import pytest

from shared.datasets.catalogue import Catalogue
from shared.datasets.fields import Kind
from shared.selection.filters import filters_of
from tests.integration.query.books import Books
from tests.integration.query.samples import account, consumer, debt, player, sale

pytestmark = pytest.mark.usefixtures("tables")

DAY = datetime(2024, 3, 1, tzinfo=UTC)

PLAYERS = [
    player(1, nick="Ann", team="x", league="Red", score=Decimal("1.005"), born=date(2000, 1, 1), seen=DAY),
    player(2, nick="100%", team="X", league="Blue", score=Decimal(2), born=date(2000, 1, 2)),
    player(3, nick="a_b", team="", league="Red", score=Decimal("-3.5"), seen=DAY.replace(hour=23, minute=59)),
    player(4, nick="Жук\\", born=date.max, seen=DAY.replace(day=2)),
    player(5),
]

ACCOUNTS = [
    account(1, [consumer("John Doe", "1 Main St\nTown", "111-22-3333"), consumer("Jane Johnson", ssn="222-22-2222")]),
    account(2, [consumer("Mary Major", "2 Main St")], status="IN_COLLECTION", balance=Decimal("100.23")),
    account(3, [consumer("JOHN 100%")], status="PAID_IN_FULL", balance=Decimal("1000.00")),
]


@pytest.fixture(scope="module")
async def tables(books: Books) -> dict[str, UUID]:
    for name in ("debts", "accounts", "sales", "players"):
        await books.create(name)
        await books.serve(name, position=7)
    uploads = {
        "first": await books.upload("debts", 1, source="acme"),
        "second": await books.upload("debts", 2),
        "elsewhere": await books.upload("sales", 1, source="acme"),
    }
    await books.insert("debts", [debt(1), debt(2, status="FAILED")], upload=1)
    await books.insert("debts", [debt(3, status="PENDING")], upload=2)
    await books.insert("debts", [debt(4)])
    await books.insert("accounts", ACCOUNTS)
    days = [date(2024, 1, 1), date(2024, 1, 31), date(2024, 2, 1)]
    await books.insert("sales", [sale(number, order_date=day) for number, day in enumerate(days, 1)])
    await books.insert("players", PLAYERS)
    return uploads


async def numbers(client: httpx.AsyncClient, url: str) -> list[int]:
    """The keys that a list answers, as the numbers of the samples."""
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["count"] == {"value": len(body["results"]), "relation": "eq"}
    keys = ("debt_id", "client_reference_no", "order_id", "number")
    found = [next(record[key] for key in keys if key in record) for record in body["results"]]
    return [UUID(key).int if isinstance(key, str) else key for key in found]


SELECTIONS = [
    ("/debts", [1, 2, 3, 4]),
    ("/debts?status=failed", [2]),
    ("/debts?status=FAILED&status=pending", [2, 3]),
    ("/debts?name=NAME 3", [3]),
    ("/debts?government_id=0003", [3]),
    ("/debts?government_id=3", []),
    ("/debts?email=debtor1@example.com", [1]),
    ("/debts?email=DEBTOR1@example.com", []),
    ("/debts?debt_id=00000000-0000-0000-0000-000000000002", [2]),
    ("/debts?debt_amount=2", [2]),
    ("/debts?debt_amount=2.001", []),
    ("/debts?min_debt_amount=2&max_debt_amount=3", [2, 3]),
    ("/debts?min_debt_amount=2.001", [3, 4]),
    ("/debts?max_debt_amount=2.999", [1, 2]),
    ("/debts?max_debt_amount=999999999999999999.99999999", [1, 2, 3, 4]),
    ("/debts?source=acme", [1, 2]),
    ("/debts?source=ACME", []),
    ("/debts?source=nobody", []),
    ("/debts?upload=00000000-0000-0000-0000-000000000000", []),
    ("/debts?status=processed&source=acme&max_debt_amount=1", [1]),
    ("/accounts?consumer_name=john", [1, 3]),
    ("/accounts?consumer_name=john doe", [1]),
    ("/accounts?consumer_name=100%25", [3]),
    ("/accounts?consumer_name=0_", []),
    ("/accounts?consumer_address=main", [1, 2]),
    ("/accounts?consumer_name=jane&consumer_address=main", []),
    ("/accounts?consumer_name=john&consumer_address=main", [1]),
    ("/accounts?ssn=222-22-2222", [1]),
    ("/accounts?ssn=222", []),
    ("/accounts?min_balance=100&max_balance=1000&status=in_collection", [2]),
    ("/accounts?min_balance=100.23&max_balance=100.23", [2]),
    ("/accounts?min_balance=100.24&status=paid_in_full&consumer_name=john", [3]),
    ("/sales?from=2024-01-01&to=2024-01-31", [1, 2]),
    ("/sales?from=2024-01-02", [2, 3]),
    ("/sales?order_date=2024-02-01", [3]),
    ("/players?nick=ann", [1]),
    ("/players?nick=%25", [2]),
    ("/players?nick=_", [3]),
    ("/players?nick=жук", [4]),
    ("/players?nick=%5C", [4]),
    ("/players?nick=", [1, 2, 3, 4]),
    ("/players?team=x", [1]),
    ("/players?team=", [3]),
    ("/players?league=red", [1, 3]),
    ("/players?score=1.005", [1]),
    ("/players?score=1.0051", []),
    ("/players?max_score=1.0049", [3]),
    ("/players?min_score=-3.50000", [1, 2, 3]),
    ("/players?born_to=2000-01-01", [1]),
    ("/players?born_to=9999-12-31", [1, 2, 4]),
    ("/players?seen=2024-03-01", [1, 3]),
    ("/players?seen=2024-03-01T00:00:00Z", [1]),
    ("/players?seen_to=2024-03-01", [1, 3]),
    ("/players?seen_to=2024-03-01T00:00:00Z", [1]),
    ("/players?seen_from=2024-03-02", [4]),
    ("/players?seen_from=2024-03-02T01:00:00%2B01:00", [4]),
    ("/players?seen_to=9999-12-31", [1, 3, 4]),
    ("/players?team_is_null=true", [4, 5]),
    ("/players?team_is_null=FALSE", [1, 2, 3]),
    ("/players?score_is_null=false&seen_is_null=true", [2]),
    ("/players?nick_is_null=true&nick=a", []),
    ("/accounts?consumer_address_is_null=true", [1, 3]),
    ("/accounts?consumer_address_is_null=true&consumer_name=john doe", []),
    ("/accounts?ssn_is_null=false", [1]),
    ("/players?sort=-score", [2, 1, 3, 4, 5]),
    ("/players?sort=score", [3, 1, 2, 4, 5]),
    ("/players?sort=-league,-number", [3, 1, 2, 5, 4]),
    ("/players?sort=-number", [5, 4, 3, 2, 1]),
    ("/debts/", [1, 2, 3, 4]),
]


@pytest.mark.parametrize(("url", "expected"), SELECTIONS)
async def test_a_selection_holds_exactly_what_its_filters_say(
    client: httpx.AsyncClient, url: str, expected: list[int]
) -> None:
    assert await numbers(client, url) == expected


async def test_an_upload_selects_the_records_that_it_brought(
    client: httpx.AsyncClient, tables: dict[str, UUID]
) -> None:
    assert await numbers(client, f"/debts?upload={tables['first']}") == [1, 2]
    assert await numbers(client, f"/debts?upload={tables['second']}&source=acme") == []
    assert await numbers(client, f"/debts?upload={tables['elsewhere']}") == []


SAMPLE = {
    Kind.TEXT: "x",
    Kind.INTEGER: "1",
    Kind.DECIMAL: "1.5",
    Kind.DATE: "2024-01-01",
    Kind.TIMESTAMP: "2024-01-01T00:00:00Z",
    Kind.UUID: "00000000-0000-0000-0000-000000000001",
}


@pytest.mark.parametrize("name", ["accounts", "debts", "sales", "players"])
async def test_every_declared_parameter_works(client: httpx.AsyncClient, catalogue: Catalogue, name: str) -> None:
    for one in filters_of(catalogue[name]).values():
        value = one.parameter.choices[0] if one.parameter.choices else SAMPLE[one.parameter.kind]
        answer = await client.get(f"/{name}", params={one.parameter.name: value})
        assert answer.status_code == 200, answer.text
    for field in catalogue[name].fields:
        for sign in ("", "-"):
            answer = await client.get(f"/{name}", params={"sort": sign + field.name})
            assert answer.status_code == 200, answer.text


async def test_a_record_has_its_fields_and_where_it_comes_from(
    client: httpx.AsyncClient, tables: dict[str, UUID]
) -> None:
    answer = await client.get("/debts?limit=1")
    assert answer.headers["position"] == "debts:7"
    assert answer.json()["results"] == [
        {
            "debt_id": "00000000-0000-0000-0000-000000000001",
            "name": "Name 1",
            "government_id": "0001",
            "email": "debtor1@example.com",
            "debt_amount": "1.00",
            "debt_due_date": "2024-01-02",
            "status": "PROCESSED",
            "version": 0,
            "source": "acme",
            "upload": str(tables["first"]),
            "row": 2,
        }
    ]


async def test_fields_chooses_what_is_answered_and_in_which_order(
    client: httpx.AsyncClient, tables: dict[str, UUID]
) -> None:
    (record,) = (await client.get("/debts?limit=1&fields=upload, name,row")).json()["results"]
    assert list(record.items()) == [("upload", str(tables["first"])), ("name", "Name 1"), ("row", 2)]
    following = (await client.get("/debts?limit=1&fields=status&sort=-name")).json()["next"]
    assert (await client.get(following)).json()["results"] == [{"status": "PENDING"}]
    (account,) = (await client.get("/accounts?fields=consumers&limit=1")).json()["results"]
    assert list(account) == ["consumers"]


@pytest.mark.parametrize(
    ("fields", "detail"), [("nam", "Did you mean name?"), ("", "There is no field"), ("name,name", "twice")]
)
async def test_fields_that_are_not_there_are_refused(client: httpx.AsyncClient, fields: str, detail: str) -> None:
    answer = await client.get(f"/debts?fields={fields}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, "fields")
    assert detail in answer.json()["detail"]


async def test_a_record_that_no_file_brought_says_so(client: httpx.AsyncClient) -> None:
    (record,) = (await client.get("/debts?debt_amount=4")).json()["results"]
    assert [record["source"], record["upload"], record["row"]] == [None, None, None]


async def test_an_account_appears_once_with_all_its_consumers(client: httpx.AsyncClient) -> None:
    (record,) = (await client.get("/accounts?consumer_name=jo&status=inactive")).json()["results"]
    assert record["consumers"] == ACCOUNTS[0]["consumers"]
    assert record["balance"] == "100.00"


async def test_values_are_written_by_their_kind(client: httpx.AsyncClient) -> None:
    (first, *_, last) = (await client.get("/players")).json()["results"]
    assert (first["score"], first["born"], first["seen"]) == ("1.005", "2000-01-01", "2024-03-01T00:00:00Z")
    assert (last["score"], last["born"], last["seen"], last["nick"]) == (None, None, None, None)


REFUSALS = [
    ("/debts?statu=FAILED", "statu", "Did you mean status?"),
    ("/debts?status=GONE", "status", "one of PENDING, PROCESSED, FAILED"),
    ("/debts?min_debt_amount=abc", "min_debt_amount", "'abc' is not a decimal number"),
    ("/debts?min_debt_amount=NaN", "min_debt_amount", "decimal"),
    ("/debts?min_debt_amount=1&min_debt_amount=2", "min_debt_amount", "given twice"),
    ("/debts?debt_due_date_to=2024-02-30", "debt_due_date_to", "a date, as"),
    ("/debts?debt_id=1", "debt_id", "a UUID"),
    ("/debts?upload=1", "upload", "a UUID"),
    ("/debts?name=%00", "name", "NUL"),
    ("/debts?name=%ff", "name", "UTF-8"),
    ("/debts?sort=nme", "sort", "Did you mean name?"),
    ("/debts?sort=", "sort", "no field to sort by ''"),
    ("/debts?sort=name,-name", "sort", "twice"),
    ("/debts?sort=upload", "sort", "no field"),
    ("/accounts?sort=consumers", "sort", "no field"),
    ("/debts?limit=0", "limit", "from 1 to 1000"),
    ("/debts?limit=1001", "limit", "from 1 to 1000"),
    ("/debts?limit=ten", "limit", "integer"),
    ("/debts?offset=-1", "offset", "from 0 to 10000"),
    ("/debts?offset=10001", "offset", "follow `next` with its cursor"),
    ("/debts?count=all", "count", "one of capped, exact, estimated, none"),
    ("/debts?cursor=abc", "cursor", "no cursor"),
    ("/debts?cursor=", "cursor", "no cursor"),
    ("/debts?cursor=abc&offset=5", "offset", "exclude each other"),
    ("/sales?units_sold=9999999999999999999", "units_sold", "18 digits"),
    ("/players?seen_from=0001-01-01T00:00:00%2B14:00", "seen_from", "a time"),
]


@pytest.mark.parametrize(("url", "parameter", "says"), REFUSALS)
async def test_a_refusal_names_the_parameter_and_the_remedy(
    client: httpx.AsyncClient, url: str, parameter: str, says: str
) -> None:
    answer = await client.get(url)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert (problem["type"], problem["parameter"]) == ("/problems/bad-parameter", parameter)
    assert says in problem["detail"]


NAUGHTY = [
    "' OR 1=1 --",
    "'; DROP TABLE debts_1.records; --",
    '"',
    "\\",
    "%",
    "_",
    "$1",
    ":name",
    "%s",
    "{}",
    "\u202e\u0000",
    "\ufeff",
    "💥",
    "\ud7ff",
    "e\u0301",
    "null",
    "undefined",
    "../../etc/passwd",
    "<script>",
    "x" * 20_000,
    "9" * 400,
    "-0",
    "1e999999",
    "infinity",
    "today",
    "epoch",
]


@pytest.mark.parametrize("name", ["accounts", "debts", "sales", "players"])
async def test_no_text_is_a_server_error(client: httpx.AsyncClient, catalogue: Catalogue, name: str) -> None:
    parameters = [*filters_of(catalogue[name]), "source", "upload", "sort", "limit", "offset", "cursor", "count", "zzz"]
    for parameter in parameters:
        for text in NAUGHTY:
            answer = await client.get(f"/{name}", params={parameter: text})
            assert answer.status_code in (200, 400), (parameter, text[:50], answer.text)
            if answer.status_code == 400:
                assert answer.json()["parameter"] == parameter
    assert (await client.get(f"/{name}")).json()["results"]


async def test_a_parameter_of_any_name_is_refused(client: httpx.AsyncClient) -> None:
    for text in NAUGHTY:
        answer = await client.get("/debts", params={text: "1"})
        assert (answer.status_code, answer.json()["parameter"]) == (400, text)


async def test_other_methods_are_not_here(client: httpx.AsyncClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await client.request(method, "/debts")
        assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")


async def test_head_is_get_without_a_body(client: httpx.AsyncClient) -> None:
    got, asked = await client.get("/debts"), await client.head("/debts")
    assert (asked.status_code, asked.content) == (200, b"")
    counted = {"ratelimit"}  # Each call is one less.
    assert {n: v for n, v in asked.headers.items() if n not in counted} == {
        n: v for n, v in got.headers.items() if n not in counted
    }
