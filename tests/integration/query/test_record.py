"""`GET /{dataset}/{key}`."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest

from tests.integration.query.books import Books
from tests.integration.query.samples import debt, sale


@pytest.fixture(scope="module")
async def upload(books: Books) -> UUID:
    for name in ("debts", "sales"):
        await books.create(name)
        await books.serve(name, position=3)
    await books.insert("sales", [sale(1)])
    upload_id = await books.upload("debts", 1, source="acme")
    await books.insert("debts", [debt(1), debt(2)], upload=1)
    return upload_id


async def test_a_record_is_answered_with_where_it_comes_from(client: httpx.AsyncClient, upload: UUID) -> None:
    answer = await client.get("/debts/00000000-0000-0000-0000-000000000002")
    assert (answer.status_code, answer.headers["position"]) == (200, "debts:3")
    expected = {"version": 0, "debt_amount": "2.00", "source": "acme", "upload": str(upload), "row": 3}
    assert answer.json().items() >= expected.items()


async def test_it_is_the_record_of_the_list(client: httpx.AsyncClient, upload: UUID) -> None:
    (listed,) = (await client.get(f"/debts?debt_amount=1&upload={upload}")).json()["results"]
    assert (await client.get(f"/debts/{listed['debt_id']}")).json() == listed


@pytest.mark.usefixtures("upload")
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("/debts/00000000-0000-0000-0000-000000000009", "no record in debts with debt_id"),
        ("/debts/1", "debt_id is a UUID"),
        ("/debts/%00", "debt_id is a UUID"),
        ("/debts/" + "9" * 5000, "debt_id is a UUID"),
        ("/sales/2", "no record in sales with order_id '2'"),
        ("/sales/x", "order_id is an integer"),
        ("/sales/99999999999999999999", "order_id is an integer"),
        ("/accounts/00000000-0000-0000-0000-000000000001", "no record in accounts"),
        ("/sales/1/nothing", "nothing at /sales/1/nothing"),
    ],
)
async def test_a_key_that_is_not_there_is_404_with_the_reason(client: httpx.AsyncClient, url: str, says: str) -> None:
    answer = await client.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert says in answer.json()["detail"]


@pytest.mark.usefixtures("upload")
async def test_a_record_takes_no_parameters(client: httpx.AsyncClient) -> None:
    answer = await client.get("/sales/1?limit=1")
    assert (answer.status_code, answer.json()["parameter"]) == (400, "limit")


async def test_the_etag_of_a_record_is_its_version(client: httpx.AsyncClient, upload: UUID, books: Books) -> None:
    await books.segment("debts", 7, position=41)
    of_segment, corrected = debt(71, segment=7), debt(72, segment=7, position=57, change="corrected")
    await books.insert("debts", [of_segment, corrected], upload=1)
    for number, version in ((1, 0), (71, 41), (72, 57)):
        answer = await client.get(f"/debts/{UUID(int=number)}")
        assert (answer.headers["etag"], answer.json()["version"]) == (f'"{version}"', version)
    listed = (await client.get(f"/debts?upload={upload}")).json()["results"]
    assert {one["version"] for one in listed} == {0, 41, 57}


@pytest.mark.parametrize("known", ['"0"', 'W/"0"', '"5", "0"', "*"])
@pytest.mark.usefixtures("upload")
async def test_a_version_that_the_client_has_is_not_sent_again(client: httpx.AsyncClient, known: str) -> None:
    answer = await client.get("/sales/1", headers={"If-None-Match": known})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"0"')
    assert answer.headers["position"] == "sales:3"


@pytest.mark.parametrize("known", ['"1"', "0", '""', '"00"'])
@pytest.mark.usefixtures("upload")
async def test_another_version_is_sent(client: httpx.AsyncClient, known: str) -> None:
    assert (await client.get("/sales/1", headers={"If-None-Match": known})).status_code == 200


@pytest.mark.usefixtures("upload")
async def test_a_segment_that_has_ended_is_not_read(client: httpx.AsyncClient, books: Books) -> None:
    await books.segment("sales", 4, position=2, ended_position=3, ended_kind="superseded")
    await books.insert("sales", [sale(4, segment=4)])
    assert (await client.get("/sales/4")).status_code == 404
